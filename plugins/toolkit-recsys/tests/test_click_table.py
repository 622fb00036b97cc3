"""Tables of clicks: how columns become numbers, how rows are divided, on the disk and in memory."""

from __future__ import annotations

import gzip
import os
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from toolkit_recsys.clicks import learning
from toolkit_recsys.clicks.click_table import click_table
from toolkit_recsys.clicks.division import Shares
from toolkit_recsys.clicks.schema import SCHEMA_FILE, Schema

from toolkit.data import DataModule, OnDisk

HEADER = "user,city,price,tags,label,when,part"
FEATURES = {"categorical": ["user", "city"], "numerical": ["price"], "multi": {"tags": "|"}}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def write(path, lines, header=HEADER):
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return str(path)


@pytest.fixture
def small(tmp_path):
    lines = [
        "u1,Rome,1,a|b,1,5,train",
        'u2,"Paris, TX",3,b,0,6,train',
        "u1,Rome,,,0,7,train",
        "u3, Rome ,5,a|c|d,1,8,train",
        "u9,Oslo,100,z|a,1,9,valid",
        "u2,,-1,a,0,10,test",
    ]
    return write(tmp_path / "small.csv", lines)


def test_columns_become_numbers_by_the_training_rows(small):
    data = click_table(small, **FEATURES, split="part", longest=2)
    assert data.facts == {
        "task": "binary",
        "field_sizes": [1 + 3, 1 + 2],
        "num_numerical": 1,
        "multi_sizes": [1 + 4],
        "target_mean": 0.5,
    }
    inputs, target = data.train
    # By how often they come, then by name: u1 u2 u3, Rome Paris, a b c d. 0 is what is missing or was not seen.
    assert inputs["categorical"].tolist() == [[1, 1], [2, 2], [1, 1], [3, 1]]
    assert inputs["multi"].tolist() == [[[1, 2]], [[2, -1]], [[-1, -1]], [[1, 3]]]
    assert target.tolist() == [1, 0, 0, 1]
    deviation = float(np.std([1, 3, 5]))
    assert inputs["numerical"].squeeze(1).tolist() == pytest.approx([-2 / deviation, 0, 0, 2 / deviation])
    assert (inputs["categorical"].dtype, inputs["numerical"].dtype) == (torch.int64, torch.float32)
    assert data.val[0]["categorical"].tolist() == [[0, 0]]
    assert data.val[0]["multi"].tolist() == [[[0, 1]]]
    assert data.test[0]["categorical"].tolist() == [[2, 0]]


def test_seldom_values_share_number_0_and_hashes_need_no_vocabulary(small):
    data = click_table(small, categorical=["user", "city"], split="part", min_count=2, hashing={"city": 1000})
    assert data.facts["field_sizes"] == [2, 1001]
    users, cities = data.train[0]["categorical"].T.tolist()
    assert users == [1, 0, 1, 0]
    assert cities[0] == cities[2] == cities[3] != cities[1], "blanks around a value do not count"
    assert min(cities) >= 1
    assert data.test[0]["categorical"].tolist() == [[0, 0]], "what is missing has no hash"
    again = Schema.from_bytes(data.run_files[SCHEMA_FILE])
    assert again.facts == data.facts
    assert again.categorical[1].number("Rome") == cities[0]


def test_logarithms_keep_the_sign(tmp_path):
    file = write(tmp_path / "a.csv", ["-9,0,1", "9,1,1", "0,1,1"], "count,label,x")
    data = click_table(file, numerical=["count"], log=["count"], val_share=0, test_share=0)
    values = data.train[0]["numerical"].squeeze(1).tolist()
    assert values == pytest.approx([-np.sqrt(1.5), np.sqrt(1.5), 0], rel=1e-5)


def test_parquet_tsv_json_and_compressed_files_say_the_same(small, tmp_path):
    rows = [line.split(",") for line in ("u1,1.5,1", "u2,2,0", "u1,,0")]
    write(tmp_path / "a.csv", [",".join(row) for row in rows], "user,price,label")
    write(tmp_path / "a.tsv", ["\t".join(row) for row in rows], "user\tprice\tlabel")
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress((tmp_path / "a.csv").read_bytes()))
    typed = (tmp_path / "a.tsv").read_text().replace("user\tprice", "user:token\tprice:float")
    (tmp_path / "a.inter").write_text(typed)
    (tmp_path / "a.jsonl").write_text(
        '{"user": "u1", "price": 1.5, "label": 1}\n{"user": "u2", "price": 2, "label": 0}\n\n'
        '{"user": "u1", "price": null, "label": false, "more": 3}\n'.replace("false", "0")
    )
    table = pa.table({"user": ["u1", "u2", "u1"], "price": [1.5, 2, None], "label": pa.array([1, 0, 0], pa.int8())})
    pq.write_table(table, tmp_path / "a.parquet")
    found = []
    for name in ("a.csv", "a.tsv", "b.csv.gz", "a.inter", "a.jsonl", "a.parquet"):
        data = click_table(str(tmp_path / name), categorical=["user"], numerical=["price"], val_share=0, test_share=0)
        found.append([part.tolist() for part in (*data.train[0].values(), data.train[1])])
    assert found[1:] == found[:1] * 5
    headless = tmp_path / "c.csv"
    headless.write_text("u1,1.5,1\nu2,2,0\nu1,,0\n")
    names = ["user", "price", "label"]
    how = {"columns": names, "val_share": 0, "test_share": 0}
    data = click_table(str(headless), categorical=["user"], numerical=["price"], **how)
    assert [part.tolist() for part in (*data.train[0].values(), data.train[1])] == found[0]


def test_lists_and_numbers_in_parquet(tmp_path):
    columns = {"user": [7, 8, 7], "tags": [["a", "b"], [], None], "label": [True, False, True]}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    file = str(tmp_path / "a.parquet")
    data = click_table(file, categorical=["user"], multi={"tags": "|"}, val_share=0, test_share=0)
    assert data.train[0]["categorical"].tolist() == [[1], [2], [1]]
    assert data.train[0]["multi"].tolist() == [[[1, 2]], [[-1, -1]], [[-1, -1]]]
    assert data.train[1].tolist() == [1, 0, 1]


def numbered(path, rows=1000):
    return write(path, [f"u{row % 50},{row},{row % 3 % 2}" for row in range(rows)], "user,row,label")


def rows_in(data, name):
    """The numbers of the rows of a split; the column of them is made like this in training."""
    schema = Schema.from_bytes(data.run_files[SCHEMA_FILE])
    (row,) = schema.numerical
    split = getattr(data, name)
    if split is None:
        return []
    return (split[0]["numerical"].double() * row.deviation + row.mean).round().int().flatten().tolist()


def all_rows(data):
    return {name: rows_in(data, name) for name in ("train", "val", "test")}


def test_ways_to_divide_rows(tmp_path):
    file = numbered(tmp_path / "a.csv")

    def divided(**how):
        found = all_rows(click_table(file, categorical=["user"], numerical=["row"], **how))
        assert sorted(chain(*found.values())) == list(range(1000)), "every row once"
        return found

    random = divided()
    assert 70 <= len(random["val"]) <= 130
    assert 70 <= len(random["test"]) <= 130
    assert random == divided()
    assert random != divided(split_seed=1)
    times = divided(time="row", val_share=0.2)
    assert times == {"train": list(range(700)), "val": list(range(700, 900)), "test": list(range(900, 1000))}
    groups = divided(group="user")
    assert [np.bincount([row % 50 for row in rows]).tolist() for rows in groups.values()] == [
        [16] * 50,
        [2] * 50,
        [2] * 50,
    ]
    folds = [divided(fold=fold, val_share=0.1) for fold in range(5)]
    assert sorted(chain(*(fold["test"] for fold in folds))) == list(range(1000)), "every row in one test fold"
    assert all(60 <= len(fold["val"]) <= 100 for fold in folds)
    files = {
        name: write(tmp_path / f"{name}.csv", [f"u1,{n},0", f"u1,{n + 1},1"], "user,row,label")
        for name, n in (("train", 0), ("val", 2), ("test", 4))
    }
    assert all_rows(click_table(**files, categorical=["user"], numerical=["row"])) == {
        "train": [0, 1],
        "val": [2, 3],
        "test": [4, 5],
    }


def test_ratings_are_numbers_or_clicks_from_a_threshold_on(tmp_path):
    lines = [f"u{row % 7},{row % 5 + 1}" for row in range(100)]
    file = write(tmp_path / "a.csv", lines, "user,rating")
    clicks = click_table(file, categorical=["user"], target="rating", threshold=4, val_share=0, test_share=0)
    assert clicks.train[1].tolist() == [float(row % 5 + 1 >= 4) for row in range(100)]
    numbers = click_table(file, categorical=["user"], target="rating", kind="number", val_share=0, test_share=0)
    assert numbers.train[1].tolist() == [row % 5 + 1 for row in range(100)]
    assert numbers.facts["task"] is None
    assert numbers.facts["target_mean"] == pytest.approx(3)


def as_rows(loader):
    found = []
    for inputs, target in loader:
        parts = [part.flatten(1).tolist() for part in inputs.values()]
        found += list(zip(*parts, target.tolist(), strict=True))
    return sorted(map(str, found))


def test_rows_on_the_disk_are_those_in_memory_and_are_converted_once(small, cache, capsys, monkeypatch):
    def batches(**how):
        data = click_table(small, **FEATURES, split="part", **how)
        module = DataModule(data, {"batch_size": 3})
        loaders = (module.train_dataloader(), module.val_dataloader(), module.test_dataloader())
        return data, [as_rows(loader) for loader in loaders]

    held, expected = batches()
    capsys.readouterr()
    stored, found = batches(on_disk=True)
    assert isinstance(stored.train, OnDisk)
    assert (found, stored.facts, stored.run_files) == (expected, held.facts, held.run_files)
    assert "converting 6 rows, once, to" in capsys.readouterr().err
    monkeypatch.setattr(learning, "numbers", None)  # of the table nothing is read again
    assert batches(on_disk=True)[1] == expected
    assert "converting" not in capsys.readouterr().err
    monkeypatch.undo()
    # A table that has changed is another table, and what a killed process left is not taken for one.
    monkeypatch.setenv("TOOLKIT_CACHE", str(cache))
    (folder,) = (each for each in (cache / "click_tables").iterdir() if each.is_dir())
    lines = Path(small).read_text().replace("Oslo", "Rome")
    Path(small).write_text(lines)
    os.utime(small, (1, 1))
    assert batches(on_disk=True)[1][1] != expected[1]
    for name in ("train-categorical.npy", "features.json"):
        assert (folder / name).exists(), "the first conversion is still there"


def test_a_conversion_that_fails_leaves_nothing_behind(tmp_path, cache):
    file = write(tmp_path / "a.csv", ["u1,1,1", "u2,2,0", "u3,3,2"], "user,price,label")
    with pytest.raises(ValueError, match=r"a.csv:4: 'label' is 2, and a click is 0 or 1"):
        click_table(file, categorical=["user"], on_disk=True, val_share=0, test_share=0)
    assert [each.name for each in (cache / "click_tables").iterdir() if not each.name.endswith(".lock")] == []


def test_a_run_that_goes_on_keeps_what_it_has_learnt(small, capsys):
    begun = click_table(small, **FEATURES, split="part")
    Path(small).write_text(Path(small).read_text().replace("u1", "u5"))
    for on_disk in (False, True, True):
        again = click_table(small, **FEATURES, split="part", on_disk=on_disk, run_files=begun.run_files)
        assert again.run_files == begun.run_files
        inputs, _ = next(iter(DataModule(again, {"batch_size": 4}).train_dataloader()))
        assert sorted(inputs["categorical"][:, 0].tolist()) == [0, 0, 2, 3], "u5 was not there"
    assert "not the rows that the run began with" in capsys.readouterr().err
    new = click_table(small, **FEATURES, split="part", on_disk=True)
    assert "u5" in Schema.from_bytes(new.run_files[SCHEMA_FILE]).categorical[0].values, "a new run learns anew"


def test_several_pieces_are_one_table(tmp_path, monkeypatch):
    file = numbered(tmp_path / "a.csv")
    whole = all_rows(click_table(file, categorical=["user"], numerical=["row"], time="row"))
    monkeypatch.setattr("toolkit_recsys.clicks.tables.PIECE_BYTES", 512)
    monkeypatch.setattr("toolkit_recsys.clicks.division.TIMES", 100_000)
    assert all_rows(click_table(file, categorical=["user"], numerical=["row"], time="row")) == whole


def test_times_of_a_large_table_are_divided_by_a_sample_of_them(tmp_path, monkeypatch):
    monkeypatch.setattr("toolkit_recsys.clicks.tables.PIECE_BYTES", 512)
    monkeypatch.setattr("toolkit_recsys.clicks.division.TIMES", 200)
    file = numbered(tmp_path / "a.csv")
    found = all_rows(click_table(file, categorical=["user"], numerical=["row"], time="row", val_share=0.2))
    assert max(found["train"]) < min(found["val"]) <= max(found["val"]) < min(found["test"])
    assert 600 <= len(found["train"]) <= 800


GOOD = ["u1,Rome,1,a,1,5,train", "u2,Rome,2,a,0,6,train"]
WRONG = {
    "no column": (GOOD, {"categorical": ["usr"]}, r"no column 'usr'. Did you mean 'user'\? Columns: user, city"),
    "text for a number": ([*GOOD, "u1,Rome,cheap,a,1,7,val"], {}, r"a.csv:4: 'price' is 'cheap', which is not a num"),
    "infinite": ([*GOOD, "", "u1,Rome,inf,a,1,7,val"], {}, r"a.csv:5: 'price' is infinite"),
    "no target": ([*GOOD, "u1,Rome,1,a,,7,val"], {}, r"a.csv:4: no 'label' in this row"),
    "one class": ([GOOD[0]] * 4, {}, r"a.csv: 4 rows of train, and all have a 'label' of 1; there is nothing to tell"),
    "no rows": ([], {}, r"a.csv: has no rows"),
    "a row too short": ([*GOOD, "u1,Rome"], {}, r"a.csv:4: 2 fields in this line, and there are 7 columns"),
    "a strange split": ([*GOOD, "u1,Rome,1,a,1,7,tst"], {"split": "part"}, r"a.csv:4: the split 'tst' is none of tr"),
    "a time that is none": ([*GOOD, "u1,Rome,1,a,1,soon,val"], {"time": "when"}, r"a.csv:4: 'when' is 'soon', which"),
    "no time": ([*GOOD, "u1,Rome,1,a,1,,val"], {"time": "when"}, r"a.csv:4: no 'when' in this row"),
    "one time": ([GOOD[0]] * 4, {"time": "when"}, r"a.csv: all rows have the same 'when'"),
    "a rating": (["u1,Rome,1,a,3,5,train"], {}, r"a.csv:2: 'label' is 3, and a click is 0 or 1; give threshold"),
    "two ways to divide": (GOOD, {"time": "when", "group": "user"}, r"time and group are given"),
    "a fold of none": (GOOD, {"fold": 5}, r"fold=5: a number from 0 to below folds=5"),
    "shares": (GOOD, {"val_share": 0.5, "test_share": 0.5}, r"val_share=0.5, test_share=0.5"),
    "asked for twice": (GOOD, {"categorical": ["user", "price"]}, r"the column 'price' is asked for twice"),
    "hashing": (GOOD, {"hashing": {"price": 10}}, r"hashing: 'price' is not one of the columns in categorical or"),
    "log": (GOOD, {"log": ["user"]}, r"log: 'user' is not one of the numerical columns"),
    "two files": (GOOD, {"val": "b.csv"}, r"file and val are given"),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("on_disk", [False, True])
def test_what_is_wrong_is_told_with_its_place(tmp_path, name, on_disk):
    lines, how, message = WRONG[name]
    file = write(tmp_path / "a.csv", lines)
    with pytest.raises(ValueError, match=message):
        click_table(file, **{**FEATURES, "val_share": 0, "test_share": 0, "on_disk": on_disk, **how})


def test_files_that_are_none(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"b.csv' is not a file"):
        click_table(str(tmp_path / "b.csv"), categorical=["user"])
    (tmp_path / "empty.csv").touch()
    with pytest.raises(ValueError, match=r"empty.csv: is empty; its first line should name the columns"):
        click_table(str(tmp_path / "empty.csv"), categorical=["user"])
    (tmp_path / "a.parquet").write_text("no")
    with pytest.raises(ValueError, match=r"a.parquet: not Parquet"):
        click_table(str(tmp_path / "a.parquet"), categorical=["user"])
    (tmp_path / "a.csv").write_bytes(b"user,label\nu\xff,1\n")
    with pytest.raises(ValueError, match=r"a.csv:2: not utf-8"):
        click_table(str(tmp_path / "a.csv"), categorical=["user"])
    (tmp_path / "a.jsonl").write_text('{"user": 1, "label": 1}\n{"user": 1}\n')
    with pytest.raises(ValueError, match=r"a.jsonl:2: no 'label' in this line"):
        click_table(str(tmp_path / "a.jsonl"), categorical=["user"])
    with pytest.raises(ValueError, match="no features: name columns in categorical, numerical or multi"):
        click_table(str(tmp_path / "a.csv"))


def test_shares_are_those_of_uniform_numbers():
    drawn = np.linspace(0, 1, 10_000, endpoint=False)
    assert np.bincount(Shares(0.2, 0.1).of(drawn)).tolist() == pytest.approx([7000, 2000, 1000], abs=1)
