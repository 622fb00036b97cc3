"""Sets of texts with classes of the Hugging Face hub, from copies on this machine: nothing is downloaded."""

from __future__ import annotations

import sys

import pytest
from toolkit_text.byte_level import Bytes
from toolkit_text.hub_texts import ag_news, imdb, sst2

from toolkit.data.download import no_downloads


def rows(split, count, *, text="text", classes=2):
    return [{text: f"{split} {number}", "label": number % classes} for number in range(count)]


def test_a_copy_is_read_and_validation_texts_are_cut_from_the_training_texts(hub_copy):
    secret = [{"sentence": f"secret {number}", "label": -1} for number in range(3)]
    train, published = rows("train", 40, text="sentence"), rows("validation", 6, text="sentence")
    copy_of_sst2 = hub_copy({"train": train, "validation": published, "test": secret})
    data = sst2(copy_of_sst2, tokenizer=Bytes(), val_size=10)
    assert (len(data.train), len(data.val), len(data.test)) == (30, 10, 6)
    assert data.val.targets.bincount().tolist() == [5, 5]
    assert data.facts["class_names"] == ["negative", "positive"]
    assert data.text_of(data.val[0][0]).startswith("train ")
    assert data.text_of(data.test[0][0]) == "validation 0"
    assert data.run_files
    with pytest.raises(ValueError, match="val_size=40: of 40 training texts, 0 to 39 can be set aside"):
        sst2(copy_of_sst2, val_size=40)


@pytest.mark.parametrize(("dataset", "classes"), [(ag_news, 4), (imdb, 2)])
def test_copies_of_the_others_are_tested_on_their_test_split(hub_copy, dataset, classes):
    splits = {"train": rows("train", 40, classes=classes), "test": rows("test", 8, classes=classes)}
    # IMDB has texts without classes too.
    splits["unsupervised"] = [{"text": "whatever", "label": -1}]
    data = dataset(hub_copy(splits), tokenizer=Bytes(), val_size=8)
    assert (len(data.train), len(data.val), len(data.test)) == (32, 8, 8)
    assert data.test.targets.tolist() == [number % classes for number in range(8)]
    assert data.text_of(data.test[7][0]) == "test 7"
    assert data.facts["num_classes"] == classes


TRAIN = rows("train", 8)
TEST = rows("test", 8)
TYPE = r"read with dataset: \{use: text_table, train: FILE, test: FILE, text: COLUMN, label: COLUMN\}"


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ({"train": TRAIN}, f"copy-0: no split 'test'; there are train, and expected are train, test. .*{TYPE}"),
        (
            {"train": [{"review": "a", "label": 0}], "test": [{"review": "a", "label": 0}]},
            f"in the split 'train': no column 'text'; there are review, label, and expected are text, label. .*{TYPE}",
        ),
        (
            {"train": TRAIN, "test": [{"text": "a", "stars": 1}]},
            "copy-0: CastError: .* stars: int64 .* column names don't match",
        ),
        ({"train": [*TRAIN, {"text": None, "label": 1}], "test": TEST}, "row 9 of the split 'train': its text is None"),
        (
            {"train": TRAIN, "test": [*TEST, {"text": "a", "label": None}]},
            "row 9 of the split 'test': its label is None",
        ),
        (
            {"train": [*TRAIN, {"text": "a", "label": 2}], "test": TEST},
            r"label is 2, and .*: 0 \(negative\), 1 \(positive",
        ),
        (
            {"train": [{"text": "a", "label": "pos"}] * 2, "test": TEST},
            "row 1 of the split 'train': its label is 'pos'",
        ),
        (
            {"train": [{"text": "a", "label": 1}] * 3, "test": TEST},
            f"no text of the split 'train' is of the class 'negative'; there are 3 positive. .*{TYPE}",
        ),
    ],
)
def test_what_a_copy_lacks_is_told(hub_copy, splits, message):
    with pytest.raises(ValueError, match=message):
        imdb(hub_copy(splits), val_size=2)


@pytest.mark.parametrize(("dataset", "classes"), [(ag_news, 4), (imdb, 2), (sst2, 2)])
def test_stand_ins_have_the_same_facts(dataset, classes):
    data = dataset.stand_in(0)
    assert data.facts["num_classes"] == classes
    assert data.train.__getitems__([0, 1])[0].shape[0] == 2


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ModuleNotFoundError, match=r"datasets is not installed: pip install 'toolkit-text\[hf\]'"):
        ag_news()


def test_what_is_not_here_is_not_downloaded_by_a_check():
    with no_downloads(), pytest.raises(OSError, match="fancyzhx/ag_news is on the Hugging Face hub"):
        ag_news()
