"""WikiText through the library `datasets`, in memory and as a stream, from copies in folders: nothing is downloaded."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from toolkit_text import packed_stream
from toolkit_text.characters import Characters
from toolkit_text.splits import Splits
from toolkit_text.tokenizer_file import TokenizerFile
from toolkit_text.wikitext import wikitext2, wikitext103

from toolkit.data.download import no_downloads
from toolkit.recipe import load
from toolkit.runs import resume, run
from toolkit.tracking.folder import RunFolder

ARTICLES = {
    "train": [f" = Article {number} = \n\n = = Section = = \n {'word ' * (5 + 3 * number)}. \n" for number in range(7)],
    "validation": [" = One = \n a word . \n"],
    "test": [" = Two = \n a word . \n", " = Three = \n words . \n"],
}


def rows(articles: list[str]) -> list[dict[str, str]]:
    """As they are on the hub: a line each, and empty ones without its end."""
    lines = ["", *(line for article in articles for line in article.splitlines(keepends=True))]
    return [{"text": "" if line == "\n" else line} for line in lines]


@pytest.fixture
def folder(hub_copy: Callable[..., str]) -> str:
    return hub_copy({split: rows(articles) for split, articles in ARTICLES.items()})


@pytest.fixture
def streamed(folder: str) -> Callable[..., Splits]:
    def read(tokenizer: Any = None) -> Splits:
        return wikitext2(tokenizer or Characters(), context=8, path=folder, streaming=True)

    return read


def windows(stream: Any) -> list[list[int]]:
    return [inputs.tolist() for inputs, _ in stream]


@pytest.mark.parametrize("dataset", [wikitext2, wikitext103])
def test_every_article_is_a_text(folder: str, dataset: Any) -> None:
    with no_downloads():
        splits = dataset(Characters(), context=8, path=folder)
    assert set(splits.facts["characters_per_token"]) == {"train", "val", "test"}
    eos_id = splits.facts["eos_id"]
    parts = splits.text_of(splits.train._tokens.long())
    # Empty lines of the articles are rows of nothing in the data.
    assert parts == "".join(ARTICLES["train"]).replace("\n\n", "\n")
    assert int((splits.train._tokens == eos_id).sum()) == len(ARTICLES["train"])
    _, targets = splits.test.__getitems__(range(len(splits.test)))
    # Nothing predicts the first.
    assert int((targets == eos_id).sum()) == len(ARTICLES["test"]) - 1


def test_the_tokenizer_of_wikitext103_has_50304_tokens_at_most(folder: str) -> None:
    assert 260 < wikitext103(context=8, path=folder).facts["vocab_size"] < 300


def test_a_stream_gives_the_same_tokens_in_their_order(folder: str, streamed: Callable[..., Splits]) -> None:
    whole, stream = wikitext2(Characters(), context=8, path=folder), streamed()
    assert stream.run_files == whole.run_files
    assert set(stream.facts["characters_per_token"]) == {"val", "test"}
    tokens = whole.train._tokens.long()
    for _ in range(2):
        read = list(stream.train)
        assert len(read) == (len(tokens) - 1) // 8
        for number, (inputs, targets) in enumerate(read):
            assert torch.equal(inputs, tokens[8 * number : 8 * number + 8])
            assert torch.equal(targets, tokens[8 * number + 1 : 8 * number + 9])


def test_a_stream_goes_on_where_it_stopped_and_the_next_epoch_is_a_whole_one(streamed: Callable[..., Splits]) -> None:
    first = streamed().train
    expected = windows(first)
    then = streamed().train
    for stopped in (1, 2, len(expected) // 2, len(expected)):
        list(islice(iter(first), stopped))
        state = json.loads(json.dumps(first.state_dict()))
        then.load_state_dict(state)
        assert windows(then) == expected[stopped:]
        for _ in range(2):
            assert windows(then) == expected
        # As the loader has it: a part for each epoch, of the same articles.
        part = then.shard(num_shards=1, index=0)
        part.load_state_dict(state)
        assert windows(part) == expected[stopped:]
        assert windows(then.shard(num_shards=1, index=0)) == expected


def test_a_stream_stops_again_before_another_article_is_read(streamed: Callable[..., Splits]) -> None:
    stream, again, then = (streamed().train for _ in range(3))
    expected = windows(then)
    # Inside the articles in the middle, which fill several windows.
    for stopped in range(len(expected) // 2, len(expected) // 2 + 8):
        list(islice(iter(stream), stopped))
        again.load_state_dict(stream.state_dict())
        list(islice(iter(again), 1))
        then.load_state_dict(again.state_dict())
        assert windows(then) == expected[stopped + 1 :]


def test_a_stream_that_was_read_to_its_end_has_no_more(streamed: Callable[..., Splits]) -> None:
    stream = streamed().train
    # With so many parts the last articles are read after the last window, and fill none.
    for parts in range(20, 41, 4):
        part, then = (stream.shard(parts, 0) for _ in range(2))
        assert list(part)
        then.load_state_dict(json.loads(json.dumps(part.state_dict())))
        assert list(then) == []


def test_parts_of_a_stream_are_equally_long_and_have_every_window_once(streamed: Callable[..., Splits]) -> None:
    expected = windows(streamed().train)
    parts = [windows(streamed().train.shard(3, index)) for index in range(3)]
    assert {len(part) for part in parts} == {len(expected) // 3}
    together = [window for dealt in zip(*parts, strict=True) for window in dealt]
    assert together == expected[: len(together)]


@pytest.mark.parametrize("eos", ["<eos>", "<unk>"])
def test_unknown_tokens_of_a_stream_are_counted(
    folder: str, eos: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "tokenizer.json"
    file.write_bytes(Characters(min_count=8).fit(ARTICLES["train"]).to_bytes())
    rare = TokenizerFile(str(file), ("<pad>", "<unk>", "<bos>", eos))
    wikitext2(rare, context=8, path=folder)
    whole = next(line for line in capsys.readouterr().err.splitlines() if "'train'" in line)
    assert whole.startswith("note: ")
    monkeypatch.setattr(packed_stream, "EARLY", 100)
    stream = wikitext2(rare, context=8, path=folder, streaming=True).train
    capsys.readouterr()

    def told(part: Iterator[Any]) -> list[str]:
        list(part)
        return capsys.readouterr().err.splitlines()

    early, end = told(iter(stream))
    assert " of the beginning of the split 'train' are unknown" in early
    assert end == whole.replace("'train'", "'train' in epoch 0")
    # One part of several tells, and the early note is not repeated.
    stream.set_epoch(1)
    assert told(iter(stream.shard(2, 0))) == [whole.replace("'train'", "'train' in epoch 1")]
    assert told(iter(stream.shard(2, 1))) == []
    # A resumed one counts on.
    list(islice(iter(stream), 30))
    state = json.loads(json.dumps(stream.state_dict()))
    stream.load_state_dict(state)
    assert told(iter(stream)) == [whole.replace("'train'", "'train' in epoch 1")]


def test_a_run_of_a_stream_goes_on_inside_an_epoch(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "stream.yaml"
    path.write_text(
        f"""
seed: 1
task: {{use: language_modeling, sample_tokens: 0}}
dataset: {{use: wikitext2, path: {folder}, tokenizer: {{use: characters}}, context: 8, streaming: true}}
loader: {{batch_size: 2}}
model: {{use: gpt, context: 8, depth: 1, width: 8, heads: 2, dropout: 0.1}}
optimizer: {{use: adamw, lr: 0.01}}
trainer: {{max_steps: 80, val_check_interval: 10, accelerator: cpu}}
"""
    )
    whole = RunFolder(run(load(str(path)), root=tmp_path / "whole").folder)
    part = run(load(str(path), ["trainer.max_steps=25"]), root=tmp_path / "part").folder
    again = RunFolder(resume(str(part), ["trainer.max_steps=80"]).folder)
    assert again.read_json()["metrics"] == whole.read_json()["metrics"]
    assert "train/bits_per_character" not in whole.read_json()["metrics"]
    assert whole.read_json()["metrics"]["val/bits_per_character"] > 0


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(
    ("splits", "message"),
    [
        (
            {"train": rows(ARTICLES["train"]), "test": rows(ARTICLES["test"])},
            "no split 'validation'; there are train, test, and expected are train, validation, test. "
            r".*dataset: \{use: plain_text, train: FILE",
        ),
        (
            {split: [{"line": "a"}] for split in ARTICLES},
            "in the split 'train': no column 'text'; there are line, and expected are text",
        ),
        (
            {"train": rows(["a"]), "validation": rows(["a"]), "test": [{"text": "a"}, {"text": None}]},
            "the split 'test': a line is None, and a text is expected: in a folder that path names, leave the row",
        ),
    ],
)
def test_what_a_copy_lacks_is_told(
    hub_copy: Callable[..., str], splits: dict[str, Any], message: str, streaming: bool
) -> None:
    with pytest.raises(ValueError, match=message):
        wikitext2(Characters(), context=1, path=hub_copy(splits), streaming=streaming)


def test_what_is_not_here_is_not_downloaded_by_a_check() -> None:
    with no_downloads(), pytest.raises(OSError, match="Salesforce/wikitext is on the Hugging Face hub"):
        wikitext103()


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'toolkit-text\[hf\]'"):
        wikitext2(Characters())
