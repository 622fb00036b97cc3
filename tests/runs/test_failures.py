"""However a run ends, its folder says so, its last checkpoint stays, and the message says what to type to go on."""

from __future__ import annotations

import resource
import shlex
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from toolkit.checksum import check_whole
from toolkit.errors import EXIT_INTERRUPTED, EXIT_REQUEST, EXIT_RUN, EXIT_TERMINATED, RequestError
from toolkit.runs import Interrupted, RunFailed, Terminated, resume, run
from toolkit.tracking.folder import RunFolder


@contextmanager
def the_limit_taken_back() -> Iterator[None]:
    """Takes back, at once, the limit on files that stands for a full disk: pytest may be writing to a file itself."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def failed(recipe: Any, kind: type[RunFailed] = RunFailed) -> tuple[RunFailed, RunFolder]:
    with the_limit_taken_back(), pytest.raises(kind) as caught:
        run(recipe)
    return caught.value, RunFolder(caught.value.folder)


def test_an_exception_names_the_component_and_the_traceback_is_kept(recipe: Any, capsys: Any) -> None:
    error, folder = failed(recipe(model={"use": "./parts.py:Broken"}))
    content = folder.read_json()
    assert content["status"] == "failed"
    assert (
        content["reason"]
        == "model './parts.py:Broken' ("
        + str(Path("parts.py").absolute())
        + ":Broken) raised ValueError: the net is torn"
    )
    assert error.exit_code == EXIT_RUN
    lines = str(error).splitlines()
    assert lines[0] == f"run {folder.id} failed: {content['reason']}"
    assert "It has no checkpoint yet" in lines[1]
    assert lines[2] == f"The traceback is in {folder.shown}/logs/traceback.txt"
    assert folder.traceback_txt.read_text() == error.traceback
    assert 'raise ValueError("the net is torn")' in error.traceback


@pytest.mark.usefixtures("drawn")
def test_an_exception_in_a_later_epoch_leaves_the_checkpoint(recipe: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("ENDS", "batch:2:raise")
    error, folder = failed(recipe())
    assert "callback './parts.py:Ends'" in str(error)
    assert f"To go on from its checkpoint after 2 epochs: toolkit resume {folder.id}" in str(error)
    assert folder.read_json()["best"]["metric"] == "val/accuracy"
    assert (folder.plots / "learning_curve.png").is_file()
    monkeypatch.delenv("ENDS")
    assert resume(folder.id, allow_code=True).status == "finished"
    assert [session["status"] for session in folder.read_json()["sessions"]] == ["failed", "finished"]


@pytest.mark.parametrize(
    ("ends", "status", "kind", "code"),
    [
        ("batch:1:SIGINT", "interrupted", Interrupted, EXIT_INTERRUPTED),
        ("validation:1:SIGINT:twice", "interrupted", Interrupted, EXIT_INTERRUPTED),
        ("test:4:SIGINT", "interrupted", Interrupted, EXIT_INTERRUPTED),
        ("batch:1:SIGTERM", "terminated", Terminated, EXIT_TERMINATED),
        ("epoch:1:SIGTERM", "terminated", Terminated, EXIT_TERMINATED),
        ("test:4:SIGTERM", "terminated", Terminated, EXIT_TERMINATED),
    ],
)
def test_signals_end_a_run_in_order(
    recipe: Any, monkeypatch: Any, ends: str, status: str, kind: type[RunFailed], code: int
) -> None:
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    monkeypatch.setenv("ENDS", ends)
    error, folder = failed(recipe(), kind)
    assert error.exit_code == code
    assert folder.read_json()["status"] == folder.status() == status
    # A SIGTERM in the last batch of an epoch lets that epoch be saved.
    epochs = {"epoch": 2, "test": 4}.get(ends.partition(":")[0], 1)
    assert f"checkpoint after {epochs} epoch" in str(error)
    assert f"toolkit resume {folder.id}" in str(error)
    assert not folder.traceback_txt.exists()
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers


def test_a_run_without_a_checkpoint_is_started_again_with_all_that_was_typed(recipe_file: Any, program: Any) -> None:
    recipe_file()
    words = ["--allow-code", "optimizer.lr=0.02", "--name", "a first try", "--tag", "x", "model.dropout=0.25"]
    typed = f"toolkit run ./small.yaml {shlex.join(words)}"
    done, again = (
        program("-m", "toolkit", *command, KILLED="forward:1:SIGINT", OUR_TOKEN="a first try")
        for command in (["run", "./small.yaml", *words], ["resume", "last", "--allow-code"])
    )
    # The folder keeps no secret, and so it cannot be told here.
    shown = typed.replace("a first try", "<redacted>")
    assert done.returncode == EXIT_INTERRUPTED
    assert done.stderr.splitlines()[-1] == f"It has no checkpoint yet. To start it again: {shown}"
    assert again.returncode == EXIT_REQUEST
    assert again.stderr.endswith(f"it ended before one was saved. Start it again: {shown}\n")


def test_a_run_that_a_program_began_is_started_again_from_the_command_line(
    recipe_file: Any, in_a_process: Any, newest: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    in_a_process("run", recipe_file(), "optimizer.lr=0.02", KILLED="forward:1")
    newest().update_json(name="first", tags=["x"])
    typed = r"toolkit run \./small\.yaml optimizer\.lr=0\.02 --name first --tag x"
    with pytest.raises(RequestError, match=f"Start it again: {typed}$"):
        resume("last", allow_code=True)
    monkeypatch.chdir(tmp_path.parent)
    with pytest.raises(RequestError, match=f"Start it again: cd {tmp_path} && {typed}$"):
        resume("last", allow_code=True)


def test_a_loss_that_is_no_number_ends_the_run(recipe: Any) -> None:
    error, folder = failed(recipe(loss={"use": "./parts.py:NanLoss"}))
    # Looked at where metrics are logged, every second step here.
    assert folder.read_json()["reason"] == "loss became nan at step 10 (epoch 2)"
    assert f"toolkit resume {folder.id}" in str(error)
    assert [path.name for path in folder.checkpoints.glob("*.ckpt")] == ["epoch-0001.ckpt"]


def test_a_limit_behind_the_checkpoint_is_refused_and_not_remembered(recipe: Any) -> None:
    _, folder = failed(recipe(loss="./parts.py:NanLoss"))
    before = folder.run_json.read_bytes()
    with pytest.raises(RequestError, match="and 6 steps already, and trainer.max_steps=3 does not go beyond that"):
        resume(folder.path, ["trainer.max_steps=3"], allow_code=True)
    assert folder.run_json.read_bytes() == before


def test_weights_that_are_no_numbers_replace_no_checkpoint(recipe: Any) -> None:
    _, folder = failed(recipe(callbacks={"spoil": {"use": "./parts.py:NanWeights"}}, engine={"keep": {"last": 1}}))
    assert folder.read_json()["reason"] == "the parameter model.head.bias holds nan or inf at step 12 (epoch 3)"
    assert [path.name for path in folder.checkpoints.glob("*.ckpt")] == ["epoch-0001.ckpt"]


def test_a_full_disk_keeps_the_earlier_checkpoint(recipe: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("ENDS", "batch:1:full:8000")
    error, folder = failed(recipe())
    content = folder.read_json()
    assert content["status"] == "failed"
    assert content["reason"].startswith("the disk is full (File too large")
    assert "checkpoint after 1 epoch: toolkit resume" in str(error)
    check_whole(folder.checkpoints / "epoch-0001.ckpt")
    assert sorted(path.name for path in folder.checkpoints.iterdir()) == ["epoch-0001.ckpt", "epoch-0001.ckpt.json"]


def test_a_disk_that_takes_not_even_the_reason_hides_no_reason(recipe: Any, monkeypatch: Any, capsys: Any) -> None:
    # capsys: pytest would else catch what is printed in a file, which is full too.
    monkeypatch.setenv("ENDS", "batch:1:full:100")
    error, folder = failed(recipe())
    assert "the disk is full" in str(error)
    assert "could not be written: File too large" in str(error)
    # It still says "running", and this process still runs.
    assert folder.read_json()["status"] == "running"


def test_a_checkpoint_that_would_not_load_fails_at_the_first_save(recipe: Any) -> None:
    _, folder = failed(recipe(callbacks={"history": {"use": "./parts.py:History"}}))
    assert "callbacks.History.seen is a numpy.ndarray" in folder.read_json()["reason"]
    assert folder.read_json()["reason"].startswith("the checkpoint cannot be saved")


def test_a_callback_that_cannot_be_built_leaves_no_folder(recipe: Any, runs: Path) -> None:
    with pytest.raises(RequestError, match="callbacks.stop"):
        run(recipe(callbacks={"stop": {"use": "early_stopping", "monitor": "val/loss", "mode": "sideways"}}))
    assert list(runs.glob("*/*")) == []


def test_trainer_arguments_that_lightning_refuses_leave_no_folder(recipe: Any, runs: Path) -> None:
    with pytest.raises(RequestError, match="trainer.limit_val_batches: Lightning refuses this"):
        run(recipe("trainer.limit_val_batches=7.5"))
    assert list(runs.glob("*/*")) == []
