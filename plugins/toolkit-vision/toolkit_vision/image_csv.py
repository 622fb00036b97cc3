"""Images that a table lists, with their labels. Imports torch, nothing of the toolkit."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from toolkit_vision.image_files import NO_CLASS, ImageFiles
from toolkit_vision.image_folder import SPLITS, divided, with_validation
from toolkit_vision.images import checked_size
from toolkit_vision.reader import ImageReader
from toolkit_vision.splits import Splits, image_facts, stand_in


def image_csv(
    file: str,
    image_size: Sequence[int] = (224, 224),
    class_names: Sequence[str] | None = None,
    val_share: float = 0.1,
    test_share: float = 0.1,
    split_seed: int = 0,
) -> Splits:
    """Images listed in a CSV file, with their labels: columns `path`, `label`, and `split` if they are divided.

    Paths are relative to the folder that the file is in. Where there is a column `split`, it holds train, val or test;
    validation images that it does not name are cut from the training images. Where there is none, validation and test
    images are cut from all, of every class the same share. Other columns are not looked at.

    A sample is an image `(3, height, width)` uint8, upright as its EXIF data says, scaled to cover `image_size` and
    centre-cropped, with the number of its class. JPEG, PNG, BMP, GIF, WebP, TIFF and PPM are read. A sample whose label
    is none of the classes cannot be read: it stops the training, or is left out, as `loader.on_bad_sample` says.

    Facts: `task` multiclass, `num_classes`, `class_names`, `in_channels` 3, `image_size`.

    Has `image_csv.stand_in(seed)`, a few samples of noise of three classes, 224x224 pixels.

    Arguments:
        file: the CSV file, in UTF-8, with a first line that names the columns.
        image_size: height and width of the images in pixels.
        class_names: the labels, in the order of their numbers; when None those of the training images, in the order of
            their names, or of their values where all are whole numbers.
        val_share: of the images, which share to validate on, where the file does not tell; 0 for no validation split.
        test_share: which share to test on, where there is no column `split`; 0 for no test split.
        split_seed: which ones.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no such table, or holds no training images; the message begins with its path and line.
    """
    size = checked_size(image_size)
    path = Path(file).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"file={str(path)!r} is not a file; give a CSV file with the columns path and label")
    table = _read(path)
    train = table["train"]
    if not train.paths:
        raise ValueError(f"{path}: lists no images to train on")
    names = list(class_names) if class_names is not None else _in_order(train.labels)
    made = {name: rows.files(names, size) for name, rows in table.items() if rows.paths}
    if table.divided:
        files, val = with_validation(made["train"], made.get("val"), val_share, split_seed)
        return Splits(files, val, made.get("test"), image_facts(names, size))
    return Splits(*divided(made["train"], val_share, test_share, split_seed), facts=image_facts(names, size))


@dataclass
class _Rows:
    """Paths and labels of a split."""

    paths: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)

    def files(self, names: Sequence[str], size: tuple[int, int]) -> ImageFiles:
        numbers = {name: number for number, name in enumerate(names)}
        targets = [numbers.get(label, NO_CLASS) for label in self.labels]
        wrong = {
            index: f"its label {self.labels[index]!r} is none of the {len(names)} classes"
            for index, target in enumerate(targets)
            if target == NO_CLASS
        }
        return ImageFiles(self.paths, targets, size, labels=wrong)


class _Table(dict[str, _Rows]):
    """The rows of a file by split."""

    divided = False
    """Whether the file has a column for it."""


def _read(path: Path) -> _Table:
    table = _Table({name: _Rows() for name in SPLITS})
    with path.open(encoding="utf-8-sig", newline="") as stream:
        try:
            lines = csv.DictReader(stream, strict=True)
            columns = lines.fieldnames or []
            missing = [name for name in ("path", "label") if name not in columns]
            if missing:
                found = ", ".join(columns) or "nothing"
                raise ValueError(f"{path}:1: has no column {' and '.join(missing)}; its first line names {found}")
            table.divided = "split" in columns
            for line, row in _rows(path, lines):
                split = row["split"] if table.divided else "train"
                if split not in SPLITS:
                    raise ValueError(f"{path}:{line}: the split {split!r} is none of {', '.join(SPLITS)}")
                table[split].paths.append(str(path.parent / row["path"]))
                table[split].labels.append(row["label"])
        except UnicodeDecodeError as error:
            raise ValueError(f"{path}: not UTF-8: {error}") from error
        except csv.Error as error:
            raise ValueError(f"{path}:{lines.reader.line_num}: not CSV: {error}") from error
    return table


def _rows(path: Path, lines: csv.DictReader[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows with their line numbers, without spaces around the values; every column that is needed is filled."""
    needed = [name for name in ("path", "label", "split") if name in (lines.fieldnames or ())]
    for row in lines:
        values = {name: (row[name] or "").strip() for name in needed}
        empty = [name for name, value in values.items() if not value]
        if empty:
            raise ValueError(f"{path}:{lines.line_num}: no {' and no '.join(empty)} in this line")
        yield lines.line_num, values


def _in_order(labels: Sequence[str]) -> list[str]:
    names = set(labels)
    if all(name.isdecimal() for name in names):
        return sorted(names, key=lambda name: (int(name), name))
    return sorted(names)


def _stand_in(seed: int) -> Splits:
    return stand_in(image_facts(["first", "second", "third"], (224, 224)), seed)


# Attributes of the function: the toolkit looks for `stand_in` and `reader` on whatever a recipe names as its dataset.
image_csv.stand_in = _stand_in  # type: ignore[attr-defined]
image_csv.reader = ImageReader  # type: ignore[attr-defined]
