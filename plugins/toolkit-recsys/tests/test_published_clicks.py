"""Published click logs, from files of their layouts that hold a few made-up rows."""

from __future__ import annotations

import random

import pyarrow.csv
import pyarrow.parquet
import pytest
from toolkit_recsys.clicks.published import (
    AVAZU_CATEGORIES,
    CRITEO_CATEGORIES,
    CRITEO_NUMBERS,
    FRAPPE_CATEGORIES,
    avazu,
    criteo,
    frappe,
)

from toolkit.data import DataModule, OnDisk


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path / "cache"))


def first_batch(data):
    return next(iter(DataModule(data, {"batch_size": 16}).train_dataloader()))


def test_criteo_as_it_was_published_and_as_parquet(tmp_path):
    drawn = random.Random(0)
    rows = []
    for row in range(300):
        counts = [str(drawn.randrange(-1, 500)) if drawn.random() < 0.8 else "" for _ in CRITEO_NUMBERS]
        values = [f"{drawn.randrange(20):08x}" if drawn.random() < 0.9 else "" for _ in CRITEO_CATEGORIES]
        rows.append([str(row % 3 % 2), *counts, *values])
    text = tmp_path / "text"
    text.mkdir()
    (text / "train.txt").write_text("".join("\t".join(row) + "\n" for row in rows))
    data = criteo(str(text), buckets=50, min_count=2)
    assert isinstance(data.train, OnDisk)
    assert data.facts["num_numerical"] == 13
    assert data.facts["field_sizes"].count(51) == 10, "hashed"
    assert max(size for size in data.facts["field_sizes"] if size != 51) <= 21
    inputs, targets = first_batch(data)
    assert (inputs["categorical"].shape, inputs["numerical"].shape, targets.shape) == ((16, 26), (16, 13), (16,))
    names = ["label", *CRITEO_NUMBERS, *CRITEO_CATEGORIES]
    table = pyarrow.csv.read_csv(
        text / "train.txt",
        pyarrow.csv.ReadOptions(column_names=names),
        pyarrow.csv.ParseOptions(delimiter="\t"),
        pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(CRITEO_CATEGORIES, pyarrow.string())),
    )
    (tmp_path / "parquet").mkdir()
    pyarrow.parquet.write_table(table, tmp_path / "parquet" / "train.parquet")
    other = criteo(str(tmp_path / "parquet"), buckets=50, min_count=2)
    assert other.facts == data.facts
    assert [part.shape for part in first_batch(other)[0].values()] == [part.shape for part in inputs.values()]


def test_avazu(tmp_path):
    names = ["id", "click", "hour", *AVAZU_CATEGORIES]
    lines = [",".join([str(row), str(row % 2), "14102100", *(f"v{row % 5}",) * 21]) for row in range(100)]
    (tmp_path / "train.csv").write_text("\n".join([",".join(names), *lines]) + "\n")
    data = avazu(str(tmp_path), buckets=9, min_count=1)
    assert sorted(data.facts["field_sizes"]) == [6] * 19 + [10] * 2
    assert first_batch(data)[0]["categorical"].shape == (16, 21)


def test_frappe_in_its_published_splits(tmp_path):
    for name, rows in (("train", 40), ("validation", 8), ("test", 12)):
        lines = [
            " ".join([str(1 if row % 3 == 0 else -1), *(f"{100 * field + row % 4}:1" for field in range(10))])
            for row in range(rows)
        ]
        (tmp_path / f"frappe.{name}.libfm").write_text("\n".join(lines) + "\n")
    data = frappe(str(tmp_path))
    assert [len(part[1]) for part in (data.train, data.val, data.test)] == [40, 8, 12]
    assert data.facts["field_sizes"] == [5] * len(FRAPPE_CATEGORIES)
    assert set(data.train[1].tolist()) == {0.0, 1.0}


@pytest.mark.parametrize("dataset", [criteo, avazu, frappe])
def test_without_the_files_there_is_a_stand_in_of_the_same_shapes(tmp_path, dataset):
    with pytest.raises(FileNotFoundError, match="is not a file"):
        dataset(str(tmp_path))
    inputs, targets = first_batch(dataset.stand_in(0))
    fields = {criteo: 26, avazu: 21, frappe: 10}[dataset]
    assert inputs["categorical"].shape == (16, fields)
    assert ("numerical" in inputs) == (dataset is criteo)
    assert targets.shape == (16,)
