"""Columns of tables: the kinds of files, and what is wrong with one, by its line."""

from __future__ import annotations

import gzip
import lzma
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from pyarrow import parquet
from toolkit_recsys.columns import read_columns

HEADER = "user,item,stars,when\n"
KINDS = {"ids": ("user", "item"), "numbers": ("stars",), "times": ("when",)}


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


def read(path, **more):
    return read_columns(path, **{**KINDS, **more})


def test_ids_are_numbered_in_order_of_their_values(tmp_path):
    found = read(write(tmp_path / "a.csv", HEADER + "10,b,1,5\n\n9, a ,2.5,6\n10,a,-3,7\n"))
    assert found.rows == 3
    assert found.ids["user"].names == ["9", "10"]
    assert found.ids["user"].codes.tolist() == [1, 0, 1]
    assert found.ids["item"].names == ["a", "b"]
    assert found.ids["item"].codes.tolist() == [1, 0, 0]
    assert found.numbers["stars"].tolist() == [1, 2.5, -3]
    assert found.times["when"].tolist() == [5, 6, 7]
    assert [found.at(row) for row in range(3)] == [f"{tmp_path}/a.csv:{line}" for line in (2, 4, 5)]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("name", "header", "separator"),
    [
        ("a.csv", "text,user", ","),
        ("a.tsv", "text\tuser", "\t"),
        ("a.tab.xz", "text\tuser", "\t"),
        ("a.csv.gz", "\ufefftext, user ", ","),
        ("a.inter", "text:token_seq\tuser:token", "\t"),
    ],
)
def test_what_a_file_is_its_name_says(tmp_path, name, header, separator, ending):
    opened = {"gz": gzip.open, "xz": lzma.open}.get(name.rpartition(".")[2], open)
    with opened(tmp_path / name, "wb") as stream:
        stream.write(ending.join([header, f"Toy's{separator}7", f"ü{separator}8", ""]).encode())
    found = read_columns(tmp_path / name, ids=["user"], texts=["text"])
    assert found.texts["text"] == ["Toy's", "ü"]
    assert found.ids["user"].names == ["7", "8"]


def test_quotes_are_for_csv(tmp_path):
    quoted = '"a, ""b""\nc"'
    assert read_columns(write(tmp_path / "a.csv", f"t,u\n{quoted},1\n"), texts=["t"]).texts["t"] == ['a, "b"\nc']
    assert read_columns(write(tmp_path / "a.tsv", 't\tu\n"a"\t1\n'), texts=["t"]).texts["t"] == ['"a"']


def test_files_without_names_and_with_other_separators(tmp_path):
    path = write(tmp_path / "ratings.dat", "1::2::5\n1::3::4\n")
    found = read_columns(path, ids=["u"], numbers=["r"], names=["u", "i", "r"], separator="::")
    assert found.numbers["r"].tolist() == [5, 4]
    assert found.at(1).endswith("ratings.dat:2")
    path = write(tmp_path / "u.item", "1|Café\n2|Heat\n", "latin-1")
    assert read_columns(path, texts=["t"], names=["i", "t"], separator="|", encoding="latin-1").texts["t"] == [
        "Café",
        "Heat",
    ]


def test_parquet_has_types_of_its_own(tmp_path):
    when = [datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 2, tzinfo=UTC)]
    table = pa.table({"user": [12, 7], "item": ["b", "a"], "stars": pa.array([5, 4], pa.int8()), "when": when})
    parquet.write_table(table, tmp_path / "a.parquet")
    found = read(tmp_path / "a.parquet")
    assert found.ids["user"].names == ["7", "12"]
    assert found.numbers["stars"].tolist() == [5, 4]
    assert found.times["when"].tolist() == [each.timestamp() for each in when]


@pytest.mark.parametrize(
    "dates",
    [
        ["2020-01-01 00:00:00", "2020-01-02"],
        ["2020-01-01T00:00:00Z", "2020-01-02T02:00:00+02:00"],
        ["1577836800", "1577923200.0"],
    ],
)
def test_times_are_seconds_or_dates(tmp_path, dates):
    text = HEADER + "".join(f"1,1,1,{date}\n" for date in dates)
    assert read(write(tmp_path / "a.csv", text)).times["when"].tolist() == [1577836800, 1577923200]


def test_what_is_optional_may_be_absent(tmp_path):
    path = write(tmp_path / "a.csv", "user,item\n1,2\n")
    found = read(path, optional=["stars", "when"])
    assert (found.numbers, found.times) == ({}, {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a.csv: is empty"),
        (HEADER, "a.csv: has no rows"),
        (
            "usr,item,stars,when\n1,1,1,1\n",
            "a.csv:1: no column 'user'. Did you mean 'usr'? Columns: usr, item, stars, when",
        ),
        ("user,user,item,stars,when\n", "a.csv:1: two columns are called 'user'"),
        (HEADER + "1,1,1,1\n\n1,1,1\n", "a.csv:4: 3 fields in this line, and the first line names 4 columns"),
        (HEADER + "1,1,1,1\n1,1,good,1\n", "a.csv:3: 'stars' is 'good', which is not a finite number"),
        (HEADER + "1,1,1,1\n1,1,nan,1\n", "a.csv:3: 'stars' is 'nan', which is not a finite number"),
        (HEADER + "1,1,inf,1\n", "a.csv:2: 'stars' is 'inf', which is not a finite number"),
        (HEADER + "1,1,,1\n", "a.csv:2: 'stars' is empty in this row"),
        (HEADER + '"x\ny",1,1,1\n ,1,1,1\n', "a.csv:4: 'user' is empty in this row"),
        (HEADER + "1,1,1,soon\n", "neither a finite number nor a date such as 2019-03-01 12:30:00"),
        (HEADER + "1,1,1,2020-01-01\n1,1,1,7\n", "a.csv:3: 'when' is '7', a number; in the first row it is a date"),
        (
            HEADER + "1,1,1,2020-01-01T00:00:00Z\n1,1,1,2020-01-01T00:00:00\n",
            "a.csv:3: 'when' is '2020-01-01T00:00:00', a date; in the first row it is a date with a time zone",
        ),
        (HEADER + '"1,1,1,1\n', "a.csv:2: not CSV: unexpected end of data"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path, text, message):
    with pytest.raises(ValueError) as raised:
        read(write(tmp_path / "a.csv", text))
    assert message in str(raised.value)


def test_other_encodings_are_named_and_asked_for(tmp_path):
    text = HEADER + "ü,1,1,1\n"
    for encoding in ("latin-1", "utf-16"):
        path = write(tmp_path / "a.csv", text, encoding)
        assert read(path, encoding=encoding).ids["user"].names == ["ü"]
    path = write(tmp_path / "a.csv", text, "latin-1")
    with pytest.raises(ValueError, match=r"a.csv:2: not utf-8: the byte 0xfc .* give the file's encoding \(latin-1"):
        read(path)
    with pytest.raises(ValueError, match=r"encoding='klingon'"):
        read(path, encoding="klingon")


def test_files_that_are_no_tables(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing.csv' is not a file; give a table that ends in .csv, .tsv"):
        read(tmp_path / "nothing.csv")
    with pytest.raises(ValueError, match=r"a.xlsx: a table's name ends in .csv"):
        read(write(tmp_path / "a.xlsx", ""))
    with pytest.raises(ValueError, match=r"a.parquet: not Parquet"):
        read(write(tmp_path / "a.parquet", "user"))
    with pytest.raises(ValueError, match=r"a.csv.gz: damaged"):
        read(write(tmp_path / "a.csv.gz", "user"))
    parquet.write_table(pa.table({"user": ["a", None], "stars": [1.0, 2.0]}), tmp_path / "b.parquet")
    with pytest.raises(ValueError, match=r"b.parquet:2: 'user' is empty in this row"):
        read_columns(tmp_path / "b.parquet", ids=["user"])
    parquet.write_table(pa.table({"user": [[1], [2]]}), tmp_path / "c.parquet")
    with pytest.raises(ValueError, match=r"c.parquet: .*list"):
        read_columns(tmp_path / "c.parquet", ids=["user"])
