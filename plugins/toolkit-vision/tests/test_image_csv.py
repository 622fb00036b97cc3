"""Images that a table lists: columns, splits, labels, and what is said of a table that is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from toolkit_vision.image_csv import image_csv


def table(folder: Path, text: str, images: int = 12) -> str:
    (folder / "images").mkdir(exist_ok=True)
    for number in range(images):
        Image.new("RGB", (9, 12), (20 * number, 0, 0)).save(folder / "images" / f"{number}.png")
    (folder / "table.csv").write_text(text, encoding="utf-8")
    return str(folder / "table.csv")


def lines(*rows: str) -> str:
    return "\n".join(rows) + "\n"


def test_all_images_are_divided_where_there_is_no_column_for_it(tmp_path: Path) -> None:
    rows = [f"images/{number}.png,{'cat' if number % 2 else 'a dog'},x" for number in range(12)]
    data = image_csv(table(tmp_path, lines("path,label,note", *rows)), [8, 8], val_share=1 / 6, test_share=1 / 3)
    assert [len(split) for split in (data.train, data.val, data.test)] == [6, 2, 4]
    assert data.facts["class_names"] == ["a dog", "cat"]
    for split in (data.train, data.val, data.test):
        for index in range(len(split)):
            image, target = split[index]
            number = int(Path(split.paths[index]).stem)
            assert image.shape == (3, 8, 8)
            assert (int(image[0].max()), target) == (20 * number, number % 2)


def test_splits_are_those_of_the_table(tmp_path: Path) -> None:
    rows = [f"test,images/{n}.png,{n % 3}" for n in range(3)] + [f"train,images/{n}.png,{n % 3}" for n in range(3, 12)]
    data = image_csv(table(tmp_path, "\ufeff" + lines("split,path,label", *rows)), [8, 8], val_share=1 / 3)
    assert [len(split) for split in (data.train, data.val, data.test)] == [6, 3, 3]
    rows[3] = "val,images/3.png,0"
    data = image_csv(table(tmp_path, lines("split,path,label", *rows)), [8, 8], val_share=1 / 3)
    assert [len(split) for split in (data.train, data.val, data.test)] == [8, 1, 3]


def test_numbers_are_in_the_order_of_their_values(tmp_path: Path) -> None:
    rows = [f"images/{number}.png,{number}" for number in range(12)]
    file = table(tmp_path, lines("path,label", *rows))
    data = image_csv(file, [8, 8], val_share=0, test_share=0)
    assert data.facts["class_names"] == [str(number) for number in range(12)]
    assert data.train.targets == list(range(12))


def test_a_label_outside_the_classes_and_files_that_are_absent_are_problems(tmp_path: Path) -> None:
    rows = ["images/0.png,cat", "images/1.png,Cat", "images/2.png,dog", "images/absent.png,dog"]
    file = table(tmp_path, lines("path,label", *rows))
    data = image_csv(file, [8, 8], class_names=["dog", "cat"], val_share=0, test_share=0)
    assert data.train.targets == [1, -1, 0, 0]
    assert list(data.train.problems()) == [
        f"{tmp_path}/images/1.png: its label 'Cat' is none of the 2 classes",
        f"{tmp_path}/images/absent.png: No such file or directory",
    ]
    with pytest.raises(ValueError, match="its label 'Cat' is none of the 2 classes"):
        data.train[1]


def test_a_sample_without_a_class_stays_in_train_when_others_are_cut_off(tmp_path: Path) -> None:
    rows = [f"images/{number}.png,{'?' if number == 5 else 'cat'}" for number in range(12)]
    file = table(tmp_path, lines("path,label", *rows))
    data = image_csv(file, [8, 8], class_names=["cat", "dog"], val_share=0.3, test_share=0.3)
    [problem] = data.train.problems()
    assert problem.startswith(f"{tmp_path}/images/5.png: ")
    assert len(data.train) + len(data.val) + len(data.test) == 12


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ":1: has no column path and label; its first line names nothing"),
        ("file,label\na,b\n", ":1: has no column path; its first line names file, label"),
        ("path,label\n", ": lists no images to train on"),
        ("path,label\nimages/0.png\n", ":2: no label in this line"),
        (
            "path,label,split\nimages/0.png,a,train\n\nimages/1.png,a,dev\n",
            ":4: the split 'dev' is none of train, val, test",
        ),
        ('path,label\n"images/0.png,a\n', ":2: not CSV: unexpected end of data"),
    ],
)
def test_what_is_no_such_table(tmp_path: Path, text: str, message: str) -> None:
    file = table(tmp_path, text)
    with pytest.raises(ValueError) as error:  # its whole message is compared
        image_csv(file)
    assert str(error.value) == f"{file}{message}"


def test_a_table_in_another_encoding_and_none_at_all(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_bytes("path,label\na,Käfer\n".encode("latin-1"))
    with pytest.raises(ValueError, match="table.csv: not UTF-8: "):
        image_csv(str(tmp_path / "table.csv"))
    with pytest.raises(FileNotFoundError, match="absent.csv' is not a file; give a CSV file with the columns"):
        image_csv(str(tmp_path / "absent.csv"))


def test_its_stand_in() -> None:
    data = image_csv.stand_in(0)  # type: ignore[attr-defined]
    assert data.train[0].shape == (32, 3, 224, 224)
    assert data.facts["num_classes"] == 3
