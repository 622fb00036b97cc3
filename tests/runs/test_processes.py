"""Runs in two processes: one folder, one result, no sample lost, and an end in order when one of them fails.

The first starts Python anew for each; of the others the processes are forks, see tests/forks.py.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch

from toolkit.engine.launch import Ended
from toolkit.errors import EXIT_INTERRUPTED, RequestError
from toolkit.runs import RunFailed, resume, run
from toolkit.runs.launched import first_failure
from toolkit.tracking.folder import RunFolder
from toolkit.tracking.table import read_series

TWO = {"trainer": {"max_epochs": 3, "accelerator": "cpu", "devices": 2}}


def test_two_processes_make_one_run(recipe: Any, runs: Path, capfd: Any) -> None:
    result = run(recipe(**TWO, expect={"test/accuracy": ">= 0.1"}))
    assert [path.name for path in runs.glob("*/*")] == [result.id]
    folder = RunFolder(result.folder)
    content = folder.read_json()
    assert content["status"] == "finished"
    assert content["process"]["pid"] == os.getpid()
    assert result.metrics["test/accuracy"] == content["metrics"]["test/accuracy"]
    assert result.model is not None
    assert {path.name for path in folder.logs.iterdir()} == {"rank-0.log", "rank-1.log"}
    # 96 samples in batches of 16 on each of two processes; single steps are logged at least once an epoch.
    series = read_series(folder.metrics_csv)
    assert [step for step, _ in series["train/loss"]] == [step for step, _ in series["train/loss_step"]] == [2, 5, 8]
    out = capfd.readouterr().out
    assert out.count("epoch 1/3") == 1
    assert "device   2 x cpu" in out


@pytest.mark.usefixtures("forked_ranks")
def test_a_process_that_raises_ends_the_run_with_its_reason(recipe: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("ENDS", "batch:1:raise:1")
    with pytest.raises(RunFailed) as caught:
        run(recipe(**TWO))
    folder = RunFolder(caught.value.folder)
    content = folder.read_json()
    assert content["status"] == "failed"
    assert content["reason"].startswith("rank 1: callback '")
    assert "a callback that raises" in content["reason"]
    assert "a callback that raises" in folder.traceback_txt.read_text()
    assert f"checkpoint after 1 epoch: toolkit resume {folder.id}" in str(caught.value)
    monkeypatch.delenv("ENDS")
    resumed = resume(folder.id, allow_code=True)
    assert resumed.status == folder.read_json()["status"] == "finished"
    assert [step for step, _ in read_series(folder.metrics_csv)["train/loss"]] == [2, 5, 8]


DIES = """
import os
import signal

import pytorch_lightning as pl


class Dies(pl.Callback):
    def __init__(self, how):
        self.how = how

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if trainer.current_epoch == 1 and trainer.global_rank == 1:
            print("the last word", flush=True)
            os._exit(0) if self.how == "exit" else os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.usefixtures("forked_ranks")
@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("kill", "rank 1 was killed (SIGKILL; the system may have run out of memory)"),
        ("exit", "rank 1 ended before the run did, with exit code 0; see logs/rank-1.log"),
    ],
)
def test_a_process_that_dies_without_a_word_ends_the_run(recipe: Any, tmp_path: Path, how: str, reason: str) -> None:
    (tmp_path / "dies.py").write_text(DIES)
    with pytest.raises(RunFailed) as caught:
        run(recipe(**TWO, callbacks={"dies": {"use": "./dies.py:Dies", "how": how}}))
    folder = RunFolder(caught.value.folder)
    content = folder.read_json()
    assert (content["status"], content["reason"]) == ("failed", reason)
    assert content["sessions"][-1]["reason"] == reason
    assert folder.traceback_txt.read_text().endswith("The end of logs/rank-1.log:\nthe last word\n")
    assert reason in str(caught.value)
    assert f"checkpoint after 1 epoch: toolkit resume {folder.id}" in str(caught.value)


def test_ctrl_c_reaches_all_processes(recipe_file: Any, in_a_process: Any, newest: Any) -> None:
    done = in_a_process("run", recipe_file(TWO), ENDS="batch:1:SIGINT:parent")
    assert done.returncode == EXIT_INTERRUPTED, done.stderr
    assert newest().read_json()["status"] == newest().status() == "interrupted"
    assert f"toolkit resume {newest().id}" in done.stderr


@pytest.mark.usefixtures("forked_ranks")
def test_each_process_begins_with_the_weights_of_an_earlier_run(recipe: Any) -> None:
    first = run(recipe())
    # `last` means the earlier run, although the new one has its folder by the time the processes start.
    second = run(recipe("model.init_from=last", "optimizer.lr=0.0", "loss.label_smoothing=0.0", **TWO))
    assert first.model is not None
    assert second.model is not None
    found, expected = second.model.state_dict(), first.model.state_dict()
    assert torch.equal(found["head.weight"], expected["head.weight"])


@pytest.mark.usefixtures("forked_ranks")
def test_what_cannot_be_constructed_leaves_no_folder(recipe: Any, runs: Path) -> None:
    with pytest.raises(RequestError, match="timer"):
        run(recipe(**TWO, callbacks={"timer": {"duration": "nonsense"}}))
    assert not list(runs.glob("*/*"))


def says(rank: int, code: int, reason: str, when: float, asked: bool = False) -> Ended:
    return Ended(rank, code, asked, {"code": code, "reason": reason, "traceback": "Traceback", "when": when})


def test_the_process_that_failed_first_tells_why(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "small")
    done = [says(0, 0, "", 1.0), says(1, 0, "", 1.0)]
    assert first_failure(folder, done) is None
    lost, torn = says(0, 3, "lost the other process", 2.0), says(1, 3, "the net is torn", 1.0, asked=True)
    assert first_failure(folder, [lost, torn]) == (3, "rank 1: the net is torn", "Traceback")
    stopped = says(1, 143, "terminated", 1.0, asked=True)
    assert first_failure(folder, [stopped, lost]) == (3, "rank 0: lost the other process", "Traceback")
    # A library that waits for a process in vain ends its own by a signal.
    assert first_failure(folder, [Ended(0, -6, False), torn]) == (3, "rank 1: the net is torn", "Traceback")


@pytest.mark.parametrize(
    ("ended", "reason"),
    [
        (Ended(1, -9, False), "rank 1 was killed (SIGKILL; the system may have run out of memory)"),
        (Ended(1, -11, False), "rank 1 was killed (SIGSEGV; see logs/rank-1.log)"),
        (Ended(1, 0, False), "rank 1 ended before the run did, with exit code 0; see logs/rank-1.log"),
        (
            Ended(1, 0, False, lost=True),
            "rank 1 is gone together with the program that watched over it; see logs/rank-1.log",
        ),
    ],
)
def test_what_ended_without_a_word_is_told_by_its_log(tmp_path: Path, ended: Ended, reason: str) -> None:
    folder = RunFolder.create(tmp_path, "small")
    (folder.logs / "rank-1.log").write_text("Fatal Python error: Segmentation fault\n")
    found = first_failure(folder, [says(0, 3, "lost the other process", 1.0), ended])
    assert found is not None
    assert found[:2] == (3, reason)
    assert found[2].endswith("The end of logs/rank-1.log:\nFatal Python error: Segmentation fault\n")
