"""A folder of images, with a folder for every class. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from toolkit_vision.image_files import NO_CLASS, ImageFiles, folders_in, images_in
from toolkit_vision.images import SUFFIXES, checked_size
from toolkit_vision.reader import ImageReader
from toolkit_vision.splits import Splits, image_facts, share_of, stand_in, stratified

SPLITS = ("train", "val", "test")


def image_folder(
    root: str,
    image_size: Sequence[int] = (224, 224),
    val_share: float = 0.1,
    test_share: float = 0.1,
    split_seed: int = 0,
) -> Splits:
    """Your own images, sorted into folders, one for every class.

    `root` holds `train`, and `val` and `test` if there are such splits, each with a folder for every class; or it holds
    the folders of the classes itself, and validation and test images are cut from them, of every class the same share.
    From a `train` without a `val` beside it only the validation images are cut. Classes are numbered in the order of
    their names. Images may lie in folders further down. What is hidden (its name begins with a dot) is not looked at.

    A sample is an image `(3, height, width)` uint8, upright as its EXIF data says, scaled to cover `image_size` and
    centre-cropped, with the number of its class. JPEG, PNG, BMP, GIF, WebP, TIFF and PPM are read.

    Facts: `task` multiclass, `num_classes`, `class_names` (the folders' names), `in_channels` 3, `image_size`.

    Has `image_folder.stand_in(seed)`, a few samples of noise of three classes, 224x224 pixels.

    Arguments:
        root: the folder.
        image_size: height and width of the images in pixels.
        val_share: of the images, which share to validate on, where there is no `val`; 0 for no validation split.
        test_share: which share to test on, where there is no `train`; 0 for no test split.
        split_seed: which ones.

    Raises:
        FileNotFoundError: `root` is not a folder.
        ValueError: there are no classes, one has no images, or the splits' classes differ. The message names the
            folder.
    """
    size = checked_size(image_size)
    folder = Path(root).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"root={str(folder)!r} is not a folder; give one that has a folder for every class")
    inside = folders_in(folder)
    splits = [name for name in SPLITS if name in inside]
    if "train" in splits:
        class_names = classes_in(folder / "train")
        parts = {name: split_in(folder / name, class_names, size, whole=name == "train") for name in splits}
        train, val = with_validation(parts["train"], parts.get("val"), val_share, split_seed)
        test = parts.get("test")
    elif splits:
        raise ValueError(f"{folder}: has {' and '.join(splits)} but no train")
    else:
        class_names = classes_in(folder)
        everything = split_in(folder, class_names, size, whole=True)
        train, val, test = divided(everything, val_share, test_share, split_seed)
    return Splits(train, val, test, image_facts(class_names, size))


def classes_in(folder: Path) -> list[str]:
    """The classes that a folder has folders of.

    Raises:
        ValueError: there are none.
    """
    class_names = folders_in(folder)
    if not class_names:
        images = len(images_in(folder).images)
        beside = f", but {images} images that are in none" if images else ""
        raise ValueError(f"{folder}: has no folders, one for each class{beside}")
    return class_names


def split_in(folder: Path, class_names: Sequence[str], size: tuple[int, int], *, whole: bool) -> ImageFiles:
    """The images in a folder of classes.

    Arguments:
        folder: with a folder for every class.
        class_names: the classes that there are.
        size: height and width of the images.
        whole: whether there must be images of every class.

    Raises:
        ValueError: it has a folder of another class, or no images of one that it must have.
    """
    strange = [name for name in folders_in(folder) if name not in class_names]
    if strange:
        raise ValueError(f"{folder / strange[0]}: there is no such class in {folder.parent / 'train'}")
    paths, targets, unread = list[str](), list[int](), list[str]()
    empty = []
    for target, name in enumerate(class_names):
        found = images_in(folder / name)
        paths += found.images
        targets += [target] * len(found.images)
        unread += found.unread
        if not found.images:
            others = f" that can be read, such as {found.unread[0]} cannot" if found.unread else ""
            empty.append(f"{folder / name}: no images of this class{others}")
    if empty and (whole or not paths):
        known = ", ".join(sorted(SUFFIXES))
        raise ValueError("\n".join(empty) + f"\nremove the folder, or put images there that end in {known}")
    return ImageFiles(paths, targets, size, unread=unread)


class Cut(NamedTuple):
    """What is left of a split, and what was cut off."""

    rest: ImageFiles
    cut: ImageFiles | None


class Divided(NamedTuple):
    """Images in three splits."""

    train: ImageFiles
    val: ImageFiles | None
    test: ImageFiles | None


def divided(files: ImageFiles, val_share: float, test_share: float, seed: int) -> Divided:
    """Cut validation and test images off, of every class the same share; samples without a class stay in train.

    Arguments:
        files: all images.
        val_share: of all images, which share to validate on.
        test_share: which share to test on.
        seed: which ones.

    Raises:
        ValueError: a share is none, or they leave nothing to train on.
    """
    samples = sum(target != NO_CLASS for target in files.targets)
    test_size = share_of(samples, test_share, "test_share")
    val_size = share_of(samples, val_share, "val_share")
    if test_size + val_size and test_size + val_size >= samples:
        raise ValueError(
            f"val_share={val_share}, test_share={test_share}: of {samples} images none is left to train on"
        )
    rest, test = _cut(files, test_size, seed)
    train, val = _cut(rest, val_size, seed)
    return Divided(train, val, test)


def with_validation(train: ImageFiles, val: ImageFiles | None, val_share: float, seed: int) -> Cut:
    """The training and validation images; these are a share of the training images where there are no others."""
    if val is not None:
        return Cut(train, val)
    rest, cut, _ = divided(train, val_share, 0, seed)
    return Cut(rest, cut)


def _cut(files: ImageFiles, size: int, seed: int) -> Cut:
    if not size:
        return Cut(files, None)
    usable = torch.tensor([index for index, target in enumerate(files.targets) if target != NO_CLASS])
    _, cut = stratified(torch.tensor(files.targets)[usable], size, seed)
    chosen = usable[cut].tolist()
    taken = set(chosen)
    rest = [index for index in range(len(files)) if index not in taken]
    return Cut(files.take(rest, unread=files.unread), files.take(chosen))


def _stand_in(seed: int) -> Splits:
    facts: dict[str, Any] = image_facts(["first", "second", "third"], (224, 224))
    return stand_in(facts, seed)


# Attributes of the function: the toolkit looks for `stand_in` and `reader` on whatever a recipe names as its dataset.
image_folder.stand_in = _stand_in  # type: ignore[attr-defined]
image_folder.reader = ImageReader  # type: ignore[attr-defined]
