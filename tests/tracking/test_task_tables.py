"""Tables that a task fills: files after every evaluation, once each, and nothing where there are none."""

from __future__ import annotations

import csv
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from toolkit.errors import RunError
from toolkit.tasks.pictures import TOKENS, Mistake
from toolkit.tasks.tables import Table
from toolkit.tracking.task_tables import evaluation_tables, save_tables


def experiment(**tables: Table) -> Any:
    return SimpleNamespace(task=SimpleNamespace(tables=tables), facts={}, data=SimpleNamespace())


def test_a_table_is_a_file_of_its_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", "abracadabra")
    rows = [["a, b", 1, 0.5], ['"q"\nnext', None, -2.0], ["é 日 \udcff", 3, float("nan")], ["say abracadabra", 0, 1.0]]
    table = Table(("text", "number", "value"), rows)  # type: ignore[arg-type]
    (path,) = save_tables(evaluation_tables(experiment(samples=table)), tmp_path, "test-1-")
    assert path == tmp_path / "test-1-samples.csv"
    with path.open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [
            ["text", "number", "value"],
            ["a, b", "1", "0.5"],
            ['"q"\nnext', "", "-2.0"],
            ["é 日 \\udcff", "3", "nan"],
            ["say <redacted>", "0", "1.0"],
        ]
    assert list(tmp_path.iterdir()) == [path], "no part of a file is left"


def test_no_tables(tmp_path: Path) -> None:
    assert save_tables(evaluation_tables(SimpleNamespace(task=object(), data=None)), tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_wrong_tables() -> None:
    with pytest.raises(ValueError, match="a table of 2 columns has a row of 1 values: \\['x'\\]"):
        Table(("a", "b"), [["y", 1], ["x"]])
    with pytest.raises(RunError, match="the task calls a table '../found'; it is the name of a file"):
        evaluation_tables(experiment(**{"../found": Table((), [])}))


def mistake(tokens: Any, target: int = 0, predicted: int = 1) -> Mistake:
    return Mistake(torch.as_tensor(tokens), target, predicted, 2.0, 0.87654321)


def test_the_worst_mistakes_of_a_classifier_of_texts() -> None:
    worst = [mistake([5, 3, 9, 9, -1, -1]), mistake([7] * TOKENS, 1, 2)]
    found = experiment(other=Table(("a",), []))
    found.task.worst, found.facts = worst, {"pad_id": 9, "class_names": ["ham", "spam"]}
    found.data = SimpleNamespace(text_of=lambda tokens: " ".join(f"w{token}" for token in tokens.tolist()))
    tables = evaluation_tables(found)
    assert list(tables) == ["worst_mistakes", "other"]
    assert tables["worst_mistakes"] == Table(
        ("true", "predicted", "probability", "text"),
        [["ham", "spam", 0.876543, "w5 w3"], ["spam", "2", 0.876543, " ".join(["w7"] * TOKENS) + "…"]],
    )


def test_mistakes_that_are_no_texts_or_that_nobody_can_read_are_in_no_table() -> None:
    found = experiment()
    found.task.worst = [mistake([0.5, 0.1]), mistake(torch.zeros(1, 4, 4))]
    found.data = SimpleNamespace(text_of=str)
    assert evaluation_tables(found) == {}
    found.task.worst, found.data = [mistake([1, 2])], SimpleNamespace()
    assert evaluation_tables(found) == {}
