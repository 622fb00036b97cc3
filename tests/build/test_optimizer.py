"""Parameter groups by pattern, and when the fused implementation is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from pytorch_lightning import LightningModule, Trainer
from torch import nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader, TensorDataset

from toolkit.build import BuildError, Experiment, describe_optimizer
from toolkit.build.patterns import is_norm, matches, named_parameters
from toolkit.errors import RecipeError

Built = Callable[..., Experiment]


def groups(experiment: Experiment) -> dict[str, tuple[list[str], float, float]]:
    """By name of a group: its parameters' names in the model, learning rate and weight decay."""
    optimizer = experiment.task.configure_optimizers()
    names = {id(parameter): name for name, parameter in experiment.model.named_parameters()}
    return {
        group.get("name", "all"): ([names[id(each)] for each in group["params"]], group["lr"], group["weight_decay"])
        for group in optimizer.param_groups
    }


def test_biases_and_norms_are_not_decayed(built: Built) -> None:
    found = groups(built("optimizer={use: adamw, lr: 0.5, weight_decay: 0.1, no_decay: [bias, norm]}"))
    assert found == {
        "all": (["body.0.weight", "head.weight"], 0.5, 0.1),
        "all, no decay": (["body.0.bias", "body.1.weight", "body.1.bias", "head.bias"], 0.5, 0.0),
    }


def test_the_first_pattern_that_matches_wins(built: Built) -> None:
    found = groups(
        built(
            "optimizer={use: adamw, lr: 0.5, weight_decay: 0.1, no_decay: bias, "
            "groups: {body.0: {lr: 0.25}, body: {lr: 0.125, weight_decay: 0.3}}}"
        )
    )
    assert found == {
        "rest": (["head.weight"], 0.5, 0.1),
        "rest, no decay": (["head.bias"], 0.5, 0.0),
        "body.0": (["body.0.weight"], 0.25, 0.1),
        "body.0, no decay": (["body.0.bias"], 0.25, 0.0),
        "body": (["body.1.weight"], 0.125, 0.3),
        "body, no decay": (["body.1.bias"], 0.125, 0.0),
    }


def test_frozen_parameters_are_left_out(built: Built) -> None:
    found = groups(built("optimizer={use: sgd, lr: 0.1}", "model.freeze=body"))
    assert found == {"all": (["head.weight", "head.bias"], 0.1, 0)}


def test_a_shared_parameter_comes_once_and_has_both_names(built: Built) -> None:
    experiment = built("model=tied", "optimizer.groups={out.weight: {lr: 0.5}}")
    assert groups(experiment) == {"rest": (["out.bias"], 0.1, 0), "out.weight": (["embed.weight"], 0.5, 0)}


def test_patterns_mean_the_names_in_the_model_whatever_a_task_calls_it(built: Built) -> None:
    overrides = ("task=own", "loss=null", "metrics=null", "optimizer.groups={body: {lr: 0.5}, extra: {lr: 0.25}}")
    optimizer = built(*overrides).task.configure_optimizers()
    assert [(group["name"], len(group["params"])) for group in optimizer.param_groups] == [
        ("rest", 2),
        ("body", 4),
        ("extra", 2),
    ]


def test_a_part_of_the_model_takes_the_patterns_that_mean_it(built: Built) -> None:
    experiment = built("optimizer={use: sgd, lr: 0.5, groups: {body.0: {lr: 0.25}, head: {lr: 0.125}}}")
    body = experiment.task.optimizer(experiment.model.body)
    head = experiment.task.optimizer(experiment.model.head)
    assert [(group["name"], group["lr"]) for group in body.param_groups] == [("rest", 0.5), ("body.0", 0.25)]
    assert [(len(group["params"]), group["lr"]) for group in head.param_groups] == [(2, 0.125)]


def test_patterns_that_match_nothing_are_told_all_at_once(built: Built) -> None:
    with pytest.raises(RecipeError) as caught:
        built(
            "optimizer={use: adamw, no_decay: [bias, norms, xyz], "
            "groups: {bodi: {lr: 1.0}, body: {lr: 2.0}, body.0: {lr: 3.0}}}"
        )
    assert [problem.text for problem in caught.value.problems] == [
        "optimizer.groups.bodi: 'bodi' matches no parameter of the model. Did you mean 'body'?",
        "optimizer.groups.body.0: earlier patterns take every parameter that it matches; the first that matches wins",
        "optimizer.no_decay: 'norms' matches no parameter of the model. Did you mean 'norm'?",
        "optimizer.no_decay: 'xyz' matches no parameter of the model. The model has body, head; "
        "bias, norm mean parameters by what they are.",
    ]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["optimizer.lr=-1.0"], "could not be built: ValueError: Invalid learning rate: -1.0"),
        (["model.freeze='*'"], "has nothing to optimize: every parameter of the model is frozen"),
    ],
)
def test_what_an_optimizer_refuses_is_known_before_the_run(built: Built, overrides: list[str], message: str) -> None:
    with pytest.raises(BuildError) as caught:
        built(*overrides)
    assert caught.value.problem.text == f"optimizer: optimizer 'sgd' (toolkit-core 0.1.0, torch.optim:SGD) {message}"


def test_an_optimizer_without_decay_has_nothing_to_except(built: Built) -> None:
    with pytest.raises(RecipeError) as caught:
        built("optimizer={use: rprop, no_decay: bias}")
    (problem,) = caught.value.problems
    assert problem.message == "rprop has no argument 'weight_decay', so there is nothing to except parameters from"


class Everything(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, add_bias_kv=True)
        self.recurrent = nn.LSTM(4, 4)
        self.norm = nn.ModuleList([nn.LayerNorm(4), nn.GroupNorm(2, 4), nn.RMSNorm(4), nn.BatchNorm2d(4)])
        self.table = nn.Embedding(3, 4)


def test_words_mean_parameters_by_what_they_are() -> None:
    named = named_parameters(Everything())
    found = {word: [each.name for each in named if matches(word, each)] for word in ("bias", "norm")}
    assert {name for name in found["bias"] if name.startswith("attention")} == {
        "attention.in_proj_bias",
        "attention.bias_k",
        "attention.bias_v",
        "attention.out_proj.bias",
    }
    assert "recurrent.bias_ih_l0" in found["bias"]
    assert all(name.startswith("norm.") for name in found["norm"])
    assert len(found["norm"]) == 7


def test_a_class_that_only_sounds_like_a_norm_is_none() -> None:
    def named(name: str) -> nn.Module:
        kind: type[nn.Module] = type(name, (nn.Module,), {})
        return kind()

    assert [is_norm(named(name)) for name in ("MyNorm2d", "BatchNormalization", "NormalHead")] == [True, True, False]


def fused(experiment: Experiment) -> bool:
    optimizer: Optimizer = experiment.task.configure_optimizers()
    assert describe_optimizer(optimizer)["fused"] is bool(optimizer.defaults.get("fused"))
    return bool(optimizer.defaults.get("fused"))


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "adagrad"])
def test_fused_is_used_where_torch_has_it(built: Built, name: str) -> None:
    experiment = built(f"optimizer={{use: {name}, lr: 0.1}}")
    assert fused(experiment)
    optimizer = experiment.task.configure_optimizers()
    before = [parameter.detach().clone() for parameter in experiment.model.parameters()]
    experiment.task.loss(experiment.model(torch.rand(4, 4)), torch.tensor([0, 1, 2, 0])).backward()
    optimizer.step()
    assert any(not torch.equal(old, new) for old, new in zip(before, experiment.model.parameters(), strict=True))


@pytest.mark.parametrize(
    "overrides",
    [
        ["optimizer={use: adamw, fused: false}"],
        ["optimizer={use: adamw, foreach: true}"],
        ["optimizer={use: rmsprop}"],
        ["optimizer={use: adamw}", "trainer.precision=bf16-mixed", "trainer.gradient_clip_val=1.0"],
    ],
)
def test_fused_is_left_alone_where_it_cannot_be(built: Built, overrides: list[str]) -> None:
    assert not fused(built(*overrides))


class Tables(nn.Module):
    def __init__(self, bias: bool) -> None:
        super().__init__()
        self.table = nn.EmbeddingBag(5, 1, mode="sum", sparse=True)
        self.bias = nn.Parameter(torch.zeros(1)) if bias else None

    def forward(self, numbers: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = self.table(numbers)
        return outputs if self.bias is None else outputs + self.bias


@pytest.mark.parametrize(
    ("optimizer", "bias", "why"),
    [
        ("sgd, lr: 0.1", True, None),
        ("sgd, lr: 0.1, momentum: 0.9", True, None),
        ("adagrad, lr: 0.1", True, None),
        ("sparse_adam, lr: 0.1", False, None),
        (
            "adam, lr: 0.1",
            True,
            "cannot take the sparse gradients of an embedding with `sparse: true`; sgd and adagrad",
        ),
        ("sparse_adam, lr: 0.1", True, "takes sparse gradients alone, and other parameters than those of embeddings"),
        ("adagrad, lr: 0.1, weight_decay: 0.1", True, "has no weight_decay (0.1) for sparse gradients; set it to 0"),
    ],
)
def test_sparse_gradients_need_an_optimizer_that_takes_them(
    built: Built, optimizer: str, bias: bool, why: str | None
) -> None:
    make = built(f"optimizer={{use: {optimizer}}}").task.optimizer
    model = Tables(bias)
    if why is not None:
        with pytest.raises(BuildError) as caught:
            make(model)
        assert why in str(caught.value)
        return
    made = make(model)
    before = model.table.weight.detach().clone()
    model(torch.tensor([[0, 2]])).sum().backward()
    assert model.table.weight.grad is not None
    assert model.table.weight.grad.is_sparse
    made.step()
    assert (model.table.weight != before).flatten().tolist() == [True, False, True, False, False]


@pytest.mark.parametrize(("clip", "expected"), [(1.0, False), (None, True)])
def test_the_trainer_decides_over_the_recipe(built: Built, clip: float | None, expected: bool) -> None:
    experiment = built("optimizer={use: adamw, lr: 0.1}")
    seen: list[Any] = []

    class Look(LightningModule):
        def __init__(self, task: Any) -> None:
            super().__init__()
            self.task = task

        def training_step(self, batch: Any, batch_idx: int) -> Any:
            return self.task.loss(self.task.model(batch[0]), batch[1])

        def configure_optimizers(self) -> Any:
            seen.append(self.task.optimizer(self))
            return seen[0]

    data = TensorDataset(torch.rand(16, 4), torch.arange(16) % 3)
    trainer = Trainer(
        max_steps=2,
        accelerator="cpu",
        precision="bf16-mixed",
        gradient_clip_val=clip,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    # With fused and clipping Lightning would raise here.
    trainer.fit(Look(experiment.task), DataLoader(data, batch_size=8))
    assert bool(seen[0].defaults["fused"]) is expected


def test_the_description_is_plain(built: Built) -> None:
    experiment = built("optimizer={use: adamw, lr: 0.5, weight_decay: 0.1, no_decay: bias}")
    assert describe_optimizer(experiment.task.configure_optimizers()) == {
        "class": "torch.optim.adamw.AdamW",
        "fused": True,
        "groups": [
            {"name": "all", "parameters": 4 * 6 + 6 + 6 * 3, "lr": 0.5, "weight_decay": 0.1},
            {"name": "all, no decay", "parameters": 6 + 6 + 3, "lr": 0.5, "weight_decay": 0.0},
        ],
    }
