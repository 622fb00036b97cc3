"""A run that is killed and resumed equals one that was never stopped: weights, random states and rows, bit for bit."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from toolkit.errors import RecipeError, RequestError
from toolkit.runs import resume, run
from toolkit.tracking.folder import RunFolder

KILLS = {
    "in an epoch": ("batch:2:SIGKILL", {}),
    "in a validation": ("validation:1:SIGKILL", {}),
    "before the test": ("test:4:SIGKILL", {}),
    "with max_steps": (
        "batch:2:SIGKILL",
        {
            "trainer": {"max_steps": 24, "accelerator": "cpu", "log_every_n_steps": 2},
            "scheduler": {"use": "one_cycle", "max_lr": 0.01},
        },
    ),
    "with averaged weights": ("batch:2:SIGKILL", {"engine": {"ema": 0.9, "keep": {"best": 1, "last": 1}}}),
}


@pytest.mark.parametrize("case", KILLS)
def test_killed_and_resumed_is_as_never_stopped(
    case: str, newest: Any, agree: Any, tmp_path: Path, recipe: Any, recipe_file: Any, in_a_process: Any
) -> None:
    ends, changes = KILLS[case]
    whole = run(recipe(**changes), root=tmp_path / "whole")
    killed = in_a_process("run", recipe_file(changes), ENDS=ends)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    folder = newest()
    assert folder.status() == "killed"
    resumed = resume("last", allow_code=True)
    assert resumed.id == folder.id
    assert resumed.metrics == whole.metrics
    assert folder.metrics_csv.read_bytes() == RunFolder(whole.folder).metrics_csv.read_bytes()
    names = sorted(path.name for path in folder.checkpoints.iterdir())
    assert names == sorted(path.name for path in RunFolder(whole.folder).checkpoints.iterdir())
    assert "epoch-0004.ckpt" in names
    for name in names:
        if name.endswith(".ckpt"):
            other = RunFolder(whole.folder).checkpoints / name
            assert agree(folder.checkpoints / name, other), name
    assert folder.read_json()["best"] == RunFolder(whole.folder).read_json()["best"]
    assert [session["status"] for session in folder.read_json()["sessions"]] == ["finished"]


def test_the_uninterrupted_run_is_repeated_bit_for_bit(tmp_path: Path, recipe: Any) -> None:
    first, second = (run(recipe(), root=tmp_path / name) for name in ("one", "two"))
    assert (first.folder / "metrics.csv").read_bytes() == (second.folder / "metrics.csv").read_bytes()
    assert first.metrics == second.metrics


def test_trained_longer_is_as_trained_that_long_at_once(tmp_path: Path, recipe: Any) -> None:
    short = run(recipe("trainer.max_epochs=2"), root=tmp_path / "a")
    with pytest.raises(RequestError, match=r"is finished. To train it longer: .* trainer\.max_epochs=4"):
        resume(short.folder, allow_code=True)
    longer = resume(short.folder, ["trainer.max_epochs=4"], allow_code=True)
    whole = run(recipe(), root=tmp_path / "b")
    assert longer.metrics == whole.metrics
    assert (longer.folder / "metrics.csv").read_bytes() == (whole.folder / "metrics.csv").read_bytes()
    assert RunFolder(longer.folder).read_json()["overrides"] == ["trainer.max_epochs=2", "trainer.max_epochs=4"]


@pytest.mark.parametrize(
    "scheduler",
    [{"use": "one_cycle", "interval": "step", "max_lr": 0.01}, {"use": "cosine", "interval": "epoch"}],
)
def test_trained_longer_it_follows_the_longer_curve(tmp_path: Path, recipe: Any, scheduler: Any) -> None:
    short = run(recipe("trainer.max_epochs=2", scheduler=scheduler), root=tmp_path / "a")
    longer = resume(short.folder, ["trainer.max_epochs=4"], allow_code=True)
    whole = run(recipe(scheduler=scheduler), root=tmp_path / "b")
    ends = [
        torch.load(result.folder / "checkpoints" / "epoch-0004.ckpt", weights_only=True)["optimizer_states"][0]
        for result in (longer, whole)
    ]
    assert ends[0]["param_groups"][0]["lr"] == pytest.approx(ends[1]["param_groups"][0]["lr"])


def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path, recipe: Any) -> None:
    short = run(recipe("trainer.max_epochs=2"), root=tmp_path / "a")
    last = short.folder / "checkpoints" / "epoch-0002.ckpt"
    last.write_bytes(last.read_bytes()[:-100])
    resumed = resume(short.folder, ["trainer.max_epochs=4"], allow_code=True)
    assert (
        "epoch-0002.ckpt is damaged; the run goes on from epoch-0001.ckpt instead"
        in RunFolder(short.folder).read_json()["notes"]
    )
    assert resumed.metrics == run(recipe(), root=tmp_path / "b").metrics


def test_a_path_that_was_given_when_the_run_began_is_still_given(tmp_path: Path, recipe: Any) -> None:
    outside = f"callbacks.model_checkpoint.filename={tmp_path}/outside/best"
    short = run(recipe("trainer.max_epochs=1", outside), root=tmp_path / "a")
    assert (tmp_path / "outside" / "best.ckpt").is_file()
    # The page in the run's folder holds the same path now, and nobody types it again.
    resumed = resume(short.folder, ["trainer.max_epochs=2"], allow_code=True)
    assert resumed.status == "finished"


def test_what_cannot_be_resumed_says_why(tmp_path: Path, recipe: Any) -> None:
    short = run(recipe("trainer.max_epochs=1"), root=tmp_path / "a")
    folder = RunFolder(short.folder)
    with pytest.raises(RequestError, match=r"'model\.dropout=0\.1': a resume can change trainer\.max_\*"):
        resume(folder, ["model.dropout=0.1"], allow_code=True)
    with pytest.raises(RecipeError, match="write trainer.max_epochs=3 without spaces around `=`"):
        resume(folder, ["trainer.max_epochs", "=", "3"], allow_code=True)
    with pytest.raises(RequestError, match="has trained for 1 epochs and 6 steps already, and trainer.max_epochs=1"):
        resume(folder, ["trainer.max_epochs=1"], allow_code=True)
    with pytest.raises(RequestError, match="recipe runs such code only when told to"):
        resume(folder, ["trainer.max_epochs=2"])
    folder.update_json(status="running")
    with pytest.raises(RequestError, match="is still running"):
        resume(folder, allow_code=True)
    folder.update_json(status="failed")
    checkpoint = folder.checkpoints / "epoch-0001.ckpt"
    checkpoint.write_bytes(b"")
    with pytest.raises(RequestError, match=r"every checkpoint is damaged \(epoch-0001.ckpt\)"):
        resume(folder, allow_code=True)
    checkpoint.unlink()
    with pytest.raises(RequestError, match=r"to go on from: .*: toolkit run \./small\.yaml trainer"):
        resume(folder, allow_code=True)
