"""Rows of a stream, as the library `datasets` reads them from files: of several kinds, and several for one split."""

from __future__ import annotations

import importlib
import pickle
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from toolkit_text.byte_level import Bytes
from toolkit_text.hub_stream import HubStream
from toolkit_text.hub_texts import imdb
from toolkit_text.shuffled_stream import ShuffledStream
from toolkit_text.translation.hub_pairs import multi30k


@pytest.fixture
def datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    library = pytest.importorskip("datasets", reason="the extra hf is not installed whole: no datasets")
    monkeypatch.setattr(library.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    library.disable_progress_bars()
    return library


def write(file: Path, rows: Sequence[Mapping[str, Any]], datasets: Any) -> None:
    """Parquet as the hub has it, with the names of the classes."""
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["neg", "pos"])})
    table = importlib.import_module("pyarrow").Table.from_pylist(rows, schema=features.arrow_schema)
    importlib.import_module("pyarrow.parquet").write_table(table, file)


@pytest.fixture
def copy(datasets: Any, tmp_path: Path) -> Path:
    """IMDB, the training split in two files."""
    folder = tmp_path / "copy"
    folder.mkdir()
    rows = [{"text": f"text {number}", "label": int(number >= 20)} for number in range(40)]
    write(folder / "train-00000-of-00002.parquet", rows[:25], datasets)
    write(folder / "train-00001-of-00002.parquet", rows[25:], datasets)
    write(folder / "test-00000-of-00001.parquet", rows[15:25], datasets)
    return folder


def test_a_set_in_several_files_is_read_whole_and_goes_on_in_any_of_them(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ShuffledStream, "neighbours", 7)
    data = imdb(str(copy), streaming=True, tokenizer=Bytes(), val_size=5)
    assert data.text_of is not None
    assert [label for _, label in data.val] == [0, 1, 0, 1, 0]

    def read(samples: Any) -> list[tuple[str, int]]:
        assert data.text_of is not None
        return [(data.text_of(tokens), label) for tokens, label in samples]

    whole = read(data.train)
    numbers = [*range(3, 20), *range(22, 40)]
    assert sorted(whole) == sorted((f"text {number}", int(number >= 20)) for number in numbers)
    for taken in range(1, len(whole) + 1):
        first = read(islice(iter(data.train), taken))
        data.train.load_state_dict(data.train.state_dict())
        assert first + read(data.train) == whole


def test_another_reader_begins_anew(copy: Path, datasets: Any) -> None:
    rows = HubStream(datasets.load_dataset(str(copy), streaming=True)["train"])
    half = list(islice(rows, 20))
    state = rows.state_dict()
    another = rows.again()
    assert list(islice(another, 20)) == half
    assert len(list(another)) == 40
    rows.load_state_dict(state)
    assert len(list(rows.again())) == 40
    assert len(list(rows)) == 20


def test_a_row_that_is_wrong_is_told_by_its_number_after_a_resume_too(copy: Path, datasets: Any) -> None:
    rows = [{"text": f"text {number}", "label": number % 2 if number < 30 else -1} for number in range(32)]
    write(copy / "train-00000-of-00002.parquet", rows, datasets)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ShuffledStream, "neighbours", 8)
        # A tokenizer that learns nothing reads no texts before.
        stream = imdb(str(copy), streaming=True, tokenizer=Bytes(), val_size=0).train
        assert list(islice(stream, 16))
        stream.load_state_dict(stream.state_dict())
        with pytest.raises(
            ValueError, match="the split 'train', row 31: its label is -1, and one of these is expected"
        ):
            list(stream)


def test_streams_and_what_makes_their_batches_can_be_sent_to_a_worker(copy: Path, tmp_path: Path) -> None:
    (tmp_path / "pairs").mkdir()
    for split in ("train", "validation", "test"):
        (tmp_path / "pairs" / f"{split}.jsonl").write_text('{"en": "a", "de": "b"}\n')
    pairs = multi30k(path=str(tmp_path / "pairs"), streaming=True, tokenizer=Bytes())
    for data in (imdb(str(copy), streaming=True, tokenizer=Bytes(), val_size=5), pairs):
        samples = list(data.train)
        train, collate = pickle.loads(pickle.dumps((data.train, data.collate)))
        inputs, _ = collate(list(train))
        assert len(inputs[0] if isinstance(inputs, tuple) else inputs) == len(samples)
