"""Images in files as a map-style dataset, and how files are found in folders. Imports torch, nothing of the toolkit."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from toolkit_vision.images import SUFFIXES, UNREAD, read_image

NO_CLASS = -1
"""Target of a sample whose label is none of the classes: it cannot be read, and is a problem."""


class ImageFiles:
    """A map-style dataset of images in files, each with its class.

    A sample is `(image, target)`: uint8 `(3, height, width)`, resized and centre-cropped, and the number of a class.

    Arguments:
        paths: the files.
        targets: the class of each; `NO_CLASS` where `labels` has none for it.
        size: height and width of the images.
        labels: by index, what is said in place of a class that the sample does not have.
        unread: photographs beside them of kinds that are not decoded, for `problems`.
    """

    def __init__(
        self,
        paths: Sequence[str],
        targets: Sequence[int],
        size: tuple[int, int],
        *,
        labels: dict[int, str] | None = None,
        unread: Sequence[str] = (),
    ) -> None:
        self.paths = list(paths)
        self.targets = list(targets)
        self.size = size
        self.labels = labels or {}
        self.unread = list(unread)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """Raises ValueError, with the file's path, where the sample cannot be read."""
        path = self.paths[index]
        if self.targets[index] == NO_CLASS:
            raise ValueError(f"{path}: {self.labels[index]}")
        return read_image(path, self.size), self.targets[index]

    def take(self, indices: Sequence[int], *, unread: Sequence[str] = ()) -> ImageFiles:
        """The samples at `indices`, in that order."""
        return ImageFiles(
            [self.paths[index] for index in indices],
            [self.targets[index] for index in indices],
            self.size,
            labels={new: self.labels[old] for new, old in enumerate(indices) if old in self.labels},
            unread=unread,
        )

    def problems(self) -> Iterator[str]:
        """What is wrong with the files, one line each, the path first; reads all of them."""
        yield from problems_of(self)
        for path in self.unread:
            yield f"{path}: not read: convert it to one of {', '.join(sorted(SUFFIXES))}"


def problems_of(split: Any) -> Iterator[str]:
    """What reading says of every sample of a map-style split that cannot be read, one line each."""
    for index in range(len(split)):
        try:
            split[index]
        except ValueError as error:
            yield " ".join(str(error).split())


class Found(NamedTuple):
    """Files in a folder and the folders in it, in the order of their paths; hidden ones are left out."""

    images: list[str]
    unread: list[str]
    """Photographs of kinds that are not decoded."""


def images_in(folder: Path) -> Found:
    """The image files in a folder, also further down."""
    found = Found([], [])
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            suffix = os.path.splitext(name)[1].lower()
            if suffix in SUFFIXES | UNREAD and not name.startswith("."):
                (found.images if suffix in SUFFIXES else found.unread).append(os.path.join(place, name))
    return found


def folders_in(folder: Path) -> list[str]:
    """The names of the folders in a folder, in order, without hidden ones."""
    return sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith("."))
