"""The benchmarks work: every table is made, with every line that it promises. How fast anything is, nobody asserts."""

from __future__ import annotations

import importlib
import importlib.metadata
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from benchmarks import ddp, gpu, language_model, loading, memory, recsys, speech, startup, step, step_others
from benchmarks.__main__ import MODULES
from benchmarks.frame import Measured, Rounds, Settings, call, interleaved, repeated
from benchmarks.table import ABSENT, WIDTH, Against, Row, table

ROOT = Path(__file__).parent.parent

LABELS = {
    "step": [[label for _, label in group] for group in (step.PLAIN, step.CLIPPING)],
    "step_two_threads": [[label for _, label in group] for group in (step.PLAIN, step.CLIPPING)],
    "step_others": [
        [label for _, label in group] for group in (step_others.PEERS, step_others.ROWS, step_others.GRAPH)
    ],
    "startup": [[*startup.PIPED, *startup.ON_TERMINAL]],
    "ddp": [[row.label for row in rows] for rows in (ddp.IN_TWO, (*ddp.IN_ONE, *ddp.IN_TWO))],
    "loading": [
        [row.label for row in rows]
        for rows in (loading.MNIST_LIKE, loading.CIFAR_LIKE, loading.LARGE, (*loading.IMPORTS, *loading.LARGE))
    ],
    "memory": [[row.label for row in rows] for rows in (memory.RUN, memory.LARGE, memory.LARGE)],
    "language_model": [[row.label for row in language_model.ROWS]] * 2,
    "recsys": [list(recsys.LABELS)] * len(recsys.MODELS),
    "speech": [[row.label for row in rows] for rows in (speech.TRAINING, speech.HEARING)],
    "gpu": [[row.label for row in gpu.ROWS]] * 2,
}
"""By module the lines of each of its tables."""

PEERS = ("accelerate", "HF Trainer", "RecBole 1.2.1")


QUICK = ("startup", "loading", "language_model")
"""Modules of which a short round takes seconds. The others take minutes together: `make verify` makes all tables."""


@pytest.fixture(scope="module", params=[QUICK, pytest.param(MODULES, marks=pytest.mark.slow)], ids=["quick", "all"])
def modules(request: pytest.FixtureRequest) -> Sequence[str]:
    chosen: Sequence[str] = request.param
    return chosen


@pytest.fixture(scope="module")
def results(modules: Sequence[str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The file of results of one short round of these, in a process of its own and those that it starts."""
    output = tmp_path_factory.mktemp("benchmarks") / "RESULTS.md"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *modules, "--tiny", "--output", str(output)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-5000:]
    return output.read_text(encoding="utf-8")


def sections(results: str) -> dict[str, list[str]]:
    """By module its tables."""
    parts = re.split(r"(?m)^## `python -m benchmarks\.(\w+)`$", results)[1:]
    return {name: re.findall(r"(?s)```\n(.*?)\n```", text) for name, text in zip(parts[::2], parts[1::2], strict=True)}


def test_every_table_has_the_lines_that_it_promises(modules: Sequence[str], results: str) -> None:
    assert list(MODULES) == list(LABELS)
    found = sections(results)
    assert list(found) == list(modules)
    for name, tables in found.items():
        assert len(tables) == len(LABELS[name]), name
        for text, labels in zip(tables, LABELS[name], strict=True):
            lines = text.splitlines()[3:]
            assert [line[:37].rstrip() for line in lines[: len(labels)]] == labels
            for label, line in zip(labels, lines, strict=False):
                measured = re.search(r"[\d,.]+ +\d+\.\d\d", line[37:])
                assert measured or (label in PEERS and line.endswith(ABSENT)), line


def test_tables_are_80_columns_wide_and_say_what_they_are_made_of(results: str) -> None:
    tables = [text for found in sections(results).values() for text in found]
    assert len(tables) >= 7
    for text in tables:
        assert max(map(len, text.splitlines())) <= WIDTH
        assert "Measurements: 1, of 1 rounds each." in text


def test_the_results_name_the_machine_the_versions_and_the_date(results: str) -> None:
    named = dict(re.findall(r"(?m)^\| ([\w -]+) \| (.+) \|$", results))
    assert {"date", "commit", "processor", "memory", "GPU", "torch", "pytorch-lightning", "toolkit-core"} <= set(named)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", named["date"])
    assert named["pytorch-lightning"] == importlib.metadata.version("pytorch-lightning")
    assert "the numbers mean nothing" in results


@pytest.mark.skipif(gpu.has_gpu(), reason="it would measure for minutes")
def test_what_is_measured_again_takes_the_place_of_its_part_alone(
    modules: Sequence[str], results: str, tmp_path: Path
) -> None:
    output = tmp_path / "RESULTS.md"
    output.write_text(results, encoding="utf-8")
    command = [sys.executable, "-m", "benchmarks", "gpu", "--output", str(output)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    old, new = sections(results), sections(output.read_text(encoding="utf-8"))
    assert list(new) == [name for name in MODULES if name in modules or name == "gpu"]
    assert {name: new[name] for name in modules if name != "gpu"} == {
        name: old[name] for name in modules if name != "gpu"
    }
    command = [sys.executable, "-m", "benchmarks", "gpu", "stpe", "--output", str(output)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "there is no module stpe; there are step, step_two_threads" in done.stderr


def test_a_measurement_has_a_command_of_its_own() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.startup", "--tiny"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "toolkit ls --json" in done.stdout


def test_every_protocol_is_in_a_docstring() -> None:
    for name in MODULES:
        doc = importlib.import_module(f"benchmarks.{name}").__doc__ or ""
        assert f"python -m benchmarks.{name}" in doc
        assert "Protocol." in doc


@pytest.mark.skipif(gpu.has_gpu(), reason="there is a GPU here")
def test_what_needs_a_gpu_is_not_run_without_one() -> None:
    for made in gpu.tables(Settings()):
        assert str(made).count("not run here") == len(gpu.ROWS)
        assert "There is no GPU here." in str(made)


def test_variants_take_turns_and_each_round_begins_with_another() -> None:
    turns: list[str] = []

    def variant(name: str) -> Callable[[], float]:
        return lambda: float(turns.append(name) or len(turns))

    found = interleaved({name: variant(name) for name in "abc"}, 2)
    assert "".join(turns) == "abcbca"
    assert found == {"a": [1, 6], "b": [2, 4], "c": [3, 5]}


def measurements(*of_hand: list[float]) -> Callable[[], Rounds]:
    """Measurements in which the loop by hand took these times, and the toolkit always 1.2 of its median."""
    taken: Iterator[list[float]] = iter(of_hand)

    def measure() -> Rounds:
        hand = next(taken)
        return {"hand": hand, "toolkit": [1.2 * sorted(hand)[len(hand) // 2]] * len(hand)}

    return measure


QUIET, LOUD = [1.0, 1.0, 1.01, 1.02, 1.02], [1.0, 1.0, 1.2, 1.5, 1.6]


def test_a_measurement_whose_loop_by_hand_varies_is_discarded_whole_and_the_table_says_so() -> None:
    measured = repeated(measurements(QUIET, LOUD, [2 * one for one in QUIET], QUIET), "hand", Settings(), "test")
    assert [len(one["hand"]) for one in measured.kept] == [5, 5, 5]
    assert measured.ratios("toolkit", "hand") == pytest.approx([1.2, 1.2, 1.2])
    rows = [Row("hand", "by hand"), Row("toolkit", "toolkit run"), Row("peer", "peer", ABSENT)]
    text = str(table("Title", "ms", rows, measured, Against("x hand", "hand"), scale=1e3))
    assert re.search(r"\ntoolkit run +1,212 +1\.20 +1\.20-1\.20\n", text)
    assert re.search(r"\npeer +not installed here\n", text)
    assert "Discarded whole: 1 more" in text


def test_a_machine_that_is_never_quiet_gives_a_table_without_numbers() -> None:
    measured = repeated(measurements(*[LOUD] * 6), "hand", Settings(), "test")
    assert measured == Measured([], measured.discarded)
    assert len(measured.discarded) == 6
    text = str(table("Title", "ms", [Row("hand", "by hand")], measured, Against("x hand", "hand")))
    assert "no measurement was kept" in text


def test_what_fails_in_a_process_of_its_own_is_shown() -> None:
    with pytest.raises(RuntimeError) as raised:
        call("benchmarks.machine:nothing_of_that_name")
    assert "nothing_of_that_name" in str(raised.value)
    assert "Traceback" in str(raised.value)
