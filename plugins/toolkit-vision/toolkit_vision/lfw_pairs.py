"""The pairs of Labeled Faces in the Wild, as its protocol has them; from a folder or downloaded.

Imports torch. The toolkit's downloader is imported when something has to be downloaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from toolkit_vision.image_files import ImageFiles
from toolkit_vision.images import checked_size
from toolkit_vision.lfw import downloaded, facts_of, local, people_in
from toolkit_vision.reader import ImageReader
from toolkit_vision.splits import Splits, Tensors, noise

FILE = "pairs.txt"
URL = "https://ndownloader.figshare.com/files/5976006"
"""At the mirror that scikit-learn keeps, as the images."""
SHA256 = "ea42330c62c92989f9d7c03237ed5d591365e89b3e649747777b70e692dc1592"


class Pair(NamedTuple):
    """Two images, by person and number."""

    first: tuple[str, int]
    second: tuple[str, int]

    @property
    def same(self) -> bool:
        return self.first[0] == self.second[0]


def lfw_pairs(
    root: str | None = None,
    image_size: Sequence[int] = (112, 112),
    fold: int | None = 1,
    min_images: int = 2,
) -> Splits:
    """The 6000 pairs of Labeled Faces in the Wild (Huang et al., 2007, "View 2"), for results that can be compared.

    They lie in ten folds of 600, and nobody is in two folds. With `fold` the pairs of that fold test, those of the next
    one (after the last the first) validate, and training is on the people who are in neither: the setting
    "unrestricted, no outside data", whose result is the mean over ten runs. With `fold: null` all pairs test, and there
    is nothing to train on: the setting "labeled outside data", for a network that was trained on other people's faces
    (`toolkit test RUN dataset=lfw_pairs dataset.fold=null`).

    A sample is an image `(3, height, width)` uint8, scaled to cover `image_size` and centre-cropped. Its target is in
    `train` the person's number, in `val` and `test` what the metric `pair_accuracy` takes: -1 - 2 * the pair's number,
    and one less where both images of the pair show one person.

    Facts: `num_identities`, the people of train (without `fold` there are none, and no such fact); `class_names`, their
    names; `in_channels` 3, `image_size`.

    Has `lfw_pairs.stand_in(seed)`, a few samples of noise, 112x112 pixels.

    Arguments:
        root: folder with a folder of images for every person, or with `lfw_funneled`, `lfw-deepfunneled` or `lfw`; and
            `pairs.txt` in either. Both are downloaded (243 MB) when None.
        image_size: height and width of the images in pixels.
        fold: which one tests, from 1; None for all of them.
        min_images: people with fewer images are not trained on.

    Raises:
        FileNotFoundError: `root` is not a folder, or lacks images or `pairs.txt`.
        ValueError: `pairs.txt` is not as published (the message begins with file and line), or has no such fold.
    """
    size = checked_size(image_size)
    folder, file = _places(root)
    folds = _read(file)
    if fold is None:
        everything = [pair for pairs in folds for pair in pairs]
        facts = facts_of([], 0, size)
        del facts["num_identities"], facts["class_names"]
        return Splits(None, None, _images(everything, folder, size), facts)
    if not 1 <= fold <= len(folds):
        raise ValueError(f"fold={fold}: {file} has the folds 1 to {len(folds)}; null for all of them")
    test, val = folds[fold - 1], folds[fold % len(folds)]
    known = {name for pair in (*test, *val) for name, _ in pair}
    people = {name: paths for name, paths in people_in(folder, min_images).items() if name not in known}
    if not people:
        raise ValueError(
            f"fold={fold}: everybody in {folder} is in its pairs or the next fold's, nobody is left to train"
        )
    samples = [(path, number) for number, paths in enumerate(people.values()) for path in paths]
    train = ImageFiles([path for path, _ in samples], [number for _, number in samples], size)
    facts = facts_of(list(people), len(people), size)
    return Splits(train, _images(val, folder, size), _images(test, folder, size), facts)


def _places(root: str | None) -> tuple[Path, Path]:
    """The folder of the people's folders, and the list of pairs."""
    if root is None:
        from toolkit.data import fetch

        return downloaded(), fetch(URL, SHA256, f"lfw/{FILE}")
    above = Path(root).expanduser()
    folder = local(above)
    file = next((place / FILE for place in (folder, above) if (place / FILE).is_file()), None)
    if file is None:
        raise FileNotFoundError(
            f"root={str(above)!r} lacks {FILE}; put it there, or leave root out to download lfw_pairs"
        )
    return folder, file


def _read(file: Path) -> list[list[Pair]]:
    """The pairs by fold, in each those of one person and those of two people by turns."""
    rows = [line.split() for line in file.read_text(encoding="utf-8").splitlines()]
    wrong = f"{file}:1: begins with the number of folds and of pairs in half a fold, two numbers"
    if not rows or len(rows[0]) != 2 or not all(text.isdecimal() for text in rows[0]):
        raise ValueError(wrong)
    count, half = (int(text) for text in rows[0])
    if count < 1 or half < 1:
        raise ValueError(wrong)
    if len(rows) != 1 + 2 * count * half:
        raise ValueError(f"{file}:1: announces {2 * count * half} pairs, but the file has {len(rows) - 1}")
    pairs = [_pair(row, f"{file}:{line}", line) for line, row in enumerate(rows[1:], start=2)]
    folds = []
    for begin in range(0, len(pairs), 2 * half):
        same, others = pairs[begin : begin + half], pairs[begin + half : begin + 2 * half]
        if not all(pair.same for pair in same) or any(pair.same for pair in others):
            raise ValueError(f"{file}:{begin + 2}: a fold has {half} pairs of one person, then {half} of two people")
        folds.append([pair for two in zip(same, others, strict=True) for pair in two])
    return folds


def _pair(row: Sequence[str], place: str, line: int) -> Pair:
    if len(row) == 3 and row[1].isdecimal() and row[2].isdecimal():
        return Pair((row[0], int(row[1])), (row[0], int(row[2])))
    if len(row) == 4 and row[1].isdecimal() and row[3].isdecimal():
        return Pair((row[0], int(row[1])), (row[2], int(row[3])))
    raise ValueError(f"{place}: no pair: a name and two numbers, or a name and a number twice: {' '.join(row)!r}")


def _images(pairs: Sequence[Pair], folder: Path, size: tuple[int, int]) -> ImageFiles:
    listed = [(side, -1 - 2 * number - pair.same) for number, pair in enumerate(pairs) for side in pair]
    paths = [str(folder / name / f"{name}_{number:04d}.jpg") for (name, number), _ in listed]
    return ImageFiles(paths, [target for _, target in listed], size)


def _stand_in(seed: int) -> Splits:
    generator = torch.Generator().manual_seed(seed)

    def samples(targets: list[int]) -> Tensors:
        images, _ = noise(len(targets), (112, 112), 3, 1, generator)
        return images, torch.tensor(targets)

    pairs = [-1 - 2 * number - number % 2 for number in range(20) for _ in range(2)]
    people = [number for number in range(12) for _ in range(4)]
    facts = facts_of([f"Person {number}" for number in range(12)], 12, (112, 112))
    return Splits(samples(people), samples(pairs), samples(pairs), facts)


# Attributes of the function: the toolkit looks for `stand_in` and `reader` on whatever a recipe names as its dataset.
lfw_pairs.stand_in = _stand_in  # type: ignore[attr-defined]
lfw_pairs.reader = ImageReader  # type: ignore[attr-defined]
