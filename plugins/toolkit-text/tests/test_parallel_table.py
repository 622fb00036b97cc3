"""Datasets of pairs: splits, batches, what is left out, and how texts to translate are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from toolkit_text.bpe import BPE
from toolkit_text.byte_level import Bytes
from toolkit_text.characters import Characters
from toolkit_text.translation.interface_strings import interface_strings
from toolkit_text.translation.parallel_table import parallel_table
from toolkit_text.words import Words

HEADER = "split\tsource\ttarget"
PAD, UNK, BOS, EOS = range(4)


def write(path: Path, rows: list[tuple[str, ...]], header: str = HEADER) -> str:
    path.write_text("\n".join([header, *("\t".join(row) for row in rows)]) + "\n", encoding="utf-8")
    return str(path)


def texts_of(split: Any, tokenizer: Any) -> list[tuple[str, str]]:
    """Sources and targets; a sample is `((source, target_in), target_out)`."""
    pairs = (split[number] for number in range(len(split)))
    return [(tokenizer.decode(source.tolist()), tokenizer.decode(target.tolist())) for (source, target), _ in pairs]


ROWS = [
    ("train", "ab", "xyz"),
    ("valid", "b", "y"),
    ("train", "b", "y"),
    ("test", "a", "x"),
    ("train", "bab", "yx"),
]


def test_a_batch_is_padded_and_moved_by_one(tmp_path: Path) -> None:
    data = parallel_table(write(tmp_path / "a.tsv", ROWS), tokenizer=Characters())
    a, b, x, y, z = range(4, 9)
    (source, target_in), target_out = data.train.__getitems__([0, 1, 2])
    assert source.tolist() == [[a, b, EOS, PAD], [b, EOS, PAD, PAD], [b, a, b, EOS]]
    assert target_in.tolist() == [[BOS, x, y, z], [BOS, y, PAD, PAD], [BOS, y, x, PAD]]
    assert target_out.tolist() == [[x, y, z, EOS], [y, EOS, -100, -100], [y, x, EOS, -100]]
    assert {part.dtype for part in (source, target_in, target_out)} == {torch.int64}
    assert data.train.lengths.tolist() == [3 + 5, 2 + 3, 4 + 4]
    for number in range(3):
        (source, target_in), target_out = data.train[number]
        batch = data.train.__getitems__([number])
        assert [part[0].tolist() for part in (*batch[0], batch[1])] == [
            part.tolist() for part in (source, target_in, target_out)
        ]
    assert data.text_of((source, target_in)) == "bab"


def test_translations_are_measured_against_the_texts_themselves(tmp_path: Path) -> None:
    rows = [("train", "A b", "X y"), ("val", "A  B", "X  Y"), ("test", "b", "unknown")]
    data = parallel_table(write(tmp_path / "a.tsv", rows), tokenizer=Words(min_count=1))
    _, (target_out, references) = data.val.__getitems__([0])
    assert references == ["X  Y"], "no capitals and spaces as the tokenizer has them"
    assert target_out.shape == (1, 3)
    assert data.test[0][1][1] == "unknown"


def test_one_tokenizer_learns_from_both_sides_of_the_training_texts_alone(tmp_path: Path) -> None:
    rows = [("train", "aa", "bb"), ("test", "cc", "dd")]
    data = parallel_table(write(tmp_path / "a.tsv", rows), tokenizer=Characters(), val_share=0)
    assert data.facts == {"vocab_size": 6, "pad_id": 0, "bos_id": 2, "eos_id": 3}
    assert data.test[0][0][0].tolist() == [UNK, UNK, EOS]
    assert data.val is None


def test_files_for_splits_and_columns_by_name(tmp_path: Path) -> None:
    train = write(tmp_path / "a.tsv", [("1", "ab", "x")] * 20, "number\ten\tde")
    test = write(tmp_path / "b.tsv", [("1", "b", "xx")], "number\ten\tde")
    data = parallel_table(train=train, test=test, source="de", target="en", tokenizer=Bytes())
    assert [len(split) for split in (data.train, data.val, data.test)] == [18, 2, 1]
    tokenizer = Bytes().fit([])
    assert texts_of(data.test, tokenizer) == [("xx", "b")]


def test_pairs_are_drawn_where_no_column_says_what_is_what(tmp_path: Path) -> None:
    file = write(tmp_path / "a.tsv", [(f"a{number}", f"b{number}") for number in range(100)], "source\ttarget")
    data = parallel_table(file, tokenizer=Bytes(), split_seed=1)
    tokenizer = Bytes().fit([])
    splits = [texts_of(split, tokenizer) for split in (data.train, data.val, data.test)]
    assert [len(each) for each in splits] == [80, 10, 10]
    assert all(source[1:] == target[1:] for each in splits for source, target in each)
    assert {source for each in splits for source, _ in each} == {f"a{number}" for number in range(100)}
    assert texts_of(parallel_table(file, tokenizer=Bytes(), split_seed=2).test, tokenizer) != splits[2]


def test_what_is_left_out_or_cut_off_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        ("train", "abc", "xyz"),
        ("train", "abcd", "x"),
        ("train", "a", " "),
        ("train", "", "x"),
        ("test", "a", "xyzzy"),
        ("test", "", "x"),
    ]
    data = parallel_table(write(tmp_path / "a.tsv", rows), tokenizer=Characters(), max_length=3, val_share=0)
    assert capsys.readouterr().err.splitlines() == [
        "note: 3 pairs (train 2, test 1) with an empty side left out",
        "note: 1 pair of train with more than max_length=3 tokens on a side: left out",
        "note: 1 pair (test 1) with more than max_length=3 tokens on a side: the rest is cut off, and counts where "
        "translations are measured",
    ]
    assert (len(data.train), len(data.test)) == (1, 1)
    _, (target_out, references) = data.test.__getitems__([0])
    assert references == ["xyzzy"]
    assert target_out.shape == (1, 4)


def test_a_run_that_goes_on_has_the_tokenizer_that_it_began_with(tmp_path: Path) -> None:
    began = parallel_table(write(tmp_path / "a.tsv", ROWS), tokenizer=Characters())
    changed = write(tmp_path / "a.tsv", [(split, source[::-1], target + "q") for split, source, target in ROWS])
    again = parallel_table(changed, tokenizer=Characters(), run_files=began.run_files)
    assert again.facts == began.facts
    assert again.train[0][0][0].tolist() == [5, 4, EOS]


@pytest.mark.parametrize(
    ("rows", "arguments", "message"),
    [
        ([("train", "a", "")], {}, r"a\.tsv: no pair has a text on both sides"),
        ([("train", "abc", "x")] * 3, {"max_length": 2}, "max_length=2: every pair to train on has more tokens"),
        ([("train", "abc", "x")] * 3, {"max_length": 0}, "max_length=0: a number of tokens from 1 up"),
        ([("trian", "a", "x")], {}, r"a\.tsv:2: the split 'trian' is none of train, val, test"),
        ([("test", "a", "x")], {}, r"a\.tsv: its column 'split' names no train"),
        ([("train", "a", "x")], {"target": "targets"}, r"no column 'targets'. Did you mean 'target'\?"),
        ([("train", "a", "x")], {"val_share": 1.0}, "val_share=1.0: a share of 1 pair"),
        ([("train", "a", "x")], {"train": "b.tsv"}, "file and train are given"),
        ([("train", "a", "x")], {"test": "b.tsv"}, "file and test are given"),
    ],
)
def test_what_cannot_be_a_dataset(
    tmp_path: Path, rows: list[tuple[str, ...]], arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        parallel_table(write(tmp_path / "a.tsv", rows), tokenizer=Characters(), **arguments)


def test_texts_to_translate_end_as_those_of_training(tmp_path: Path) -> None:
    data = parallel_table(write(tmp_path / "a.tsv", ROWS), tokenizer=Characters())
    reader = parallel_table.reader(data.facts, data.run_files)  # type: ignore[attr-defined]
    lines = tmp_path / "lines.txt"
    lines.write_text("ab\n\nb\n")
    with lines.open("rb") as stream:
        (first, tokens), (second, other) = reader.read("lines.txt", stream)
    assert (first, second) == ("lines.txt:1", "lines.txt:3")
    assert reader.collate([tokens, other]).tolist() == [[4, 5, EOS], [5, EOS, PAD]]
    table = write(tmp_path / "b.tsv", [("a",)], "source")
    with open(table, "rb") as stream:
        assert [each[1].tolist() for each in reader.read(table, stream)] == [[4, EOS]]


def test_the_interface_strings_are_as_they_are_described() -> None:
    data = interface_strings(tokenizer=BPE(600))
    assert [len(split) for split in (data.train, data.val, data.test)] == [10575, 1337, 1291]
    assert data.facts["vocab_size"] == 600
    assert data.test.references[0] == "RealFeel-Temperatur Schatten"
    (source, _), _ = data.test[0]
    assert data.text_of((source, None)) == "RealFeel temperature shade"


def test_the_stand_in_has_the_same_shapes() -> None:
    data = parallel_table.stand_in(0)  # type: ignore[attr-defined]
    (source, target_in), target_out = data.train.__getitems__([0, 1])
    assert len(source) == len(target_in) == len(target_out) == 2
    assert int(source.max()) < data.facts["vocab_size"]
    assert len(data.test.references) == 16
