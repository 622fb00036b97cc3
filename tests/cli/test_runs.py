"""``toolkit runs``: reads what runs wrote, whatever state they are in."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from toolkit.checksum import sidecar
from toolkit.engine.checkpoints import describe
from toolkit.tracking.folder import RunFolder, this_process


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Three runs: a finished one, one that failed, and one whose process is gone."""
    root = tmp_path / "all"
    monkeypatch.setenv("TOOLKIT_RUNS", str(root))

    def make(identity, recipe, age, **content):
        folder = RunFolder(root / recipe / identity)
        folder.path.mkdir(parents=True)
        created = (datetime.now(UTC) - age).isoformat(timespec="milliseconds")
        folder.write_json({"recipe": recipe, "created": created, **content})

    best = {"metric": "val/accuracy", "mode": "max", "value": 0.98765, "epoch": 3, "step": 90, "checkpoint": "c"}
    make(
        "20260101-100000-aaaa",
        "vision/digits",
        timedelta(days=2),
        status="finished",
        best=best,
        name="wide",
        tags=["x"],
    )
    make("20260103-100000-bbbb", "vision/digits", timedelta(minutes=5), status="failed", reason="boom")
    gone = {**this_process(), "pid": 2**22 + 1}
    make("20260102-100000-cccc", "mine", timedelta(hours=3), status="running", process=gone)


@pytest.fixture
def list_runs(toolkit, runs):
    return lambda *words: toolkit("runs", *words)


def test_the_newest_come_first(list_runs):
    answer = list_runs()
    assert answer.out == (
        "run                   recipe         status    best                 age     name\n"
        "20260103-100000-bbbb  vision/digits  failed                         5 min\n"
        "20260102-100000-cccc  mine           killed                         3 h\n"
        "20260101-100000-aaaa  vision/digits  finished  val/accuracy 0.9877  2 days  wide\n"
    )
    assert (answer.code, answer.err) == (0, "")


def test_words_must_all_occur(list_runs):
    assert [line.split()[0] for line in list_runs("digits", "fail").out.splitlines()[1:]] == ["20260103-100000-bbbb"]
    assert [line.split()[0] for line in list_runs("x").out.splitlines()[1:]] == ["20260101-100000-aaaa"]
    nothing = list_runs("nosuch")
    assert (nothing.code, nothing.out) == (0, "")
    assert nothing.err.startswith("There is no run of 'nosuch' in ")


def test_json_has_the_documented_keys(list_runs):
    told = json.loads(list_runs("--json").out)
    assert [run["status"] for run in told] == ["failed", "killed", "finished"]
    assert told[2]["best"]["value"] == 0.98765
    assert set(told[0]) == {
        *("id", "recipe", "status", "reason", "name", "tags", "note", "overrides"),
        *("created", "seconds", "best", "metrics", "folder"),
    }
    assert json.loads(list_runs("nosuch", "--json").out) == []


@pytest.mark.parametrize("columns", [80, 200])
def test_no_line_is_wider_than_the_terminal(list_runs, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    assert max(map(len, list_runs().out.splitlines())) <= columns


def test_at_80_columns_nothing_is_lost(list_runs, monkeypatch, tmp_path):
    folder = RunFolder(tmp_path / "all" / "vision" / "digits" / "20260101-100000-aaaa")
    folder.update_json(name="wide net with warmup")
    monkeypatch.setenv("COLUMNS", "80")
    assert list_runs().out == (
        "run                   recipe         status    best          age     name\n"
        "20260103-100000-bbbb  vision/digits  failed                  5 min\n"
        "20260102-100000-cccc  mine           killed                  3 h\n"
        "20260101-100000-aaaa  vision/digits  finished  val/accuracy  2 days  wide net\n"
        "                                               0.9877                with warmup\n"
    )


def test_a_terminal_that_is_too_narrow_gets_wider_lines(list_runs, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    out = list_runs().out
    assert all(word in out for word in ("20260101-100000-aaaa", "finished", "0.9877", "2 days", "wide"))


def test_the_best_of_a_killed_run_is_that_of_its_checkpoints(list_runs, tmp_path):
    folder = RunFolder(tmp_path / "all" / "mine" / "20260102-100000-cccc")
    folder.update_json(monitor={"metric": "val/loss", "mode": "min"}, best=None)
    folder.checkpoints.mkdir()
    for epoch, score in ((1, 0.5), (2, 0.25), (3, None)):
        path = folder.checkpoints / f"epoch-000{epoch}.ckpt"
        path.touch()
        sidecar(path).write_text(describe(path, sha256="", about={"epoch": epoch, "step": 10 * epoch, "score": score}))
    line = next(line for line in list_runs().out.splitlines() if "killed" in line)
    assert line.split() == ["20260102-100000-cccc", "mine", "killed", "val/loss", "0.25", "3", "h"]
    assert json.loads(list_runs("--json").out)[1]["best"] == {
        "metric": "val/loss",
        "mode": "min",
        "value": 0.25,
        "epoch": 2,
        "step": 20,
        "checkpoint": "checkpoints/epoch-0002.ckpt",
    }


def test_without_any_run(toolkit):
    answer = toolkit("runs")
    assert (answer.code, answer.out, answer.err) == (0, "", "There is no run in runs. Start one: toolkit run RECIPE\n")
