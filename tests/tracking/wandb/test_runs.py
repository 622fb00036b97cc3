"""A whole run with the logger `wandb`, of two processes, as wandb itself wrote it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

RUN = [
    "vision/digits",
    "model=mlp",
    "trainer.max_epochs=2",
    "trainer.accelerator=cpu",
    "trainer.devices=2",
    "loggers.wandb.log_checkpoints=true",
]


def test_a_run_of_two_processes_is_one_with_its_recipe_results_and_pictures(
    tmp_path: Path, written: Callable[[Path], Any]
) -> None:
    environment = {**os.environ, "TOOLKIT_RUNS": str(tmp_path / "runs")}
    done = subprocess.run(
        [sys.executable, "-m", "toolkit", "run", *RUN], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (recipe,) = tmp_path.glob("runs/**/recipe.yaml")
    folder = recipe.parent
    (wandb,) = (path for path in (folder / "wandb").iterdir() if path.is_dir() and not path.is_symlink())
    assert f"To upload this run to W&B: wandb sync {wandb.relative_to(tmp_path)}\n" in done.stdout

    found = written(wandb)
    assert (found.run.run_id, found.exit_code) == (folder.name, 0)
    config = {key: value for key, value in found.config.items() if key != "_wandb"}
    assert config == yaml.safe_load(recipe.read_text(encoding="utf-8"))
    assert {"best/val/accuracy", "final/val/accuracy", "final/test/accuracy", "final/test/loss"} <= found.summary.keys()
    steps = [row["trainer/global_step"] for row in found.history if "val/accuracy" in row]
    assert len(steps) == 2, "each epoch once"
    pictures = {key for row in found.history for key in row if key.startswith("plots/")}
    assert pictures == {"plots/learning_curve", "plots/confusion", "plots/worst_mistakes"}
    (artifact,) = (record.artifact for record in found.records if record.HasField("artifact"))
    assert artifact.name == f"model-{folder.name}"
    assert "best" in artifact.aliases
