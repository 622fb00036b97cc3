"""Killed at any moment, in the middle of an epoch or of a checkpoint, and resumed: as if it had never been stopped."""

from __future__ import annotations

import random
import signal
from pathlib import Path
from typing import Any

import pytest

from toolkit.engine.checkpoints import list_saved, remove
from toolkit.runs import resume, run
from toolkit.tracking.folder import RunFolder
from toolkit.tracking.table import read_series

STEPS = 4 * 6
"""Of the whole run: four epochs of six batches."""
INSIDE: dict[str, Any] = {"engine": {"save": {"steps": 2}, "keep": {"best": 1, "last": 3}}}
SETTINGS: dict[str, dict[str, Any]] = {
    "straight": {"callbacks": None},
    "every step through Lightning": {},
    "accumulation, a scheduler by steps": {
        "callbacks": None,
        "engine": {"save": {"steps": 1}, "ema": 0.9},
        "scheduler": {"use": "one_cycle", "interval": "step", "max_lr": 0.01},
        "trainer": {"max_epochs": 4, "accelerator": "cpu", "log_every_n_steps": 2, "accumulate_grad_batches": 4},
    },
    "a stream and a scheduler that asks for the run's length": {
        "callbacks": None,
        "dataset": {"use": "./parts.py:Streamed"},
        "scheduler": {"use": "linear_warmup_cosine", "interval": "step"},
        "trainer": {"max_epochs": None, "max_steps": STEPS, "accelerator": "cpu", "log_every_n_steps": 2},
    },
    "a stream and a callback that asks for it": {
        "callbacks": {"asks": {"use": "./parts.py:Asks"}},
        "dataset": {"use": "./parts.py:Streamed"},
        "trainer": {"max_epochs": 4, "max_steps": STEPS, "accelerator": "cpu", "log_every_n_steps": 2},
    },
    "a loader of one's own and such a scheduler": {
        "callbacks": None,
        "dataset": {"use": "./parts.py:OwnPlace"},
        "loader": None,
        "scheduler": {"use": "one_cycle", "interval": "step", "max_lr": 0.01},
    },
    "double precision": {
        "callbacks": None,
        "trainer": {"max_epochs": 4, "accelerator": "cpu", "log_every_n_steps": 2, "precision": "64-true"},
    },
    "validation inside epochs, accumulation that changes": {
        "callbacks": {"gradient_accumulation": {"scheduling": {"0": 1, "2": 2}}},
        "trainer": {"max_epochs": 4, "accelerator": "cpu", "log_every_n_steps": 3, "val_check_interval": 3},
    },
}


WHOLE_EPOCHS: dict[str, dict[str, Any]] = {
    "a loader of one's own without a length": {"dataset": {"use": "./parts.py:OwnUnsized"}, "loader": None},
    "a loader of one's own, a part of it, an end by steps": {
        "dataset": {"use": "./parts.py:OwnPlace"},
        "loader": None,
        "engine": {"save": {"steps": None}, "keep": {"best": 1, "last": 3}},
        "trainer": {"max_epochs": 9, "max_steps": 16, "limit_train_batches": 4, "accelerator": "cpu"},
    },
}
"""What is saved between epochs alone."""


def assert_equal(folder: RunFolder, whole: RunFolder, agree: Any) -> None:
    assert folder.metrics_csv.read_bytes() == whole.metrics_csv.read_bytes()
    assert folder.read_json()["metrics"] == whole.read_json()["metrics"]
    assert folder.read_json()["best"] == whole.read_json()["best"]
    names = sorted(path.name for path in folder.checkpoints.iterdir())
    assert names == sorted(path.name for path in whole.checkpoints.iterdir())
    assert "epoch-0004.ckpt" in names
    for name in names:
        if name.endswith(".ckpt"):
            assert agree(folder.checkpoints / name, whole.checkpoints / name), name


@pytest.mark.parametrize("setting", SETTINGS)
def test_killed_at_random_moments(
    setting: str, newest: Any, agree: Any, tmp_path: Path, recipe: Any, recipe_file: Any, in_a_process: Any
) -> None:
    changes = {**INSIDE, **SETTINGS[setting]}
    whole = RunFolder(run(recipe(**changes), root=tmp_path / "whole").folder)
    moments = random.Random(setting)
    killed = in_a_process("run", recipe_file(changes), KILLED=f"forward:{moments.randrange(3, STEPS - 10)}")
    folder = newest()
    # What is left of the run is long enough for two more.
    for what in ("forward", "fsync"):
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        killed = in_a_process("resume", folder.id, KILLED=f"{what}:{moments.randrange(2, 6)}")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    resume("last", allow_code=True)
    assert folder.read_json()["loop"]["path"] == ("stock" if {"Lightning", "stream"} & {*setting.split()} else "fast")
    assert_equal(folder, whole, agree)


@pytest.mark.parametrize("setting", WHOLE_EPOCHS)
def test_what_is_saved_between_epochs_goes_on_from_there(
    setting: str, newest: Any, agree: Any, tmp_path: Path, recipe: Any, recipe_file: Any, in_a_process: Any
) -> None:
    changes = {**INSIDE, "callbacks": None, **WHOLE_EPOCHS[setting]}
    whole = RunFolder(run(recipe(**changes), root=tmp_path / "whole").folder)
    killed = in_a_process("run", recipe_file(changes), KILLED="forward:9")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    folder = newest()
    assert not list(folder.checkpoints.glob("step-*"))
    resume("last", allow_code=True)
    assert_equal(folder, whole, agree)


def test_a_training_that_was_stopped_early_goes_on_only_where_it_is_to_be_longer(
    newest: Any, tmp_path: Path, recipe: Any, recipe_file: Any, in_a_process: Any
) -> None:
    changes = {
        **INSIDE,
        "callbacks": {"stop": {"use": "early_stopping", "monitor": "val/loss", "mode": "max", "patience": 1}},
    }
    whole = RunFolder(run(recipe(**changes), root=tmp_path / "whole").folder)
    epochs = len(read_series(whole.metrics_csv)["val/loss"])
    assert epochs < 4
    # In the test: two batches of validation an epoch, four of the test.
    killed = in_a_process("run", recipe_file(changes), KILLED=f"evaluation:{2 * epochs + 2}")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    resume("last", allow_code=True)
    assert newest().metrics_csv.read_bytes() == whole.metrics_csv.read_bytes()
    assert newest().read_json()["metrics"] == whole.read_json()["metrics"]
    resume("last", ["trainer.max_epochs=5"], allow_code=True)
    assert len(read_series(newest().metrics_csv)["val/loss"]) > epochs


def test_one_of_two_processes_is_killed(
    newest: Any, agree: Any, tmp_path: Path, recipe: Any, recipe_file: Any, in_a_process: Any
) -> None:
    two = {"max_epochs": 4, "accelerator": "cpu", "devices": 2, "log_every_n_steps": 2, "val_check_interval": 2}
    changes = {**INSIDE, "callbacks": None, "trainer": two}
    finished = in_a_process("run", recipe_file(changes))
    assert finished.returncode == 0, finished.stderr
    whole = newest()
    killed = in_a_process("run", recipe_file(changes), KILLED="forward:5", KILLED_RANK="1")
    assert killed.returncode == 3, killed.stderr
    folder = newest()
    assert folder.id != whole.id
    killed = in_a_process("resume", folder.id, KILLED="forward:4", KILLED_RANK="0")
    assert killed.returncode == 3, killed.stderr
    finished = in_a_process("resume", folder.id)
    assert finished.returncode == 0, finished.stderr
    assert_equal(folder, whole, agree)


def test_another_number_of_processes_goes_on_from_a_whole_epoch(
    newest: Any, recipe_file: Any, in_a_process: Any
) -> None:
    two = {"max_epochs": 2, "accelerator": "cpu", "devices": 2}
    killed = in_a_process("run", recipe_file({**INSIDE, "trainer": two}), KILLED="forward:6", KILLED_RANK="1")
    assert killed.returncode == 3, killed.stderr
    moments = [saved.moment for saved in list_saved(newest().checkpoints)]
    assert moments == ["0 epochs and 2 batches", "1 epoch", "1 epoch and 1 batch"]
    finished = in_a_process("resume", "last", "trainer.devices=1")
    assert finished.returncode == 0, finished.stderr
    assert "after 1 epoch, from epoch-0001.ckpt" in finished.stdout


def test_sigterm_saves_first(
    newest: Any, agree: Any, tmp_path: Path, recipe: Any, recipe_file: Any, in_a_process: Any
) -> None:
    changes = {"callbacks": None}
    whole = RunFolder(run(recipe(**changes), root=tmp_path / "whole").folder)
    stopped = in_a_process("run", recipe_file(changes), KILLED="forward:10:SIGTERM")
    assert stopped.returncode == 143, stopped.stderr
    folder = newest()
    assert folder.status() == "terminated"
    assert list_saved(folder.checkpoints)[-1].moment == "1 epoch and 4 batches"
    assert "from its checkpoint after 1 epoch and 4 batches" in stopped.stderr
    resume("last", allow_code=True)
    (folder.checkpoints / "step-00000010.ckpt").unlink(missing_ok=True)
    (folder.checkpoints / "step-00000010.ckpt.json").unlink(missing_ok=True)
    assert_equal(folder, whole, agree)


def test_sigterm_of_one_process_saves_what_all_have_done(
    newest: Any, agree: Any, recipe_file: Any, in_a_process: Any
) -> None:
    # Where every step is logged, the processes can agree after every step; elsewhere ten times a second.
    two = {"max_epochs": 4, "accelerator": "cpu", "devices": 2, "log_every_n_steps": 1}
    changes = {**INSIDE, "callbacks": None, "trainer": two, "engine": {"save": {"steps": None, "minutes": None}}}
    finished = in_a_process("run", recipe_file(changes))
    assert finished.returncode == 0, finished.stderr
    whole = newest()
    stopped = in_a_process("run", recipe_file(changes), KILLED="forward:5:SIGTERM", KILLED_RANK="1")
    assert stopped.returncode == 143, stopped.stderr
    folder = newest()
    assert folder.id != whole.id
    assert folder.status() == "terminated"
    # Of 3 batches an epoch the second was under way.
    assert list_saved(folder.checkpoints)[-1].moment == "1 epoch and 2 batches"
    finished = in_a_process("resume", folder.id)
    assert finished.returncode == 0, finished.stderr
    remove(saved.path for saved in list_saved(folder.checkpoints) if saved.batch)
    assert_equal(folder, whole, agree)


def test_no_batch_is_read_again(newest: Any, tmp_path: Path, recipe_file: Any, in_a_process: Any) -> None:
    log = tmp_path / "read.txt"
    changes = {**INSIDE, "callbacks": None, "dataset": {"use": "./parts.py:Read", "log": str(log)}}
    changes |= {"scheduler": None, "trainer": {"max_epochs": 1, "accelerator": "cpu"}}
    killed = in_a_process("run", recipe_file(changes), KILLED="forward:5")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    before = log.read_text().split()
    saved = list_saved(newest().checkpoints)[-1]
    log.unlink()
    finished = in_a_process("resume", "last")
    assert finished.returncode == 0, finished.stderr
    after = log.read_text().split()
    assert sorted(before[: saved.batch * 16] + after, key=int) == [str(index) for index in range(96)]
