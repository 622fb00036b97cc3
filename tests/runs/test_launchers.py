"""Runs whose processes torchrun or srun has started: one folder, whatever they do, also when they are started again."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from toolkit.errors import EXIT_REQUEST, EXIT_RUN, EXIT_TERMINATED
from toolkit.recipe import load
from toolkit.runs import run
from toolkit.tracking.folder import RunFolder, list_runs

SECONDS = 300

MORE = '''
import fcntl
import os
import signal
import sys
import pytorch_lightning as pl


class Speaks(pl.Callback):
    def on_train_start(self, trainer, pl_module):
        print(f"rank {trainer.global_rank} of {trainer.world_size} speaks", file=sys.stderr)


class Once(pl.Callback):
    """Ends rank 1 in its second epoch, the first time it comes there."""

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if trainer.current_epoch == 1 and trainer.global_rank == 1 and not os.path.exists("ended"):
            open("ended", "w").close()
            raise RuntimeError("the first time")


class TakesItsWatcher(pl.Callback):
    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if trainer.current_epoch == 1 and trainer.global_rank == 1:
            # The lock lasts as long as the process.
            self.lock = open("lock", "w")
            fcntl.flock(self.lock, fcntl.LOCK_EX)
            os.kill(os.getppid(), signal.SIGKILL)
'''

SETTINGS: dict[str, Any] = {
    "callbacks": {"ends": {"use": "./parts.py:Ends"}, "speaks": {"use": "./more.py:Speaks"}},
    "trainer": {"max_epochs": 3, "accelerator": "cpu", "log_every_n_steps": 2},
}


@pytest.fixture
def page(recipe_file: Callable[..., Path], tmp_path: Path) -> Callable[..., Path]:
    """The recipe of all these tests, which says nothing of devices."""

    def write(**changes: Any) -> Path:
        (tmp_path / "more.py").write_text(MORE)
        return recipe_file({**SETTINGS, **changes})

    return write


@pytest.fixture
def torchrun(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Calls torchrun with its own options, then `toolkit run` and what follows it."""

    def call(
        *toolkit: str | Path, options: tuple[str, ...] = (), **environment: str
    ) -> subprocess.CompletedProcess[str]:
        elastic = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *options]
        command = [sys.executable, *elastic, "-m", "toolkit", "run", *map(str, toolkit), "--allow-code"]
        return subprocess.run(
            command,
            env={**os.environ, **environment},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )

    return call


@pytest.fixture
def srun(
    tmp_path: Path, free_port: Callable[[], int]
) -> Iterator[Callable[..., list[subprocess.CompletedProcess[str]]]]:
    """Starts two processes with the variables that srun sets (SLURM 22.05); a `scontrol` notes its arguments."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "scontrol").write_text('#!/bin/sh\necho "$@" >> "$(dirname "$0")/asked"\n')
    (tools / "scontrol").chmod(0o755)
    started: list[subprocess.Popen[str]] = []

    def call(*toolkit: str | Path, **environment: str) -> list[subprocess.CompletedProcess[str]]:
        job = {
            "SLURM_JOB_ID": "4321",
            "SLURM_STEP_ID": "0",
            "SLURM_NTASKS": "2",
            "SLURM_STEP_NUM_TASKS": "2",
            "SLURM_STEP_TASKS_PER_NODE": "2",
            "SLURM_STEP_NODELIST": "localhost",
            "SLURM_NODEID": "0",
            "MASTER_PORT": str(free_port()),
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        }
        command = [sys.executable, "-m", "toolkit", "run", *map(str, toolkit), "--allow-code"]
        tasks = [
            subprocess.Popen(
                command,
                env={**os.environ, **job, "SLURM_PROCID": str(rank), "SLURM_LOCALID": str(rank), **environment},
                cwd=tmp_path,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for rank in range(2)
        ]
        started.extend(tasks)
        said = [task.communicate(timeout=SECONDS) for task in tasks]
        return [
            subprocess.CompletedProcess(command, task.returncode, *texts)
            for task, texts in zip(tasks, said, strict=True)
        ]

    yield call
    for task in started:
        task.kill()
        task.communicate()


@pytest.fixture(scope="module")
def known() -> dict[str, bytes]:
    """What is known of `metrics.csv` for all tests."""
    return {}


@pytest.fixture
def undisturbed(
    known: dict[str, bytes], forked_ranks: None, page: Callable[..., Path], tmp_path: Path
) -> Callable[[], bytes]:
    """What `metrics.csv` holds after a run in two processes that the toolkit itself has started, and that ends well."""

    def csv() -> bytes:
        if not known:
            done = run(load(str(page()), ["trainer.devices=2"], allow_code=True), root=tmp_path / "undisturbed")
            known["csv"] = RunFolder(done.folder).metrics_csv.read_bytes()
        return known["csv"]

    return csv


def only_run(runs: Path) -> RunFolder:
    (folder,) = list_runs(runs)
    return folder


def content(folder: RunFolder) -> Mapping[str, Any]:
    return folder.read_json()


def test_torchrun_is_the_same_as_devices(page: Any, torchrun: Any, runs: Path, undisturbed: Any) -> None:
    done = torchrun(page())
    assert done.returncode == 0, done.stderr
    folder = only_run(runs)
    record = content(folder)
    assert record["status"] == "finished"
    assert record["overrides"] == ["trainer.devices=2"]
    assert record["job"]["scheduler"] == "torchrun"
    assert done.stdout.count("epoch 1/3") == 1
    assert "device   2 x cpu" in done.stdout
    # Rank 0 speaks to the user, the other to its log.
    assert "rank 0 of 2 speaks" in done.stdout
    assert "rank 1" not in done.stdout + done.stderr
    assert {path.name for path in folder.logs.iterdir()} == {"rank-0.log", "rank-1.log"}
    assert (folder.logs / "rank-1.log").read_text() == "rank 1 of 2 speaks\n"
    assert folder.metrics_csv.read_bytes() == undisturbed()


@pytest.mark.slow
def test_an_elastic_restart_goes_on_with_the_run(page: Any, torchrun: Any, runs: Path) -> None:
    twice = torchrun(page(callbacks={"once": {"use": "./more.py:Once"}}), options=("--max-restarts", "1"))
    assert twice.returncode == 0, twice.stderr
    folder = only_run(runs)
    record = content(folder)
    assert [session["status"] for session in record["sessions"]] == ["failed", "finished"]
    assert record["sessions"][0]["reason"].startswith("rank 1: callback ")
    assert record["sessions"][0]["reason"].endswith("raised RuntimeError: the first time")
    assert f"it goes on with run {folder.id}" in twice.stdout
    assert "goes on  after 1 epoch" in twice.stdout
    assert twice.stderr.count("the first time") == 1


def test_what_is_wrong_is_told_once(page: Any, torchrun: Any, runs: Path) -> None:
    done = torchrun(page(), "trainer.devices=3")
    assert done.returncode != 0
    text = "trainer.devices: the recipe says 3, but torchrun has started 2 processes on each machine\n"
    assert done.stderr.count(text) == 1
    assert f"exitcode  : {EXIT_REQUEST} " in done.stderr
    assert not runs.exists()


@pytest.mark.slow
def test_under_srun_a_run_is_saved_requeued_and_gone_on_with(
    page: Any, srun: Any, runs: Path, tmp_path: Path, undisturbed: Any
) -> None:
    stopped = srun(page(), ENDS="batch:1:SIGTERM:parent")
    assert [task.returncode for task in stopped] == [EXIT_TERMINATED] * 2, stopped[0].stderr
    assert (tmp_path / "tools" / "asked").read_text() == "requeue 4321\n"
    assert "SLURM starts job 4321 again" in stopped[0].stdout
    assert stopped[1].stdout == stopped[1].stderr == ""
    folder = only_run(runs)
    record = content(folder)
    assert (record["status"], record["job"]["id"]) == ("terminated", "4321.0")
    again = srun(page(), SLURM_RESTART_COUNT="1")
    assert [task.returncode for task in again] == [0, 0], again[0].stderr
    assert only_run(runs).id == folder.id
    assert content(folder)["status"] == "finished"
    assert folder.metrics_csv.read_bytes() == undisturbed()


def test_under_srun_nobody_waits_for_a_process_that_is_gone(page: Any, srun: Any, runs: Path, tmp_path: Path) -> None:
    """srun itself lets the others wait for ever."""
    first, second = srun(page(callbacks={"takes": {"use": "./more.py:TakesItsWatcher"}}))
    assert (first.returncode, second.returncode) == (EXIT_RUN, -signal.SIGKILL), first.stderr
    record = content(only_run(runs))
    reason = "rank 1 is gone together with the program that watched over it; see logs/rank-1.log"
    assert (record["status"], record["reason"]) == ("failed", reason)
    assert reason in first.stderr
    # Its worker, left alone, ends too.
    with (tmp_path / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
