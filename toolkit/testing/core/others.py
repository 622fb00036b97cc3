"""Cases of the core's components other than metrics. Imports torch when they are built."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from toolkit.testing.case import Case

TOYS = "toolkit.testing.core.toys"


def _numbers(*shape: int, seed: int = 0) -> Any:
    from toolkit.testing.core.toys import numbers

    return numbers(*shape, seed=seed)


def _classes(*shape: int) -> Any:
    from toolkit.testing.core.toys import classes

    samples = 1
    for each in shape:
        samples *= each
    return classes(samples).view(*shape)


def _signs(*shape: int) -> Any:
    return (_numbers(*shape, seed=9) > 0.5).float() * 2 - 1


def _sparse_table() -> Any:
    from toolkit.testing.core.toys import Table

    return Table()


def _task(use: str, label: str, width: int, loss: Any, metrics: dict[str, Any]) -> Case:
    return Case(
        kind="task",
        use=use,
        label=label,
        recipe={
            "dataset": {"use": f"{TOYS}:points", "task": label},
            "model": {"use": f"{TOYS}:Linear", "width": width},
            "loss": loss,
            "optimizer": {"use": "sgd", "lr": 0.1},
            "metrics": metrics,
        },
    )


TASKS = [
    _task("classification", "multiclass", 3, "cross_entropy", {"accuracy": {}}),
    _task("classification", "binary", 1, "bce_with_logits", {"auroc": {}}),
    _task("classification", "multilabel", 3, "bce_with_logits", {"f1_score": {}}),
    _task("regression", "regression", 1, "mse", {"mean_absolute_error": {}}),
]


def _loss(use: str, batch: Callable[[], Any], **more: Any) -> Case:
    return Case(kind="loss", use=use, batch=batch, **more)


def _with_ignored(targets: Any) -> Any:
    """Targets of which some, and all of the last row, are left out."""
    targets = targets.clone()
    targets[0, 0] = -100
    targets[-1] = -100
    return targets


def _positions() -> Any:
    return _numbers(4, 3, 5), _with_ignored(_classes(4, 5))


def _log_probabilities() -> Any:
    outputs, targets = _positions()
    return outputs.log_softmax(1), targets


def _counted() -> Any:
    return _with_ignored(_classes(4, 5)) != -100


_TAKES_MORE = {
    "is_a_finite_scalar_with_gradient": "it takes more than outputs and targets: it is for a task that calls it so",
}

LOSSES = [
    _loss("bce", lambda: (_numbers(4, 3), (_numbers(4, 3, seed=1) > 0.5).float())),
    _loss("bce_with_logits", lambda: (_numbers(4, 3) - 0.5, (_numbers(4, 3, seed=1) > 0.5).float())),
    _loss("cosine_embedding", lambda: (_numbers(4, 3), _numbers(4, 3, seed=1)), known_failures=_TAKES_MORE),
    _loss("cross_entropy", _positions, mask=_counted),
    _loss("ctc", lambda: (_numbers(6, 4, 3).log_softmax(-1), _classes(4, 2)), known_failures=_TAKES_MORE),
    _loss("gaussian_nll", lambda: (_numbers(4, 3), _numbers(4, 3, seed=1)), known_failures=_TAKES_MORE),
    _loss("hinge_embedding", lambda: (_numbers(4, 3), _signs(4, 3))),
    _loss("huber", lambda: (_numbers(4, 3), _numbers(4, 3, seed=1))),
    _loss(
        "kl_div",
        lambda: (_numbers(4, 3).log_softmax(-1), _numbers(4, 3, seed=1).softmax(-1)),
        args={"reduction": "batchmean"},
    ),
    _loss("l1", lambda: (_numbers(4, 3), _numbers(4, 3, seed=1))),
    _loss("margin_ranking", lambda: (_numbers(4), _numbers(4, seed=1)), known_failures=_TAKES_MORE),
    _loss("mse", lambda: (_numbers(4, 3), _numbers(4, 3, seed=1))),
    _loss("multi_label_margin", lambda: (_numbers(4, 3), _classes(4, 3))),
    _loss("multi_label_soft_margin", lambda: (_numbers(4, 3), (_numbers(4, 3, seed=1) > 0.5).float())),
    _loss("multi_margin", lambda: (_numbers(4, 3), _classes(4))),
    _loss("nll", _log_probabilities, mask=_counted),
    _loss("poisson_nll", lambda: (_numbers(4, 3), _classes(4, 3).float())),
    _loss("smooth_l1", lambda: (_numbers(4, 3), _numbers(4, 3, seed=1))),
    _loss("soft_margin", lambda: (_numbers(4, 3), _signs(4, 3))),
    _loss("triplet_margin", lambda: (_numbers(4, 3), _numbers(4, 3, seed=1)), known_failures=_TAKES_MORE),
]


def _optimizer(use: str, **args: Any) -> Case:
    return Case(kind="optimizer", use=use, args=args)


OPTIMIZERS = [
    _optimizer("adadelta", lr=20.0),
    _optimizer("adafactor", lr=0.1),
    _optimizer("adagrad", lr=0.3),
    _optimizer("adam", lr=0.1),
    _optimizer("adamax", lr=0.1),
    _optimizer("adamw", lr=0.1),
    _optimizer("asgd", lr=0.1),
    _optimizer("lbfgs", lr=0.5, max_iter=4),
    _optimizer("muon", lr=0.1),
    _optimizer("nadam", lr=0.1),
    _optimizer("radam", lr=0.1),
    _optimizer("rmsprop", lr=0.05),
    _optimizer("rprop", lr=0.01),
    _optimizer("sgd", lr=0.1, momentum=0.9),
    Case(kind="optimizer", use="sparse_adam", args={"lr": 0.1}, batch=_sparse_table),
]


def _scheduler(use: str, interval: str, **args: Any) -> Case:
    return Case(kind="scheduler", use=use, args={"interval": interval, **args})


SCHEDULERS = [
    _scheduler(
        "chain",
        "step",
        phases={
            "warmup": {"use": "lr_linear", "start": 0.01, "end": 1.0, "steps": 4},
            "decay": {"use": "lr_cosine", "start": 1.0, "end": 0.1},
        },
    ),
    _scheduler("constant", "epoch", factor=0.5),
    _scheduler("cosine", "epoch"),
    _scheduler("cosine_restarts", "epoch", T_0=2),
    _scheduler("cyclic", "step", base_lr=0.01, max_lr=0.1, step_size_up=3),
    _scheduler("exponential", "epoch", gamma=0.5),
    _scheduler("linear", "epoch"),
    _scheduler("linear_warmup_cosine", "step", warmup=0.25, min_lr_ratio=0.1),
    _scheduler("multi_step", "epoch", milestones=[1, 3]),
    _scheduler("one_cycle", "step", max_lr=0.5),
    _scheduler("polynomial", "epoch"),
    _scheduler("reduce_on_plateau", "epoch", patience=0),
    _scheduler("step", "epoch", step_size=1),
]

_CLOSURE = {"pickles": "a phase holds a function; it lives in the process that trains, and checkpoints do not hold it"}

PARTS = [
    Case(kind="part", use="lr_constant", known_failures=_CLOSURE),
    Case(kind="part", use="lr_cosine", known_failures=_CLOSURE),
    Case(kind="part", use="lr_exponential", args={"start": 1.0, "end": 0.1}, known_failures=_CLOSURE),
    Case(kind="part", use="lr_inverse_sqrt", args={"timescale": 10}, known_failures=_CLOSURE),
    Case(kind="part", use="lr_linear", args={"start": 0.1, "end": 1.0}, known_failures=_CLOSURE),
]


def _callback(use: str, known_failures: dict[str, str] | None = None, **args: Any) -> Case:
    return Case(kind="callback", use=use, args=args, known_failures=known_failures or {})


CALLBACKS = [
    _callback("device_stats"),
    _callback("early_stopping", monitor="val/loss"),
    _callback("ema", {"arguments_are_named_and_documented": "Lightning's docstring leaves them out (2.6)"}, decay=0.9),
    _callback("gradient_accumulation", scheduling={"0": 1, "1": 2}),
    _callback("lr_monitor"),
    _callback(
        "model_checkpoint", {"state_round_trip": "Lightning's keeps the best and the last, not the latest score"}
    ),
    _callback("model_summary"),
    _callback("pruning", pruning_fn="l1_unstructured"),
    _callback("rich_model_summary"),
    _callback("rich_progress_bar", {"arguments_are_plain_yaml": "its theme is an object of Lightning's"}),
    _callback(
        "stochastic_weight_averaging",
        {
            "arguments_are_plain_yaml": "the default of device is an object of torch's; a recipe writes its name",
            "state_round_trip": "what is loaded is used when training begins, and not told before (Lightning 2.6)",
        },
        swa_lrs=0.01,
    ),
    _callback(
        "timer",
        {"state_round_trip": "Lightning's takes the time of training alone along"},
        duration="00:00:30:00",
    ),
    _callback("tqdm_progress_bar"),
    _callback("weight_averaging"),
]

LOGGERS = [
    Case(kind="logger", use="csv"),
    Case(kind="logger", use="tensorboard"),
    Case(kind="logger", use="wandb", args={"mode": "offline"}),
]
