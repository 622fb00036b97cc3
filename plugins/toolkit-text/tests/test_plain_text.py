"""Texts in files: which characters are in which split, and what is wrong with a file."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest
from toolkit_text.austen import austen
from toolkit_text.bpe import BPE
from toolkit_text.characters import Characters
from toolkit_text.plain_text import plain_text
from toolkit_text.splits import Splits
from toolkit_text.text_reader import TextReader
from toolkit_text.tokenizer import Tokenizer
from toolkit_text.windows import IGNORED


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text("abcdefghij" * 20)
    return path


def evaluated(splits: Splits, split: str) -> str:
    """The text that a split predicts."""
    windows = getattr(splits, split)
    targets = windows.__getitems__(range(len(windows)))[1]
    return Tokenizer.from_files(splits.run_files).decode(targets[targets != IGNORED].tolist())


def test_the_last_shares_of_the_text_validate_and_test(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("a" * 70 + "b" * 20 + "c" * 10)
    splits = plain_text(str(path), Characters(), context=8, val_share=0.2, test_share=0.1)
    # The tokenizer has learnt from what trains, where there are no other letters.
    assert splits.facts["vocab_size"] == 5
    windows = splits.train.__getitems__(range(len(splits.train)))[0]
    assert set(windows.unique().tolist()) <= {splits.facts["eos_id"], 4}
    unknown = 1
    assert splits.val[0][1][1:].tolist() == [unknown] * 7
    assert splits.facts["characters_per_token"]["test"] == 1


def test_shares_are_consecutive_and_whole(file: Path) -> None:
    splits = plain_text(str(file), Characters(), context=7, val_share=0.25, test_share=0.05)
    assert evaluated(splits, "val") == ("abcdefghij" * 20)[140:190]
    assert evaluated(splits, "test") == "abcdefghij"
    assert plain_text(str(file), Characters(), val_share=0, context=4).val is None
    assert plain_text(str(file), Characters(), context=4).test is None


def test_files_of_their_own_are_taken_as_they_are_and_texts_are_kept_apart(file: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text(f"{name[0]}ab")
    both = [str(tmp_path / "one"), str(tmp_path / "two")]
    splits = plain_text([str(file), *both], Characters(), context=4, val=both, test=str(tmp_path / "two"))
    assert splits.facts["characters_per_token"] == {
        "train": pytest.approx(206 / 208),
        "val": pytest.approx(6 / 7),
        "test": pytest.approx(1.0),
    }
    inputs, targets = splits.val.__getitems__([0, 1])
    assert inputs[0, 0] == targets[0, 3] == splits.facts["eos_id"]
    assert evaluated(splits, "val") == "oabtab"


def test_facts_and_files_are_those_of_the_tokenizer_and_a_kept_one_is_used_again(file: Path) -> None:
    splits = plain_text(str(file), BPE(vocab_size=265), context=4)
    assert {name: splits.facts[name] for name in ("vocab_size", "pad_id", "bos_id", "eos_id")} == {
        "vocab_size": 265,
        "pad_id": 0,
        "bos_id": 2,
        "eos_id": 3,
    }
    again = plain_text(str(file), Characters(), context=4, run_files=splits.run_files)
    assert again.facts == splits.facts
    assert again.run_files == splits.run_files
    assert splits.text_of is not None
    assert splits.text_of(splits.val[0][0]) in "abcdefghij" * 20


@pytest.mark.parametrize("name", ["text.txt.xz", "text.txt"])
def test_line_ends_marks_and_archives(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    content = "﻿Zürich\r\nÄpfel\n".encode() * 3
    path.write_bytes(lzma.compress(content) if name.endswith(".xz") else content)
    splits = plain_text(str(path), Characters(), context=2, val=str(path))
    assert evaluated(splits, "val").startswith("Zürich\nÄpfel\n")


def test_another_encoding_is_named(tmp_path: Path) -> None:
    path = tmp_path / "old.txt"
    path.write_bytes("first line\nÄpfel und Birnen".encode("latin-1"))
    with pytest.raises(ValueError, match=r"old\.txt:2: not utf-8: the byte 0xc4 .*give the file's encoding"):
        plain_text(str(path), Characters(), context=2)
    splits = plain_text(str(path), Characters(), context=2, encoding="latin-1", val=str(path))
    assert evaluated(splits, "val") == "first line\nÄpfel und Birnen"
    with pytest.raises(ValueError, match="encoding='latin-99'"):
        plain_text(str(path), Characters(), encoding="latin-99")


def test_what_is_absent_empty_or_too_short_is_refused(file: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing\.txt' is not a file; give a file of text"):
        plain_text(str(tmp_path / "nothing.txt"), Characters())
    (tmp_path / "empty.txt").touch()
    with pytest.raises(ValueError, match=r"empty\.txt: is empty"):
        plain_text(str(file), Characters(), context=4, test=str(tmp_path / "empty.txt"))
    with pytest.raises(ValueError, match="has 181 tokens, and windows of 500 need 1,000"):
        plain_text(str(file), Characters(), context=500)
    with pytest.raises(ValueError, match="context=0: a number of tokens from 1 up"):
        plain_text(str(file), Characters(), context=0)
    with pytest.raises(ValueError, match="train=\\[\\]: names no file"):
        plain_text([], Characters())


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({"val_share": 1.0}, "val_share=1.0: a share of the text"),
        ({"test_share": -0.1}, "test_share=-0.1: a share of the text"),
        ({"val_share": 0.5, "test_share": 0.5}, "val_share=0.5, test_share=0.5: nothing of 200 characters is left"),
    ],
)
def test_shares_that_cannot_be_are_refused(file: Path, shares: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plain_text(str(file), Characters(), **shares)  # type: ignore[arg-type]


def test_every_row_of_a_table_is_a_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text('{"said": "ab"}\n{"said": ""}\n{"said": "ba"}\n')
    splits = plain_text(str(path), Characters(), context=2, column="said", val=str(path))
    inputs, _ = splits.val.__getitems__([0, 1, 2])
    assert splits.facts["characters_per_token"]["val"] == 4 / 5
    assert inputs.flatten()[:3].tolist() == [3, 4, 5]
    assert "texts.jsonl: 1 row with an empty 'said' left out" in capsys.readouterr().err
    with pytest.raises(ValueError, match=r"texts\.jsonl:1: no column 'text'"):
        plain_text(str(path), Characters(), context=2)
    path.write_text('{"said": ""}\n')
    with pytest.raises(ValueError, match="no row has anything in 'said'"):
        plain_text(str(path), Characters(), context=2, column="said")


def test_unknown_tokens_are_told_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "text.txt"
    path.write_text("abab" * 9 + "abx!")
    plain_text(str(path), Characters(), context=2)
    assert "note: 2 of 5 tokens of the split 'val' are unknown to the tokenizer" in capsys.readouterr().err


def test_the_novel_is_whole_and_its_last_tenth_validates() -> None:
    splits = austen(Characters(), context=64)
    text = evaluated(splits, "val")
    assert len(text) == 68_477
    assert text.endswith("had been the means of uniting them.")
    assert splits.test is None
    assert splits.facts["characters_per_token"] == {"train": 1.0, "val": 1.0}
    assert len(splits.train) == 616_291 // 64 - 1


def test_a_stand_in_has_the_same_facts(file: Path) -> None:
    stand_in = plain_text.stand_in(0)  # type: ignore[attr-defined]
    splits = plain_text(str(file), Characters(), test_share=0.1, context=4)
    assert stand_in.facts.keys() == splits.facts.keys()
    assert stand_in.facts["characters_per_token"].keys() == splits.facts["characters_per_token"].keys()
    inputs, targets = stand_in.train.__getitems__([0, 1])
    assert inputs.shape == targets.shape == (2, 64)
    assert int(inputs.max()) < stand_in.facts["vocab_size"]


def test_lines_of_a_file_are_what_is_predicted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = Characters().fit(["abc "]).to_files()
    reader = TextReader({}, files)
    path = tmp_path / "lines.txt"
    path.write_bytes(b"abc\n\n cab\nb\n  \n")
    with path.open("rb") as stream:
        found = list(reader.read("lines.txt", stream))
    assert [name for name, _ in found] == ["lines.txt:1", "lines.txt:3", "lines.txt:4"]
    tokens = reader.collate([tokens for _, tokens in found])
    assert tokens.shape == (3, 5)
    assert tokens[:, 0].tolist() == [3, 3, 3]
    assert tokens[2].tolist()[2:] == [0, 0, 0]
    assert capsys.readouterr().err == "note: lines.txt: 2 empty lines left out\n"
    path.write_text("ab\n日本c\n", encoding="utf-8")
    with path.open("rb") as stream:
        assert [tokens.tolist() for _, tokens in reader.read("lines.txt", stream)] == [[3, 5, 6], [3, 1, 1, 7]]
    assert capsys.readouterr().err == "note: lines.txt: 2 tokens unknown to the tokenizer of the run\n"
    path.write_bytes(b"\xff")
    with (
        path.open("rb") as stream,
        pytest.raises(ValueError, match="not utf-8, as .* are: the byte 0xff"),
    ):
        list(reader.read("lines.txt", stream))
    path.write_bytes(b"\n\n")
    with path.open("rb") as stream, pytest.raises(ValueError, match="holds no text"):
        list(reader.read("lines.txt", stream))


def test_files_to_predict_are_read_as_those_of_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "said.jsonl"
    table.write_text('{"said": "Äpfel"}\n{"said": ""}\n{"said": "Öl"}\n', encoding="latin-1")
    splits = plain_text(str(table), Characters(), context=2, encoding="latin-1", column="said", val=str(table))
    reader = plain_text.reader(splits.facts, splits.run_files)
    tokenizer = Tokenizer.from_files(splits.run_files)
    capsys.readouterr()

    def read(path: Path) -> list[tuple[str, str]]:
        with path.open("rb") as stream:
            return [(name, tokenizer.decode(tokens.tolist())) for name, tokens in reader.read(str(path), stream)]

    assert table.suffix in reader.suffixes
    assert read(table) == [(f"{table}:1", "Äpfel"), (f"{table}:3", "Öl")]
    assert capsys.readouterr().err == f"note: {table}: 1 text without tokens left out\n"
    lines = tmp_path / "lines.txt"
    lines.write_text("Öl\nÄpfel\n", encoding="latin-1")
    packed = tmp_path / "lines.txt.xz"
    packed.write_bytes(lzma.compress(lines.read_bytes()))
    for path in (lines, packed):
        assert read(path) == [(f"{path}:1", "Öl"), (f"{path}:2", "Äpfel")]
    assert capsys.readouterr().err == ""
    packed.write_bytes(lzma.compress(lines.read_bytes())[:-9])
    with pytest.raises(ValueError, match="damaged: "):
        read(packed)
    table.write_text('{"text": "Öl"}\n', encoding="latin-1")
    with pytest.raises(ValueError, match="no column 'said'"):
        read(table)
