"""Translations of the Hugging Face hub, read from folders that are laid out like theirs; nothing is downloaded."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from itertools import islice
from typing import Any

import pytest
import torch
from toolkit_text.byte_level import Bytes
from toolkit_text.characters import Characters
from toolkit_text.shuffled_stream import ShuffledStream
from toolkit_text.splits import Splits
from toolkit_text.translation.hub_pairs import iwslt2017, multi30k, wmt

from toolkit.data import data_module
from toolkit.data.download import no_downloads

BYTES = Bytes().fit([])
Copy = Callable[..., str]


def rows(counts: dict[str, int], *, nested: bool = True) -> dict[str, list[Any]]:
    """Pairs by split; every tenth has no German."""
    pairs = {
        split: [
            {"en": f"{split} {number}", "de": f"{number} {split}" if number % 10 else ""} for number in range(count)
        ]
        for split, count in counts.items()
    }
    return {split: [{"translation": pair} for pair in each] if nested else each for split, each in pairs.items()}


def texts(samples: Any) -> list[tuple[str, str]]:
    return [(BYTES.decode(source.tolist()), BYTES.decode(target.tolist())) for (source, target), _ in samples]


def test_multi30k_has_a_column_for_each_language(hub_copy: Copy) -> None:
    folder = hub_copy(rows({"train": 20, "validation": 5, "test": 4}, nested=False))
    data = multi30k("de", "en", path=folder, tokenizer=Bytes())
    assert texts(data.train[number] for number in range(2)) == [("1 train", "train 1"), ("2 train", "train 2")]
    assert [len(split) for split in (data.train, data.val, data.test)] == [18, 4, 3]
    assert data.test.references == ["test 1", "test 2", "test 3"]


def test_iwslt_has_texts_by_language(hub_copy: Copy) -> None:
    folder = hub_copy(rows({"train": 20, "validation": 5, "test": 4}))
    data = iwslt2017("en", "de", path=folder, tokenizer=Bytes())
    assert texts([data.train[0]]) == [("train 1", "1 train")]


def test_wmt_in_memory(hub_copy: Copy) -> None:
    data = wmt(path=hub_copy(rows({"train": 20, "validation": 5})), streaming=False, tokenizer=Bytes())
    assert texts(data.train[number] for number in range(18)) == [
        (f"train {number}", f"{number} train") for number in range(20) if number % 10
    ]
    assert data.val.references == [f"{number} validation" for number in range(1, 5)]
    assert data.test is None
    assert data.facts == BYTES.facts


@pytest.fixture(params=[wmt, multi30k, iwslt2017])
def stream(request: pytest.FixtureRequest, hub_copy: Copy, monkeypatch: pytest.MonkeyPatch) -> Splits:
    monkeypatch.setattr(ShuffledStream, "neighbours", 8)
    copy = hub_copy(rows({"train": 40, "validation": 5, "test": 4}, nested=request.param is not multi30k))
    splits: Splits = request.param(source="en", target="de", path=copy, streaming=True, tokenizer=Bytes())
    return splits


def test_a_stream_has_every_pair_once_in_another_order_each_epoch(stream: Any) -> None:
    orders = []
    for epoch in (0, 1, 0):
        stream.train.set_epoch(epoch)
        orders.append(texts(stream.train))
    assert orders[0] == orders[2] != orders[1]
    assert sorted(orders[0]) == sorted((f"train {n}", f"{n} train") for n in range(40) if n % 10)
    assert {source for source, _ in orders[0][:8]} == {f"train {n}" for n in range(1, 9)}, "shuffled in windows"
    assert len(stream.val) == 4
    assert stream.facts == BYTES.facts


def test_a_stream_goes_on_where_it_was(stream: Any) -> None:
    whole = texts(stream.train)
    for taken in (1, 3, 8, 19, 36):
        first = texts(islice(iter(stream.train), taken))
        state = json.loads(json.dumps(stream.train.state_dict()))
        stream.train.load_state_dict(state)
        assert first + texts(stream.train) == whole
    assert texts(stream.train) == whole, "and begins at the beginning again"


def test_a_stream_begins_with_the_pairs_that_its_tokenizer_has_learnt_from(hub_copy: Copy) -> None:
    data = wmt(path=hub_copy(rows({"train": 40, "validation": 5})), tokenizer=Characters(), learn_from=25)
    assert len(list(data.train)) == 36


def test_of_smaller_sets_the_tokenizer_learns_from_all_pairs(hub_copy: Copy) -> None:
    pairs = rows({"train": 40, "validation": 5, "test": 4}, nested=False)
    pairs["train"][-1] = {"en": "last", "de": "\N{LATIN SMALL LETTER SHARP S}"}
    data = multi30k(path=hub_copy(pairs), streaming=True, tokenizer=Characters())
    ((_, target_in), _) = next(sample for sample in data.train if len(sample[1]) == 2)
    assert target_in[1].item() != Characters().fit([]).unk_id


def test_samples_of_a_stream_make_the_batches_of_pairs(stream: Any) -> None:
    samples = list(islice(stream.train, 4))
    (source, target_in), target_out = stream.collate(samples)
    assert source.shape[0] == target_in.shape[0] == 4
    assert target_in.shape == target_out.shape
    for row, ((alone, begun), wanted) in enumerate(samples):
        assert source[row].tolist() == [*alone.tolist(), *[0] * (source.shape[1] - len(alone))]
        assert target_in[row, : len(begun)].tolist() == begun.tolist()
        assert target_out[row].tolist() == [*wanted.tolist(), *[-100] * (target_out.shape[1] - len(wanted))]
    assert target_out.dtype is torch.int64


@pytest.mark.parametrize("streaming", [False, True])
def test_batches_hold_pairs_of_similar_length(hub_copy: Copy, streaming: bool) -> None:
    lengths = torch.randperm(640, generator=torch.Generator().manual_seed(0)) % 64 + 1
    pairs = [{"translation": {"en": "a" * length, "de": "b" * length}} for length in lengths.tolist()]
    folder = hub_copy({"train": pairs, "validation": pairs[:2]})
    data = data_module(wmt(path=folder, tokenizer=Bytes(), streaming=streaming), {"batch_size": 16})
    masks = [target_out != -100 for _, target_out in data.train_dataloader()]
    assert sum(len(mask) for mask in masks) == 640
    padded = 1 - sum(int(mask.sum()) for mask in masks) / sum(mask.numel() for mask in masks)
    longest = (lengths + 1).view(40, 16).amax(dim=1)
    assert padded < (1 - int((lengths + 1).sum()) / int(16 * longest.sum())) / 5
    means = torch.tensor([mask.sum() / len(mask) for mask in masks])
    assert not torch.equal(means, means.sort().values), "batches are in no order of length"


def test_what_is_left_out_of_a_stream_is_counted(
    hub_copy: Copy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ShuffledStream, "neighbours", 8)
    folder = hub_copy(rows({"train": 40, "validation": 5}))
    # "train 10" and those after it have 8 bytes.
    stream = wmt(path=folder, tokenizer=Bytes(), max_length=7).train
    capsys.readouterr()

    def told(samples: Any) -> list[str]:
        assert list(samples)
        return capsys.readouterr().err.splitlines()

    early = "note: of the first 9 pairs to train on, 1 with an empty side and 0 with more than max_length=7 tokens"
    end = "note: of 40 pairs to train on in epoch {}, 4 with an empty side and 27 with more than max_length=7 tokens"
    assert told(stream) == [f"{each} on a side are left out" for each in (early, end.format(0))]
    stream.set_epoch(1)
    list(islice(stream, 9))
    assert capsys.readouterr().err == ""
    state = json.loads(json.dumps(stream.state_dict()))
    stream.load_state_dict(state)
    assert list(stream) == []
    assert capsys.readouterr().err.splitlines() == [f"{end.format(1)} on a side are left out"]


TYPE = r"read with dataset: \{use: parallel_table, train: FILE, val: FILE, test: FILE, source: COLUMN, target: COLUMN\}"


def test_what_a_copy_lacks_is_told(hub_copy: Copy) -> None:
    pairs = rows({"train": 3, "validation": 2, "test": 2})
    nested = hub_copy(pairs)
    for streaming in (False, True):
        with pytest.raises(ValueError, match=f"no column 'fr'; there are en, de, and expected are en, fr. .*{TYPE}"):
            wmt(target="fr", path=nested, tokenizer=Bytes(), streaming=streaming)
        with pytest.raises(
            ValueError, match="no split 'validation'; there are train, and expected are train, validation"
        ):
            wmt(path=hub_copy({"train": pairs["train"]}), streaming=streaming)
    with pytest.raises(ValueError, match="no split 'test'; there are train, validation, and expected"):
        multi30k(path=hub_copy(rows({"train": 3, "validation": 2}, nested=False)))
    with pytest.raises(ValueError, match="no split 'train'"):
        iwslt2017(path=hub_copy({"validation": pairs["validation"]}))


def test_a_text_that_is_none_is_an_empty_side_and_a_number_is_told(
    hub_copy: Copy, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = rows({"train": 3, "validation": 2, "test": 2}, nested=False)
    multi30k(path=hub_copy({**pairs, "train": [*pairs["train"], {"en": None, "de": "a"}]}), tokenizer=Bytes())
    assert "note: 4 pairs (train 2, val 1, test 1) with an empty side left out" in capsys.readouterr().err
    numbers = hub_copy({split: [{"en": 1, "de": "a"}] for split in pairs})
    with pytest.raises(ValueError, match="the split 'train': a text in 'en' is 1, and a text is expected"):
        multi30k(path=numbers, tokenizer=Bytes())


def test_what_is_not_here_is_not_downloaded_by_a_check() -> None:
    with no_downloads(), pytest.raises(OSError, match="bentrevett/multi30k is on the Hugging Face hub"):
        multi30k()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: multi30k("en", "fr"), "target='fr': one of en, de"),
        (lambda: multi30k("en", "en"), "source='en', target='en': two languages"),
        (lambda: iwslt2017("de", "fr"), "two languages, one of them en"),
        (lambda: wmt(year=13), "year=13: from 14 to 19"),
    ],
)
def test_what_is_no_pair_of_languages(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_without_the_library_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'toolkit-text\[hf\]'"):
        multi30k()
