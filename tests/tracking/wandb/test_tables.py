"""A run whose task fills tables: its files, and what wandb itself wrote of them, also after a resume."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from toolkit.cli import main
from toolkit.recipe import load
from toolkit.runs import resume, run
from toolkit.tracking.folder import RunFolder

CODE = '''
import torch
from toolkit.tasks.classification import Classification
from toolkit.tasks.tables import Table


class Splits:
    def __init__(self):
        inputs = torch.randn(40, 4, generator=torch.Generator().manual_seed(1))
        self.train = self.val = self.test = (inputs, (inputs[:, 0] > 0).long())
        self.facts = {"num_classes": 2, "task": "multiclass"}


class Tells(Classification):
    """A sample after every validation, and something else after a test."""

    def on_validation_epoch_end(self):
        super().on_validation_epoch_end()
        rows = [[f"after {self.global_step}", self.global_step, None], ["abracadabra", 1, 0.5]]
        self.tables = {"samples": Table(("text", "step", "score"), rows)}

    def on_test_epoch_end(self):
        super().on_test_epoch_end()
        self.tables = {**getattr(self, "tables", {}), "found": Table(("word",), [["one"], ["two"]])}
'''

RECIPE = """
task: ./tells.py:Tells
dataset: ./tells.py:Splits
loader: {batch_size: 10}
model: {use: "torch.nn:Linear", in_features: 4, out_features: 2}
loss: cross_entropy
optimizer: {use: sgd, lr: 0.1}
loggers: {csv: {}, wandb: {project: tables}}
trainer: {max_epochs: 2, accelerator: cpu}
"""


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], RunFolder]:
    """Trains the recipe."""
    monkeypatch.setenv("MY_SECRET", "abracadabra")
    monkeypatch.setenv("TOOLKIT_RUNS", str(tmp_path / "runs"))
    (tmp_path / "tells.py").write_text(CODE)
    (tmp_path / "tells.yaml").write_text(RECIPE)
    return lambda: RunFolder(run(load(str(tmp_path / "tells.yaml"), allow_code=True)).folder)


def rows(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def tables(folder: Path, written: Callable[[Path], Any], key: str) -> list[tuple[int, Any]]:
    """Steps and contents of a table as wandb wrote it: rows name a file of its own."""
    listed = []
    for record in written(folder).records:
        items = {(*item.nested_key, item.key)[:2]: json.loads(item.value_json) for item in record.history.item}
        if (key, "path") in items:
            (step,) = (value for names, value in items.items() if names[0] == "trainer/global_step")
            listed.append((step, json.loads((folder / "files" / items[key, "path"]).read_text())))
    return listed


def test_they_are_saved_and_logged_once_for_every_evaluation(
    trained: Callable[[], RunFolder], written: Callable[[Path], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = trained()
    assert rows(folder.plots / "samples.csv") == [
        ["text", "step", "score"],
        ["after 8", "8", ""],
        ["<redacted>", "1", "0.5"],
    ]
    assert rows(folder.plots / "found.csv") == [["word"], ["one"], ["two"]]
    assert f"table    {folder.shown}/plots/samples.csv\n" in capsys.readouterr().out
    (first,) = folder.path.glob("wandb/offline-run-*")
    samples = tables(first, written, "plots/samples")
    assert [step for step, _ in samples] == [3, 7], "where the metrics of the same validation stand"
    assert samples[0][1]["columns"] == ["text", "step", "score"]
    assert [table["data"] for _, table in samples] == [
        [[f"after {step}", step, None], ["<redacted>", 1, 0.5]] for step in (4, 8)
    ]
    assert [table["data"] for _, table in tables(first, written, "plots/found")] == [[["one"], ["two"]]]

    assert list(folder.path.glob("wandb/data/artifacts/staging/*")), "what waits for its upload"
    assert not (Path.home() / ".local" / "share" / "wandb" / "artifacts").exists()

    # The second epoch comes once more, and the third for the first time.
    for path in folder.checkpoints.glob("epoch-0002.*"):
        path.unlink()
    resume(folder, ["trainer.max_epochs=3"], allow_code=True)
    (second,) = set(folder.path.glob("wandb/offline-run-*")) - {first}
    assert [(step, table["data"][0][0]) for step, table in tables(second, written, "plots/samples")] == [
        (11, "after 12")
    ]
    assert rows(folder.plots / "samples.csv")[1][0] == "after 12"

    capsys.readouterr()
    assert main(["test", folder.id, "--json", "--allow-code"]) == 0
    (table,) = json.loads(capsys.readouterr().out)["tables"]
    assert table == str(folder.plots / "test-1-found.csv")
    assert rows(Path(table)) == [["word"], ["one"], ["two"]]
    assert folder.read_json()["tests"][0]["tables"] == ["plots/test-1-found.csv"]
