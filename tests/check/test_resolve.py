"""What a right recipe is resolved to, what is not refused, and the order of problems."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from toolkit.check import Block, Checked, check, read_expectation
from toolkit.errors import RecipeError
from toolkit.recipe import load
from toolkit.registry import Registry

Check = Callable[..., Checked]


def test_a_right_recipe(checked: Check) -> None:
    found = checked()
    assert found.problems == ()
    found.raise_problems()
    assert list(found.blocks) == ["task", "dataset", "model", "loss", "optimizer"]
    model = found.blocks["model"]
    assert (model.path, model.kind, model.key, model.name) == (("model",), "model", "model", "net")
    assert model.component.entry.full_name == "acme-nets/net"
    assert model.arguments == {"width": 8}
    assert list(found.collections) == ["metrics", "callbacks", "loggers", "transforms.train", "transforms.eval"]
    assert list(found.collections["metrics"]) == ["accuracy"]
    # the core's defaults are checked like the rest
    assert list(found.collections["loggers"]) == ["csv"]
    assert found.trainer["max_epochs"] == 2
    assert found.loader == {"batch_size": 32}
    assert found.engine == {}


def test_check_is_the_problems_of_resolve(checked: Check, registry: Registry) -> None:
    found = checked(["model.widht=3"])
    assert check(found.recipe, registry) == found.problems
    with pytest.raises(RecipeError, match="Did you mean 'width'") as error:
        found.raise_problems()
    assert error.value.problems == found.problems


def test_words_are_taken_out(checked: Check) -> None:
    found = checked(["optimizer.no_decay=[bias]", "optimizer.groups={head: {lr: 1}}", "model.freeze=backbone"])
    assert found.problems == ()
    assert found.blocks["optimizer"].words == {"no_decay": ["bias"], "groups": {"head": {"lr": 1}}}
    assert found.blocks["optimizer"].arguments == {"lr": 0.1}
    assert found.blocks["model"].words == {"freeze": "backbone"}


def test_nested_components(checked: Check) -> None:
    found = checked(
        [
            "model.backbone={use: block, channels: 4}",
            "model.stages=[{use: block, channels: 4}, {use: block, channels: 8}]",
            "model.loss={use: cross_entropy}",
        ]
    )
    assert found.problems == ()
    arguments = found.blocks["model"].arguments
    backbone = arguments["backbone"]
    assert isinstance(backbone, Block)
    # in_channels is left to the data: a part of a model is filled from facts as the model is
    assert (backbone.path, backbone.kind, backbone.arguments) == (("model", "backbone"), "part", {"channels": 4})
    assert [stage.path for stage in arguments["stages"]] == [("model", "stages", 0), ("model", "stages", 1)]
    assert arguments["stages"][1].arguments == {"channels": 8}
    # a parameter whose name is a kind asks for that kind
    assert arguments["loss"].kind == "loss"


def test_a_mapping_without_use_is_passed_as_it_is(checked: Check) -> None:
    found = checked(["callbacks.grads={use: gradient_accumulation, scheduling: {'0': 4}}"])
    assert found.problems == ()
    assert found.collections["callbacks"]["grads"].arguments == {"scheduling": {"0": 4}}


RIGHT_AS_WELL = [
    ["optimizer.lr=1"],
    ["trainer.max_epochs=null", "trainer.max_time='00:01:00:00'"],
    ["trainer.max_epochs=null", "trainer.max_time={hours: 1}"],
    ["trainer.precision=auto"],
    ["trainer.precision=bf16-mixed"],
    ["trainer.devices=[0, 1]"],
    ["trainer.limit_train_batches=0.5"],
    ["loader.eval_batch_size=null"],
    ["loader={workers: auto, on_bad_sample: skip}"],
    ["engine={compile: max-autotune, channels_last: true, ema: {decay: 0.99, update_every_n_steps: 2}}"],
    ["engine.ema=0.999", "engine.keep={best: 2, last: 0}"],
    # lengths
    ["scheduler={use: cosine, interval: epoch}"],
    ["scheduler={use: cosine, interval: epoch, T_max: 2}"],
    ["scheduler={use: cosine, interval: step, T_max: 999}"],
    ["scheduler={use: cosine, interval: epoch, frequency: 2, T_max: 1}"],
    ["scheduler={use: linear, interval: epoch, total_iters: 1}"],
    ["scheduler={use: one_cycle, max_lr: 0.1}"],
    ["scheduler={use: multi_step, interval: epoch, milestones: [1, 2]}"],
    ["scheduler={use: linear_warmup_cosine, interval: step}"],
    ["scheduler={use: chain, phases: {a: {use: lr_linear, start: 0.1, end: 1, steps: 3}, b: {use: lr_cosine}}}"],
    # monitors
    ["scheduler=reduce_on_plateau"],
    ["scheduler={use: reduce_on_plateau, monitor: val/accuracy}"],
    ["callbacks.early_stopping={}"],
    ["callbacks.early_stopping.monitor=val/loss"],
    ["callbacks.early_stopping.monitor=val/accuracy/of_class_1"],
    # facts fill what the recipe leaves out
    ["metrics.f1={use: f1_score, average: macro}"],
    ["expect={test/accuracy: '>= 0.9', val/loss: '< 1e-2'}"],
    ["dataset={use: streams, url: here}", "trainer.max_epochs=3"],
    ["loss={use: cross_entropy, weight: [1, 5.5]}"],
    ["callbacks.early_stopping.monitor=val/loss", "callbacks.early_stopping=null"],
]


@pytest.mark.parametrize("overrides", RIGHT_AS_WELL, ids=lambda each: each[0])
def test_what_is_right_is_not_refused(checked: Check, overrides: list[str]) -> None:
    assert checked(overrides).problems == ()


def test_a_task_that_says_nothing_of_what_it_logs_is_not_checked(checked: Check) -> None:
    changes = ["task=free", "loss=null", "metrics=null", "callbacks.early_stopping.monitor=anything"]
    assert checked(changes).problems == ()


def test_facts_of_the_dataset_s_own(checked: Check) -> None:
    file = "class Net:\n    def __init__(self, blobs_size: int, other_size: int): ...\n"
    Path("acme_file.py").write_text(file)
    found = checked(["model=./acme_file.py:Net"], allow_code=True)
    assert [problem.message for problem in found.problems] == ["./acme_file.py:Net needs the argument 'other_size'"]


def test_facts_fill_no_callback_and_no_dataset(checked: Check) -> None:
    Path("acme_data.py").write_text("def data(num_classes: int): ...\n")
    found = checked(["dataset=./acme_data.py:data"], allow_code=True)
    assert [problem.message for problem in found.problems] == ["./acme_data.py:data needs the argument 'num_classes'"]


def test_problems_in_the_order_they_are_written_in(checked: Check) -> None:
    Path("grandparent.yaml").write_text("task: toy\nmodel: {use: net, a: 1}\ndataset: blobs\n")
    Path("parent.yaml").write_text("extends: ./grandparent.yaml\nloss: {use: cross_entropy, b: 1}\n")
    text = "extends: ./parent.yaml\ntrainer: {max_epochs: 1, c: 1}\noptimizer: {use: sgd, d: 1}\n"
    found = checked(["optimizer.f=1", "optimizer.e=1"], text)
    assert [(str(problem.place), problem.key) for problem in found.problems] == [
        ("my.yaml:2:26", "trainer.c"),
        ("my.yaml:3:23", "optimizer.d"),
        ("parent.yaml:2:28", "loss.b"),
        ("grandparent.yaml:2:19", "model.a"),
        ("command line: optimizer.f=1", "optimizer.f"),
        ("command line: optimizer.e=1", "optimizer.e"),
    ]
    assert found.problems[3].text.endswith("(from extends in parent.yaml:1)")


def test_overrides_from_python_are_named_by_their_number(checked: Check, registry: Registry) -> None:
    checked()
    recipe = load("./my.yaml", ["seed=1", "model.widht=3"], registry=registry)
    assert [str(problem.place) for problem in check(recipe, registry)] == ["overrides[1]: model.widht=3"]


def test_a_recipe_s_own_distribution_comes_first(checked: Check) -> None:
    # the core's `csv` is there whatever else offers one; a part is no model
    assert checked(["model=block"]).problems[0].message.endswith("'block' is a part, not a model.")


def test_nothing_is_imported_that_the_recipe_does_not_name(checked: Check) -> None:
    checked()
    assert "acme_nets" in sys.modules
    assert "acme_unused" not in sys.modules


@pytest.mark.parametrize(
    ("text", "result", "met"),
    [
        (">= 0.98", 0.98, True),
        (">=0.98", 0.97, False),
        ("< 1e-2", 0.001, True),
        (" <= .5 ", 0.5, True),
        ("> -1", -1.0, False),
        ("== 3", 3.0, True),
        (">= 0", float("nan"), False),
    ],
)
def test_expectations(text: str, result: float, met: bool) -> None:
    expectation = read_expectation(text)
    assert expectation is not None
    assert expectation.met_by(result) is met


@pytest.mark.parametrize("text", ["", "0.9", "=> 0.9", ">= high", ">= 1e999", ">= 0.9 or so", ">= 0.9, < 1"])
def test_what_is_no_expectation(text: str) -> None:
    assert read_expectation(text) is None
