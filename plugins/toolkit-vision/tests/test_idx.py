"""MNIST and Fashion-MNIST from a folder, and what is said of files that are missing or damaged."""

from __future__ import annotations

import gzip
import math
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from toolkit_vision.idx import FASHION_MNIST, MNIST, TEST, TRAIN, Source, fashion_mnist, mnist
from toolkit_vision.read_idx import read_idx
from toolkit_vision.splits import Splits
from torch import Tensor

Dataset = Callable[..., Splits]


def idx(values: Tensor) -> bytes:
    """`values` as an IDX file of unsigned bytes."""
    header = struct.pack(f">HBB{values.dim()}I", 0, 8, values.dim(), *values.shape)
    return header + bytes(values.to(torch.uint8).flatten().tolist())


def write(folder: Path, name: str, values: Tensor, *, gz: bool = True) -> None:
    content = idx(values)
    (folder / (f"{name}.gz" if gz else name)).write_bytes(gzip.compress(content) if gz else content)


def images(samples: int) -> Tensor:
    return (torch.arange(samples)[:, None, None] + torch.arange(28 * 28).reshape(28, 28)) % 256


@pytest.fixture(params=[True, False], ids=["gz", "raw"])
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    for (image_file, label_file), samples in ((TRAIN, 60), (TEST, 20)):
        write(tmp_path, image_file, images(samples), gz=request.param)
        write(tmp_path, label_file, torch.arange(samples) % 10, gz=request.param)
    return tmp_path


@pytest.mark.parametrize("dataset", [mnist, fashion_mnist])
def test_a_folder_is_read(folder: Path, dataset: Dataset) -> None:
    data = dataset(root=str(folder), val_size=20)
    assert data.val is not None
    for split, samples in ((data.train, 40), (data.val, 20), (data.test, 20)):
        pixels, targets = split
        assert pixels.shape == (samples, 1, 28, 28)
        assert pixels.dtype == torch.uint8
        assert targets.dtype == torch.int64
    assert torch.equal(data.test[0][:, 0], images(20).to(torch.uint8))
    assert torch.equal(data.test[1], torch.arange(20) % 10)


def test_validation_is_cut_from_the_training_images(folder: Path) -> None:
    whole = mnist(root=str(folder), val_size=0)
    data = mnist(root=str(folder), val_size=20)
    assert whole.val is None
    assert data.val is not None
    assert data.val[1].bincount().tolist() == [2] * 10
    both = torch.cat([data.train[0], data.val[0]]).flatten(1)
    assert sorted(both.tolist()) == sorted(whole.train[0].flatten(1).tolist())
    assert torch.equal(whole.test[0], data.test[0])
    other = mnist(root=str(folder), val_size=20, split_seed=1)
    assert other.val is not None
    assert not torch.equal(other.val[0], data.val[0])
    assert torch.equal(other.test[0], data.test[0])


@pytest.mark.parametrize("val_size", [-1, 60])
def test_a_validation_split_that_cannot_be_cut(folder: Path, val_size: int) -> None:
    with pytest.raises(ValueError, match=f"val_size={val_size}: of 60 training images, 0 to 59 can be set aside"):
        mnist(root=str(folder), val_size=val_size)


@pytest.mark.parametrize(("dataset", "source"), [(mnist, MNIST), (fashion_mnist, FASHION_MNIST)])
def test_facts(folder: Path, dataset: Dataset, source: Source) -> None:
    facts = dataset(root=str(folder), val_size=20).facts
    assert facts == {
        "task": "multiclass",
        "num_classes": 10,
        "class_names": list(source.class_names),
        "in_channels": 1,
        "image_size": [28, 28],
    }
    assert len(facts["class_names"]) == 10


@pytest.mark.parametrize("dataset", [mnist, fashion_mnist])
def test_a_stand_in_has_the_same_shapes_and_facts(folder: Path, dataset: Dataset) -> None:
    stand_in = dataset.stand_in  # type: ignore[attr-defined]
    data, again, other = stand_in(0), stand_in(0), stand_in(1)
    real = dataset(root=str(folder), val_size=20)
    assert data.facts == real.facts
    for name in ("train", "val", "test"):
        for ours, theirs in zip(getattr(data, name), getattr(real, name), strict=True):
            assert ours.shape[1:] == theirs.shape[1:]
            assert ours.dtype == theirs.dtype
    assert torch.equal(data.train[0], again.train[0])
    assert not torch.equal(data.train[0], other.train[0])


def test_missing_files_are_listed(folder: Path) -> None:
    for path in folder.glob("t10k-*"):
        path.unlink()
    with pytest.raises(FileNotFoundError) as error:
        mnist(root=str(folder))
    assert str(error.value) == (
        f"root='{folder}' lacks t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte (each may end in .gz); put them there, "
        "or leave root out to download mnist"
    )


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent' is not a folder; leave root out to download fashion_mnist"):
        fashion_mnist(root=str(tmp_path / "absent"))


def header(*shape: int, kind: int = 8) -> bytes:
    return struct.pack(f">HBB{len(shape)}I", 0, kind, len(shape), *shape)


DAMAGED = {
    "empty": (b"", "0 bytes, shorter than the header of an IDX file"),
    "page": (b"<html></html>", "not an IDX file: it begins with the bytes 3c 68 74 6d"),
    "floats": (header(1, kind=0x0D) + b"1234", "its values are of IDX type 0x0d; only unsigned bytes (0x08) are read"),
    "half a header": (header(60, 28, 28)[:10], "ends inside its header, after 10 of 16 bytes"),
    "short": (header(60, 28, 28) + bytes(100), "holds 100 values, but its header states 60x28x28 = 47040"),
    "long": (header(2) + bytes(3), "holds 3 values, but its header states 2 = 2"),
    "no values": (header(0, 28, 28), "holds no values"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_named_with_the_reason(folder: Path, name: str) -> None:
    content, message = DAMAGED[name]
    (folder / f"{TRAIN[0]}.gz").unlink(missing_ok=True)
    path = folder / TRAIN[0]
    path.write_bytes(content)
    with pytest.raises(ValueError) as error:  # its whole message is compared
        mnist(root=str(folder))
    assert str(error.value) == f"{path}: {message}"


@pytest.mark.parametrize("damage", ["cut", "changed", "not gzip"])
def test_a_damaged_gzip_file_is_named(tmp_path: Path, damage: str) -> None:
    content = bytearray(gzip.compress(idx(images(60))))
    if damage == "cut":
        del content[-30:]
    elif damage == "changed":
        content[-6] ^= 0xFF
    else:
        content = bytearray(b"not gzip")
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged gzip file: ") as error:
        read_idx(path)
    assert str(error.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        (TRAIN[0], torch.zeros(60, 784), "holds 2 dimensions; images have 3"),
        (TRAIN[1], torch.zeros(60, 1), "holds 2 dimensions; labels have 1"),
        (TRAIN[1], torch.zeros(59), "59 labels for the 60 images of train-images-idx3-ubyte"),
        (TRAIN[1], torch.arange(60) % 12, "sample 10 has the label 10; there are 0 to 9"),
        (TEST[0], torch.zeros(20, 32, 32), "its images are 32x32, those of mnist are 28x28"),
    ],
)
def test_files_that_do_not_belong_together(folder: Path, name: str, values: Tensor, message: str) -> None:
    (folder / f"{name}.gz").unlink(missing_ok=True)
    write(folder, name, values, gz=False)
    with pytest.raises(ValueError, match=message) as error:
        mnist(root=str(folder))
    assert str(error.value).startswith(f"{folder / name}: ")


def test_any_number_of_dimensions_is_read(tmp_path: Path) -> None:
    for shape in ((3,), (2, 3), (2, 1, 3, 2)):
        values = torch.arange(math.prod(shape)).reshape(shape)
        (tmp_path / "file").write_bytes(idx(values))
        assert torch.equal(read_idx(tmp_path / "file"), values.to(torch.uint8))


@pytest.mark.parametrize("source", [MNIST, FASHION_MNIST])
def test_without_a_folder_the_files_come_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: Source
) -> None:
    """What is downloaded: four files, each with its checksum and every mirror."""
    asked: list[tuple[list[str], str, str]] = []

    def fetch(urls: list[str], sha256: str, name: str) -> Path:
        asked.append((urls, sha256, name))
        stem = Path(name).stem
        samples = 60 if stem.startswith("train") else 20
        write(tmp_path, stem, images(samples) if "images" in stem else torch.arange(samples) % 10)
        return tmp_path / f"{stem}.gz"

    monkeypatch.setattr("toolkit.data.fetch", fetch)
    dataset: Dataset = mnist if source is MNIST else fashion_mnist
    assert len(dataset(val_size=20).test[1]) == 20
    assert [name for _, _, name in asked] == [f"{source.name}/{file}.gz" for file in (*TRAIN, *TEST)]
    for urls, sha256, name in asked:
        assert len(urls) == 2
        assert all(url.endswith(f"/{Path(name).name}") for url in urls)
        assert len(sha256) == 64
