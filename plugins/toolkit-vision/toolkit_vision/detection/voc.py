"""Photographs with boxes in Pascal VOC's format: an XML file for each image. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

from toolkit_vision.detection.annotated import (
    Annotated,
    AnnotatedImages,
    DetectionSplits,
    detection_facts,
    letterbox_reader,
    stand_in,
)
from toolkit_vision.images import SUFFIXES, checked_size

CLASSES = (
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)
"""Of Pascal VOC itself."""


def voc(
    root: str,
    train: str | list[str] = "train",
    val: str | list[str] | None = "val",
    test: str | list[str] | None = None,
    class_names: list[str] | None = None,
    renamed: dict[str, str] | None = None,
    image_size: Sequence[int] = (512, 512),
    tile: int | None = None,
) -> DetectionSplits:
    """Pascal VOC, or your own photographs in its format.

    `root` is a folder such as `VOCdevkit/VOC2012`, with `Annotations`, `JPEGImages` and `ImageSets/Main`; images and
    XML files may also lie in `root` itself. An image belongs to the XML file of its name, whatever its suffix. Objects
    marked as difficult are neither trained on nor counted.

    A sample is a dict: `images` `(3, height, width)` uint8, scaled to fit `image_size` and padded with black on the
    right and below; `boxes` `(boxes, 4)`, x1 y1 x2 y2 in its pixels; `labels`; `crowds`. Batches fill `labels` up with
    -1.

    Facts: `num_classes`, `class_names`, `in_channels` 3, `image_size`.

    Has `voc.stand_in(seed)`, a few images of noise, 512x512 pixels, 20 classes.

    Arguments:
        root: the folder.
        train: the images to train on: the name of a list in `ImageSets/Main`, or their names without suffix.
        val: the images to validate on; None for none.
        test: the images to test on; None for none.
        class_names: the classes, in the order of their numbers; those of Pascal VOC when None.
        renamed: by the name that annotations have, the class that it is taken for, such as `{Dead: Tree, Alive: Tree}`.
        image_size: height and width of a sample in pixels.
        tile: cut images into squares of so many pixels first, for photographs that are much larger than what is on
            them. They cover the image, and overlap where its sides are no multiples; a box counts in a tile when at
            least half of it is there.

    Raises:
        FileNotFoundError: a folder, a list or a file is missing; the message names it.
        ValueError: an XML file cannot be read; the message begins with its path. Or `renamed` names no class.
    """
    size = checked_size(image_size)
    folder = Path(root).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"root={str(folder)!r} is not a folder; give one such as VOCdevkit/VOC2012")
    classes = list(CLASSES if class_names is None else class_names)
    strange = [name for name in (renamed or {}).values() if name not in classes]
    if strange:
        raise ValueError(f"renamed: {strange[0]!r} is none of the classes {', '.join(classes)}")
    numbers = {name: number for number, name in enumerate(classes)}
    numbers |= {name: numbers[taken_for] for name, taken_for in (renamed or {}).items()}
    images = _images(folder)

    def split(given: str | list[str] | None) -> AnnotatedImages | None:
        if given is None:
            return None
        listed = [_annotated(folder, name, images, numbers) for name in _names(folder, given)]
        return AnnotatedImages(listed, size, tile)

    return DetectionSplits(split(train), split(val), split(test), detection_facts(classes, size))


def _names(folder: Path, given: str | list[str]) -> list[str]:
    if isinstance(given, list):
        return given
    file = folder / "ImageSets" / "Main" / f"{given}.txt"
    if not file.is_file():
        raise FileNotFoundError(f"root={str(folder)!r} lacks ImageSets/Main/{given}.txt; or list the images' names")
    # Lists of one class have a second column.
    return [line.split()[0] for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]


def _images(folder: Path) -> dict[str, Path]:
    """The image files by name without suffix."""
    inside = folder / "JPEGImages"
    place = inside if inside.is_dir() else folder
    return {path.stem: path for path in sorted(place.iterdir()) if path.suffix.lower() in SUFFIXES}


def _annotated(folder: Path, name: str, images: Mapping[str, Path], numbers: Mapping[str, int]) -> Annotated:
    inside = folder / "Annotations"
    file = (inside if inside.is_dir() else folder) / f"{name}.xml"
    if not file.is_file():
        raise FileNotFoundError(f"{file}: there is no such file, the annotation of the image {name}")
    boxes, labels, crowds, wrong = list[list[float]](), list[int](), list[bool](), list[str]()
    try:
        page = ElementTree.parse(file)
        for each in page.iterfind("object"):
            called = _text(each, "name")
            if called not in numbers:
                wrong.append(f"an object is a {called!r}, which is none of the classes")
                continue
            x1, y1, x2, y2 = (float(_text(each, f"bndbox/{side}")) for side in ("xmin", "ymin", "xmax", "ymax"))
            # Pixels are counted from 1, and the last one belongs to the box.
            boxes.append([x1 - 1, y1 - 1, x2, y2])
            labels.append(numbers[called])
            crowds.append((each.findtext("difficult") or "0").strip() == "1")
        root = page.getroot()
        size = None if root.find("size") is None else (int(_text(root, "size/height")), int(_text(root, "size/width")))
    except (ElementTree.ParseError, ValueError) as error:
        raise ValueError(f"{file}: no annotation in Pascal VOC's format: {error}") from error
    path = images.get(name, folder / f"{name}.jpg")  # a file that is missing is found when it is read
    return Annotated(str(path), boxes, labels, crowds, size, list(dict.fromkeys(wrong)))


def _text(element: ElementTree.Element, path: str) -> str:
    text = element.findtext(path)
    if text is None or not text.strip():
        raise ValueError(f"<{element.tag}> lacks <{path}>")
    return text.strip()


# Attributes of the function: the toolkit looks for them on whatever a recipe names as its dataset.
voc.stand_in = lambda seed: stand_in(CLASSES, (512, 512), seed)  # type: ignore[attr-defined]
voc.reader = letterbox_reader  # type: ignore[attr-defined]
