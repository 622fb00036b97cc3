"""WikiText through the library `datasets`, in memory and as a stream; here the library's place is taken."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from toolkit_text.characters import Characters
from toolkit_text.packed_stream import PackedStream
from toolkit_text.tokenizer import Tokenizer
from toolkit_text.wikitext import Articles, wikitext2

from toolkit.recipe import load
from toolkit.runs import resume, run
from toolkit.tracking.folder import RunFolder

ARTICLES = {
    "train": [f" = Article {number} = \n\n = = Section = = \n {'word ' * (5 + 3 * number)}. \n" for number in range(7)],
    "validation": [" = One = \n a word . \n"],
    "test": [" = Two = \n a word . \n", " = Three = \n words . \n"],
}


class Rows:
    """Rows of a stream, as `datasets.IterableDataset` has them: it knows where it was read to."""

    def __init__(self, articles: list[str]) -> None:
        lines = ["", *(line for article in articles for line in article.splitlines(keepends=True))]
        self.rows = [{"text": "" if line == "\n" else line} for line in lines]
        self._begin = self._read = 0

    def __iter__(self) -> Iterator[dict[str, str]]:
        self._read, self._begin = self._begin, 0
        for row in self.rows[self._read :]:
            self._read += 1
            yield row

    def state_dict(self) -> dict[str, Any]:
        return {"read": self._read}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._begin = state["read"]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the library was asked for."""
    found: list[Any] = []

    def load_dataset(path: str, name: str | None = None, **arguments: Any) -> dict[str, Rows]:
        found.append((path, name, arguments["streaming"]))
        return {split: Rows(articles) for split, articles in ARTICLES.items()}

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))  # type: ignore[arg-type]
    return found


def as_read(articles: list[str]) -> list[str]:
    """Empty lines of the articles are rows of nothing in the data."""
    return [article.replace("\n\n", "\n") for article in articles]


def test_articles_begin_with_their_titles() -> None:
    assert list(Articles(Rows(ARTICLES["train"]))) == as_read(ARTICLES["train"])


def test_every_article_is_a_text(asked: list[Any]) -> None:
    splits = wikitext2(Characters(), context=8)
    assert asked == [("Salesforce/wikitext", "wikitext-2-raw-v1", False)]
    _, targets = splits.test.__getitems__(range(len(splits.test)))
    assert int((targets == splits.facts["eos_id"]).sum()) == 1
    assert set(splits.facts["characters_per_token"]) == {"train", "val", "test"}


def test_a_stream_gives_the_same_tokens_in_their_order(asked: list[Any]) -> None:
    whole, stream = wikitext2(Characters(), context=8), wikitext2(Characters(), context=8, streaming=True)
    assert asked[1][2] is True
    assert stream.run_files == whole.run_files
    assert set(stream.facts["characters_per_token"]) == {"val", "test"}
    tokens = whole.train._tokens.long()
    for _ in range(2):
        windows = list(stream.train)
        assert len(windows) == (len(tokens) - 1) // 8
        for number, (inputs, targets) in enumerate(windows):
            assert torch.equal(inputs, tokens[8 * number : 8 * number + 8])
            assert torch.equal(targets, tokens[8 * number + 1 : 8 * number + 9])


def stream_of(tokenizer: Tokenizer) -> PackedStream:
    return PackedStream(Articles(Rows(ARTICLES["train"])), tokenizer, 8)


def test_a_stream_goes_on_where_it_stopped() -> None:
    tokenizer = Characters().fit(ARTICLES["train"])
    expected = [inputs.tolist() for inputs, _ in stream_of(tokenizer)]
    for stopped in (1, 2, len(expected) // 2, len(expected)):
        first = stream_of(tokenizer)
        samples = iter(first)
        for _ in range(stopped):
            next(samples)
        then = stream_of(tokenizer)
        then.load_state_dict(first.state_dict())
        assert [inputs.tolist() for inputs, _ in then] == expected[stopped:]
        # And the next epoch is a whole one.
        assert [inputs.tolist() for inputs, _ in then] == expected


def test_parts_of_a_stream_are_equally_long_and_have_every_window_once() -> None:
    tokenizer = Characters().fit(ARTICLES["train"])
    expected = [inputs.tolist() for inputs, _ in stream_of(tokenizer)]
    parts = [[inputs.tolist() for inputs, _ in stream_of(tokenizer).shard(3, index)] for index in range(3)]
    assert {len(part) for part in parts} == {len(expected) // 3}
    together = [window for windows in zip(*parts, strict=True) for window in windows]
    assert together == expected[: len(together)]


def test_a_run_of_a_stream_goes_on_inside_an_epoch(
    asked: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "stream.yaml"
    path.write_text(
        """
seed: 1
task: {use: language_modeling, sample_tokens: 0}
dataset: {use: wikitext2, tokenizer: {use: characters}, context: 8, streaming: true}
loader: {batch_size: 2}
model: {use: gpt, context: 8, depth: 1, width: 8, heads: 2, dropout: 0.1}
optimizer: {use: adamw, lr: 0.01}
trainer: {max_steps: 60, val_check_interval: 10, accelerator: cpu}
"""
    )
    whole = RunFolder(run(load(str(path)), root=tmp_path / "whole").folder)
    part = run(load(str(path), ["trainer.max_steps=25"]), root=tmp_path / "part").folder
    again = RunFolder(resume(str(part), ["trainer.max_steps=60"]).folder)
    assert again.read_json()["metrics"] == whole.read_json()["metrics"]
    assert "train/bits_per_character" not in whole.read_json()["metrics"]
    assert whole.read_json()["metrics"]["val/bits_per_character"] > 0


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'toolkit-text\[hf\]'"):
        wikitext2(Characters())
