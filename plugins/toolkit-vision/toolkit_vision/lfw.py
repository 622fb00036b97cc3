"""Labeled Faces in the Wild, with other people in every split; from a folder or downloaded.

Imports torch. The toolkit's downloader is imported when something has to be downloaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from toolkit_vision.image_files import ImageFiles, folders_in, images_in
from toolkit_vision.images import checked_size
from toolkit_vision.reader import ImageReader
from toolkit_vision.splits import Splits, Tensors, noise, share_of

URL = "https://ndownloader.figshare.com/files/5976015"
"""lfw-funneled.tgz, at the mirror that scikit-learn keeps; its first home is no more."""
SHA256 = "b47c8422c8cded889dc5a13418c4bc2abbda121092b3533a83306f90d900100a"
FOLDERS = ("lfw_funneled", "lfw-deepfunneled", "lfw")
"""In the archives that there are."""


def lfw(
    root: str | None = None,
    image_size: Sequence[int] = (112, 112),
    min_images: int = 2,
    val_share: float = 0.1,
    test_share: float = 0.2,
    split_seed: int = 0,
) -> Splits:
    """Labeled Faces in the Wild (Huang et al., 2007): 13,233 photographs of the faces of 5749 people, for recognition.

    Nobody is in two splits: people are drawn, and all of somebody's images are in one. This is not the published
    protocol of ten folds of pairs, which `lfw_pairs` has: results with it cannot be compared with those of others, nor
    among `split_seed`s.

    A sample is an image `(3, height, width)` uint8, scaled to cover `image_size` and centre-cropped, with its identity:
    people are numbered through train, val and test, so that those of train are 0 to `num_identities` - 1.

    Facts: `num_identities`, the people of train; `class_names`, everybody's names in the order of their numbers;
    `in_channels` 3, `image_size`.

    Has `lfw.stand_in(seed)`, a few samples of noise of 20 people, 112x112 pixels.

    Arguments:
        root: folder with a folder of images for every person, or with `lfw_funneled`, `lfw-deepfunneled` or `lfw`;
            downloaded (243 MB, the funneled images of 250x250 pixels) when None.
        image_size: height and width of the images in pixels.
        min_images: people with fewer images are left out; 4069 of the 5749 have one.
        val_share: of the people, which share to validate on; 0 for no validation split.
        test_share: which share to test on; 0 for no test split.
        split_seed: who.

    Raises:
        FileNotFoundError: `root` is not a folder, or holds no images of anybody.
        ValueError: the shares leave nobody to train on.
    """
    size = checked_size(image_size)
    people = people_in(downloaded() if root is None else local(Path(root).expanduser()), min_images)
    names = list(people)
    order = torch.randperm(len(names), generator=torch.Generator().manual_seed(split_seed)).tolist()
    test_size = share_of(len(names), test_share, "test_share")
    val_size = share_of(len(names), val_share, "val_share")
    if test_size + val_size >= len(names):
        raise ValueError(f"val_share={val_share}, test_share={test_share}: nobody of {len(names)} is left to train on")
    test = sorted(order[:test_size])
    val = sorted(order[test_size : test_size + val_size])
    train = sorted(order[test_size + val_size :])
    everyone = [names[number] for number in (*train, *val, *test)]

    def of(first: int, count: int) -> ImageFiles | None:
        chosen = [(path, first + place) for place in range(count) for path in people[everyone[first + place]]]
        return ImageFiles([path for path, _ in chosen], [target for _, target in chosen], size) if chosen else None

    splits = of(0, len(train)), of(len(train), len(val)), of(len(train) + len(val), len(test))
    return Splits(*splits, facts=facts_of(everyone, len(train), size))


def people_in(folder: Path, min_images: int) -> dict[str, list[str]]:
    """The paths of the images of everybody who has enough, by name.

    Raises:
        FileNotFoundError: there are no folders of images.
        ValueError: nobody has enough.
    """
    found = {name: images_in(folder / name).images for name in folders_in(folder)}
    if not any(found.values()):
        raise FileNotFoundError(
            f"root={str(folder)!r} has no folders of images, one for every person; put what lfw-funneled.tgz holds "
            "there, or leave root out to download lfw"
        )
    people = {name: paths for name, paths in found.items() if len(paths) >= max(1, min_images)}
    if not people:
        raise ValueError(f"min_images={min_images}: nobody of {len(found)} in {folder} has as many")
    return people


def downloaded() -> Path:
    """The folder with a folder for everybody, out of the archive in the cache."""
    from toolkit.data import fetch, unpack

    archive = fetch(URL, SHA256, "lfw/lfw-funneled.tgz")
    return unpack(archive, archive.with_name("unpacked")) / FOLDERS[0]


def local(root: Path) -> Path:
    """The folder with a folder for everybody, in a folder that a recipe names.

    Raises:
        FileNotFoundError: `root` is not a folder.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"root={str(root)!r} is not a folder; leave root out to download lfw")
    return next((root / name for name in FOLDERS if (root / name).is_dir()), root)


def facts_of(everyone: Sequence[str], in_train: int, size: Sequence[int]) -> dict[str, Any]:
    """The facts of a dataset with these people, of whom so many are trained on."""
    return {
        "num_identities": in_train,
        "class_names": list(everyone),
        "in_channels": 3,
        "image_size": list(size),
    }


def _stand_in(seed: int) -> Splits:
    generator = torch.Generator().manual_seed(seed)

    def samples(people: range, each: int) -> Tensors:
        images, _ = noise(len(people) * each, (112, 112), 3, 1, generator)
        return images, torch.tensor(people).repeat(each)

    everyone = [f"Person {number}" for number in range(20)]
    splits = samples(range(12), 4), samples(range(12, 16), 4), samples(range(16, 20), 4)
    return Splits(*splits, facts=facts_of(everyone, 12, (112, 112)))


# Attributes of the function: the toolkit looks for `stand_in` and `reader` on whatever a recipe names as its dataset.
lfw.stand_in = _stand_in  # type: ignore[attr-defined]
lfw.reader = ImageReader  # type: ignore[attr-defined]
