"""Checkpoints on disk: whole or absent, plain, and never loaded when damaged."""

from __future__ import annotations

import datetime
import json
import resource
from collections import OrderedDict, deque
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from toolkit.checksum import DamagedCheckpoint, check_whole, sidecar
from toolkit.engine.checkpoint_io import PlainCheckpointIO
from toolkit.engine.checkpoints import best_of, list_saved, newest_whole
from toolkit.engine.plain import NotPlain, check_plain
from toolkit.engine.rng import rng_state, set_rng_state

IO = PlainCheckpointIO()


def save(folder: Path, epoch: int, *, score: float | None = None, resumable: bool = True) -> Path:
    about = {"epoch": epoch, "step": epoch * 10, "score": score, "resumable": resumable}
    path = folder / f"epoch-{epoch:04}.ckpt"
    IO.save_checkpoint({"state_dict": {"w": torch.full((100,), float(epoch))}, "toolkit": {"about": about}}, path)
    return path


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    path = save(tmp_path, 3)
    assert torch.equal(IO.load_checkpoint(path)["state_dict"]["w"], torch.full((100,), 3.0))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["epoch-0003.ckpt", "epoch-0003.ckpt.json"]


@pytest.mark.parametrize("place", [0.1, 0.5, 0.99])
def test_one_changed_bit_is_noticed(tmp_path: Path, place: float) -> None:
    path = save(tmp_path, 1)
    content = bytearray(path.read_bytes())
    content[int(len(content) * place)] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedCheckpoint, match="does not match its checksum"):
        IO.load_checkpoint(path)


def test_a_checkpoint_without_a_checksum_is_not_trusted(tmp_path: Path) -> None:
    path = save(tmp_path, 1)
    sidecar(path).unlink()
    with pytest.raises(DamagedCheckpoint, match="is missing"):
        check_whole(path)


def test_the_one_before_a_damaged_one_is_taken(tmp_path: Path) -> None:
    first, second, third = (save(tmp_path, epoch) for epoch in (1, 2, 3))
    third.write_bytes(third.read_bytes()[:50])
    save(tmp_path, 4, resumable=False)
    found, damaged = newest_whole(tmp_path)
    assert found is not None
    assert found.path == second
    assert [saved.path for saved in damaged] == [third]
    first.unlink(), second.unlink()
    assert newest_whole(tmp_path)[0] is None


def test_the_best_is_the_earliest_of_the_best_and_never_nan(tmp_path: Path) -> None:
    for epoch, score in enumerate([0.5, 0.75, 0.75, float("nan"), None], start=1):
        save(tmp_path, epoch, score=score)
    saved = list_saved(tmp_path)
    assert [one.epoch for one in best_of(saved, "max", 2)] == [2, 3]
    assert [one.epoch for one in best_of(saved, "min")] == [1]


def test_a_full_disk_keeps_the_earlier_checkpoint_and_leaves_no_part(tmp_path: Path) -> None:
    path = save(tmp_path, 1)
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            save(tmp_path, 1)
        with pytest.raises(OSError, match="too large"):
            save(tmp_path, 2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == [path.name, sidecar(path).name]
    check_whole(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("callbacks.Mine.history", np.zeros(3)),
        ("callbacks.Mine.best", np.float64(0.5)),
        ("callbacks.Mine.dirpath", Path("here")),
        ("callbacks.Mine.after", datetime.timedelta(seconds=1)),
        ("callbacks.Mine.losses", deque([1.0])),
    ],
)
def test_what_would_not_load_is_named(tmp_path: Path, key: str, value: Any) -> None:
    checkpoint = {"callbacks": {"Mine": {"fine": [1, (2.0, None)], key.split(".")[-1]: value}}}
    with pytest.raises(NotPlain) as caught:
        IO.save_checkpoint(checkpoint, tmp_path / "a.ckpt")
    assert f"{key} is a {type(value).__module__}.{type(value).__qualname__}" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_what_torch_lets_through_is_plain() -> None:
    check_plain({"a": OrderedDict(w=torch.zeros(1)), "b": torch.float32, "c": torch.Size([1]), 3: {1.5: b"x"}})


def test_hyper_parameters_come_with_the_way_out() -> None:
    with pytest.raises(NotPlain, match=r"hyper_parameters\.net is a .*Linear.*ignore=\["):
        check_plain({"hyper_parameters": {"net": torch.nn.Linear(1, 1)}})


def test_random_states_are_plain_and_come_back(tmp_path: Path) -> None:
    import random

    state = rng_state()
    IO.save_checkpoint({"rng": state}, tmp_path / "a.ckpt")
    drawn = (random.random(), random.gauss(0, 1), np.random.normal(), torch.rand(3).tolist())
    set_rng_state(IO.load_checkpoint(tmp_path / "a.ckpt")["rng"])
    assert (random.random(), random.gauss(0, 1), np.random.normal(), torch.rand(3).tolist()) == drawn


def test_what_lies_beside_a_checkpoint_says_what_it_is(tmp_path: Path) -> None:
    described = json.loads(sidecar(save(tmp_path, 2, score=0.5)).read_text())
    assert described.pop("sha256")
    assert described == {"file": "epoch-0002.ckpt", "epoch": 2, "step": 20, "score": 0.5, "resumable": True}
