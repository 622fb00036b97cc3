"""Arrays on disk: every sample once, in an order of their own, in memory that does not grow with the files."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from toolkit.data import ArrayFile, DataModule, OnDisk, Splits, disk_loader
from toolkit.data.disk_loader import DiskLoader
from toolkit.data.order import Order, Plan, Process
from toolkit.errors import RequestError, RunError

SAMPLES = 1000


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten samples in a block, and a hundred in a window."""
    monkeypatch.setattr(disk_loader, "BLOCK_BYTES", 10 * 16)
    monkeypatch.setattr(disk_loader, "WINDOW_BYTES", 100 * 16)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Images whose pixels tell their number."""
    numbers = np.arange(SAMPLES, dtype=np.uint16)
    np.save(tmp_path / "images.npy", np.repeat(numbers, 8).view(np.uint8).reshape(SAMPLES, 4, 4))
    return tmp_path / "images.npy"


def numbers_in(batch: torch.Tensor) -> list[int]:
    return [int(number) for number in batch.flatten(1)[:, :2].contiguous().view(torch.uint16)[:, 0]]


def epoch(data: OnDisk, *, epoch: int = 0, seed: int = 0, rank: int = 0, world_size: int = 1) -> list[list[int]]:
    plan = Plan(len(data), 8, process=Process(rank, world_size))
    return [numbers_in(batch[0]) for batch in DiskLoader(data, plan, Order(True, seed, lambda: epoch))]


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_every_sample_comes_once_in_an_epoch(images: Path, world_size: int) -> None:
    shares = [epoch(OnDisk(images), rank=rank, world_size=world_size) for rank in range(world_size)]
    assert len({len(share) for share in shares}) == 1, "every process takes as many steps"
    assert sorted(number for share in shares for batch in share for number in batch) == list(range(SAMPLES))


def test_the_order_depends_on_seed_and_epoch_only(images: Path) -> None:
    first = epoch(OnDisk(images), epoch=3)
    torch.manual_seed(1)
    assert epoch(OnDisk(images), epoch=3) == first
    assert epoch(OnDisk(images), epoch=4) != first
    assert epoch(OnDisk(images), epoch=3, seed=1) != first


def test_a_batch_is_made_of_many_blocks(images: Path) -> None:
    blocks = [len({number // 10 for number in batch}) for batch in epoch(OnDisk(images))]
    assert sum(blocks) / len(blocks) > 4


def test_a_tuple_with_a_dict_of_files_gives_such_pairs(tmp_path: Path, images: Path) -> None:
    np.save(tmp_path / "numbers.npy", np.arange(SAMPLES, dtype=np.int32))
    data = OnDisk({"image": images, "number": tmp_path / "numbers.npy"}, torch.arange(SAMPLES))
    for inputs, targets in DataModule(Splits(train=data), {"batch_size": 64}).train_dataloader():
        assert list(inputs) == ["image", "number"]
        assert numbers_in(inputs["image"]) == inputs["number"].tolist() == targets.tolist()


def test_parts_belong_together_and_keep_their_dtypes(tmp_path: Path, images: Path) -> None:
    np.save(tmp_path / "targets.npy", np.arange(SAMPLES, dtype=np.int64))
    weights = torch.arange(SAMPLES) * 0.5
    splits = Splits(train=OnDisk(images, tmp_path / "targets.npy", weights), val=OnDisk(image=images, weight=weights))
    data = DataModule(splits, {"batch_size": 64})
    assert (data.samples("train"), data.steps("train"), len(data.train_dataloader())) == (SAMPLES, 16, 16)
    seen = []
    for image, target, weight in data.train_dataloader():
        assert (image.dtype, target.dtype, image.shape[1:]) == (torch.uint8, torch.int64, (4, 4))
        assert numbers_in(image) == target.tolist() == (weight * 2).int().tolist()
        image.zero_()
        seen += target.tolist()
    assert sorted(seen) == list(range(SAMPLES))
    validated = list(data.val_dataloader())
    assert [list(batch) for batch in validated] == [["image", "weight"]] * 16
    assert [number for batch in validated for number in numbers_in(batch["image"])] == list(range(SAMPLES))


def test_a_raw_file_needs_its_shape(tmp_path: Path) -> None:
    path = tmp_path / "raw.bin"
    path.write_bytes(b"header" + np.arange(12, dtype=np.float32).tobytes())
    data = OnDisk(ArrayFile(path, shape=(6, 2), dtype=torch.float32, offset=6))
    [(batch,)] = DataModule(Splits(test=data), {"batch_size": 6}).test_dataloader()
    assert torch.equal(batch, torch.arange(12.0).reshape(6, 2))
    with pytest.raises(RequestError, match=r"a raw file needs a shape \(samples, ...\) and a dtype: .*raw.bin"):
        ArrayFile(path, offset=6)
    with pytest.raises(
        RequestError, match=r"raw.bin has 54 bytes; 62 are needed for the shape \(7, 2\) in torch.float"
    ):
        ArrayFile(path, shape=(7, 2), dtype=torch.float32, offset=6)


def save(path: Path, array: Any) -> Path:
    np.save(path, array)
    return path


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.asfortranarray(np.zeros((3, 2))), "it is in column-major order; save it again after np.ascontiguousarray"),
        (np.zeros((), dtype=np.uint8), "it holds no array with a first dimension"),
        (np.array(["a", "b"]), "can't convert np.ndarray of type numpy.str_"),
        (np.array([{}], dtype=object), "Array can't be memory-mapped"),
    ],
    ids=["column-major", "scalar", "text", "objects"],
)
def test_an_array_that_cannot_be_read_is_refused(tmp_path: Path, array: Any, message: str) -> None:
    path = save(tmp_path / "a.npy", array)
    with pytest.raises(RequestError) as error:
        OnDisk(path)
    assert str(error.value).startswith(f"dataset: {path} cannot be read as a .npy file: {message}")


def test_what_is_no_split_on_disk_is_refused(tmp_path: Path) -> None:
    three, four = save(tmp_path / "3.npy", np.zeros(3)), save(tmp_path / "4.npy", np.zeros((4, 2)))
    with pytest.raises(RequestError, match=r"unequal first dimensions \(3.npy: \(3,\), 4.npy: \(4, 2\)\)"):
        OnDisk(three, four)
    with pytest.raises(RequestError, match="OnDisk takes arrays by position, for tuples, or by name, for dicts"):
        OnDisk(three, y=three)
    with pytest.raises(RequestError, match="there is no file .*absent.npy"):
        OnDisk(tmp_path / "absent.npy")
    (tmp_path / "text.npy").write_text("not an array")
    with pytest.raises(RequestError, match="text.npy cannot be read as a .npy file"):
        OnDisk(tmp_path / "text.npy")
    with pytest.raises(RequestError, match="the split 'train' is empty"):
        DataModule(Splits(train=OnDisk(save(tmp_path / "0.npy", np.zeros((0, 2))))))
    with pytest.raises(RequestError, match=r"loader.resident: the split 'train' is not made of tensors \(OnDisk\)"):
        DataModule(Splits(train=OnDisk(four)), {"resident": True})


def test_a_file_that_has_become_shorter_is_named(images: Path) -> None:
    data = OnDisk(images)
    os.truncate(images, 5000)
    with pytest.raises(RunError, match=r"images.npy ends before byte \d+: it has become shorter since the run began"):
        epoch(data)


def test_an_epoch_that_is_left_early_closes_its_files(images: Path) -> None:
    data = DataModule(Splits(train=OnDisk(images)), {"batch_size": 8})
    batches = iter(data.train_dataloader())
    next(batches)
    assert _times_open(images) > 0
    del batches
    assert _times_open(images) == 0


def _times_open(file: Path) -> int:
    links = (os.path.realpath(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd"))
    return sum(link == os.path.realpath(file) for link in links)


MEASURE = """
import resource, sys, torch
from toolkit.data import ArrayFile, DataModule, OnDisk, Splits

data = OnDisk(ArrayFile(sys.argv[1], (100_000, 3, 32, 32), torch.uint8), torch.arange(100_000))
module = DataModule(Splits(train=data), {"batch_size": 128})
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before, samples = peak(), 0
for images, targets in module.train_dataloader():
    samples += len(targets)
print(samples, peak() - before)
"""


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "sparse.bin"
    with path.open("wb") as file:
        file.truncate(100_000 * 3 * 32 * 32)
    done = subprocess.run([sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True, check=True)
    samples, grown_kib = map(int, done.stdout.split())
    assert samples == 100_000
    # The file has 293 MiB; two windows of 32 are held.
    assert grown_kib < 96 * 1024


def test_the_documented_split_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
    [block] = [each for each in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "OnDisk" in each]
    monkeypatch.chdir(tmp_path)
    np.zeros((20, 28, 28), dtype=np.uint8).tofile("images.bin")
    np.arange(20, dtype=np.uint8).tofile("labels.bin")
    np.save("val_images.npy", np.zeros((5, 28, 28), dtype=np.uint8))
    np.save("val_labels.npy", np.arange(5))
    names: dict[str, Any] = {}
    exec(block, names)
    data = DataModule(names["data"], {"batch_size": 10})
    assert [len(labels) for _, labels in data.train_dataloader()] == [10, 10]
    assert [labels.tolist() for _, labels in data.val_dataloader()] == [[0, 1, 2, 3, 4]]
