"""Tables are read by the names of their columns, and what is wrong with one is told with file and line."""

from __future__ import annotations

import gzip
import json
import lzma
import sys

import pytest
from toolkit_text.tables import read_table

TRICKY = ['He said "no', "plain", "a, b", "äöü ", "'s"]


def test_quotes_in_a_tsv_are_characters(tmp_path):
    file = tmp_path / "a.tsv"
    rows = [f"{number}\t{text}\r\n" for number, text in enumerate(TRICKY)]
    file.write_text("\ufefflabel\ttext\n" + "".join(rows), encoding="utf-8", newline="")

    table = read_table(file, ["text", "label"])

    assert list(table.columns) == ["text", "label"]
    assert table.columns["text"] == TRICKY
    assert table.columns["label"] == ["0", "1", "2", "3", "4"]
    assert table.lines == [2, 3, 4, 5, 6]


def test_no_other_separator_of_unicode_ends_a_line(tmp_path):
    file = tmp_path / "a.tsv"
    texts = ["next\x85line", "line\u2028separator", "form\x0cfeed", "lone\rreturn"]
    file.write_text("text\n" + "\n".join(texts), encoding="utf-8", newline="")
    assert read_table(file, ["text"]).columns["text"] == texts


@pytest.mark.parametrize(("suffix", "pack"), [("gz", gzip.compress), ("xz", lzma.compress)])
def test_csv_with_quoted_fields_over_lines_compressed(tmp_path, suffix, pack):
    file = tmp_path / f"a.csv.{suffix}"
    file.write_bytes(pack(b'text,label\n"one,\n""two""\n",x\nplain,y\n'))
    table = read_table(file, ["label", "text"])
    assert table.columns["text"] == ['one,\n"two"\n', "plain"]
    assert table.lines == [2, 5]
    assert table.at(1) == f"{file}:5"


def test_a_text_longer_than_the_csv_module_takes(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("text\n" + "x" * 200_000)
    assert len(read_table(file, ["text"]).columns["text"][0]) == 200_000


def test_json_lines(tmp_path, capsys):
    file = tmp_path / "a.jsonl"
    rows = [{"text": "a\nb", "label": 1}, {"label": None, "text": "c", "more": []}, {"text": "d", "label": True}]
    file.write_text("\n".join(map(json.dumps, rows)) + "\n\n", encoding="utf-8")
    table = read_table(file, ["text", "label"], optional=["split"])
    assert table.columns == {"text": ["a\nb", "c", "d"], "label": ["1", "", "true"]}
    assert capsys.readouterr().err == f"note: {file}: 1 empty line left out\n"


def test_parquet(tmp_path):
    pyarrow = pytest.importorskip("pyarrow", reason="the extra parquet is not installed")
    from pyarrow import parquet

    file = tmp_path / "a.parquet"
    parquet.write_table(pyarrow.table({"text": ["a", None], "label": [3, 4], "more": [1.5, 2.5]}), file)
    table = read_table(file, ["label", "text"])
    assert table.columns == {"label": ["3", "4"], "text": ["a", ""]}
    with pytest.raises(
        ValueError, match=r"a\.parquet: no column 'lable'\. Did you mean 'label'\? Columns: text, label"
    ):
        read_table(file, ["lable"])
    file.write_bytes(b"PAR1 and no more")
    with pytest.raises(ValueError, match=r"a\.parquet: not Parquet"):
        read_table(file, ["text"])


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    file = tmp_path / "a.parquet"
    file.write_bytes(b"")
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'toolkit-text\[parquet\]'"):
        read_table(file, ["text"])


def test_a_file_without_a_line_of_names(tmp_path):
    file = tmp_path / "a.tsv"
    file.write_text("acq\tone\nearn\ttwo\n")
    assert read_table(file, ["text"], names=["label", "text"]).columns == {"text": ["one", "two"]}


def test_another_encoding(tmp_path):
    file = tmp_path / "a.csv"
    for encoding in ("utf-16", "cp1252"):
        file.write_bytes("text\nÄ, \n".replace(",", "").encode(encoding))
        assert read_table(file, ["text"], encoding=encoding).columns["text"] == ["Ä "]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"text,lable\na,b\n", r"a\.csv:1: no column 'label'\. Did you mean 'lable'\? Columns: text, lable"),
        ("a.csv", b"text,label\na\n", r"a\.csv:2: 1 field in this line, and the first line names 2 columns"),
        ("a.tsv", b"text\tlabel\na\tb\n\na\tb\tc\n", r"a\.tsv:4: 3 fields in this line"),
        ("a.csv", b"", r"a\.csv: is empty; its first line should name the columns, text and label too"),
        ("a.csv", b"text,label\n", r"a\.csv: has no rows"),
        ("a.jsonl", b"\n\n", r"a\.jsonl: has no rows"),
        ("a.csv", b"text,label,text\na,b,c\n", r"a\.csv:1: two columns are called 'text'"),
        ("a.csv", b'text,label\na,b\n"a" x,b\n', r"a\.csv:3: not CSV: ',' expected after '\"'"),
        ("a.csv", b'text,label\na,"b\nc\n', r"a\.csv:2: not CSV: unexpected end of data"),
        ("a.tsv", b"text\tlabel\na\tb\n\xe4\tb\n", r"a\.tsv:3: not utf-8: the byte 0xe4 .*give the file's encoding"),
        ("a.csv", "text,label\n".encode("utf-16"), r"a\.csv:1: not utf-8: .*encoding \(utf-16\)"),
        ("a.jsonl", b'{"text": "a", "label": 1}\n{"text": "a"}\n', r"a\.jsonl:2: no 'label' in this line"),
        ("a.jsonl", b'{"text": ["a"], "label": 1}\n', r"a\.jsonl:1: 'text' holds a list, not a text or a number"),
        ("a.jsonl", b"[1]\n", r"a\.jsonl:1: not a JSON object"),
        ("a.jsonl", b'{"text": \n', r"a\.jsonl:1: not JSON"),
        ("a.csv.gz", gzip.compress(b"text,label\na,b\n" * 999, mtime=0)[:-20], r"a\.csv\.gz: damaged"),
        ("a.csv.gz", b"text,label\n", r"a\.csv\.gz: damaged"),
        ("a.csv.xz", lzma.compress(b"text,label\na,b\n" * 999)[:-20], r"a\.csv\.xz: damaged"),
        ("a.json", b"[]", r"a\.json: a table's name ends in \.csv, \.tsv"),
        ("a.parquet.gz", b"", r"a\.parquet\.gz: Parquet is compressed inside"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path, name, content, message):
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_table(file, ["text", "label"])


def test_no_file_and_no_encoding(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"not there\.csv' is not a file"):
        read_table(tmp_path / "not there.csv", ["text"])
    (tmp_path / "a.csv").write_text("text\na\n")
    with pytest.raises(ValueError, match="encoding='latin-0': unknown encoding"):
        read_table(tmp_path / "a.csv", ["text"], encoding="latin-0")
    (tmp_path / "a.jsonl").write_text("{}")
    with pytest.raises(ValueError, match="names already"):
        read_table(tmp_path / "a.jsonl", ["text"], names=["text"])
