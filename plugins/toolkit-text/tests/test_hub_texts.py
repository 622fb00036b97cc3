"""Sets of texts with classes of the Hugging Face hub, from copies on this machine: nothing is downloaded."""

from __future__ import annotations

import json
import sys
from itertools import islice

import pytest
import torch
from toolkit_text.byte_level import Bytes
from toolkit_text.characters import Characters
from toolkit_text.hub_texts import ag_news, imdb, sst2
from toolkit_text.shuffled_stream import ShuffledStream

from toolkit.data import data_module
from toolkit.data.download import no_downloads
from toolkit.recipe import load
from toolkit.runs import resume, run
from toolkit.tracking.folder import RunFolder

BYTES = Bytes().fit([])


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
        ({"train": [*TRAIN, {"text": None, "label": 1}], "test": TEST}, "the split 'train', row 9: its text is None"),
        (
            {"train": TRAIN, "test": [*TEST, {"text": "a", "label": None}]},
            "the split 'test', row 9: its label is None",
        ),
        (
            {"train": [*TRAIN, {"text": "a", "label": 2}], "test": TEST},
            r"label is 2, and .*: 0 \(negative\), 1 \(positive",
        ),
        (
            {"train": [{"text": "a", "label": "pos"}] * 2, "test": TEST},
            "the split 'train', row 1: its label is 'pos'",
        ),
        (
            {"train": [{"text": "a", "label": 1}] * 3, "test": TEST},
            f"the split 'train': no text is of the class 'negative'; there are 3 positive. .*{TYPE}",
        ),
    ],
)
@pytest.mark.parametrize("streaming", [False, True])
def test_what_a_copy_lacks_is_told(hub_copy, splits, message, streaming):
    if streaming:
        message = message.replace("no text is of", "of the first 1 texts to train on none is of").replace(
            "are 3", "are 1"
        )
    with pytest.raises(ValueError, match=message):
        list(imdb(hub_copy(splits), streaming=streaming, val_size=2).train)


def by_class(rows):
    return sorted(rows, key=lambda row: row["label"])


def read(samples):
    return [(BYTES.decode(tokens.tolist()), label) for tokens, label in samples]


@pytest.fixture
def few(monkeypatch):
    """Eight neighbours are shuffled."""
    monkeypatch.setattr(ShuffledStream, "neighbours", 8)


@pytest.fixture(params=["ag_news", "imdb", "sst2"])
def stream(request, hub_copy, few):
    """Of 40 training texts; those of IMDB lie class after class."""
    if request.param == "sst2":
        train, published = (rows(split, count, text="sentence") for split, count in (("train", 40), ("validation", 6)))
        return sst2(hub_copy({"train": train, "validation": published}), True, Bytes(), val_size=6)
    if request.param == "imdb":
        return imdb(hub_copy({"train": by_class(rows("train", 40)), "test": TEST}), True, Bytes(), val_size=6)
    train = rows("train", 40, classes=4)
    return ag_news(hub_copy({"train": train, "test": rows("test", 8, classes=4)}), True, Bytes(), val_size=6)


def test_a_stream_validates_on_its_first_texts_and_has_every_other_once_an_epoch(stream):
    orders = []
    for epoch in (0, 1, 0):
        stream.train.set_epoch(epoch)
        orders.append(read(stream.train))
    assert orders[0] == orders[2] != orders[1]
    classes = stream.facts["num_classes"]
    split, samples = ("validation", 6) if len(stream.test) == 6 else ("test", 8)
    # Read in turn, class after class, the texts are in the order of their numbers again.
    numbered = [(f"train {number}", number % classes) for number in range(40)]
    assert read(stream.val) == numbered[:6]
    assert sorted(orders[0]) == sorted(numbered[6:])
    assert set(orders[0][:8]) == set(numbered[6:14]), "shuffled among neighbours, of every class"
    assert read(stream.test) == [(f"{split} {number}", number % classes) for number in range(samples)]


def test_a_stream_goes_on_where_it_was(stream):
    whole = read(stream.train)
    for taken in (1, 3, 8, 19, 32, 33, 34):
        first = read(islice(iter(stream.train), taken))
        state = json.loads(json.dumps(stream.train.state_dict()))
        stream.train.load_state_dict(state)
        assert first + read(stream.train) == whole
    assert read(stream.train) == whole, "and begins at the beginning again"


def test_classes_that_are_read_in_turn_need_not_be_equally_large(hub_copy, few):
    train = [{"text": f"text {number}", "label": int(number >= 10)} for number in range(40)]
    data = imdb(hub_copy({"train": train, "test": TEST}), True, Bytes(), val_size=0)
    assert data.val is None
    whole = read(data.train)
    assert sorted(whole) == sorted((row["text"], row["label"]) for row in train)
    assert [label for _, label in whole[:8]].count(0) == 4
    for taken in (16, 20, 24, 39, 40):
        first = read(islice(iter(data.train), taken))
        state = json.loads(json.dumps(data.train.state_dict()))
        data.train.load_state_dict(state)
        assert first + read(data.train) == whole


def test_the_tokenizer_of_a_stream_learns_from_the_texts_to_train_on_alone(hub_copy):
    train = [{"sentence": "abcd"[number // 2], "label": number % 2} for number in range(8)]
    copy = hub_copy({"train": train, "validation": [{"sentence": "e", "label": 0}]})
    data = sst2(copy, True, Characters(), val_size=2)
    samples = sorted(data.train, key=lambda sample: int(sample[0]))
    assert [data.text_of(tokens) for tokens, _ in samples] == list("bbccdd")
    assert data.val[0][0].tolist() == data.test[0][0].tolist() == [Characters().fit([]).unk_id]


def test_batches_of_a_stream_are_those_of_texts_of_similar_length(hub_copy):
    lengths = (torch.randperm(640, generator=torch.Generator().manual_seed(0)) % 64 + 1).tolist()
    train = [{"text": "a" * length, "label": number % 2} for number, length in enumerate(lengths)]
    data = imdb(hub_copy({"train": train, "test": TEST}), True, Bytes(), val_size=0)
    batches = list(data_module(data, {"batch_size": 16}).train_dataloader())
    assert all(targets.dtype is torch.int64 and len(targets) == len(tokens) for tokens, targets in batches)
    assert sorted(int((row != BYTES.pad_id).sum()) for tokens, _ in batches for row in tokens) == sorted(lengths)
    assert sum(tokens.numel() for tokens, _ in batches) < 1.15 * sum(lengths)
    assert torch.cat([targets for _, targets in batches]).tolist().count(1) == 320


def test_what_is_cut_of_a_stream_is_counted(hub_copy, few, capsys):
    train = [{"text": "" if number % 10 == 0 else f"train {number}", "label": number % 2} for number in range(40)]
    stream = imdb(hub_copy({"train": train, "test": TEST}), True, Bytes(), max_length=7, val_size=0).train
    capsys.readouterr()

    def told():
        return [line.removeprefix("note: ") for line in capsys.readouterr().err.splitlines()]

    cut = "longer than max_length=7 tokens: the rest of each is left out"
    empty = "without tokens: each is one unknown token"
    list(stream)
    assert told() == [
        f"of the first 8 texts to train on, 1 {empty}",
        f"of 40 texts to train on in epoch 0, 27 {cut}",
        f"of 40 texts to train on in epoch 0, 4 {empty}",
    ]
    stream.set_epoch(1)
    list(islice(stream, 20))
    assert told() == []
    state = json.loads(json.dumps(stream.state_dict()))
    stream.load_state_dict(state)
    list(stream)
    assert told() == [f"of 40 texts to train on in epoch 1, {count}" for count in (f"27 {cut}", f"4 {empty}")]


def test_a_stream_of_neighbours_of_one_class_is_refused(hub_copy, few):
    train = by_class(rows("train", 80, classes=4))
    copy = hub_copy({"train": train, "test": rows("test", 8, classes=4)})
    with pytest.raises(
        ValueError,
        match="the split 'train': of the first 8 texts to train on none is of the class 'Sports'; there are 8 World. A "
        f"stream shuffles so many among each other: leave streaming out, or give texts .* in any order; .*{TYPE}",
    ):
        ag_news(copy, True, Bytes(), val_size=0)
    assert len(ag_news(copy, tokenizer=Bytes(), val_size=0).train) == 80


def test_what_is_set_aside_of_a_stream_may_leave_none_of_a_class(hub_copy):
    train = [{"text": "a", "label": int(number in (3, 30))} for number in range(40)]
    copy = hub_copy({"train": train, "test": TEST})
    with pytest.raises(
        ValueError,
        match="of the first 32 texts to train on none is of the class 'positive'; .* 32 negative. Lower val_size",
    ):
        imdb(copy, True, Bytes(), val_size=8)
    assert len(imdb(copy, True, Bytes(), val_size=2).val) == 2


def test_a_class_of_which_no_text_validates_is_told(hub_copy, capsys):
    train, published = (rows(split, 8, text="sentence") for split in ("train", "validation"))
    sst2(hub_copy({"train": train, "validation": published}), True, Bytes(), val_size=3)
    assert capsys.readouterr().err == ""
    sst2(hub_copy({"train": by_class(train), "validation": published}), True, Bytes(), val_size=3)
    told = "the split 'train': of the first 3 texts, which validate, none is of the class 'positive'\n"
    assert capsys.readouterr().err.endswith(told)


def test_what_is_no_part_of_a_stream_to_set_aside(hub_copy):
    copy = hub_copy({"train": TRAIN, "test": TEST})
    for val_size, message in (
        (8, "val_size=8: of 8 training texts, 0 to 7 can be set aside"),
        (9, "val_size=9: of 8 training texts, 0 to 7 can be set aside"),
        (-1, "val_size=-1: a number of texts from 0 up"),
    ):
        with pytest.raises(ValueError, match=message):
            imdb(copy, True, Bytes(), val_size=val_size)
    with pytest.raises(ValueError, match="split_seed=3: of a stream the first texts are set aside, whatever the seed"):
        imdb(copy, True, Bytes(), val_size=2, split_seed=3)


@pytest.mark.parametrize("name", ["ag_news", "imdb", "sst2"])
def test_a_run_of_a_stream_goes_on_inside_an_epoch(hub_copy, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ShuffledStream, "neighbours", 16)
    classes, column = (4 if name == "ag_news" else 2), ("sentence" if name == "sst2" else "text")
    train = rows("train", 60, text=column, classes=classes)
    test = rows("test", 8, text=column, classes=classes)
    splits = {"train": by_class(train) if name == "imdb" else train, "validation" if name == "sst2" else "test": test}
    page = tmp_path / "stream.yaml"
    page.write_text(
        f"""
seed: 1
task: classification
loss: cross_entropy
dataset: {{use: {name}, path: {hub_copy(splits)}, streaming: true, val_size: 8, tokenizer: {{use: characters}}}}
loader: {{batch_size: 4}}
model: {{use: bag_of_ngrams, width: 8, buckets: 64}}
optimizer: {{use: adamw, lr: 0.05}}
trainer: {{max_steps: 40, val_check_interval: 5, accelerator: cpu}}
"""
    )
    whole = RunFolder(run(load(str(page)), root=tmp_path / "whole").folder)
    part = run(load(str(page), ["trainer.max_steps=19"]), root=tmp_path / "part").folder
    again = RunFolder(resume(str(part), ["trainer.max_steps=40"]).folder)
    assert again.read_json()["metrics"] == whole.read_json()["metrics"]
    assert whole.read_json()["metrics"]["val/loss"] > 0


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


@pytest.mark.parametrize("streaming", [False, True])
def test_without_a_network_a_folder_is_named(monkeypatch, tmp_path, streaming):
    datasets = pytest.importorskip("datasets", reason="the extra hf is not installed whole: no datasets")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path))
    with pytest.raises(OSError, match="fancyzhx/ag_news: .*. A copy in a folder is read with path: FOLDER"):
        ag_news(streaming=streaming)
