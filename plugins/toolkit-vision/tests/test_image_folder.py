"""Folders of images, ImageNet's among them: splits, classes, bad files, and a run that goes on without those."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from toolkit_vision.image_folder import image_folder
from toolkit_vision.imagenet import imagenet

from toolkit.check import resolve
from toolkit.cli import main
from toolkit.errors import RunError
from toolkit.recipe import load
from toolkit.registry import Registry
from toolkit.runs import run

COLOURS = {"blue": (0, 0, 200), "green": (0, 200, 0), "red": (200, 0, 0)}
SIZE = [8, 8]


def fill(folder: Path, images: int, names: tuple[str, ...] = tuple(COLOURS), size: tuple[int, int] = (20, 12)) -> None:
    """A folder with `images` JPEG files of every class, each with the class's colour."""
    for name in names:
        (folder / name).mkdir(parents=True)
        for number in range(images):
            Image.new("RGB", size, COLOURS.get(name, (9, 9, 9))).save(folder / name / f"{number:02d}.jpg")


def test_the_classes_of_one_folder_are_divided(tmp_path: Path) -> None:
    fill(tmp_path, 10)
    data = image_folder(str(tmp_path), SIZE, val_share=0.2, test_share=0.2)
    assert [len(split) for split in (data.train, data.val, data.test)] == [18, 6, 6]
    for split in (data.train, data.val, data.test):
        assert torch.tensor(split.targets).bincount().tolist() == [len(split) // 3] * 3
        for index in range(len(split)):
            image, target = split[index]
            assert image.shape == (3, 8, 8)
            assert image.dtype is torch.uint8
            assert image.float().mean((1, 2)).argmax() == {0: 2, 1: 1, 2: 0}[target]
    everything = [*data.train.paths, *data.val.paths, *data.test.paths]
    assert sorted(everything) == sorted(map(str, tmp_path.glob("*/*.jpg")))
    again = image_folder(str(tmp_path), SIZE, val_share=0.2, test_share=0.2)
    other = image_folder(str(tmp_path), SIZE, val_share=0.2, test_share=0.2, split_seed=1)
    assert again.test.paths == data.test.paths != other.test.paths


def test_facts(tmp_path: Path) -> None:
    fill(tmp_path, 4)
    assert image_folder(str(tmp_path), [8, 6]).facts == {
        "task": "multiclass",
        "num_classes": 3,
        "class_names": ["blue", "green", "red"],
        "in_channels": 3,
        "image_size": [8, 6],
    }


def test_folders_of_splits_are_taken_as_they_are(tmp_path: Path) -> None:
    fill(tmp_path / "train", 10)
    fill(tmp_path / "test", 3, ("green", "red"))
    data = image_folder(str(tmp_path), SIZE, val_share=0.1)
    assert [len(split) for split in (data.train, data.val, data.test)] == [27, 3, 6]
    assert data.test.targets == [1, 1, 1, 2, 2, 2]
    fill(tmp_path / "val", 2)
    data = image_folder(str(tmp_path), SIZE)
    assert [len(split) for split in (data.train, data.val, data.test)] == [30, 6, 6]


def test_without_shares_there_are_no_such_splits(tmp_path: Path) -> None:
    fill(tmp_path, 4)
    data = image_folder(str(tmp_path), SIZE, val_share=0, test_share=0)
    assert (len(data.train), data.val, data.test) == (12, None, None)


def test_hidden_files_and_others_are_no_images(tmp_path: Path) -> None:
    fill(tmp_path, 4)
    (tmp_path / ".cache").mkdir()
    (tmp_path / "red" / ".00.jpg").write_bytes(b"")
    (tmp_path / "red" / "notes.txt").write_text("red")
    (tmp_path / "red" / "more").mkdir()
    Image.new("RGB", (9, 9)).save(tmp_path / "red" / "more" / "a.PNG")
    data = image_folder(str(tmp_path), SIZE, test_share=0)
    assert data.facts["class_names"] == ["blue", "green", "red"]
    assert len(data.train) + len(data.val) == 13
    assert list(data.train.problems()) == []
    (tmp_path / "red" / "b.HEIC").touch()
    [problem] = image_folder(str(tmp_path), SIZE).train.problems()
    assert problem.startswith(f"{tmp_path / 'red' / 'b.HEIC'}: not read: convert it to one of .bmp, ")


def test_bad_files_are_problems(tmp_path: Path) -> None:
    fill(tmp_path / "train", 4)
    half = tmp_path / "train" / "green" / "01.jpg"
    Image.effect_noise((200, 200), 90).save(half)
    half.write_bytes(half.read_bytes()[:2000])
    (tmp_path / "train" / "red" / "02.jpg").write_text("not found")
    data = image_folder(str(tmp_path), SIZE, val_share=0)
    first, second = data.train.problems()
    assert first.startswith(f"{half}: a damaged image: ")
    assert second == f"{tmp_path / 'train' / 'red' / '02.jpg'}: not an image that can be read (9 bytes)"
    with pytest.raises(ValueError, match="01.jpg: a damaged image"):
        data.train[5]


def test_what_is_wrong_with_folders(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent' is not a folder; give one that has a folder for every class"):
        image_folder(str(tmp_path / "absent"))
    with pytest.raises(ValueError, match="has no folders, one for each class$"):
        image_folder(str(tmp_path))
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="has no folders, one for each class, but 1 images that are in none$"):
        image_folder(str(tmp_path))
    fill(tmp_path / "data", 2)
    (tmp_path / "data" / "empty").mkdir()
    with pytest.raises(ValueError, match="data/empty: no images of this class\nremove the folder, or put images there"):
        image_folder(str(tmp_path / "data"))
    (tmp_path / "data" / "empty" / "a.heic").touch()
    with pytest.raises(ValueError, match="no images of this class that can be read, such as .*a.heic cannot"):
        image_folder(str(tmp_path / "data"))
    fill(tmp_path / "halves" / "val", 2)
    with pytest.raises(ValueError, match="halves: has val but no train"):
        image_folder(str(tmp_path / "halves"))
    fill(tmp_path / "halves" / "train", 2, ("blue", "green"))
    with pytest.raises(ValueError, match="val/red: there is no such class in .*train"):
        image_folder(str(tmp_path / "halves"))


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_shares_that_leave_nothing(tmp_path: Path, share: float) -> None:
    fill(tmp_path, 2)
    with pytest.raises(ValueError, match=f"val_share={share}: a share of 6 samples"):
        image_folder(str(tmp_path), SIZE, val_share=share, test_share=0)
    with pytest.raises(ValueError, match="val_share=0.5, test_share=0.5: of 6 images none is left to train"):
        image_folder(str(tmp_path), SIZE, val_share=0.5, test_share=0.5)


def test_imagenet(tmp_path: Path) -> None:
    names = ("n01440764", "n01443537")
    with pytest.raises(FileNotFoundError, match="lacks the folder train and val; give the folder that holds ImageNet"):
        imagenet(str(tmp_path))
    fill(tmp_path / "train", 3, names)
    (tmp_path / "val").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "val" / "ILSVRC2012_val_00000001.JPEG")
    with pytest.raises(ValueError, match="val: the validation images lie in no folders"):
        imagenet(str(tmp_path))
    fill(tmp_path / "val", 2, names)
    data = imagenet(str(tmp_path), SIZE)
    assert (len(data.train), len(data.val), data.test) == (6, 4, None)
    assert data.facts["class_names"] == list(names)


@pytest.mark.parametrize(("dataset", "classes"), [(image_folder, 3), (imagenet, 1000)])
def test_stand_ins(dataset: object, classes: int) -> None:
    data = dataset.stand_in(0)  # type: ignore[attr-defined]
    assert data.train[0].shape[1:] == (3, 224, 224)
    assert data.train[0].dtype is torch.uint8
    assert data.facts["num_classes"] == len(data.facts["class_names"]) == classes


RECIPE = """
# Three colours.
task: classification
dataset: {use: image_folder, root: ROOT, image_size: [8, 8], val_share: 0.2, test_share: 0.2}
loader: {batch_size: 8, workers: 0}
model: {use: small_cnn, width: 4}
loss: cross_entropy
optimizer: {use: sgd, lr: 0.1}
metrics: {accuracy: {}}
trainer: {max_epochs: 2, accelerator: cpu}
"""


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    fill(tmp_path / "images", 20)
    path = tmp_path / "colours.yaml"
    path.write_text(RECIPE.replace("ROOT", str(tmp_path / "images")))
    return str(path)


def damaged(recipe: str) -> Path:
    """Some image that the recipe trains on, cut in half."""
    data = image_folder(str(Path(recipe).parent / "images"), SIZE, 0.2, 0.2)
    path = Path(data.train.paths[3])
    path.write_bytes(path.read_bytes()[:200])
    return path


def test_a_run_learns_the_colours(recipe: str) -> None:
    assert resolve(load(recipe), Registry.scan()).problems == ()
    result = run(load(recipe, ["trainer.max_epochs=6"]))
    assert result.metrics["test/accuracy"] > 0.9


def test_the_deep_check_lists_a_damaged_image(recipe: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = damaged(recipe)
    assert main(["check", recipe, "--deep"]) == 2
    printed = capsys.readouterr()
    assert f"train: {path}: a damaged image: " in printed.out + printed.err


def test_a_damaged_image_stops_a_run_and_is_named(recipe: str) -> None:
    path = damaged(recipe)
    with pytest.raises(RunError) as error:
        run(load(recipe))
    assert str(path) in str(error.value)


def test_a_damaged_image_is_left_out_and_listed(recipe: str) -> None:
    path = damaged(recipe)
    result = run(load(recipe, ["loader.on_bad_sample=skip", "loader.workers=1"]))
    record = json.loads((Path(result.folder) / "run.json").read_text())
    listed = json.dumps(record)
    assert record["status"] == "finished"
    assert str(path) in listed
