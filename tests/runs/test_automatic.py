"""`auto` is decided once, leaves weights and random numbers alone, and stands in the saved recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from toolkit.engine.precision import FULL, HALF, Precision, choose_precision, computes_in_bf16
from toolkit.engine.rng import rng_state
from toolkit.runs import resume, run
from toolkit.tasks.classification import Classification

CPU = torch.device("cpu")


def saved_trainer(folder: Path) -> dict[str, Any]:
    import yaml

    found: dict[str, Any] = yaml.safe_load((folder / "recipe.yaml").read_text())["trainer"]
    return found


def test_what_was_found_stands_in_the_saved_recipe(
    tmp_path: Path, recipe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolkit.runs.automatic.choose_precision", lambda *_: Precision("bf16-mixed", "measured so"))
    monkeypatch.setattr("toolkit.runs.automatic.automatic_accelerator", lambda: "cpu")
    trainer = {"max_epochs": 1, "precision": "auto", "devices": "auto"}
    short = run(recipe(trainer=trainer), root=tmp_path / "a")
    found = saved_trainer(short.folder)
    assert (found["accelerator"], found["devices"], found["precision"]) == ("cpu", 1, "bf16-mixed")
    assert "# auto, measured so" in (short.folder / "recipe.yaml").read_text()
    monkeypatch.setattr("toolkit.runs.automatic.choose_precision", lambda *_: pytest.fail("it was chosen once"))
    resumed = resume(short.folder, ["trainer.max_epochs=2"], allow_code=True)
    assert saved_trainer(resumed.folder)["precision"] == "bf16-mixed"


def test_choosing_changes_nothing_of_the_run(tmp_path: Path, recipe: Any) -> None:
    automatic = run(recipe("trainer.precision=auto"), root=tmp_path / "a")
    chosen = saved_trainer(automatic.folder)["precision"]
    assert chosen in (FULL, HALF)
    given = run(recipe(f"trainer.precision={chosen}"), root=tmp_path / "b")
    assert (automatic.folder / "metrics.csv").read_bytes() == (given.folder / "metrics.csv").read_bytes()


def test_both_precisions_are_measured_on_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolkit.engine.precision.computes_in_bf16", lambda device: True)
    took = {FULL: 2.0, HALF: 1.0}
    seen: list[Any] = []

    def seconds(task: Any, batch: Any, device: torch.device, precision: str) -> float:
        seen.append(task)
        task.loss_of(batch).backward()
        return took[precision]

    monkeypatch.setattr("toolkit.engine.precision._seconds_of_step", seconds)
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Dropout(0.5))
    task = Classification(model, torch.nn.CrossEntropyLoss())
    batch = (torch.rand(8, 4), torch.arange(8) % 3)
    before = rng_state()["torch"]
    assert choose_precision(task, batch, CPU) == Precision(HALF, "measured 2.0 times as fast as float32")
    took[HALF] = 1.9
    assert choose_precision(task, batch, CPU).value == FULL
    assert torch.equal(before, rng_state()["torch"])
    assert all(parameter.grad is None for parameter in task.parameters())
    assert task not in seen


def test_without_bf16_units_nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolkit.engine.precision.computes_in_bf16", lambda device: False)
    task = Classification(torch.nn.Linear(4, 3), torch.nn.CrossEntropyLoss())
    assert choose_precision(task, None, CPU) == Precision(FULL, "this CPU does not compute in bf16")


def test_a_device_is_asked_for_bf16() -> None:
    assert computes_in_bf16(CPU) in (True, False)
    assert computes_in_bf16(torch.device("mps")) is False
