"""Translations of the Hugging Face hub, read from folders that are laid out like theirs; nothing is downloaded."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from toolkit_text.byte_level import Bytes
from toolkit_text.translation import pair_stream
from toolkit_text.translation.hub_pairs import iwslt2017, multi30k, wmt

from toolkit.data.download import no_downloads

BYTES = Bytes().fit([])


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    datasets.disable_progress_bars()


def write(folder: Path, rows: dict[str, int], *, nested: bool = True) -> str:
    folder.mkdir()
    for split, count in rows.items():
        pairs = [
            {"en": f"{split} {number}", "de": f"{number} {split}" if number % 10 else ""} for number in range(count)
        ]
        lines = [json.dumps({"translation": pair} if nested else pair) for pair in pairs]
        (folder / f"{split}.jsonl").write_text("\n".join(lines) + "\n")
    return str(folder)


def texts(samples: Any) -> list[tuple[str, str]]:
    return [(BYTES.decode(source.tolist()), BYTES.decode(target.tolist())) for (source, target), _ in samples]


def test_multi30k_has_a_column_for_each_language(tmp_path: Path) -> None:
    folder = write(tmp_path / "data", {"train": 20, "validation": 5, "test": 4}, nested=False)
    data = multi30k("de", "en", path=folder, tokenizer=Bytes())
    assert texts(data.train[number] for number in range(2)) == [("1 train", "train 1"), ("2 train", "train 2")]
    assert [len(split) for split in (data.train, data.val, data.test)] == [18, 4, 3]
    assert data.test.references == ["test 1", "test 2", "test 3"]


def test_iwslt_has_texts_by_language(tmp_path: Path) -> None:
    folder = write(tmp_path / "data", {"train": 20, "validation": 5, "test": 4})
    data = iwslt2017("en", "de", path=folder, tokenizer=Bytes())
    assert texts([data.train[0]]) == [("train 1", "1 train")]


@pytest.fixture
def stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(pair_stream, "WINDOW", 8)
    folder = write(tmp_path / "data", {"train": 40, "validation": 5, "test": 4})
    return wmt(path=folder, tokenizer=Bytes(), learn_from=10)


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


def test_what_is_not_here_is_not_downloaded_by_a_check(tmp_path: Path) -> None:
    with no_downloads(), pytest.raises(OSError, match="bentrevett/multi30k is on the Hugging Face hub"):
        multi30k()
    with pytest.raises(ValueError, match="no text in 'fr'; the rows have en, de"):
        wmt(target="fr", path=write(tmp_path / "data", {"train": 3, "test": 2}), tokenizer=Bytes())


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
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'toolkit-text\[hf\]'"):
        multi30k()
