"""A command that is given once more, by a scheduler or with `--resume auto`: which run goes on, and which does not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from toolkit.errors import RequestError
from toolkit.runs import RunFailed, run
from toolkit.runs.job import Job, find_job, requeue
from toolkit.tracking.folder import RunFolder, list_runs


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch script of SLURM that calls `toolkit run` without srun."""
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    monkeypatch.setenv("SLURM_PROCID", "0")
    monkeypatch.setenv("SLURM_NTASKS", "2")


def fails(recipe: Any, monkeypatch: Any, when: str) -> RunFolder:
    """A run that fails, with `ENDS` as `tests/runs/conftest.py` has it."""
    monkeypatch.setenv("ENDS", when)
    with pytest.raises(RunFailed) as caught:
        run(recipe)
    monkeypatch.delenv("ENDS")
    return RunFolder(caught.value.folder)


def test_a_job_that_is_started_again_goes_on_with_its_run(
    job: None, recipe: Any, runs: Path, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    first = fails(recipe(), monkeypatch, "batch:1:raise")
    # Typed again inside the same job, it is another run. The letters of the ids tell the job.
    second = fails(recipe(), monkeypatch, "batch:2:raise")
    assert first.id != second.id
    # Two of one second would have one id, and the second draws again.
    assert first.id[-4:] == second.id[-4:] or first.id[:-5] == second.id[:-5]
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    capsys.readouterr()
    done = run(recipe())
    assert capsys.readouterr().out.startswith(f"slurm job 77.batch was started again: it goes on with run {second.id}")
    assert (done.id, done.status) == (second.id, "finished")
    whole = run(recipe(), root=tmp_path / "whole")
    assert second.metrics_csv.read_bytes() == RunFolder(whole.folder).metrics_csv.read_bytes()
    # What is finished stays as it is; its result is given once more.
    before = second.run_json.read_bytes()
    again = run(recipe())
    assert (again.id, again.metrics, again.best_checkpoint) == (done.id, done.metrics, done.best_checkpoint)
    assert again.model is not None
    assert second.run_json.read_bytes() == before
    # Another recipe, another job: new runs.
    assert run(recipe("optimizer.lr=0.02", "trainer.max_epochs=1")).id not in (first.id, second.id)
    monkeypatch.setenv("SLURM_JOB_ID", "78")
    assert run(recipe()).id not in (first.id, second.id)


def test_a_run_without_a_checkpoint_begins_once_more_in_its_folder(
    job: None, recipe: Any, runs: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    failed = fails(recipe(), monkeypatch, "batch:0:raise")
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    done = run(recipe())
    assert done.id == failed.id
    whole = run(recipe(), root=tmp_path / "whole")
    assert failed.metrics_csv.read_bytes() == RunFolder(whole.folder).metrics_csv.read_bytes()
    assert [session["status"] for session in failed.read_json()["sessions"]] == ["failed", "finished"]


def test_a_run_that_was_left_on_another_machine_is_taken_over(
    job: None, recipe: Any, runs: Path, monkeypatch: Any
) -> None:
    left = fails(recipe(), monkeypatch, "batch:1:raise")
    left.update_json(status="running", process={"host": "a-machine-that-broke", "pid": 1, "started": "1"})
    assert left.status() == "running"
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    assert run(recipe()).id == left.id


def test_resume_auto_goes_on_with_the_newest_unfinished_run_of_the_same(
    recipe: Any, runs: Path, monkeypatch: Any, capsys: Any
) -> None:
    def auto(*overrides: str) -> str:
        capsys.readouterr()
        return run(recipe(*overrides), resume="auto").id

    new = auto("trainer.max_epochs=2")
    said = capsys.readouterr().out
    assert said.startswith("no run of small with these values is unfinished: a new one begins\n")
    # Finished ones, ones without a checkpoint and ones with other values do not go on.
    fails(recipe("trainer.max_epochs=2"), monkeypatch, "batch:0:raise")
    fails(recipe("optimizer.lr=0.02"), monkeypatch, "batch:1:raise")
    stopped = fails(recipe("trainer.max_epochs=2"), monkeypatch, "batch:1:raise")
    assert len({new, stopped.id}) == 2
    assert auto("trainer.max_epochs=2") == stopped.id
    assert capsys.readouterr().out.startswith(f"run {stopped.id} is unfinished (failed): it goes on\n")
    assert auto("trainer.max_epochs=2") not in (new, stopped.id)
    assert len(list_runs(runs)) == 5
    with pytest.raises(RequestError, match="resume can only be 'auto', not 'last'"):
        run(recipe(), resume="last")


def test_a_job_of_torchrun_goes_on_and_leaves_a_finished_run_alone(recipe: Any, runs: Path, monkeypatch: Any) -> None:
    for name, value in (("RANK", "0"), ("WORLD_SIZE", "1"), ("LOCAL_RANK", "0"), ("LOCAL_WORLD_SIZE", "1")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MASTER_ADDR", "localhost")
    monkeypatch.setenv("MASTER_PORT", "29500")
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "mine")
    stopped = fails(recipe(), monkeypatch, "batch:1:raise")
    # The same command with the same --rdzv-id.
    assert run(recipe()).id == stopped.id
    before = stopped.run_json.read_bytes()
    assert run(recipe()).id != stopped.id
    # A process that died after its run had ended, and all are started again.
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    run(recipe())
    assert len(list_runs(runs)) == 2
    assert stopped.run_json.read_bytes() == before


@pytest.mark.parametrize(
    ("environment", "text", "restarted", "requeued_as"),
    [
        ({"SLURM_JOB_ID": "7"}, "slurm job 7.batch", False, "7"),
        ({"SLURM_JOB_ID": "7", "SLURM_STEP_ID": "2", "SLURM_RESTART_COUNT": "1"}, "slurm job 7.2", True, "7"),
        (
            {"SLURM_JOB_ID": "9", "SLURM_ARRAY_JOB_ID": "8", "SLURM_ARRAY_TASK_ID": "3", "SLURM_CLUSTER_NAME": "c"},
            "slurm job 9.batch on c",
            False,
            "8_3",
        ),
        ({"TORCHELASTIC_RUN_ID": "mine"}, "torchrun job mine", False, ""),
        ({"TORCHELASTIC_RUN_ID": "mine", "TORCHELASTIC_RESTART_COUNT": "2"}, "torchrun job mine", True, ""),
        (
            {"TORCHELASTIC_RUN_ID": "mine", "TORCHELASTIC_RESTART_COUNT": "1", "SLURM_JOB_ID": "7"},
            "slurm job 7.batch",
            True,
            "7",
        ),
    ],
)
def test_which_job_this_is(environment: dict[str, str], text: str, restarted: bool, requeued_as: str) -> None:
    found = find_job(environment)
    assert found is not None
    assert (str(found), found.restarted, found.requeued_as) == (text, restarted, requeued_as)


def test_torchrun_without_an_id_is_known_by_its_process() -> None:
    assert find_job({}) is None
    one, two = find_job({"TORCHELASTIC_RUN_ID": "none"}), find_job({"TORCHELASTIC_RUN_ID": "none"})
    assert one == two
    assert one is not None
    assert str(os.getppid()) in one.id


@pytest.mark.parametrize(
    ("squeue", "scontrol", "line"),
    [
        ("RUNNING None", "exit 0", "SLURM starts job 7 again; it goes on in the same folder"),
        ("COMPLETING TimeLimit", "exit 0", "SLURM starts job 7 again; it goes on in the same folder"),
        (
            "RUNNING None",
            "echo 'Requested operation is presently disabled for job 7' >&2; exit 1",
            "SLURM does not start job 7 again: Requested operation is presently disabled for job 7",
        ),
        # Somebody has cancelled it: `scontrol requeue` would bring it back.
        ("COMPLETING None", "echo asked >&2; exit 1", None),
    ],
)
def test_what_slurm_says_to_a_requeue(
    tmp_path: Path, monkeypatch: Any, squeue: str, scontrol: str, line: str | None
) -> None:
    for name, script in (("squeue", f"echo {squeue}"), ("scontrol", scontrol)):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert requeue(Job("slurm", "7.batch", False, "7")) == line


def test_a_machine_without_scontrol_says_so(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    line = requeue(Job("slurm", "7.batch", False, "7"))
    assert line is not None
    assert line.startswith("SLURM was not asked to start job 7 again: ")
