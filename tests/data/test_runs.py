"""What a run tells of its data: bad samples in `run.json`, the number of workers in `recipe.yaml`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from toolkit.data import workers
from toolkit.recipe import Recipe, load
from toolkit.runs import RunFailed, resume, run

pytestmark = pytest.mark.usefixtures("undrawn")

CODE = """
import os, random
from types import SimpleNamespace

import numpy as np
import pytorch_lightning as pl
import torch
from toolkit.data import OnDisk


class Items:
    def __init__(self, samples, broken):
        self.samples, self.broken = samples, broken

    def __len__(self):
        return self.samples

    def __getitem__(self, index):
        if index in self.broken:
            raise OSError(5, "cannot read", f"/data/{index}.jpg")
        return torch.full((4,), float(index % 2)), index % 2


def files(broken: list[int] = ()):
    train = Items(24, broken)
    facts = {"num_classes": 2, "task": "multiclass", "in_features": 4}
    return SimpleNamespace(train=train, val=Items(8, ()), test=None, facts=facts)


class Noisy(Items):
    def __getitem__(self, index):
        inputs, target = super().__getitem__(index)
        return inputs + 0.1 * torch.randn(4) + random.random(), target


class Stream:
    def __init__(self):
        self.place, self.epoch = 0, 0

    def set_epoch(self, epoch):
        self.epoch, self.place = epoch, 0

    def state_dict(self):
        return {"place": self.place}

    def load_state_dict(self, state):
        self.place = state["place"]

    def __iter__(self):
        while self.place < 24:
            self.place += 1
            yield torch.full((4,), float(self.place + self.epoch)), self.place % 2


class Reread:
    def set_epoch(self, epoch):
        self.epoch = epoch

    def __iter__(self):
        return ((torch.full((4,), float(place + self.epoch)), place % 2) for place in range(24))


def on_disk():
    np.save("inputs.npy", np.random.default_rng(1).random((24, 4), dtype=np.float32))
    return OnDisk("inputs.npy", torch.arange(24) % 2)


def kinds(kind):
    made = {"noisy": lambda: Noisy(24, ()), "stream": Stream, "reread": Reread, "disk": on_disk}
    facts = {"num_classes": 2, "task": "multiclass", "in_features": 4}
    return SimpleNamespace(train=made[kind](), val=Items(8, ()), test=None, facts=facts)


class Stops(pl.Callback):
    def on_train_batch_end(self, trainer, *rest):
        if trainer.global_step == int(os.environ.get("STOP_AT", 0)):
            raise ValueError("stopped")


class Net(torch.nn.Sequential):
    def __init__(self):
        super().__init__(torch.nn.Linear(4, 2))
"""

RECIPE: dict[str, Any] = {
    "task": "classification",
    "dataset": {"use": "./code.py:files"},
    "loader": {"batch_size": 4},
    "model": "./code.py:Net",
    "loss": "cross_entropy",
    "optimizer": {"use": "sgd", "lr": 0.1},
    "trainer": {"max_epochs": 2, "accelerator": "cpu", "enable_progress_bar": False},
}


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Recipe]:
    monkeypatch.setenv("TOOLKIT_RUNS", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "code.py").write_text(CODE)
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(RECIPE))
    return lambda *overrides: load(str(tmp_path / "small.yaml"), overrides, allow_code=True)


@pytest.mark.parametrize("count", [0, 1])
def test_a_bad_sample_stops_the_run_and_names_the_dataset(recipe: Callable[..., Recipe], count: int) -> None:
    with pytest.raises(RunFailed) as error:
        run(recipe("dataset.broken=[7]", f"loader.workers={count}"))
    assert "dataset './code.py:files' (" in error.value.reason
    assert error.value.reason.endswith(
        "sample 7 of the split 'train' could not be read: OSError: [Errno 5] cannot read: '/data/7.jpg' "
        "(loader.on_bad_sample=skip trains without such samples)"
    )
    assert 'raise OSError(5, "cannot read"' in error.value.traceback


@pytest.mark.usefixtures("forked_ranks")
@pytest.mark.parametrize("devices", [1, 2])
def test_samples_left_out_are_in_the_record(recipe: Callable[..., Recipe], devices: int) -> None:
    skip = ("dataset.broken=[3,7,11,15]", "loader.on_bad_sample=skip")
    result = run(recipe(*skip, f"trainer.devices={devices}"))
    record = yaml.safe_load((result.folder / "run.json").read_text())
    assert record["left_out"]["train"]["count"] == 4
    listed = {one["index"]: one["reason"] for one in record["left_out"]["train"]["first"]}
    assert listed == {index: f"OSError: [Errno 5] cannot read: '/data/{index}.jpg'" for index in (3, 7, 11, 15)}
    [note] = [note for note in record["notes"] if "cannot be read" in note]
    assert note.startswith("samples of the split 'train' that cannot be read are left out (loader.on_bad_sample: skip)")


def test_the_number_of_workers_is_chosen_once(recipe: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_cores", lambda: 2)
    weights = []
    for count in ("auto", "0"):
        result = run(recipe(f"loader.workers={count}"))
        weights.append(torch.nn.utils.parameters_to_vector(result.model.parameters()))
        written = [
            line.strip() for line in (result.folder / "recipe.yaml").read_text().splitlines() if "workers:" in line
        ]
        if count == "auto":
            assert written[0].startswith("workers: 0 ")
            assert "# auto, measured for a batch: 0 workers " in written[0]
            monkeypatch.setattr(workers, "_cores", lambda: pytest.fail("a resume measures again"))
            resume(result.folder, ["trainer.max_epochs=3"], allow_code=True)
    assert torch.equal(*weights), "measuring changes nothing"


@pytest.mark.parametrize(("kind", "count"), [("noisy", 0), ("noisy", 2), ("stream", 0), ("reread", 0), ("disk", 0)])
def test_a_run_resumed_inside_an_epoch_ends_like_one_that_was_not_stopped(
    recipe: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch, kind: str, count: int
) -> None:
    chosen = ("dataset={use: ./code.py:kinds, kind: " + kind + "}", f"loader.workers={count}")
    often = ("engine.save.steps=2", "callbacks.stops.use=./code.py:Stops")
    whole = run(recipe(*chosen, *often))
    # Six batches an epoch, the last checkpoint after the eighth.
    monkeypatch.setenv("STOP_AT", "9")
    with pytest.raises(RunFailed) as stopped:
        run(recipe(*chosen, *often))
    monkeypatch.delenv("STOP_AT")
    resumed = resume(stopped.value.folder, allow_code=True)
    for one, other in zip(whole.model.parameters(), resumed.model.parameters(), strict=True):
        assert torch.equal(one, other)
    rows = [(result.folder / "metrics.csv").read_text() for result in (whole, resumed)]
    assert rows[0] == rows[1]
    told = [note for note in yaml.safe_load((resumed.folder / "run.json").read_text())["notes"] if "read again" in note]
    assert bool(told) == (kind == "reread")
