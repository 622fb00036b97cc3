"""Runs in two processes: one folder, one result, no sample lost, and an end in order when one of them fails."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from toolkit.engine.launch import Ended
from toolkit.errors import EXIT_INTERRUPTED, RequestError
from toolkit.runs import RunFailed, resume, run
from toolkit.runs.launched import first_failure, refuse_launchers
from toolkit.runs.rank import forget_outcomes
from toolkit.tracking.folder import RunFolder
from toolkit.tracking.table import read_series

TWO = {"trainer": {"max_epochs": 3, "accelerator": "cpu", "devices": 2, "log_every_n_steps": 2}}


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
    # 96 samples in batches of 16 on each of two processes.
    assert [step for step, _ in read_series(folder.metrics_csv)["train/loss"]] == [2, 5, 8]
    out = capfd.readouterr().out
    assert out.count("epoch 1/3") == 1
    assert "device   2 x cpu" in out


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


def test_ctrl_c_reaches_all_processes(recipe_file: Any, in_a_process: Any, newest: Any) -> None:
    done = in_a_process("run", recipe_file(TWO), ENDS="batch:1:SIGINT:parent")
    assert done.returncode == EXIT_INTERRUPTED, done.stderr
    assert newest().read_json()["status"] == newest().status() == "interrupted"
    assert f"toolkit resume {newest().id}" in done.stderr


def told(folder: RunFolder, rank: int, code: int, reason: str, when: float) -> None:
    content = {"code": code, "reason": reason, "traceback": "Traceback", "when": when}
    (folder.logs / f"rank-{rank}.json").write_text(json.dumps(content))


def test_each_process_begins_with_the_weights_of_an_earlier_run(recipe: Any) -> None:
    first = run(recipe())
    # `last` means the earlier run, although the new one has its folder by the time the processes start.
    second = run(recipe("model.init_from=last", "optimizer.lr=0.0", "loss.label_smoothing=0.0", **TWO))
    assert first.model is not None
    assert second.model is not None
    found, expected = second.model.state_dict(), first.model.state_dict()
    assert torch.equal(found["head.weight"], expected["head.weight"])


def test_what_cannot_be_constructed_leaves_no_folder(recipe: Any, runs: Path) -> None:
    with pytest.raises(RequestError, match="timer"):
        run(recipe(**TWO, callbacks={"timer": {"duration": "nonsense"}}))
    assert not list(runs.glob("*/*"))


def test_the_process_that_failed_first_tells_why(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "small")
    assert first_failure(folder, [Ended(0, 0, False), Ended(1, 0, False)]) is None
    told(folder, 0, 3, "lost the other process", when=2.0)
    told(folder, 1, 3, "the net is torn", when=1.0)
    both = [Ended(0, 3, False), Ended(1, 3, True)]
    assert first_failure(folder, both) == (3, "rank 1: the net is torn", "Traceback")
    killed = first_failure(folder, [Ended(0, 3, False), Ended(1, -9, False)])
    assert killed is not None
    assert killed[1].startswith("rank 1 was killed (SIGKILL")
    told(folder, 1, 143, "terminated", when=1.0)
    assert first_failure(folder, both) == (3, "rank 0: lost the other process", "Traceback")
    forget_outcomes(folder)
    unsaid = first_failure(folder, [Ended(1, 1, False), Ended(0, -15, True)])
    assert unsaid == (1, "rank 1 ended with exit code 1; see logs/rank-1.log", "")


def test_a_launcher_around_us_is_refused() -> None:
    refuse_launchers({})
    refuse_launchers({"SLURM_PROCID": "0", "SLURM_NTASKS": "1"})
    with pytest.raises(RequestError, match=r"started by a launcher \(LOCAL_RANK is set\)"):
        refuse_launchers({"LOCAL_RANK": "0", "WORLD_SIZE": "2"})
