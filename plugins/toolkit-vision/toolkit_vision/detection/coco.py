"""Photographs with boxes in COCO's format: a JSON file and a folder of images.

Imports torch, nothing of the toolkit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from toolkit_vision.detection.annotated import (
    Annotated,
    AnnotatedImages,
    DetectionSplits,
    detection_facts,
    letterbox_reader,
    stand_in,
)
from toolkit_vision.images import checked_size

CLASSES = 80
"""Of COCO itself."""


def coco(
    root: str,
    train: str = "train2017",
    val: str | None = "val2017",
    test: str | None = None,
    image_size: Sequence[int] = (640, 640),
) -> DetectionSplits:
    """COCO 2017, or your own photographs in its format.

    The images of a split called NAME lie in `root/NAME/`; its annotations are the first of these files that is there:
    `root/annotations/instances_NAME.json`, `root/annotations/NAME.json`, `root/NAME.json`,
    `root/NAME/_annotations.coco.json`. Classes are numbered from 0 in the order of their ids in the train split. Boxes
    of crowds are neither trained on nor counted.

    A sample is a dict: `images` `(3, height, width)` uint8, scaled to fit `image_size` and padded with black on the
    right and below; `boxes` `(boxes, 4)`, x1 y1 x2 y2 in its pixels; `labels`; `crowds`. Batches fill `labels` up with
    -1.

    Facts: `num_classes`, `class_names`, `in_channels` 3, `image_size`.

    Has `coco.stand_in(seed)`, a few images of noise, 640x640 pixels, 80 classes.

    Arguments:
        root: the folder.
        train: name of the split to train on.
        val: name of the split to validate on; None for none.
        test: name of the split to test on; None for none. The published test splits have no annotations.
        image_size: height and width of a sample in pixels.

    Raises:
        FileNotFoundError: a folder or file is missing; the message names it.
        ValueError: a file of annotations cannot be read; the message begins with its path.
    """
    size = checked_size(image_size)
    folder = Path(root).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(
            f"root={str(folder)!r} is not a folder; give one that has a folder {train} and annotations"
        )
    names = {"train": train, "val": val, "test": test}
    read = {split: _read(folder, name) for split, name in names.items() if name is not None}
    categories = sorted(read["train"][1]["categories"], key=lambda category: category["id"])
    numbers = {category["id"]: number for number, category in enumerate(categories)}
    splits = {
        split: AnnotatedImages(_annotated(folder / str(names[split]), file, content, numbers), size)
        for split, (file, content) in read.items()
    }
    facts = detection_facts([str(category["name"]) for category in categories], size)
    return DetectionSplits(splits.get("train"), splits.get("val"), splits.get("test"), facts)


def _read(folder: Path, name: str) -> tuple[Path, dict[str, Any]]:
    """The file with the annotations of a split, and what it holds."""
    candidates = (
        folder / "annotations" / f"instances_{name}.json",
        folder / "annotations" / f"{name}.json",
        folder / f"{name}.json",
        folder / name / "_annotations.coco.json",
    )
    file = next((path for path in candidates if path.is_file()), None)
    if file is None:
        raise FileNotFoundError(f"root={str(folder)!r} lacks annotations/instances_{name}.json")
    if not (folder / name).is_dir():
        raise FileNotFoundError(f"root={str(folder)!r} lacks the folder {name} with the images of {file.name}")
    try:
        content = json.loads(file.read_bytes())
        missing = [key for key in ("images", "annotations", "categories") if not isinstance(content[key], list)]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{file}: no annotations in COCO's format: {error}") from error
    if missing or not content["images"] or not content["categories"]:
        raise ValueError(f"{file}: no annotations in COCO's format: it lists no images or no categories")
    return file, content


def _annotated(images: Path, file: Path, content: Mapping[str, Any], numbers: Mapping[int, int]) -> list[Annotated]:
    """The images of a split with their objects, in the file's order."""
    objects: dict[Any, list[Mapping[str, Any]]] = {}
    try:
        for each in content["annotations"]:
            objects.setdefault(each["image_id"], []).append(each)
        return [_image(images, each, objects.get(each["id"], ()), numbers) for each in content["images"]]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{file}: no annotations in COCO's format: {type(error).__name__}: {error}") from error


def _image(
    images: Path, image: Mapping[str, Any], objects: Sequence[Mapping[str, Any]], numbers: Mapping[int, int]
) -> Annotated:
    known = [each for each in objects if each["category_id"] in numbers]
    strange = sorted({each["category_id"] for each in objects} - set(numbers))
    boxes = []
    for each in known:
        left, top, width, height = map(float, each["bbox"])
        boxes.append([left, top, left + width, top + height])
    return Annotated(
        path=str(images / image["file_name"]),
        boxes=boxes,
        labels=[numbers[each["category_id"]] for each in known],
        crowds=[bool(each.get("iscrowd", 0)) for each in known],
        size=(int(image["height"]), int(image["width"])),
        wrong=[f"an object has the category {number}, which the train split does not list" for number in strange],
    )


# Attributes of the function: the toolkit looks for them on whatever a recipe names as its dataset.
coco.stand_in = lambda seed: stand_in([str(number) for number in range(CLASSES)], (640, 640), seed)  # type: ignore[attr-defined]
coco.reader = letterbox_reader  # type: ignore[attr-defined]
