"""CIFAR-10 and CIFAR-100 from a folder and from an archive, and what is said of files that are missing or damaged."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from toolkit_vision.cifar import CIFAR10, CIFAR100, Source, cifar10, cifar100
from toolkit_vision.splits import Splits

Dataset = Callable[..., Splits]
BOTH = [(cifar10, CIFAR10), (cifar100, CIFAR100)]


def write(folder: Path, source: Source, images: int = 200) -> None:
    """The files of a small CIFAR; image `i` of a file is filled with `i`, its channels apart by 1."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*source.train, *source.test):
        records = bytearray()
        for number in range(images):
            target = number % len(source.class_names)
            records += bytes([7, target][2 - source.label_bytes :])
            for channel in range(3):
                records += bytes([(number + channel) % 256]) * 1024
        (folder / name).write_bytes(records)


@pytest.mark.parametrize(("dataset", "source"), BOTH)
def test_a_folder_is_read(tmp_path: Path, dataset: Dataset, source: Source) -> None:
    write(tmp_path, source)
    data = dataset(root=str(tmp_path), val_size=100)
    samples = 200 * len(source.train)
    assert [len(split[1]) for split in (data.train, data.val, data.test)] == [samples - 100, 100, 200]
    images, targets = data.test
    assert images.shape == (200, 3, 32, 32)
    assert images.dtype is torch.uint8
    assert targets.dtype is torch.int64
    assert targets.tolist() == [number % len(source.class_names) for number in range(200)]
    assert images[:, :, 5, 9].tolist() == [[number, number + 1, number + 2] for number in range(200)]
    assert data.val[1].bincount().tolist() == [100 // len(source.class_names)] * len(source.class_names)
    assert dataset(root=str(tmp_path), val_size=0).val is None


@pytest.mark.parametrize(("dataset", "source"), BOTH)
def test_facts_and_stand_in(tmp_path: Path, dataset: Dataset, source: Source) -> None:
    write(tmp_path / source.folder, source)
    data = dataset(root=str(tmp_path), val_size=100)
    stand_in = dataset.stand_in(0)  # type: ignore[attr-defined]
    assert stand_in.facts == data.facts
    assert data.facts["num_classes"] == len(set(data.facts["class_names"])) == {cifar10: 10, cifar100: 100}[dataset]
    assert data.facts["class_names"] == sorted(data.facts["class_names"])
    for ours, theirs in zip(stand_in.train, data.train, strict=True):
        assert (ours.shape[1:], ours.dtype) == (theirs.shape[1:], theirs.dtype)


@pytest.mark.parametrize(("dataset", "source"), BOTH)
def test_without_a_folder_the_archive_is_downloaded_and_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dataset: Dataset, source: Source
) -> None:
    write(tmp_path / source.folder, source)
    asked = []

    def fetch(url: str, sha256: str, name: str) -> Path:
        asked.append((url, sha256, name))
        archive = tmp_path / "cache" / Path(name).name
        archive.parent.mkdir(exist_ok=True)
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(tmp_path / source.folder, source.folder)
        return archive

    monkeypatch.setattr("toolkit.data.fetch", fetch)
    assert len(dataset(val_size=100).test[1]) == 200
    [(url, sha256, name)] = asked
    assert name == f"{source.name}/{Path(url).name}"
    assert len(sha256) == 64


def test_missing_files_are_listed(tmp_path: Path) -> None:
    write(tmp_path, CIFAR10)
    (tmp_path / "data_batch_3.bin").unlink()
    (tmp_path / "test_batch.bin").unlink()
    with pytest.raises(FileNotFoundError) as error:
        cifar10(root=str(tmp_path))
    assert str(error.value) == (
        f"root='{tmp_path}' lacks data_batch_3.bin, test_batch.bin of the binary version; put them there, or "
        "leave root out to download cifar10"
    )
    with pytest.raises(FileNotFoundError, match="absent' is not a folder; leave root out to download cifar100"):
        cifar100(root=str(tmp_path / "absent"))


def test_pickles_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "cifar-10-batches-py").mkdir()
    for root in (tmp_path, tmp_path / "cifar-10-batches-py"):
        with pytest.raises(FileNotFoundError, match="whose files are pickles and can run code; put the binary version"):
            cifar10(root=str(root))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "0 bytes; a file of cifar10 is images of 3073 bytes each"),
        (bytes(3072), "3072 bytes; a file of cifar10 is images of 3073 bytes each"),
        (bytes(3073) + bytes([10]) + bytes(3072), "image 1 has the label 10; there are 0 to 9"),
    ],
)
def test_a_damaged_file_is_named_with_the_reason(tmp_path: Path, content: bytes, message: str) -> None:
    write(tmp_path, CIFAR10)
    (tmp_path / "data_batch_2.bin").write_bytes(content)
    with pytest.raises(ValueError) as error:  # its whole message is compared
        cifar10(root=str(tmp_path))
    assert str(error.value) == f"{tmp_path / 'data_batch_2.bin'}: {message}"
