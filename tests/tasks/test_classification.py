"""Classification: shapes and types from model to loss and metrics, what is logged, what pictures are made of."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

import pytest
import torch
from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import Callback, EMAWeightAveraging
from torch import Tensor, nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import DataLoader
from torchmetrics import AUROC, Accuracy, ConfusionMatrix, Metric, MetricCollection, Precision

from toolkit.tasks.classification import Classification
from toolkit.tasks.pictures import TOKENS

Trainers = Callable[..., Trainer]
Batches = Callable[..., Any]


class Echo(nn.Module):
    """Gives back its inputs, plus a parameter that begins at 0."""

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.offset = nn.Parameter(torch.zeros(*shape))

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs + self.offset


class Seen(Metric):
    """Remembers what it is given."""

    higher_is_better = None

    def __init__(self) -> None:
        super().__init__()
        self.add_state("preds", [], dist_reduce_fx="cat")
        self.add_state("targets", [], dist_reduce_fx="cat")

    def update(self, preds: Tensor, targets: Tensor) -> None:
        self.preds.append(preds)
        self.targets.append(targets)

    def compute(self) -> dict[str, Tensor]:
        return {"preds": torch.cat(self.preds), "targets": torch.cat(self.targets)}


def sgd(lr: float = 0.1) -> Callable[[nn.Module], torch.optim.Optimizer]:
    return lambda module: torch.optim.SGD(module.parameters(), lr=lr)


LOGITS = torch.tensor([[2.0, 0.0, 1.0], [0.0, 3.0, 0.0], [1.0, 0.0, 0.5], [0.0, 0.0, 4.0]])
CLASSES = torch.tensor([0, 1, 2, 0])


def evaluated(task: Classification, trainer: Trainers, loader: Any) -> dict[str, float]:
    (result,) = trainer().test(task, loader, verbose=False)
    return dict(result)


def test_many_classes(trainer: Trainers, batches: Batches) -> None:
    task = Classification(
        Echo(3), nn.CrossEntropyLoss(), {"seen": Seen(), "accuracy": Accuracy("multiclass", num_classes=3)}
    )
    result = evaluated(task, trainer, batches(LOGITS, CLASSES.to(torch.uint8), 3))
    assert result["test/accuracy"] == pytest.approx(0.5)
    # Batches of 3 and of 1 sample: the mean is over samples.
    assert result["test/loss"] == pytest.approx(functional.cross_entropy(LOGITS, CLASSES).item())
    assert torch.allclose(task.non_scalars["test/seen/preds"], LOGITS.softmax(1))
    assert task.non_scalars["test/seen/targets"].tolist() == CLASSES.tolist()


def test_targets_may_be_shares_of_classes(trainer: Trainers, batches: Batches) -> None:
    shares = torch.tensor([[0.6, 0.4, 0.0], [0.0, 1.0, 0.0], [0.3, 0.0, 0.7], [0.5, 0.2, 0.3]])
    task = Classification(Echo(3), nn.CrossEntropyLoss(), {"accuracy": Accuracy("multiclass", num_classes=3)})
    result = evaluated(task, trainer, batches(LOGITS, shares))
    assert result["test/loss"] == pytest.approx(functional.cross_entropy(LOGITS, shares).item())
    assert result["test/accuracy"] == pytest.approx(0.5)


SCORES = torch.tensor([1.0, -2.0, 0.5, -0.5])
SIDES = torch.tensor([1, 0, 0, 1])


@pytest.mark.parametrize("outputs", [SCORES, SCORES.unsqueeze(1)], ids=["(batch,)", "(batch, 1)"])
@pytest.mark.parametrize("targets", [SIDES, SIDES.unsqueeze(1), SIDES.bool()], ids=["(batch,)", "(batch, 1)", "bool"])
def test_two_classes_with_one_output(trainer: Trainers, batches: Batches, outputs: Tensor, targets: Tensor) -> None:
    task = Classification(Echo(1), nn.BCEWithLogitsLoss(), {"seen": Seen(), "auroc": AUROC("binary")}, task="binary")
    result = evaluated(task, trainer, batches(outputs, targets))
    expected = functional.binary_cross_entropy_with_logits(SCORES, SIDES.float()).item()
    assert result["test/loss"] == pytest.approx(expected)
    assert torch.allclose(task.non_scalars["test/seen/preds"], SCORES.sigmoid())
    assert task.non_scalars["test/seen/targets"].tolist() == SIDES.tolist()
    assert task.confusion is not None
    assert task.confusion.tolist() == [[1, 1], [1, 1]]


def test_two_classes_with_two_outputs(trainer: Trainers, batches: Batches) -> None:
    pairs = torch.stack((torch.zeros(4), SCORES), dim=1)
    task = Classification(Echo(2), nn.CrossEntropyLoss(), {"seen": Seen()}, task="binary")
    result = evaluated(task, trainer, batches(pairs, SIDES))
    assert result["test/loss"] == pytest.approx(functional.cross_entropy(pairs, SIDES).item())
    assert torch.allclose(task.non_scalars["test/seen/preds"], SCORES.sigmoid())


def test_a_loss_of_probabilities(trainer: Trainers, batches: Batches) -> None:
    task = Classification(nn.Sequential(Echo(1), nn.Sigmoid()), nn.BCELoss(), {"seen": Seen()}, task="binary")
    evaluated(task, trainer, batches(SCORES, SIDES))
    assert torch.allclose(task.non_scalars["test/seen/preds"], SCORES.sigmoid())


def test_any_number_of_labels(trainer: Trainers, batches: Batches) -> None:
    labels = torch.tensor([[1, 0, 1], [0, 1, 0], [1, 1, 0], [0, 0, 1]])
    metrics = {"seen": Seen(), "precision": Precision("multilabel", num_labels=3)}
    task = Classification(Echo(3), nn.BCEWithLogitsLoss(), metrics, task="multilabel")
    result = evaluated(task, trainer, batches(LOGITS, labels))
    assert result["test/loss"] == pytest.approx(
        functional.binary_cross_entropy_with_logits(LOGITS, labels.float()).item()
    )
    assert torch.allclose(task.non_scalars["test/seen/preds"], LOGITS.sigmoid())
    assert task.non_scalars["test/seen/targets"].dtype is torch.int64
    assert (task.confusion, task.worst) == (None, [])


@pytest.mark.parametrize(
    ("kind", "outputs", "targets", "message"),
    [
        ("multilabel", LOGITS, torch.zeros(4, 2), "outputs have the shape [4, 3], but targets [4, 2]"),
        ("binary", LOGITS, SIDES, "outputs have the shape [4, 3], but targets [4]"),
    ],
)
def test_shapes_that_do_not_fit_are_told(
    trainer: Trainers, batches: Batches, kind: Any, outputs: Tensor, targets: Tensor, message: str
) -> None:
    with pytest.raises(ValueError) as caught:
        evaluated(Classification(Echo(1), nn.BCEWithLogitsLoss(), task=kind), trainer, batches(outputs, targets))
    assert str(caught.value) == message


def test_other_batches_and_other_losses_are_told(trainer: Trainers, batches: Batches) -> None:
    with pytest.raises(ValueError) as caught:
        evaluated(Classification(Echo(3), nn.CrossEntropyLoss()), trainer, DataLoader([{"x": LOGITS}], batch_size=None))
    assert str(caught.value) == "a batch is a pair (inputs, targets), not a dict"
    with pytest.raises(ValueError) as caught:
        evaluated(
            Classification(Echo(3), nn.CrossEntropyLoss()),
            trainer,
            DataLoader([(LOGITS, CLASSES, CLASSES)], batch_size=None),
        )
    assert str(caught.value) == "a batch is a pair (inputs, targets), not a list of 3 parts"
    with pytest.raises(ValueError) as caught:
        evaluated(Classification(Echo(3), nn.CrossEntropyLoss(reduction="none")), trainer, batches(LOGITS, CLASSES))
    assert str(caught.value) == "the loss has the shape [4]; a single number is needed: use its mean"


def test_the_names_that_are_logged(trainer: Trainers, batches: Batches, rows: Any) -> None:
    metrics: dict[str, Any] = {
        "accuracy": Accuracy("multiclass", num_classes=3),
        "values": Accuracy("multiclass", num_classes=3, average=None),
        "both": MetricCollection([Precision("multiclass", num_classes=3)]),
        "confusion": ConfusionMatrix("multiclass", num_classes=3),
    }
    task = Classification(Echo(3), nn.CrossEntropyLoss(), metrics, sgd())
    loader = batches(LOGITS.repeat(6, 1), CLASSES.repeat(6))
    fit = trainer(max_epochs=2, logger=rows, log_every_n_steps=2)
    fit.fit(task, loader, loader)
    fit.test(task, loader, verbose=False)
    said = set(Classification.logged(metrics)) - {
        f"{split}/{label}" for split in ("train", "val", "test") for label in ("values", "both", "confusion")
    }
    logged = {name for row in rows.rows for name in row}
    assert logged == said | {f"{split}/both/MulticlassPrecision" for split in ("train", "val", "test")}
    assert [len(rows.values(name)) for name in ("train/loss", "train/loss_step", "val/accuracy")] == [2, 3, 2]
    assert set(task.non_scalars) == {
        f"{split}/{label}" for split in ("train", "val", "test") for label in ("values", "confusion")
    }
    assert task.non_scalars["val/values"].shape == (3,)


def test_the_logged_loss_is_the_mean_of_the_steps(trainer: Trainers, batches: Batches, rows: Any) -> None:
    task = Classification(Echo(3), nn.CrossEntropyLoss(), {"accuracy": Accuracy("multiclass", num_classes=3)}, sgd())
    trainer(max_epochs=2, logger=rows).fit(task, batches(LOGITS.repeat(5, 1), CLASSES.repeat(5)))
    steps = rows.values("train/loss_step")
    assert len(steps) == 6
    # 8, 8 and 4 samples.
    expected = [(8 * a + 8 * b + 4 * c) / 20 for a, b, c in (steps[:3], steps[3:])]
    assert rows.values("train/loss") == pytest.approx(expected)


def test_accumulated_batches_log_one_step(trainer: Trainers, batches: Batches, rows: Any) -> None:
    task = Classification(Echo(3), nn.CrossEntropyLoss(), optimizer=sgd())
    fit = trainer(logger=rows, accumulate_grad_batches=2)
    fit.fit(task, batches(LOGITS.repeat(8, 1), CLASSES.repeat(8)))
    assert (fit.global_step, len(rows.values("train/loss_step"))) == (2, 2)


@pytest.mark.parametrize(("precision", "dtype"), [("32-true", torch.float32), ("bf16-true", torch.bfloat16)])
@pytest.mark.parametrize(
    "pixels", [torch.tensor([[0, 51, 255]] * 4, dtype=torch.uint8), torch.tensor([[0.0, 0.2, 1.0]] * 4)]
)
def test_inputs_become_floats_in_the_precision_of_the_run(
    trainer: Trainers, batches: Batches, precision: Any, dtype: torch.dtype, pixels: Tensor
) -> None:
    seen: list[Tensor] = []
    losses: list[torch.dtype] = []

    class Look(Echo):
        def forward(self, inputs: Tensor) -> Tensor:
            seen.append(inputs)
            return super().forward(inputs.flatten(1))

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        losses.append(outputs.dtype)
        return functional.cross_entropy(outputs, targets)

    task = Classification(Look(3), loss, optimizer=sgd())
    trainer(precision=precision).fit(task, batches(pixels, CLASSES))
    assert seen[0].dtype is dtype
    assert seen[0][0].tolist() == pytest.approx([0.0, 0.2, 1.0], rel=0.01)
    assert losses == [torch.float32]


def test_pictures_show_a_test_and_nothing_of_a_fit(trainer: Trainers, batches: Batches) -> None:
    task = Classification(Echo(3), nn.CrossEntropyLoss(), optimizer=sgd(0.0), worst=2)
    loader = batches(LOGITS, CLASSES, 3)
    trainer().fit(task, loader, loader)
    assert (task.confusion, task.worst) == (None, [])
    trainer().test(task, loader, verbose=False)
    assert task.confusion is not None
    assert task.confusion.tolist() == [[1, 0, 1], [0, 1, 0], [1, 0, 0]]
    assert [(mistake.target, mistake.predicted) for mistake in task.worst] == [(0, 2), (2, 0)]
    assert [mistake.input.tolist() for mistake in task.worst] == [LOGITS[3].tolist(), LOGITS[2].tolist()]
    expected = functional.cross_entropy(LOGITS[[3, 2]], CLASSES[[3, 2]], reduction="none")
    assert [mistake.loss for mistake in task.worst] == pytest.approx(expected.tolist())


def test_pictures_show_a_validation_of_its_own_and_begin_anew(trainer: Trainers, batches: Batches) -> None:
    task = Classification(Echo(3), nn.CrossEntropyLoss())
    for _ in range(2):
        trainer().validate(task, batches(LOGITS, CLASSES), verbose=False)
        assert task.confusion is not None
        assert (int(task.confusion.sum()), len(task.worst)) == (4, 2)
    trainer().test(task, batches(LOGITS[:2], CLASSES[:2]), verbose=False)
    assert (int(task.confusion.sum()), task.worst) == (2, [])


def test_targets_that_are_no_class_are_not_in_the_picture(trainer: Trainers, batches: Batches) -> None:
    task = Classification(Echo(3), nn.CrossEntropyLoss(ignore_index=-100))
    evaluated(task, trainer, batches(LOGITS, torch.tensor([0, -100, -100, 1])))
    assert task.confusion is not None
    assert int(task.confusion.sum()) == 2
    assert [mistake.target for mistake in task.worst] == [1]


def test_the_number_of_worst_mistakes(trainer: Trainers, batches: Batches) -> None:
    task = Classification(Echo(3), nn.CrossEntropyLoss(), worst=0)
    evaluated(task, trainer, batches(LOGITS, CLASSES))
    assert task.worst == []
    with pytest.raises(ValueError) as caught:
        Classification(Echo(3), nn.CrossEntropyLoss(), worst=-1)
    assert str(caught.value) == "worst is a number of mistakes from 0 up, not -1"


def test_inputs_of_different_shapes_make_no_picture(trainer: Trainers) -> None:
    model = nn.Sequential(nn.AdaptiveAvgPool1d(3), nn.Flatten())
    task = Classification(model, nn.CrossEntropyLoss())
    lengths = [(torch.rand(4, 1, length), CLASSES) for length in (3, 6)]
    evaluated(task, trainer, DataLoader(lengths, batch_size=None))
    assert task.worst == []
    assert task.confusion is not None
    assert int(task.confusion.sum()) == 8


def test_tokens_of_texts_of_any_length_are_kept(trainer: Trainers) -> None:
    class Last(nn.Module):
        """Takes a text for the class that its first token says."""

        def forward(self, tokens: Tensor) -> Tensor:
            return functional.one_hot(tokens[:, 0], 3).float() * 4

    batches = [
        (torch.tensor([[0, 7, 7], [1, 8, 0]]), torch.tensor([0, 2])),
        (torch.tensor([[2]]), torch.tensor([1])),
        (torch.full((1, TOKENS + 5), 1), torch.tensor([0])),
    ]
    task = Classification(Last(), nn.CrossEntropyLoss(), worst=3)
    evaluated(task, trainer, DataLoader(batches, batch_size=None))
    texts = sorted([token for token in mistake.input.tolist() if token >= 0] for mistake in task.worst)
    assert texts == [[1] * TOKENS, [1, 8, 0], [2]]
    assert {(mistake.target, mistake.predicted) for mistake in task.worst} == {(2, 1), (1, 2), (0, 1)}
    highest = float(torch.tensor([0.0, 0.0, 4.0]).softmax(0)[2])
    assert [mistake.probability for mistake in task.worst] == pytest.approx([highest] * 3)


def test_the_task_goes_with_weight_averaging(trainer: Trainers, batches: Batches) -> None:
    task = Classification(Echo(3), nn.CrossEntropyLoss(), {"accuracy": Accuracy("multiclass", num_classes=3)}, sgd())
    loader = batches(LOGITS.repeat(4, 1), CLASSES.repeat(4))
    fit = trainer(max_epochs=2, callbacks=[EMAWeightAveraging(decay=0.5)])
    fit.fit(task, loader, loader)
    assert {"val/loss", "val/accuracy", "train/loss"} <= set(fit.callback_metrics)


def test_a_task_without_an_optimizer_evaluates(trainer: Trainers, batches: Batches) -> None:
    task = Classification(Echo(3), nn.CrossEntropyLoss())
    assert evaluated(task, trainer, batches(LOGITS, CLASSES))["test/loss"] > 0
    assert task(LOGITS).tolist() == LOGITS.tolist()


class Waits(TorchDispatchMode):
    """Collects the operations whose result the caller waits for: on a GPU each would stop the queue."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        waiting = func.overloadpacket.__name__ in ("_local_scalar_dense", "nonzero", "_unique2")
        # torchmetrics asks whether these are logits by their values on the CPU, and there only.
        if waiting and not any(frame.name == "normalize_logits_if_needed" for frame in traceback.extract_stack()):
            self.found.append(str(func))
        return func(*args, **(kwargs or {}))


class WaitsInSteps(Callback):
    """Looks for operations to wait for in the training steps of a fit; by step, what was found."""

    def __init__(self) -> None:
        self.by_step: list[list[str]] = []

    def on_fit_start(self, trainer: Trainer, pl_module: Any) -> None:
        step = pl_module.training_step

        def training_step(batch: Any, batch_idx: int) -> Any:
            with Waits() as waits:
                loss = step(batch, batch_idx)
            self.by_step.append(waits.found)
            return loss

        pl_module.training_step = training_step


@pytest.mark.parametrize("kind", ["multiclass", "binary", "multilabel"])
def test_ordinary_training_steps_wait_for_nothing(trainer: Trainers, batches: Batches, kind: Any) -> None:
    sizes: dict[str, Any] = {"num_classes": 3} if kind == "multiclass" else {"num_labels": 3}
    metrics = {"accuracy": Accuracy(kind, **sizes), "auroc": MetricCollection([AUROC(kind, **sizes)])}
    outputs, targets, loss = {
        "multiclass": (LOGITS, CLASSES, nn.CrossEntropyLoss()),
        "binary": (SCORES, SIDES, nn.BCEWithLogitsLoss()),
        "multilabel": (LOGITS, (LOGITS > 1).long(), nn.BCEWithLogitsLoss()),
    }[kind]
    task = Classification(Echo(1), loss, metrics, sgd(), task=kind)
    look = WaitsInSteps()
    shape = (8,) + (1,) * (outputs.dim() - 1)
    loader = batches(outputs.repeat(shape), targets.repeat((8,) + (1,) * (targets.dim() - 1)))
    trainer(callbacks=[look], log_every_n_steps=100).fit(task, loader)
    assert len(look.by_step) == 4
    assert look.by_step[0] != []  # the targets of the first batch are looked at
    assert look.by_step[1:] == [[], [], []]


def test_targets_that_are_no_class_are_told_at_once(trainer: Trainers, batches: Batches) -> None:
    task = Classification(Echo(1), nn.BCEWithLogitsLoss(), {"accuracy": Accuracy("binary")}, sgd(), task="binary")
    with pytest.raises(RuntimeError, match="Detected the following values in `target`"):
        trainer().fit(task, batches(SCORES, torch.arange(4)))
