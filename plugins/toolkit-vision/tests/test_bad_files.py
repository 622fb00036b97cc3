"""`toolkit check --deep` finds what is wrong with the files of every kind of dataset, and tells their paths."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from toolkit.cli import main

CLASSES = ("cat", "dog")
SPLITS = {"train": "train", "val": "train", "image_size": [16, 16]}
Made = tuple[dict[str, object], list[tuple[str, str]]]
"""The dataset's arguments, and of each file that is bad the path in the root and what is said of it."""


def photograph(path: Path, size: tuple[int, int] = (60, 40), *, damaged: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = torch.randint(0, 256, (size[1], size[0], 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    Image.fromarray(pixels.numpy()).save(path)
    if damaged:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def in_folders(root: Path, classes: tuple[str, ...] = CLASSES) -> None:
    for name in classes:
        for number in range(6):
            photograph(root / name / f"{name}_{number + 1:04d}.jpg", damaged=(name, number) == (classes[0], 2))


def image_folder(root: Path) -> Made:
    in_folders(root)
    return {"root": root}, [("cat/cat_0003.jpg", "a damaged image: ")]


def imagenet(root: Path) -> Made:
    for split in ("train", "val"):
        in_folders(root / split)
    return {"root": root}, [(f"{split}/cat/cat_0003.jpg", "a damaged image: ") for split in ("train", "val")]


def image_csv(root: Path) -> Made:
    in_folders(root)
    rows = [f"{name}/{name}_{number:04d}.jpg,{name},train" for name in CLASSES for number in range(1, 7)]
    rows[-1] = rows[-1].replace(",dog,", ",hydra,")
    (root / "images.csv").write_text("\n".join(["path,label,split", *rows, "cat/gone.jpg,cat,train"]))
    return {"file": root / "images.csv", "class_names": list(CLASSES), "val_share": 0}, [
        ("cat/cat_0003.jpg", "a damaged image: "),
        ("dog/dog_0006.jpg", "its label 'hydra' is none of the 2 classes"),
        ("cat/gone.jpg", "No such file"),
    ]


def pets(root: Path) -> Made:
    for split, numbers in {"trainval": range(1, 7), "test": range(7, 9)}.items():
        for number in numbers:
            photograph(root / "images" / f"beagle_{number}.jpg", damaged=number == 2)
            trimap = root / "annotations" / "trimaps" / f"beagle_{number}.png"
            trimap.parent.mkdir(parents=True, exist_ok=True)
            Image.new("L", (60, 40) if number != 3 else (40, 60), 1).save(trimap)
        lines = [f"beagle_{number} 5 2 1" for number in numbers]
        (root / "annotations" / f"{split}.txt").write_text("\n".join(lines))
    return {"root": root, "val_share": 0}, [("images/beagle_2.jpg", "a damaged image: ")]


def pet_masks(root: Path) -> Made:
    arguments, bad = pets(root)
    return arguments, [*bad, ("annotations/trimaps/beagle_3.png", "a mask of 60x40 for an image of 40x60")]


def lfw(root: Path) -> Made:
    in_folders(root / "lfw", ("Ann", "Bo", "Cy", "Di"))
    return {"root": root, "val_share": 0.25, "test_share": 0.25}, [("lfw/Ann/Ann_0003.jpg", "a damaged image: ")]


def lfw_pairs(root: Path) -> Made:
    in_folders(root / "lfw", ("Ann", "Bo", "Cy", "Di", "Ed", "Flo"))
    lines = ["2\t1", "Ann\t1\t3", "Ann\t1\tBo\t9", "Cy\t1\t2", "Cy\t1\tDi\t2"]
    (root / "pairs.txt").write_text("\n".join(lines))
    return {"root": root}, [("lfw/Ann/Ann_0003.jpg", "a damaged image: "), ("lfw/Bo/Bo_0009.jpg", "No such file")]


BOXES = {"good": [4, 4, 30, 30], "outside": [4, 4, 90, 30], "empty": [9, 4, 9, 30], "size": [4, 4, 30, 30]}
WRONG = {
    "cut": "a damaged image: ",
    "outside": "reaches out of the image of 40x60",
    "empty": "is empty",
    "size": "the image is 40x60, its annotation says 41x60",
    "nothing": "the annotation is empty, it has no box",
    "stranger": "",
}


def boxed(root: Path, folder: str) -> list[tuple[str, str]]:
    for name in ("good", *WRONG):
        photograph(root / folder / f"{name}.jpg", damaged=name == "cut")
    return [(f"{folder}/{name}.jpg", said) for name, said in WRONG.items()]


def coco(root: Path) -> Made:
    bad = boxed(root, "train")
    names = ["good", *WRONG]
    images = [
        {"id": number, "file_name": f"{name}.jpg", "width": 60, "height": 41 if name == "size" else 40}
        for number, name in enumerate(names)
    ]
    annotations = []
    for number, name in enumerate(names):
        x1, y1, x2, y2 = BOXES.get(name, BOXES["good"])
        if name != "nothing":
            bbox = [x1, y1, x2 - x1, y2 - y1]
            annotations.append({"image_id": number, "category_id": 5 if name == "stranger" else 1, "bbox": bbox})
    page = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "cat"}]}
    (root / "train.json").write_text(json.dumps(page))
    return {"root": root, **SPLITS}, [*bad[:-1], (bad[-1][0], "an object has the category 5, which the train split")]


def voc(root: Path) -> Made:
    bad = boxed(root, "JPEGImages")
    (root / "Annotations").mkdir()
    (root / "ImageSets" / "Main").mkdir(parents=True)
    (root / "ImageSets" / "Main" / "train.txt").write_text("\n".join(["good", *WRONG]))
    for name in ("good", *WRONG):
        x1, y1, x2, y2 = BOXES.get(name, BOXES["good"])
        sides = f"<xmin>{x1 + 1}</xmin><ymin>{y1 + 1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax>"
        called = "hydra" if name == "stranger" else "cat"
        box = "" if name == "nothing" else f"<object><name>{called}</name><bndbox>{sides}</bndbox></object>"
        size = f"<size><width>60</width><height>{41 if name == 'size' else 40}</height></size>"
        (root / "Annotations" / f"{name}.xml").write_text(f"<annotation>{size}{box}</annotation>")
    return {"root": root, **SPLITS}, [*bad[:-1], (bad[-1][0], "an object is a 'hydra', which is none of the classes")]


TASKS = {
    "classification": "model: {use: small_cnn, width: 4}\nloss: cross_entropy",
    "segmentation": "model: {use: unet, width: 4, depth: 2}\nloss: cross_entropy",
    "recognition": "model: {use: small_cnn, width: 4, num_classes: 8}\nloss: triplet",
    "detection": "model: {use: centre_detector, width: 8, depth: 1}",
}
KINDS: dict[str, tuple[str, Callable[[Path], Made]]] = {
    "image_folder": ("classification", image_folder),
    "imagenet": ("classification", imagenet),
    "image_csv": ("classification", image_csv),
    "oxford_pets": ("classification", pets),
    "oxford_pet_masks": ("segmentation", pet_masks),
    "lfw": ("recognition", lfw),
    "lfw_pairs": ("recognition", lfw_pairs),
    "coco": ("detection", coco),
    "voc": ("detection", voc),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_deep_check_lists_every_bad_file(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    task, make = KINDS[kind]
    root = tmp_path / "data"
    arguments, bad = make(root)
    dataset = json.dumps({"use": kind, "image_size": [16, 16], **arguments}, default=str)
    page = f"# Files.\ntask: {task}\ndataset: {dataset}\n{TASKS[task]}\noptimizer: adamw\ntrainer: {{max_epochs: 1}}\n"
    (tmp_path / "files.yaml").write_text(page)
    assert main(["check", "./files.yaml", "--deep"]) == 2
    printed = capsys.readouterr()
    listed = (printed.out + printed.err).splitlines()
    for path, said in bad:
        assert any(f"{root / path}: " in line and said in line for line in listed), (path, said, listed)
    told = [line for line in listed if str(root) in line]
    assert {line.partition(f"{root}/")[2].partition(": ")[0] for line in told} == {path for path, _ in bad}
