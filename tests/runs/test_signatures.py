"""Metrics that say how they count have it recorded and shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from toolkit.cli import main
from toolkit.runs import run
from toolkit.tracking.folder import RunFolder

CODE = """
from torchmetrics.classification import MulticlassAccuracy


class Signed(MulticlassAccuracy):
    def __init__(self, num_classes: int, case: str = "mixed"):
        super().__init__(num_classes)
        self.case = case

    @property
    def signature(self):
        return f"case:{self.case}|version:2.0"
"""


def test_a_signature_is_in_the_record_and_under_the_table(recipe: Any, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "signed.py").write_text(CODE)
    metrics = {"accuracy": {}, "scores": {"use": "./signed.py:Signed", "case": "lower"}}
    folder = RunFolder(run(recipe(callbacks=None, metrics=metrics, trainer={"max_epochs": 1})).folder)
    assert folder.read_json()["signatures"] == {"scores": "case:lower|version:2.0"}
    out = capsys.readouterr().out
    assert out.index("test/scores") < out.index("scores: case:lower|version:2.0") < out.rindex("  run ")

    assert main(["test", "last", "metrics.scores.case=mixed", "--allow-code"]) == 0
    assert "scores: case:mixed|version:2.0" in capsys.readouterr().out
    assert folder.read_json()["tests"][0]["signatures"] == {"scores": "case:mixed|version:2.0"}
    assert main(["test", "last", "--json", "--allow-code"]) == 0
    assert json.loads(capsys.readouterr().out)["signatures"] == {"scores": "case:lower|version:2.0"}
