"""Oxford Pets from a folder: breeds, species, masks, its own division, and bad files."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
import torch
from PIL import Image
from toolkit_vision.oxford_pets import BREEDS, oxford_pet_masks, oxford_pets

SIZE = [16, 16]
CATS = {"Abyssinian", "Bengal", "Birman"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three breeds with ten images to train on and four to test, 24x36 pixels; the left half of each is the pet."""
    (tmp_path / "images").mkdir()
    (tmp_path / "annotations" / "trimaps").mkdir(parents=True)
    trimap = Image.new("L", (36, 24), 2)
    trimap.paste(1, (0, 0, 18, 24))
    trimap.paste(3, (16, 0, 20, 24))
    for split, numbers in {"trainval": range(1, 11), "test": range(11, 15)}.items():
        lines = []
        for breed in ("Abyssinian", "beagle", "Bengal"):
            target = [name.lower() for name in BREEDS].index(breed.lower()) + 1
            for number in numbers:
                Image.new("RGB", (36, 24), (target, 0, 0)).save(tmp_path / "images" / f"{breed}_{number}.jpg")
                trimap.save(tmp_path / "annotations" / "trimaps" / f"{breed}_{number}.png")
                lines.append(f"{breed}_{number} {target} {1 if breed in CATS else 2} 1")
        (tmp_path / "annotations" / f"{split}.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_breeds(root: Path) -> None:
    data = oxford_pets(str(root), image_size=SIZE, val_share=0.2)
    assert [len(split) for split in (data.train, data.val, data.test)] == [24, 6, 12]
    assert sorted(data.val.targets) == [0, 0, 4, 4, 5, 5]
    assert {Path(path).name for path in data.test.paths} == {
        f"{breed}_{number}.jpg" for breed in ("Abyssinian", "beagle", "Bengal") for number in range(11, 15)
    }
    image, target = data.test[0]
    assert (image.shape, image.dtype, target) == ((3, 16, 16), torch.uint8, 0)
    assert data.facts["class_names"] == list(BREEDS)
    assert len(BREEDS) == data.facts["num_classes"] == 37


def test_species(root: Path) -> None:
    data = oxford_pets(str(root), target="species", image_size=SIZE)
    assert data.facts["class_names"] == ["cat", "dog"]
    assert all(
        (target == 1) == ("beagle" in path) for path, target in zip(data.train.paths, data.train.targets, strict=True)
    )


def test_masks_are_cut_like_their_images(root: Path) -> None:
    data = oxford_pet_masks(str(root), image_size=SIZE, val_share=0.2)
    assert [len(split) for split in (data.train, data.val, data.test)] == [24, 6, 12]
    image, mask = data.train[0]
    assert image.shape == (3, 16, 16)
    assert mask.shape == (16, 16)
    assert mask.dtype is torch.uint8
    # 24 of 36 columns are left, at 2/3 of their size; the border's four columns are around the middle.
    assert mask[0].tolist() == [1] * 7 + [255] * 2 + [0] * 7
    assert data.facts["class_names"] == ["background", "pet"]
    classes = oxford_pets(str(root), image_size=SIZE, val_share=0.2)
    assert [path for path, _ in data.val.paths] == classes.val.paths


def test_bad_files_are_problems(root: Path) -> None:
    trimaps = root / "annotations" / "trimaps"
    Image.new("L", (24, 36), 1).save(trimaps / "Abyssinian_1.png")
    Image.new("L", (36, 24), 7).save(trimaps / "Abyssinian_2.png")
    Image.new("RGB", (36, 24)).save(trimaps / "Abyssinian_3.png")
    (trimaps / "Abyssinian_4.png").unlink()
    (root / "images" / "beagle_1.jpg").write_bytes(b"")
    data = oxford_pet_masks(str(root), image_size=SIZE, val_share=0)
    assert list(data.train.problems()) == [
        f"{trimaps}/Abyssinian_1.png: a mask of 36x24 for an image of 24x36",
        f"{trimaps}/Abyssinian_2.png: holds the value 7; a trimap has 1, 2 and 3",
        f"{trimaps}/Abyssinian_3.png: no mask: an image of mode RGB, not of one channel",
        f"{trimaps}/Abyssinian_4.png: No such file or directory",
        f"{root}/images/beagle_1.jpg: not an image that can be read (0 bytes)",
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("beagle_1 5", "not a name and three numbers: 'beagle_1 5'"),
        ("beagle_1 38 2 1", "breed 38 and species 2; there are 1 to 37, and 1 and 2"),
    ],
)
def test_a_damaged_list_is_named(root: Path, line: str, message: str) -> None:
    path = root / "annotations" / "trainval.txt"
    path.write_text(f"# a comment\n{line}\n")
    with pytest.raises(ValueError) as error:  # its whole message is compared
        oxford_pets(str(root))
    assert str(error.value) == f"{path}:2: {message}"


def test_missing_files_are_listed(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match="lacks images, annotations/trainval.txt, annotations/test.txt; put there"
    ):
        oxford_pets(str(tmp_path))


def test_without_a_folder_the_archives_are_downloaded(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def fetch(urls: list[str], sha256: str, name: str) -> Path:
        asked.append(name)
        assert all(url.startswith("https://") and url.endswith(Path(name).name) for url in urls)
        assert len(sha256) == 64
        archive = root / "cache" / Path(name).name
        archive.parent.mkdir(exist_ok=True)
        inside = archive.name.removesuffix(".tar.gz")
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(root / inside, inside)
        return archive

    monkeypatch.setattr("toolkit.data.fetch", fetch)
    assert len(oxford_pet_masks(image_size=SIZE).test[0]) == 2
    assert asked == ["oxford_pets/images.tar.gz", "oxford_pets/annotations.tar.gz"]


def test_stand_ins() -> None:
    images, targets = oxford_pets.stand_in(0).train  # type: ignore[attr-defined]
    assert (images.shape[1:], targets.dim()) == ((3, 224, 224), 1)
    data = oxford_pet_masks.stand_in(0)  # type: ignore[attr-defined]
    assert data.train[1].shape == (8, 224, 224)
    assert data.facts["num_classes"] == 2
