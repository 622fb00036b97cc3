"""Labeled Faces in the Wild from a folder: other people in every split."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
import torch
from PIL import Image
from toolkit_vision.lfw import lfw

SIZE = [8, 8]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Twenty people with one to four images, in the folder that the archive has."""
    for number in range(20):
        folder = tmp_path / "lfw_funneled" / f"Person_{number:02d}"
        folder.mkdir(parents=True)
        for image in range(1 + number % 4):
            Image.new("RGB", (10, 10), (10 * number, 0, 0)).save(folder / f"{folder.name}_{image + 1:04d}.jpg")
    (tmp_path / "lfw_funneled" / "pairs.txt").touch()
    return tmp_path


def names(split: object) -> set[str]:
    return {Path(path).parent.name for path in split.paths}  # type: ignore[attr-defined]


def test_nobody_is_in_two_splits(root: Path) -> None:
    data = lfw(str(root), SIZE, val_share=0.2, test_share=0.4)
    train, val, test = names(data.train), names(data.val), names(data.test)
    assert (len(train), len(val), len(test)) == (6, 3, 6)
    assert len(train | val | test) == 15, "those with one image are left out"
    assert data.facts["num_identities"] == 6
    assert data.facts["image_size"] == SIZE
    assert "num_classes" not in data.facts
    for split, first in ((data.train, 0), (data.val, 6), (data.test, 9)):
        assert sorted(set(split.targets)) == list(range(first, first + len(names(split))))
        for path, target in zip(split.paths, split.targets, strict=True):
            assert data.facts["class_names"][target] == Path(path).parent.name
    image, _ = data.train[0]
    assert (image.shape, image.dtype) == ((3, 8, 8), torch.uint8)


def test_the_seed_says_who(root: Path) -> None:
    first, again, other = (names(lfw(str(root), SIZE, split_seed=seed).test) for seed in (0, 0, 1))
    assert first == again != other


def test_people_with_few_images(root: Path) -> None:
    everyone = lfw(str(root / "lfw_funneled"), SIZE, min_images=1, val_share=0, test_share=0)
    assert (len(names(everyone.train)), everyone.val, everyone.test) == (20, None, None)
    with pytest.raises(ValueError, match="min_images=5: nobody of 20 in .*lfw_funneled has as many"):
        lfw(str(root), min_images=5)
    with pytest.raises(ValueError, match="nobody of 15 is left to train on"):
        lfw(str(root), val_share=0.5, test_share=0.5)


def test_folders_that_are_absent(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent' is not a folder; leave root out to download lfw"):
        lfw(str(tmp_path / "absent"))
    with pytest.raises(FileNotFoundError, match="has no folders of images, one for every person"):
        lfw(str(tmp_path))


def test_without_a_folder_the_archive_is_downloaded(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(url: str, sha256: str, name: str) -> Path:
        assert url.startswith("https://")
        assert len(sha256) == 64
        archive = root / "cache" / Path(name).name
        archive.parent.mkdir()
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(root / "lfw_funneled", "lfw_funneled")
        return archive

    monkeypatch.setattr("toolkit.data.fetch", fetch)
    assert len(names(lfw(image_size=SIZE).train)) == 10


def test_its_stand_in_has_other_people_in_every_split() -> None:
    data = lfw.stand_in(0)  # type: ignore[attr-defined]
    people = [set(split[1].tolist()) for split in (data.train, data.val, data.test)]
    assert people[0] == set(range(data.facts["num_identities"]))
    assert not people[0] & people[1]
    assert not (people[0] | people[1]) & people[2]
    assert data.train[0].shape[1:] == (3, 112, 112)
