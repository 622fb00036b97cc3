"""The second stage: a recipe held against what the built dataset knows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from toolkit.check import Checked, check_facts

Check = Callable[..., Checked]
KNOWN = {"task": "multiclass", "num_classes": 10, "in_channels": 1}


def said(checked: Checked, facts: dict[str, Any] = KNOWN, **options: Any) -> list[str]:
    assert checked.problems == ()
    return [str(problem) for problem in check_facts(checked, facts, **options)]


def test_facts_that_agree(checked: Check) -> None:
    assert said(checked()) == []
    assert said(checked(["model.num_classes=10"])) == []


def test_a_number_of_classes_that_disagrees_with_the_data(checked: Check) -> None:
    found = said(checked(["model.num_classes=12", "metrics.accuracy={use: accuracy, num_classes: 3, task: binary}"]))
    assert found == [
        "command line: model.num_classes=12   model.num_classes: 12 contradicts the data: num_classes of blobs is 10; "
        "leave it out to have it filled in",
        "command line: metrics.accuracy={use: accuracy, num_classes: 3, task: binary}   metrics.accuracy.num_classes: "
        "3 contradicts the data: num_classes of blobs is 10; leave it out to have it filled in",
        "command line: metrics.accuracy={use: accuracy, num_classes: 3, task: binary}   metrics.accuracy.task: "
        "the text 'binary' contradicts the data: task of blobs is the text 'multiclass'; leave it out to have it "
        "filled in",
    ]


def test_a_required_fact_that_the_data_does_not_know(checked: Check) -> None:
    assert said(checked(), {"task": "binary", "in_channels": 1}) == [
        "my.yaml:3:14   model: net needs 'num_classes', which blobs does not know; it knows in_channels, task. "
        "Set model.num_classes"
    ]
    assert said(checked(["metrics=null"]), {}) == [
        "my.yaml:3:14   model: net needs 'num_classes', which blobs does not know. Set model.num_classes"
    ]


def test_parts_are_filled_too(checked: Check) -> None:
    found = said(checked(["model.stages=[{use: block, channels: 4}]"]), {"task": "binary", "num_classes": 2})
    assert found == [
        "command line: model.stages=[{use: block, channels: 4}]   model.stages.0: block needs 'in_channels', which "
        "blobs does not know; it knows num_classes, task. Set model.stages.0.in_channels"
    ]


def test_a_table_may_be_larger_than_the_data_and_not_smaller(checked: Check) -> None:
    Path("acme_table.py").write_text("class Net:\n    def __init__(self, vocab_size: int): ...\n")
    facts = {**KNOWN, "vocab_size": 1000}

    def with_size(size: int) -> list[str]:
        return said(checked([f"model={{use: './acme_table.py:Net', vocab_size: {size}}}"], allow_code=True), facts)

    assert with_size(1024) == []
    (message,) = with_size(999)
    assert message.endswith("model.vocab_size: 999 is too small for the data: vocab_size of blobs is 1000")


def test_what_watches_validation_where_there_is_none(checked: Check) -> None:
    found = said(
        checked(
            [
                "scheduler=reduce_on_plateau",
                "callbacks.early_stopping={}",
                "callbacks.model_checkpoint.monitor=val/loss",
                "expect={val/loss: '< 1'}",
            ]
        ),
        has_val=False,
    )
    assert [line.partition("   ")[2] for line in found] == [
        "scheduler: reduce_on_plateau needs something to watch, and blobs has no val split: set `monitor`",
        "callbacks.early_stopping: early_stopping needs something to watch, and blobs has no val split: set `monitor`",
        "callbacks.model_checkpoint.monitor: nothing logs 'val/loss': blobs has no val split",
        "expect.val/loss: nothing logs 'val/loss': blobs has no val split",
    ]


def test_watching_training_needs_no_validation(checked: Check) -> None:
    changes = ["scheduler={use: reduce_on_plateau, monitor: train/loss}", "callbacks.early_stopping.monitor=train/loss"]
    assert said(checked(changes), has_val=False) == []


def test_the_length_of_a_scheduler_once_the_data_is_counted(checked: Check) -> None:
    in_steps = checked(["scheduler={use: cosine, interval: step, T_max: 20}"])
    assert said(in_steps) == []
    assert said(in_steps, steps_per_epoch=10) == []
    (message,) = said(in_steps, steps_per_epoch=30)
    assert message.endswith(
        "scheduler.T_max: 20 disagrees with the length of the training, 60 steps (2 epochs of 30); "
        "leave it out to have it filled in"
    )
    # what ends first counts
    short = checked(["scheduler={use: cosine, interval: step, T_max: 20}", "trainer.max_steps=20"])
    assert said(short, steps_per_epoch=30) == []


def test_a_loader_beside_a_datamodule(checked: Check) -> None:
    # a function that does not say what it returns
    found = said(checked(["loader.batch_size=64"]), is_datamodule=True)
    assert found == [
        "command line: loader.batch_size=64   loader.batch_size: the dataset 'blobs' is a LightningDataModule, which "
        "makes its own loaders; remove this"
    ]
    assert said(checked(), is_datamodule=True) == []


def test_a_share_of_an_epoch_whose_length_nobody_knows(checked: Check) -> None:
    shares = ["trainer.val_check_interval=0.5", "trainer.limit_train_batches=0.1"]
    assert said(checked(shares)) == []
    assert said(checked(shares), sized=False) == [
        "command line: trainer.val_check_interval=0.5   trainer.val_check_interval: 0.5 is a share of an epoch, and "
        "'blobs' does not say how long one is; give a number of batches",
        "command line: trainer.limit_train_batches=0.1   trainer.limit_train_batches: 0.1 is a share of an epoch, and "
        "'blobs' does not say how long one is; give a number of batches",
    ]
    assert said(checked(["trainer.val_check_interval=1.0", "trainer.limit_train_batches=3"]), sized=False) == []
