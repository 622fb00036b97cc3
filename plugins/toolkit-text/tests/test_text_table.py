"""The dataset of a user's own texts: splits, classes, tokens, and what is told of what is left out."""

from __future__ import annotations

import io

import pytest
import torch
from toolkit_text.byte_level import Bytes
from toolkit_text.characters import Characters
from toolkit_text.line_reader import LineReader
from toolkit_text.text_table import text_table
from toolkit_text.words import Words


def write(path, rows, columns="label\ttext"):
    path.write_text("\n".join([columns, *("\t".join(row) for row in rows)]) + "\n", encoding="utf-8")
    return str(path)


def texts_of(data, split):
    return [data.text_of(split[index][0]) for index in range(len(split))]


def test_a_file_with_a_column_of_splits(tmp_path):
    rows = [
        ("train", "10", "aa b"),
        ("valid", "9", "b"),
        ("train", "9", 'b"b'),
        ("test", "10", "a"),
        ("train", "9", "b a"),
    ]
    data = text_table(write(tmp_path / "a.tsv", rows, "split\tlabel\ttext"), tokenizer=Characters())
    assert data.facts["class_names"] == ["9", "10"], "in the order of their values"
    assert data.facts == {
        "task": "multiclass",
        "num_classes": 2,
        "class_names": ["9", "10"],
        "vocab_size": 8,
        "pad_id": 0,
        "bos_id": 2,
        "eos_id": 3,
    }
    assert texts_of(data, data.train) == ["aa b", 'b"b', "b a"]
    assert texts_of(data, data.val) == ["b"]
    assert texts_of(data, data.test) == ["a"]
    assert data.train.targets.tolist() == [1, 0, 0]
    assert data.train.lengths.tolist() == [4, 3, 3]


def test_a_batch_is_padded_at_the_end(tmp_path):
    rows = [("x", "abc"), ("y", "a"), ("x", "ab"), ("y", "abcde")]
    data = text_table(train=write(tmp_path / "a.tsv", rows), tokenizer=Characters(), val_share=0, ends=True)
    tokens, targets = data.train.__getitems__([3, 1, 0])
    a, b, c, d, e = range(4, 9)
    assert tokens.tolist() == [[2, a, b, c, d, e, 3], [2, a, 3, 0, 0, 0, 0], [2, a, b, c, 3, 0, 0]]
    assert tokens.dtype == targets.dtype == torch.int64
    assert targets.tolist() == [1, 1, 0]
    for index in range(4):
        alone, target = data.train[index]
        batch, batch_targets = data.train.__getitems__([index])
        assert batch[0].tolist() == alone.tolist()
        assert batch_targets.tolist() == [target]
    assert data.val is data.test is None


def test_one_file_is_cut_with_the_same_share_of_every_class_and_learns_from_train_alone(tmp_path):
    rows = [("a", f"a{number}") for number in range(60)] + [("b", f"b{number}") for number in range(40)]
    file = write(tmp_path / "a.tsv", rows)
    data = text_table(file, tokenizer=Words(min_count=1), split_seed=1)
    sizes = {name: len(getattr(data, name)) for name in ("train", "val", "test")}
    assert sizes == {"train": 80, "val": 10, "test": 10}
    assert data.val.targets.bincount().tolist() == data.test.targets.bincount().tolist() == [6, 4]
    assert data.facts["vocab_size"] == 4 + 80, "the words of the other splits are not known"
    data = text_table(file, tokenizer=Bytes(), split_seed=1)
    parts = [set(texts_of(data, split)) for split in (data.train, data.val, data.test)]
    assert set.union(*parts) == {text for _, text in rows}
    assert sum(map(len, parts)) == 100
    other = text_table(file, tokenizer=Bytes(), split_seed=2)
    assert set(texts_of(other, other.test)) != parts[2]


def test_what_is_cut_or_empty_is_counted(tmp_path, capsys):
    rows = [("x", "abc"), ("y", ""), ("x", "abcd"), ("y", "ab"), ("x", "c")]
    files = {"train": write(tmp_path / "a.tsv", rows), "test": write(tmp_path / "b.tsv", [("x", "abcdef")])}
    data = text_table(**files, tokenizer=Characters(), val_share=0, max_length=3)
    told = capsys.readouterr().err.splitlines()
    assert told == [
        "note: 2 texts (train 1, test 1) longer than max_length=3 tokens: the rest of each is left out",
        "note: 1 text (train 1) without tokens: each is one unknown token",
    ]
    assert data.train[1][0].tolist() == [1]
    assert texts_of(data, data.train) == ["abc", "", "abc", "ab", "c"]
    assert texts_of(data, data.test) == ["abc"]


def test_a_run_that_goes_on_reads_with_its_own_tokenizer(tmp_path):
    file = write(tmp_path / "a.tsv", [("x", "abc"), ("y", "b"), ("x", "c"), ("y", "d")])
    data = text_table(train=file, tokenizer=Characters(), val_share=0)
    write(tmp_path / "a.tsv", [("x", "dcb"), ("y", "z"), ("x", "b"), ("y", "a")])
    again = text_table(train=file, tokenizer=Characters(), val_share=0, run_files=data.run_files)
    assert again.facts == data.facts
    assert again.train[0][0].tolist() == [7, 6, 5]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"train": [("x", "a"), ("x", "b")]}, r"train\.tsv: all 2 texts to train on are of the class 'x'"),
        (
            {"train": [("x", "a"), ("y", "b")], "test": [("x", "a"), ("z", "b"), ("w", "c"), ("z", "c")]},
            r"test\.tsv:3: labels of test that train does not have: 'z' \(2\), 'w' \(1\)",
        ),
        ({"train": [("x", "a"), (" ", "b")]}, r"train\.tsv:3: no 'label' in this line"),
        ({"test": [("x", "a")]}, "give either file, or train .*; test given without train"),
        ({"file": [("x", "a")], "val": [("x", "a")]}, "file and val are given"),
        ({"file": [("x", "a")], "train": [("x", "a")]}, "file and train are given"),
        ({}, "give either file, or train"),
    ],
)
def test_what_cannot_be_a_dataset(tmp_path, files, message):
    paths = {name: write(tmp_path / f"{name}.tsv", rows) for name, rows in files.items()}
    with pytest.raises(ValueError, match=message):
        text_table(**paths)


def test_splits_that_are_none(tmp_path):
    file = write(tmp_path / "a.tsv", [("x", "a", "trian")], "label\ttext\tsplit")
    with pytest.raises(ValueError, match=r"a\.tsv:2: the split 'trian' is none of train, val, test, valid"):
        text_table(file)
    file = write(tmp_path / "a.tsv", [("x", "a", "test")], "label\ttext\tsplit")
    with pytest.raises(ValueError, match=r"a\.tsv: its column 'split' names no train"):
        text_table(file)
    file = write(tmp_path / "a.tsv", [("x", "a"), ("y", "b")])
    with pytest.raises(ValueError, match="max_length=2: a number of tokens from 3 up"):
        text_table(file, max_length=2, ends=True)
    with pytest.raises(ValueError, match="test_share=0.9: a share of 2 texts"):
        text_table(file, test_share=0.9)


def test_texts_to_predict_are_read_as_those_of_the_run(tmp_path, capsys):
    file = write(tmp_path / "a.tsv", [("x", "abc"), ("y", "b"), ("x", "c"), ("y", "d")], "label\tsentence")
    data = text_table(train=file, text="sentence", tokenizer=Characters(), val_share=0, max_length=3)
    reader = text_table.reader(data.facts, data.run_files)
    assert isinstance(reader, LineReader)
    lines = tmp_path / "lines.txt"
    lines.write_text("\ufeffcab\r\n\nabcd\n", encoding="utf-8")

    def read(path):
        with path.open("rb") as stream:
            return list(reader.read(path.name if path.suffix == ".txt" else str(path), stream))

    (first, tokens), (second, cut) = read(lines)
    assert (first, second) == ("lines.txt:1", "lines.txt:3")
    assert tokens.tolist() == [6, 4, 5]
    assert cut.tolist() == [4, 5, 6]
    told = capsys.readouterr().err
    assert "note: lines.txt: 1 text longer than 3 tokens" in told
    assert "note: lines.txt: 1 empty line left out" in told
    lines.write_text("cax\nzz\nabcz\n", encoding="utf-8")
    assert [tokens.tolist() for _, tokens in read(lines)] == [[6, 4, 1], [1, 1], [4, 5, 6]]
    assert "note: lines.txt: 3 tokens unknown to the tokenizer of the run" in capsys.readouterr().err, "none cut off"
    assert reader.collate([tokens, tokens[:1]]).tolist() == [[6, 4, 5], [6, 0, 0]]

    table = tmp_path / "b.jsonl"
    table.write_text('{"sentence": "a"}\n{"sentence": ""}\n')
    (name, tokens), (_, empty) = read(table)
    assert name == f"{table}:1"
    assert (tokens.tolist(), empty.tolist()) == ([4], [1])
    assert capsys.readouterr().err == f"note: {table}: 1 text without tokens: each is one unknown token\n"

    lines.write_text("a")
    assert [name for name, _ in read(lines)] == ["lines.txt"]
    lines.write_bytes(b"\xe4")
    with pytest.raises(ValueError, match="not utf-8"):
        read(lines)


def test_a_table_to_predict_has_no_names_where_the_run_had_none(tmp_path):
    file = tmp_path / "a.tsv"
    file.write_text("x\tabc\ny\tb\n")
    data = text_table(train=str(file), columns=["label", "text"], tokenizer=Characters(), val_share=0)
    reader = text_table.reader(data.facts, data.run_files)

    def read(path):
        with path.open("rb") as stream:
            return [tokens.tolist() for _, tokens in reader.read(str(path), stream)]

    assert read(file) == [[4, 5, 6], [5]]
    named = tmp_path / "b.jsonl"
    named.write_text('{"text": "ca"}\n')
    assert read(named) == [[6, 4]]
    other = tmp_path / "c.csv"
    other.write_text("a\n")
    with pytest.raises(ValueError, match=r"c\.csv:1: 1 field in this line, and the recipe names 2 columns"):
        read(other)


def test_the_stand_in_has_the_same_shapes():
    data = text_table.stand_in(0)
    tokens, targets = data.train.__getitems__([0, 1])
    assert tokens.shape[0] == len(targets) == 2
    assert int(tokens.max()) < data.facts["vocab_size"]
    assert data.facts["num_classes"] == 3


def test_a_prompt_is_text_whatever_files_are(tmp_path, capsys):
    file = tmp_path / "a.csv"
    file.write_text("label,text\nx,ä.csv\ny,b\n", encoding="latin-1")
    data = text_table(train=str(file), tokenizer=Characters(), val_share=0, encoding="latin-1")
    reader = text_table.reader(data.facts, data.run_files)
    capsys.readouterr()
    for prompt in ("ä", "ä.csv"):
        ((_, tokens),) = reader.read(prompt, io.BytesIO(prompt.encode()))
        assert data.text_of(tokens) == prompt
    assert capsys.readouterr().err == ""


def test_notes_on_a_prompt_do_not_repeat_it(tmp_path, capsys):
    file = tmp_path / "a.csv"
    file.write_text("label,text\nx,ab\ny,b\n")
    data = text_table(train=str(file), tokenizer=Characters(), val_share=0, max_length=4)
    capsys.readouterr()
    prompt = "abcabc\n\nab"
    assert len(list(text_table.reader(data.facts, data.run_files).read(prompt, io.BytesIO(prompt.encode())))) == 2
    assert capsys.readouterr().err.splitlines() == [
        "note: prompts: 1 empty line left out",
        "note: prompts: 1 text longer than 4 tokens: the rest of each is left out",
        "note: prompts: 1 token unknown to the tokenizer of the run",
    ]
