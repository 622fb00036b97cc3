"""Run folders: made once, found again by what a person types, and honest about a process that is gone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from toolkit.errors import RequestError
from toolkit.tracking.folder import RUN_ID, RunFolder, find, list_runs, runs_root, this_process


def new(root: Path, recipe: str = "vision/digits", **content: object) -> RunFolder:
    run = RunFolder.create(root, recipe)
    run.write_json({"recipe": recipe, "status": "finished", **content})
    return run


def test_a_new_run_has_its_folders(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "vision/digits")
    assert run.path.parent == tmp_path / "vision" / "digits"
    assert RUN_ID.fullmatch(run.id)
    assert run.checkpoints.is_dir()
    assert run.plots.is_dir()
    assert run.logs.is_dir()


def test_ids_differ_and_do_not_touch_the_random_state(tmp_path: Path) -> None:
    import random

    state = random.getstate()
    ids = {RunFolder.create(tmp_path, "a").id for _ in range(20)}
    assert len(ids) == 20
    assert random.getstate() == state


def test_a_root_that_cannot_be_made_is_a_request_error(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(RequestError, match="could not be made: .*runs") as caught:
        RunFolder.create(tmp_path / "runs", "vision/digits")
    assert str(caught.value).endswith("\nSet TOOLKIT_RUNS to a folder that can be written to")


def test_last_is_the_newest_of_all_recipes(tmp_path: Path) -> None:
    first = new(tmp_path, "b", created="2030-01-01T00:00:00.1")
    second = new(tmp_path, "a", created="2030-01-01T00:00:00.2")
    for run, name in ((first, "20300101-000000-zzzz"), (second, "20300101-000000-aaaa")):
        run.path.rename(run.path.with_name(name))
    assert [run.id for run in list_runs(tmp_path)] == ["20300101-000000-aaaa", "20300101-000000-zzzz"]
    assert find("last", tmp_path).id == "20300101-000000-aaaa"


def test_a_run_is_found_by_id_by_its_beginning_and_by_path(tmp_path: Path) -> None:
    run = new(tmp_path)
    for which in (run.id, run.id[:-2], run.path, str(run.path), run):
        assert find(which, tmp_path).path == run.path


def test_what_is_not_found_is_said(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="there is no run yet in"):
        find("last", tmp_path)
    new(tmp_path), new(tmp_path)
    with pytest.raises(RequestError, match="there is no run 'nothing'"):
        find("nothing", tmp_path)
    with pytest.raises(RequestError, match="2 runs begin with '20'"):
        find("20", tmp_path)
    with pytest.raises(RequestError, match="is not the folder of a run"):
        find(str(tmp_path), tmp_path)


def test_json_holds_numbers_that_json_has_no_form_for(tmp_path: Path) -> None:
    run = new(tmp_path, metrics={"test/loss": float("nan"), "val/loss": float("inf")}, folder=tmp_path)
    assert json.loads(run.run_json.read_text())["metrics"] == {"test/loss": "nan", "val/loss": "inf"}


def test_update_keeps_the_other_keys(tmp_path: Path) -> None:
    run = new(tmp_path)
    run.update_json(status="failed", reason="disk full")
    assert run.read_json() == {"recipe": "vision/digits", "status": "failed", "reason": "disk full"}


def test_a_secret_of_the_environment_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY_TOKEN", "kanarienvogel")
    run = new(tmp_path, command=["toolkit", "run", "x=kanarienvogel"])
    run.write_text(run.logs / "note.txt", "a kanarienvogel sings")
    assert "kanarienvogel" not in run.run_json.read_text() + (run.logs / "note.txt").read_text()


def test_a_run_whose_process_is_gone_was_killed(tmp_path: Path) -> None:
    code = "import json; from toolkit.tracking.folder import this_process; print(json.dumps(this_process()))"
    gone = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    assert new(tmp_path, status="running", process=this_process()).status() == "running"
    assert new(tmp_path, status="running", process=gone).status() == "killed"
    assert new(tmp_path, status="running", process={**gone, "host": "elsewhere"}).status() == "running"
    assert new(tmp_path, status="failed", process=gone).status() == "failed"


def test_the_root_is_runs_or_what_the_environment_says() -> None:
    assert runs_root({}) == Path("runs")
    assert runs_root({"TOOLKIT_RUNS": "/elsewhere"}) == Path("/elsewhere")
