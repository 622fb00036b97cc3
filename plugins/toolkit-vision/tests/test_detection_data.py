"""Photographs with boxes in COCO's and Pascal VOC's formats: what is read, how it is scaled, what is found wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from toolkit_vision.detection.annotated import letterbox_reader, padded, tiles
from toolkit_vision.detection.coco import coco
from toolkit_vision.detection.voc import voc

from toolkit.recipe import load
from toolkit.runs import run


def photograph(path: Path, width: int, height: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(path)


def coco_folder(root: Path, annotations: list[dict[str, Any]], *, sizes: tuple[tuple[int, int], ...]) -> Path:
    images = []
    for number, (width, height) in enumerate(sizes):
        photograph(root / "train" / f"{number}.png", width, height)
        images.append({"id": 100 + number, "file_name": f"{number}.png", "width": width, "height": height})
    categories = [{"id": 7, "name": "dog"}, {"id": 3, "name": "cat"}]
    page = {"images": images, "annotations": annotations, "categories": categories}
    (root / "train.json").write_text(json.dumps(page))
    return root


def on(image: int, category: int, *bbox: float, **more: Any) -> dict[str, Any]:
    return {"image_id": 100 + image, "category_id": category, "bbox": list(bbox), **more}


def test_coco_is_letterboxed_and_classes_are_counted_from_0(tmp_path: Path) -> None:
    annotations = [on(0, 7, 10, 20, 30, 10), on(0, 3, 0, 0, 80, 40, iscrowd=1), on(1, 3, 4, 4, 4, 8)]
    data = coco(str(coco_folder(tmp_path, annotations, sizes=((80, 40), (16, 32)))), "train", None, image_size=(64, 64))
    assert data.facts == {
        "num_classes": 2,
        "class_names": ["cat", "dog"],
        "in_channels": 3,
        "image_size": [64, 64],
    }
    assert data.train is not None
    assert data.val is data.test is None
    wide, tall = data.train[0], data.train[1]
    assert wide["boxes"].tolist() == [[8, 16, 32, 24], [0, 0, 64, 32]]
    assert wide["labels"].tolist() == [1, 0]
    assert wide["crowds"].tolist() == [False, True]
    assert not wide["images"][:, 32:].any()
    assert wide["images"][:, 31].any()
    assert tall["boxes"].tolist() == [[8, 8, 16, 24]]
    assert not tall["images"][:, :, 32:].any()
    batch = data.collate([wide, tall])
    assert batch["images"].shape == (2, 3, 64, 64)
    assert batch["labels"].tolist() == [[1, 0], [0, -1]]
    assert batch["crowds"].dtype is torch.bool
    assert list(data.train.problems()) == []


def test_a_batch_without_a_box_has_room_for_one() -> None:
    nothing = {
        "images": torch.zeros(3, 8, 8, dtype=torch.uint8),
        "boxes": torch.zeros(0, 4),
        "labels": torch.zeros(0).long(),
        "crowds": torch.zeros(0).bool(),
    }
    assert padded([nothing])["labels"].tolist() == [[-1]]


def test_everything_wrong_is_found_with_its_path(tmp_path: Path) -> None:
    annotations = [
        on(0, 3, 10, 10, 50, 20),
        on(1, 3, 5, 5, 0, 9),
        on(2, 9, 1, 1, 2, 2),
        on(4, 3, 1, 1, 5, 5),
        on(5, 3, 1, 1, 5, 5),
        on(6, 3, 1, 1, 5, 5),
    ]
    root = coco_folder(tmp_path, annotations, sizes=((40, 40),) * 8)
    (root / "train" / "4.png").unlink()
    whole = (root / "train" / "5.png").read_bytes()
    (root / "train" / "5.png").write_bytes(whole[: len(whole) // 2])
    photograph(root / "train" / "6.png", 20, 30)
    train = coco(str(root), "train", None).train
    assert train is not None
    found = [problem.removeprefix(str(root / "train") + "/") for problem in train.problems()]
    assert found[:4] == [
        "0.png: the box [10, 10, 60, 30] (x1, y1, x2, y2) reaches out of the image of 40x40",
        "1.png: the box [5, 5, 5, 14] (x1, y1, x2, y2) is empty",
        "2.png: an object has the category 9, which the train split does not list",
        "3.png: the annotation is empty, it has no box",
    ]
    assert found[4] == "4.png: No such file or directory"
    assert found[5].startswith("5.png: a damaged image")
    assert found[6:] == [
        "6.png: the image is 30x20, its annotation says 40x40",
        "7.png: the annotation is empty, it has no box",
    ]
    for index in (0, 1, 2, 4, 5, 6):
        with pytest.raises(ValueError, match=rf"{index}\.png: "):
            train[index]
    assert len(train[3]["labels"]) == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [("{", "no annotations in COCO's format"), ("{}", "no annotations"), ('{"images": []}', "no annotations")],
)
def test_a_file_that_is_no_annotation_is_named(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "train.json").write_text(content)
    with pytest.raises(ValueError) as error:
        coco(str(tmp_path), "train", None)
    assert str(error.value).startswith(str(tmp_path / "train.json"))
    assert said in str(error.value)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="is not a folder"):
        coco(str(tmp_path / "absent"))
    with pytest.raises(FileNotFoundError, match=r"lacks annotations/instances_train2017\.json"):
        coco(str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"lacks ImageSets/Main/train\.txt"):
        voc(str(tmp_path))


OBJECT = """<object><name>{}</name><difficult>{}</difficult><bndbox>
<xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"""


def xml(path: Path, width: int, height: int, *objects: tuple[Any, ...]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    listed = "".join(OBJECT.format(*each) for each in objects)
    size = f"<size><width>{width}</width><height>{height}</height></size>"
    path.write_text(f"<annotation>{size}{listed}</annotation>")


def test_voc_with_its_lists(tmp_path: Path) -> None:
    photograph(tmp_path / "JPEGImages" / "a.jpg", 40, 20)
    xml(tmp_path / "Annotations" / "a.xml", 40, 20, ("dog", 0, 1, 1, 20, 10), ("person", 1, 5, 5, 40, 20))
    lists = tmp_path / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("a\n\n")
    data = voc(str(tmp_path), val=None, image_size=(40, 40))
    assert data.facts["num_classes"] == 20
    assert data.train is not None
    sample = data.train[0]
    assert sample["boxes"].tolist() == [[0, 0, 20, 10], [4, 4, 40, 20]]
    assert [data.facts["class_names"][label] for label in sample["labels"].tolist()] == ["dog", "person"]
    assert sample["crowds"].tolist() == [False, True]


def test_large_photographs_are_cut_into_tiles(tmp_path: Path) -> None:
    photograph(tmp_path / "field.png", 100, 60)
    objects = [("tree", 0, 11, 11, 20, 20), ("tree", 0, 33, 1, 52, 10), ("tree", 0, 59, 31, 62, 40)]
    xml(tmp_path / "field.xml", 100, 60, *objects)
    arguments: dict[str, Any] = {"train": ["field"], "val": None, "class_names": ["tree"], "tile": 40}
    train = voc(str(tmp_path), **arguments, image_size=(40, 40)).train
    assert train is not None
    assert tiles((60, 100), 40) == [(left, top, left + 40, top + 40) for top in (0, 20) for left in (0, 30, 60)]
    assert len(train) == 6
    first, second, third = train[0], train[1], train[2]
    assert first["boxes"].tolist() == [[10, 10, 20, 20], [32, 0, 40, 10]]
    assert first["crowds"].tolist() == [False, True], "8 of 20 columns are too few"
    assert second["boxes"].tolist() == [[2, 0, 22, 10], [28, 30, 32, 40]]
    assert third["boxes"].tolist() == [[0, 30, 2, 40]]
    assert third["crowds"].tolist() == [False], "a half is enough"
    assert len(list(train.problems())) == 0


def test_objects_of_other_names_are_taken_for_a_class(tmp_path: Path) -> None:
    photograph(tmp_path / "a.png", 40, 20)
    xml(tmp_path / "a.xml", 40, 20, ("Dead", 0, 1, 1, 20, 10), ("bush", 0, 1, 1, 9, 9), ("Tree", 0, 1, 1, 5, 5))
    classes = {"class_names": ["bush", "Tree"], "renamed": {"Dead": "Tree"}}
    data = voc(str(tmp_path), ["a"], None, **classes)
    assert data.train is not None
    assert data.train[0]["labels"].tolist() == [1, 0, 1]
    assert data.facts["class_names"] == ["bush", "Tree"]
    with pytest.raises(ValueError, match="renamed: 'Wood' is none of the classes Tree"):
        voc(str(tmp_path), ["a"], None, class_names=["Tree"], renamed={"Dead": "Wood"})


def test_voc_that_is_wrong_is_named(tmp_path: Path) -> None:
    photograph(tmp_path / "a.png", 40, 20)
    xml(tmp_path / "a.xml", 40, 20, ("dog", 0, 1, 1, 20, 10), ("hydra", 0, 1, 1, 2, 2))
    data = voc(str(tmp_path), ["a"], None)
    assert data.train is not None
    said = "an object is a 'hydra', which is none of the classes"
    assert list(data.train.problems()) == [f"{tmp_path / 'a.png'}: {said}"]
    (tmp_path / "a.xml").write_text("<annotation><object><name>dog</name></object></annotation>")
    with pytest.raises(ValueError, match="<object> lacks <bndbox/xmin>"):
        voc(str(tmp_path), ["a"], None)
    (tmp_path / "a.xml").write_text("<annotation>")
    with pytest.raises(ValueError, match="no annotation in Pascal VOC's format"):
        voc(str(tmp_path), ["a"], None)
    with pytest.raises(FileNotFoundError, match=r"b\.xml"):
        voc(str(tmp_path), ["b"], None)


@pytest.mark.parametrize("dataset", [coco, voc])
def test_stand_ins_have_the_facts_and_the_reader_letterboxes(dataset: Any, tmp_path: Path) -> None:
    data = dataset.stand_in(0)
    height, width = data.facts["image_size"]
    assert data.train["images"].shape[1:] == (3, height, width)
    assert (data.train["labels"] < data.facts["num_classes"]).all()
    assert (data.train["boxes"][..., 2] <= width).all()
    photograph(tmp_path / "a.png", 40, 20)
    reader = dataset.reader({"image_size": [64, 64]})
    with open(tmp_path / "a.png", "rb") as stream:
        [(name, image, as_given)] = reader.read("a.png", stream)
    assert name == "a.png"
    assert image.shape == (3, 64, 64)
    assert not image[:, 32:].any()
    row = as_given({"objects": [{"label": "a", "score": 0.5, "box": [16.0, 8.0, 65.0, 31.0]}]})
    assert row == {"objects": [{"label": "a", "score": 0.5, "box": [10.0, 5.0, 40.0, 19.4]}]}
    assert as_given({"count": 3}) == {"count": 3}
    assert letterbox_reader({"image_size": [64, 64]}).suffixes >= {".png", ".jpg"}


def test_a_recipe_trains_on_files_and_leaves_out_bad_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    annotations = [on(0, 3, 4, 4, 20, 20), on(1, 7, 8, 8, 16, 20), on(2, 3, 1, 1, 90, 5)]
    root = coco_folder(tmp_path / "data", annotations, sizes=((40, 40), (48, 30), (30, 30)))
    page = f"""
# Files.
task: detection
dataset: {{use: coco, root: {root}, train: train, val: train, image_size: [32, 32]}}
loader: {{batch_size: 2, on_bad_sample: skip}}
model: {{use: centre_detector, width: 8, depth: 1, backbone: {{use: residual_backbone, widths: [8, 8, 8], levels: 2}}}}
optimizer: {{use: adamw, lr: 0.001}}
metrics: {{map_50: {{use: coco_map, iou: 0.5}}}}
trainer: {{max_epochs: 1, accelerator: cpu}}
"""
    (tmp_path / "files.yaml").write_text(page)
    result = run(load(str(tmp_path / "files.yaml")), root=tmp_path / "runs")
    assert 0 <= result.metrics["val/map_50"] <= 1
    record = json.loads((result.folder / "run.json").read_text())
    assert record["left_out"]["train"]["count"] == 1
    assert "2.png" in record["left_out"]["train"]["first"][0]["reason"]
