"""A disk that is really full, in the middle of a run: a small tmpfs of the run's own. What is resumed is exact."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from toolkit.runs import run
from toolkit.tracking.folder import RunFolder, list_runs

FILLS = """
import os
import pytorch_lightning as pl


class Fills(pl.Callback):
    '''Takes what is left of the disk, once, and lets a later run have it back.'''

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        filler = os.path.join(os.environ["TOOLKIT_RUNS"], "filler")
        if trainer.current_epoch == 2 and batch_idx == 1 and not os.path.exists("filled"):
            open("filled", "w").close()
            with open(filler, "wb", buffering=0) as file:
                try:
                    while True:
                        file.write(bytes(1024))
                except OSError as error:
                    print(f"filled: {error.strerror}")
"""

PROGRAM = """
import os, shutil
from toolkit.recipe import load
from toolkit.runs import RunFailed, resume, run

root = os.environ["TOOLKIT_RUNS"]
try:
    run(load("small.yaml", allow_code=True))
except RunFailed as error:
    print(error)
shutil.copytree(root, "full", ignore=shutil.ignore_patterns("filler"))
os.unlink(os.path.join(root, "filler"))
resume("last", allow_code=True)
shutil.copytree(root, "resumed")
"""

MOUNTED = 'mount -t tmpfs -o size=16m none "$TOOLKIT_RUNS" && exec "$0" -c "$1"'
"""A file system that only this process and its children see, and that goes with them."""


def in_a_namespace(*command: str) -> subprocess.CompletedProcess[str]:
    unshare = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", *command]
    return subprocess.run(unshare, capture_output=True, text=True)


def test_a_run_on_a_full_disk_goes_on_exactly_when_there_is_room_again(
    recipe: Any, recipe_file: Any, agree: Any, runs: Path, tmp_path: Path
) -> None:
    runs.mkdir()
    if shutil.which("unshare") is None or in_a_namespace(MOUNTED, "true", "").returncode:
        pytest.skip("this system lets nobody mount a file system of his own")
    whole = RunFolder(run(recipe(callbacks=None), root=tmp_path / "whole").folder)
    (tmp_path / "fills.py").write_text(FILLS)
    recipe_file({"callbacks": {"fills": {"use": "./fills.py:Fills"}}})
    done = in_a_namespace(MOUNTED, sys.executable, PROGRAM)
    assert done.returncode == 0, done.stderr
    assert "filled: No space left on device" in done.stdout
    assert "failed: the disk is full (No space left on device" in done.stdout
    (full,), (resumed,) = list_runs(tmp_path / "full"), list_runs(tmp_path / "resumed")
    assert f"checkpoint after 2 epochs: toolkit resume {full.id}" in done.stdout
    assert resumed.read_json()["status"] == "finished"
    assert resumed.metrics_csv.read_bytes() == whole.metrics_csv.read_bytes()
    assert resumed.read_json()["metrics"] == whole.read_json()["metrics"]
    names = sorted(path.name for path in resumed.checkpoints.iterdir())
    assert names == sorted(path.name for path in whole.checkpoints.iterdir())
    for path in whole.checkpoints.glob("*.ckpt"):
        assert agree(resumed.checkpoints / path.name, path), path.name
