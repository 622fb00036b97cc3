"""Photographs with boxes as a map-style dataset, letterboxed to one size. Imports Pillow and torch, no toolkit."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import torch
from PIL import Image
from torch import Tensor

from toolkit_vision.images import SUFFIXES, checked_size, opened, read_bytes, rgb, to_tensor

NO_BOX = -1
"""Label of a place in a batch's `boxes` that holds none."""
BESIDE = 1.0
"""So many pixels a box may reach out of its image: annotators and formats round differently."""
VISIBLE = 0.5
"""A box of which less than this share lies in a tile does not count there."""
DECODED = 4
"""Images that stay decoded while tiles are cut from them."""

Window = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels of an image."""


RowChange = Callable[[dict[str, Any]], dict[str, Any]]
"""What `toolkit predict` does to a row, so that it speaks of the file."""


@dataclass(frozen=True)
class Annotated:
    """An image file and what is said to be on it."""

    path: str
    boxes: Sequence[Sequence[float]]
    """x1 y1 x2 y2 in pixels, one for each object."""
    labels: Sequence[int]
    """Their classes."""
    crowds: Sequence[bool]
    """Which of them are neither trained on nor counted."""
    size: tuple[int, int] | None = None
    """Height and width, where the annotation states them."""
    wrong: Sequence[str] = ()
    """What is wrong with the annotation itself."""


@dataclass(frozen=True)
class DetectionSplits:
    """Splits in the shape that the toolkit asks for."""

    train: AnnotatedImages | None
    val: AnnotatedImages | None
    test: AnnotatedImages | None
    facts: Mapping[str, Any]

    @staticmethod
    def collate(samples: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """A batch, in which the lists of boxes are filled up to the longest."""
        return padded(samples)


class AnnotatedImages:
    """A map-style dataset of images with boxes.

    A sample is a dict: `images` `(3, height, width)` uint8, `boxes` `(boxes, 4)` float32, `labels` `(boxes,)` int64,
    and `crowds` `(boxes,)` bool.

    Arguments:
        annotated: the images.
        size: height and width of a sample: an image is scaled to fit, and padded with black on the right and below.
        tile: cut images into squares of so many pixels first, each a sample of its own; they cover the image, and
            overlap where its sides are no multiples. A box counts in a tile when at least half of it is there.
    """

    def __init__(self, annotated: Sequence[Annotated], size: tuple[int, int], tile: int | None = None) -> None:
        self.annotated = list(annotated)
        self.size = size
        self.places: list[tuple[int, Window | None]] = [(index, None) for index in range(len(self.annotated))]
        if tile is not None:
            self.places = [
                (index, window)
                for index, each in enumerate(self.annotated)
                for window in tiles(each.size or _opened(each.path).size[::-1], tile)
            ]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """Raises ValueError, with the file's path, where the sample cannot be read."""
        number, window = self.places[index]
        each = self.annotated[number]
        image = _opened(each.path) if window is None else _decoded(each.path)
        for wrong in _wrong(each, image.height, image.width):
            raise ValueError(f"{each.path}: {wrong}")
        boxes = torch.tensor(each.boxes, dtype=torch.float32).reshape(-1, 4)
        crowds = torch.tensor(each.crowds, dtype=torch.bool)
        labels = torch.tensor(each.labels, dtype=torch.int64)
        if window is not None:
            image = image.crop(window)
            boxes, crowds = boxes - torch.tensor(window[:2] * 2), crowds.clone()
        clipped = torch.minimum(boxes.clamp_min(0), torch.tensor([image.width, image.height] * 2))
        share = _areas(clipped) / _areas(boxes)
        crowds |= share < VISIBLE
        inside = share > 0
        pixels, scale = letterboxed(image, self.size)
        return {
            "images": pixels,
            "boxes": clipped[inside] * scale,
            "labels": labels[inside],
            "crowds": crowds[inside],
        }

    def problems(self) -> Iterator[str]:
        """What is wrong with the files, one line each, the path first; reads all of them."""
        for each in self.annotated:
            try:
                image = _opened(each.path)
            except ValueError as error:
                yield " ".join(str(error).split())
                continue
            yield from (f"{each.path}: {wrong}" for wrong in _wrong(each, image.height, image.width))
            if not each.boxes and not each.wrong:
                yield f"{each.path}: the annotation is empty, it has no box"


def padded(samples: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """A batch of samples of `AnnotatedImages`, in which the lists of boxes are filled up to the longest."""
    most = max(1, *(len(sample["labels"]) for sample in samples))
    batch = {
        "images": torch.stack([sample["images"] for sample in samples]),
        "boxes": torch.zeros(len(samples), most, 4),
        "labels": torch.full((len(samples), most), NO_BOX),
        "crowds": torch.zeros(len(samples), most, dtype=torch.bool),
    }
    for row, sample in enumerate(samples):
        for name in ("boxes", "labels", "crowds"):
            batch[name][row, : len(sample[name])] = sample[name]
    return batch


def letterboxed(image: Image.Image, size: tuple[int, int]) -> tuple[Tensor, float]:
    """An image scaled to fit `size`, height and width, black on the right and below: uint8 `(3, height, width)`.

    Returns:
        It, and by how much it was scaled.
    """
    height, width = size
    scale = min(height / image.height, width / image.width)
    inner = (max(1, min(width, round(image.width * scale))), max(1, min(height, round(image.height * scale))))
    if inner != image.size:
        image = image.resize(inner, Image.Resampling.BILINEAR)
    pixels = torch.zeros(3, height, width, dtype=torch.uint8)
    pixels[:, : inner[1], : inner[0]] = to_tensor(image)
    return pixels, scale


def tiles(size: tuple[int, int], side: int) -> list[Window]:
    """The squares that an image of `size`, height and width, is cut into, row by row."""
    (tops, height), (lefts, width) = ((_starts(length, side), min(side, length)) for length in size)
    return [(left, top, left + width, top + height) for top in tops for left in lefts]


class LetterboxReader:
    """An image is one sample: uint8 `(3, height, width)`, letterboxed as the images of the dataset are.

    Boxes that are found in it are told in the pixels of the file, which is not turned as its EXIF data says.

    Arguments:
        size: height and width.
    """

    suffixes = SUFFIXES

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size

    def read(self, name: str, stream: BinaryIO) -> Iterator[tuple[str, Tensor, RowChange]]:
        """Raises ValueError where it is no whole image."""
        image = rgb(opened(stream.read(), upright=False))
        pixels, scale = letterboxed(image, self.size)
        yield name, pixels, functools.partial(_in_pixels_of, image.size, scale)


def _in_pixels_of(size: tuple[int, int], scale: float, row: dict[str, Any]) -> dict[str, Any]:
    """A row whose boxes lie in the letterboxed image, with boxes in the image itself, of that width and height.

    Rows of another task than `detection`, which may have no such boxes, stay as they are.
    """
    if "objects" not in row:
        return row
    return {
        **row,
        "objects": [
            {
                **each,
                "box": [
                    round(min(max(side / scale, 0.0), most), 1)
                    for side, most in zip(each["box"], size * 2, strict=True)
                ],
            }
            for each in row["objects"]
        ],
    }


def letterbox_reader(facts: Mapping[str, Any]) -> LetterboxReader:
    """The reader for a dataset with the fact `image_size`."""
    return LetterboxReader(checked_size(facts["image_size"]))


def detection_facts(class_names: Sequence[str], size: tuple[int, int]) -> dict[str, Any]:
    """What a dataset of photographs with boxes knows about itself."""
    return {
        "num_classes": len(class_names),
        "class_names": list(class_names),
        "in_channels": 3,
        "image_size": list(size),
    }


def stand_in(class_names: Sequence[str], size: tuple[int, int], seed: int) -> Any:
    """A few images of noise, each with a box, in place of a dataset that is not there."""
    generator = torch.Generator().manual_seed(seed)
    height, width = size

    def samples(count: int) -> dict[str, Tensor]:
        corner = torch.rand(count, 1, 2, generator=generator) * torch.tensor([width / 2, height / 2])
        return {
            "images": torch.randint(0, 256, (count, 3, height, width), dtype=torch.uint8, generator=generator),
            "boxes": torch.cat((corner, corner + torch.tensor([width / 3, height / 3])), dim=2),
            "labels": torch.randint(0, len(class_names), (count, 1), generator=generator),
            "crowds": torch.zeros(count, 1, dtype=torch.bool),
        }

    return _StandIn(samples(4), samples(2), samples(2), detection_facts(class_names, size))


@dataclass(frozen=True)
class _StandIn:
    train: dict[str, Tensor]
    val: dict[str, Tensor]
    test: dict[str, Tensor]
    facts: Mapping[str, Any]


def _wrong(each: Annotated, height: int, width: int) -> Iterator[str]:
    yield from each.wrong
    if each.size is not None and each.size != (height, width):
        yield f"the image is {height}x{width}, its annotation says {each.size[0]}x{each.size[1]}"
        return
    for box in each.boxes:
        x1, y1, x2, y2 = box
        shown = "[" + ", ".join(f"{side:g}" for side in box) + "]"
        if not (x1 < x2 and y1 < y2):
            yield f"the box {shown} (x1, y1, x2, y2) is empty"
        elif min(x1, y1) < -BESIDE or x2 > width + BESIDE or y2 > height + BESIDE:
            yield f"the box {shown} (x1, y1, x2, y2) reaches out of the image of {height}x{width}"


def _areas(boxes: Tensor) -> Tensor:
    return (boxes[:, 2:] - boxes[:, :2]).clamp_min(0).prod(1)


def _starts(length: int, side: int) -> list[int]:
    """Where tiles of one side begin: as few as cover the length, at equal distances."""
    count = math.ceil(length / side)
    return [round(number * (length - side) / (count - 1)) for number in range(count)] if count > 1 else [0]


def _opened(path: str) -> Image.Image:
    """The picture in a file in RGB, in the pixels that annotations count: not turned as its EXIF data says."""
    content = read_bytes(path)
    try:
        return rgb(opened(content, upright=False))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


_decoded = functools.lru_cache(maxsize=DECODED)(_opened)
