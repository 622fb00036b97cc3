"""`loader.workers: auto`: what is measured, what is not, and what becomes of it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from toolkit.data import DataModule, OnDisk, Splits, choose_workers, workers
from toolkit.data.workers import Workers, _Trial, _Trier


class Draws:
    def __init__(self, samples: int) -> None:
        self.samples = samples

    def __len__(self) -> int:
        return self.samples

    def __getitem__(self, index: int) -> Any:
        return random.random() + np.random.random() + torch.rand(())


class Stream:
    def __iter__(self) -> Iterator[int]:
        raise AssertionError("it is not read")


def with_cores(monkeypatch: pytest.MonkeyPatch, cores: int) -> None:
    monkeypatch.setattr(workers, "_cores", lambda: cores)


@pytest.mark.parametrize(
    ("split", "reason"),
    [
        ((torch.zeros(4),), "the data is in memory"),
        ({"x": torch.zeros(4)}, "the data is in memory"),
        (Stream(), "a stream that does not divide itself is read by one process"),
        (None, "no split to train on"),
    ],
    ids=["tensors", "dict", "stream", "none"],
)
def test_what_workers_cannot_help_is_known_at_once(split: Any, reason: str) -> None:
    assert choose_workers(SimpleNamespace(train=split)) == Workers(0, reason)


def test_arrays_on_disk_need_no_workers(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((4, 2)))
    assert choose_workers(Splits(train=OnDisk(tmp_path / "x.npy"))).count == 0


def test_one_core_for_each_process_is_not_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    with_cores(monkeypatch, 4)
    assert choose_workers(Splits(train=Draws(4)), processes=4) == Workers(0, "one core for each process")


def test_reading_is_measured_without_touching_the_random_generators(monkeypatch: pytest.MonkeyPatch) -> None:
    with_cores(monkeypatch, 2)
    # Long enough an epoch for workers to be tried.
    monkeypatch.setattr(workers, "QUICK_S", 0.0)
    monkeypatch.setattr(workers, "TRIED_S", 0.02)
    before = random.getstate(), torch.get_rng_state(), np.random.get_state()[1:3]
    found = choose_workers(Splits(train=Draws(5000)), {"batch_size": 8})
    assert found.count in (0, 2)
    assert found.reason.startswith("measured for a batch: 0 workers ")
    assert ", 2 workers " in found.reason
    after = random.getstate(), torch.get_rng_state(), np.random.get_state()[1:3]
    assert before[0] == after[0]
    assert torch.equal(before[1], after[1])
    assert np.array_equal(before[2][0], after[2][0])
    assert before[2][1] == after[2][1]


@pytest.mark.parametrize(
    ("cores", "seconds_a_sample", "tried", "best"),
    [
        # Twice as fast with two, twice again with four, no more with eight.
        (16, {0: 4e-3, 2: 2e-3, 4: 1e-3, 8: 0.9e-3, 16: 0.1e-3}, [0, 2, 4, 8], 4),
        (3, {0: 4e-3, 2: 2e-3, 4: 1e-3}, [0, 2], 2),
        # Faster by less than a fifth.
        (16, {0: 4e-3, 2: 3.5e-3}, [0, 2], 0),
        # The epoch of 1000 samples is over in a tenth of a second.
        (16, {0: 1e-4, 2: 1e-6}, [0], 0),
        # Starting them takes longer than what they gain.
        (16, {0: 4e-4, 2: 1e-6}, [0, 2], 0),
    ],
)
def test_more_workers_must_gain_a_fifth_of_the_epoch(
    monkeypatch: pytest.MonkeyPatch, cores: int, seconds_a_sample: dict[int, float], tried: list[int], best: int
) -> None:
    with_cores(monkeypatch, cores)
    asked = []

    def costs(self: _Trier, count: int) -> _Trial:
        asked.append(count)
        self.trials.append(_Trial(count, 0.4 if count else 0.0, seconds_a_sample[count]))
        return self.trials[-1]

    monkeypatch.setattr(_Trier, "tried", costs)
    assert choose_workers(Splits(train=Draws(1000))).count == best
    assert asked == tried


def test_a_dataset_that_raises_is_left_to_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    class Torn(Draws):
        def __getitem__(self, index: int) -> Any:
            raise MemoryError("too\nlarge")

    with_cores(monkeypatch, 2)
    assert choose_workers(Splits(train=Torn(4))) == Workers(0, "not measured: reading raised MemoryError: too large")


def test_a_data_module_of_its_own_chooses_too() -> None:
    data = DataModule(Splits(train=(torch.arange(4),)), {"batch_size": 2, "workers": "auto"})
    assert sorted(number for (batch,) in data.train_dataloader() for number in batch.tolist()) == [0, 1, 2, 3]
