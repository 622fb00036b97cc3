"""How long a run is, how a scheduler learns of it, and how often it moves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import GradientAccumulationScheduler
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, ReduceLROnPlateau
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from toolkit.build import BuildError, Experiment, RunLength, run_length

Built = Callable[..., Experiment]
QUIET: dict[str, Any] = {
    "accelerator": "cpu",
    "devices": 1,
    "logger": False,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
}


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Any:
        for _ in range(16):
            yield torch.rand(4), torch.tensor(0)


def loader(samples: int | None = 40) -> DataLoader[Any]:
    if samples is None:
        return DataLoader(Stream(), batch_size=8)
    return DataLoader(TensorDataset(torch.rand(samples, 4), torch.arange(samples) % 3), batch_size=8)


def fitted(experiment: Experiment, data: DataLoader[Any] | None = None, **options: Any) -> dict[str, Any]:
    """Lightning's configuration of the scheduler after a real fit."""
    trainer = Trainer(**{**QUIET, "max_epochs": 2, **options})
    val = DataLoader(TensorDataset(torch.rand(8, 4), torch.arange(8) % 3), batch_size=8)
    trainer.fit(experiment.task, loader() if data is None else data, val)
    (config,) = trainer.lr_scheduler_configs
    return vars(config)


@pytest.mark.parametrize(
    ("samples", "options", "expected"),
    [
        (40, {"max_epochs": 3}, RunLength(15, 5, 3)),
        (44, {"max_epochs": 3}, RunLength(18, 6, 3)),
        (40, {"max_epochs": 3, "accumulate_grad_batches": 2}, RunLength(9, 3, 3)),
        (40, {"max_steps": 7}, RunLength(7, 5, 2)),
        (40, {"max_epochs": 3, "max_steps": 7}, RunLength(7, 5, 2)),
        (40, {"max_epochs": 1, "max_steps": 7}, RunLength(5, 5, 1)),
        (40, {"max_epochs": 3, "limit_train_batches": 2}, RunLength(6, 2, 3)),
        (40, {"max_time": "00:00:01:00"}, RunLength(None, 5, None)),
        (None, {"max_epochs": 3}, RunLength(None, None, 3)),
        (None, {"max_steps": 7}, RunLength(7, None, None)),
        (None, {"max_epochs": 3, "limit_train_batches": 2}, RunLength(6, 2, 3)),
        # 5 steps in each of the first two epochs, then 2 batches a step.
        (40, {"max_epochs": 4, "callbacks": GradientAccumulationScheduler({2: 2})}, RunLength(16, None, 4)),
    ],
)
def test_the_length_of_a_run_is_what_the_trainer_will_do(
    built: Built, samples: int | None, options: dict[str, Any], expected: RunLength
) -> None:
    experiment = built()
    trainer = Trainer(**{**QUIET, **options})
    found: list[RunLength] = []
    make = experiment.task.optimizer

    def optimizer(module: Any) -> Any:
        found.append(run_length(trainer))
        trainer.should_stop = expected.total_steps is None
        return make(module)

    experiment.task.optimizer = optimizer
    trainer.fit(experiment.task, loader(samples))
    assert found == [expected]
    assert expected.total_steps in (None, trainer.global_step)


def test_the_length_is_filled_in_in_the_chosen_interval(built: Built) -> None:
    config = fitted(built("scheduler={use: cosine, interval: step}"))
    assert isinstance(config["scheduler"], CosineAnnealingLR)
    assert (config["scheduler"].T_max, config["interval"], config["frequency"]) == (10, "step", 1)
    assert config["scheduler"].last_epoch == 10
    config = fitted(built("scheduler={use: cosine, interval: epoch}"))
    assert (config["scheduler"].T_max, config["scheduler"].last_epoch) == (2, 2)


def test_accumulated_steps_are_counted_once(built: Built) -> None:
    config = fitted(built("scheduler={use: cosine, interval: step}"), accumulate_grad_batches=2)
    assert (config["scheduler"].T_max, config["scheduler"].last_epoch) == (6, 6)


def test_a_frequency_counts_optimizer_steps_over_the_whole_run(built: Built) -> None:
    config = fitted(built("scheduler={use: linear, interval: step, frequency: 3}"))
    assert isinstance(config["scheduler"], LinearLR)
    # 10 steps; Lightning's own frequency would begin to count anew in each epoch of 5, and move twice.
    assert (config["scheduler"].total_iters, config["scheduler"].last_epoch) == (3, 3)
    assert all(type(value) in (int, float, bool, list) for value in config["scheduler"].state_dict().values())
    config = fitted(built("scheduler={use: linear, interval: step, frequency: 2}"), accumulate_grad_batches=2)
    assert (config["scheduler"].total_iters, config["scheduler"].last_epoch) == (3, 3)
    config = fitted(built("scheduler={use: linear, interval: epoch, frequency: 2}"), max_epochs=4)
    assert (config["scheduler"].total_iters, config["scheduler"].last_epoch) == (2, 2)


def test_what_the_recipe_says_is_not_outvoted(built: Built) -> None:
    assert fitted(built("scheduler={use: cosine, interval: step, T_max: 10}"))["scheduler"].T_max == 10
    told = fitted(built("scheduler={use: one_cycle, max_lr: 0.1, interval: step, epochs: 2, steps_per_epoch: 9}"))
    assert told["scheduler"].total_steps == 18


@pytest.mark.parametrize(("interval", "told"), [("step", (10, 5, 2)), ("epoch", (2, 1, 2))])
def test_run_facts_fill_parameters_of_their_names(built: Built, interval: str, told: tuple[int, ...]) -> None:
    assert fitted(built(f"scheduler={{use: lengths, interval: {interval}}}"))["scheduler"].told == told


def test_a_scheduler_that_takes_the_runs_steps_moves_every_step(built: Built) -> None:
    assert fitted(built("scheduler={use: one_cycle, max_lr: 0.1}"))["interval"] == "step"
    assert fitted(built("scheduler={use: linear_warmup_cosine, warmup: 2}"))["scheduler"].last_epoch == 10


@pytest.mark.parametrize(
    ("words", "monitor", "mode"),
    [
        ("", "val/accuracy", "max"),
        (", monitor: val/loss", "val/loss", "min"),
        (", monitor: train/accuracy", "train/accuracy", "max"),
        (", mode: min", "val/accuracy", "min"),
    ],
)
def test_a_plateau_is_watched_in_the_right_direction(built: Built, words: str, monitor: str, mode: str) -> None:
    config = fitted(built(f"scheduler={{use: reduce_on_plateau{words}}}"))
    assert isinstance(config["scheduler"], ReduceLROnPlateau)
    assert (config["monitor"], config["scheduler"].mode, config["interval"]) == (monitor, mode, "epoch")


UNKNOWN = (
    "scheduler: scheduler 'cosine' (toolkit-core 0.1.0, torch.optim.lr_scheduler:CosineAnnealingLR) needs T_max, the "
    "length of the run, which is unknown: the data does not say how long it is, or only trainer.max_time ends the run. "
    "Set trainer.max_steps, or scheduler.T_max"
)


def test_a_stream_without_a_length_is_told_before_the_run(built: Built) -> None:
    with pytest.raises(BuildError) as caught:
        built("scheduler={use: cosine, interval: step}", "dataset.stream=true")
    assert caught.value.problem.text == UNKNOWN
    built("scheduler={use: cosine, interval: epoch}", "dataset.stream=true")
    built("scheduler={use: cosine, interval: step}", "dataset.stream=true", "trainer.max_steps=9")


def test_a_length_that_only_the_trainer_could_know_is_told_by_it(built: Built) -> None:
    experiment = built("scheduler={use: cosine, interval: step}", "dataset=tiny_module", "loader=null")
    with pytest.raises(BuildError) as caught:
        fitted(experiment, loader(None))
    assert caught.value.problem.text == UNKNOWN


def test_what_a_scheduler_refuses_is_known_before_the_run(built: Built) -> None:
    with pytest.raises(BuildError) as caught:
        built("scheduler={use: one_cycle, max_lr: 0.1, pct_start: 7.0}")
    assert "could not be built: ValueError: Expected float between 0 and 1 pct_start" in str(caught.value)
    with pytest.raises(BuildError) as caught:
        built("scheduler={use: linear_warmup_cosine, warmup: 11}")
    assert "warmup takes 11 steps, but the run has 10" in str(caught.value)
