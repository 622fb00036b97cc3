"""Recommenders on MovieLens-100k beside RecBole: seconds of an epoch, time to reach the same, and what is reached.

    python -m benchmarks.recsys --data FOLDER [--recbole PYTHON] [--only bpr neumf lightgcn sasrec deepfm]
                                [--recbole-epochs 2] [--measurements 3] [--tiny] [--write PAGE.md]

FOLDER holds RecBole's atomic files ``ml-100k.inter``, ``ml-100k.user`` and ``ml-100k.item``; ``RECSYS_DATA`` names it
too. PYTHON, or ``RECSYS_RECBOLE``, is the interpreter of an environment of its own, for RecBole wants older packages:

    pip install torch==2.13.0 'numpy<2' 'pandas<2.3' 'setuptools<80' recbole==1.2.1

With PAGE.md the tables go to their places on that page too, `plugins/toolkit-recsys/README.md` for one.

What RecBole reached is kept in ``benchmarks/recbole_results.json`` with the command, the machine and the date, an entry
for each model and seed; without PYTHON it is taken from there.

Protocol. Two threads. The ratings of each user are divided 8:1:1 by chance, once, and written to files that both sides
read (`benchmarks.recsys_files`); every rating is an interaction. All items are ranked but those that the user has
chosen before. RecBole with its defaults and seeds 2020, 2021, ...; the toolkit with the recipes of
`benchmarks.recsys_recipes` and seeds 0, 1, ...; both validate after every epoch, stop after ten validations without a
better one, and test the best. Every training is a process of its own; a measurement is one training of each side, one
after the other.

*SASRec*: all ratings in order of time, the last of each user to test on, the one before it to validate on, equal times
in one order on both sides. RecBole ranks what was chosen before as well, which on this data is never right; here it is
left out on both sides. RecBole trains `--recbole-epochs` epochs, once. *DeepFM*: the same 8:1:1, whether a rating is 4
or more, by the ids and all features of users and films; the best epoch by AUC.

The columns are the median second of an epoch's training, without its validation; the seconds from the beginning of the
training to the end of the first validation in which RecBole's best value of the same measurement is reached,
validations included and start-up excluded on both sides; and two figures on the test split, mean and standard deviation
over seeds.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.frame import ROOT, Settings, add_options, call, settings_of
from benchmarks.recsys_files import COPY, ORDERED, write_files, write_made_up
from benchmarks.recsys_recipes import MODELS, PATIENCE, Model
from benchmarks.table import ABSENT, NAME, NOT_RUN, WIDTH, Table
from toolkit.errors import RequestError
from toolkit.tracking import pages, provenance

RESULTS = ROOT / "benchmarks" / "recbole_results.json"
THREADS = 2
FIRST_SEED = 2020
"""RecBole's default."""
LABELS = ("RecBole 1.2.1", "toolkit run")
COLUMNS = (9, 10, 12, 12)
WRITES = "python -m benchmarks.recsys --write"
"""What the page says of its tables."""

Run = Mapping[str, Any]
"""A training: see `benchmarks.recsys_loops.by_toolkit`."""


@dataclass(frozen=True, slots=True)
class Options:
    """What is measured, with what."""

    data: str | None = os.environ.get("RECSYS_DATA")
    recbole: str | None = os.environ.get("RECSYS_RECBOLE")
    only: Sequence[str] = tuple(MODELS)
    recbole_epochs: int = 2
    """Of SASRec."""


def tables(settings: Settings, options: Options | None = None) -> Iterator[Table]:
    """A table for each model."""
    options = options or Options()
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder) / "files"
        if settings.tiny:
            write_made_up(Path(folder) / "made-up")
            write_files(Path(folder) / "made-up", files)
        elif options.data is not None:
            write_files(Path(options.data), files)
        for name in options.only:
            if files.exists():
                yield _measured(name, files, settings, options)
            else:
                lines = tuple(f"{label:<{NAME}}{NOT_RUN:>{sum(COLUMNS)}}" for label in LABELS)
                yield Table(_title(name), lines, ("The data is not here: --data FOLDER, see above.",))


def _measured(name: str, files: Path, settings: Settings, options: Options) -> Table:
    model = MODELS[name]
    theirs: list[Run] = []
    ours: list[Run] = []
    for number in range(settings.measurements):
        print(f"{model.label}: measurement {number + 1}", file=sys.stderr, flush=True)
        if name != "sasrec" or number == 0:
            theirs += _recbole(name, FIRST_SEED + number, files, settings, options)
        epochs = 1 if settings.tiny else None
        target = "benchmarks.recsys_loops:by_toolkit"
        ours.append(call(target, name, str(files), number, epochs, threads=THREADS, fresh=not settings.tiny))
    return _table(name, theirs, ours)


def _recbole(name: str, seed: int, files: Path, settings: Settings, options: Options) -> list[Run]:
    """What RecBole reaches with a seed: measured now, or kept from before; nothing where neither can be had."""
    kept: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    key = f"{name}/{seed}"
    if options.recbole is None:
        return [] if settings.tiny or key not in kept else [kept[key]]
    model = MODELS[name]
    dataset = ORDERED if model.files == "ordered" else COPY
    epochs = 1 if settings.tiny else options.recbole_epochs if name == "sasrec" else 300
    with tempfile.TemporaryDirectory() as folder:
        config = {
            **model.config,
            "data_path": str(files),
            "checkpoint_dir": folder,
            "use_gpu": False,
            "show_progress": False,
            "seed": seed,
            "epochs": epochs,
            "stopping_step": PATIENCE,
        }
        asked = {
            "model": model.recbole,
            "dataset": dataset,
            "config": config,
            "threads": THREADS,
            "mask": model.files == "ordered",
        }
        shutil.copy(ROOT / "benchmarks" / "recbole_run.py", folder)
        done = subprocess.run(
            # A copy in a folder of its own: RecBole writes a log and a folder for TensorBoard where it is started.
            [options.recbole, "recbole_run.py"],
            input=json.dumps(asked),
            stdout=subprocess.PIPE,
            text=True,
            cwd=folder,
            env={**os.environ, "OMP_NUM_THREADS": str(THREADS)},
        )
    if done.returncode != 0:
        raise RuntimeError(f"RecBole failed with {model.recbole}; what it said is above")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if settings.tiny:
        return [found]
    here = provenance.machine()
    found["date"] = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    found["machine"] = f"{here['processor']}, {here['cores']} cores, {THREADS} threads"
    found["command"] = f"python -m benchmarks.recsys --recbole PYTHON --only {name}" + (
        f" --recbole-epochs {epochs}" if name == "sasrec" else ""
    )
    entries = sorted({**kept, key: found}.items())
    # A line each: a curve of two hundred epochs would take a thousand.
    lines = ",\n".join(f" {json.dumps(each)}: {json.dumps(value, sort_keys=True)}" for each, value in entries)
    RESULTS.write_text(f"{{\n{lines}\n}}\n")
    return [found]


def _table(name: str, theirs: Sequence[Run], ours: Sequence[Run]) -> Table:
    model = MODELS[name]
    goals = [max(value for _, value in run["curve"]) for run in theirs or ours]
    # RecBole's single training of SASRec is the goal of all of the toolkit's.
    goals = (goals * len(ours))[: len(ours)]
    heading = _line("", ["epoch s", "reached s", *(metric for metric in _heads(model))])
    lines = [heading]
    notes = [f"The toolkit's recipe was chosen among {model.tried} on the validation split."]
    if theirs:
        named = [[run["test"][metric] for metric in model.reported] for run in theirs]
        lines.append(_row(LABELS[0], theirs, goals, named))
        notes += _about(theirs)
    else:
        lines.append(f"{LABELS[0]:<{NAME}}{ABSENT:>{sum(COLUMNS)}}")
        notes.append("Reached: the toolkit's own best validation.")
    lines.append(_row(LABELS[1], ours, goals, [run["test"] for run in ours]))
    if theirs:
        reached = [_reached(run, goal) for run, goal in zip(ours, goals, strict=True)]
        there = [seconds for seconds in reached if seconds is not None]
        epoch = _epoch(ours) / _epoch(theirs)
        before = statistics.median(
            seconds for run, goal in zip(theirs, goals, strict=False) if (seconds := _reached(run, goal))
        )
        ratio = f"{statistics.median(there) / before:.3f}" if len(there) == len(reached) else "-"
        lines.append(_line("toolkit / RecBole", [f"{epoch:.3f}", ratio, "", ""]))
        if len(there) < len(reached):
            notes.append(f"RecBole's best validation was reached in {len(there)} of {len(reached)} trainings.")
    notes.append(f"Measurements: {len(ours)}, of 1 rounds each.")
    return Table(_title(name), tuple(line.rstrip() for line in lines), tuple(notes))


def _about(theirs: Sequence[Run]) -> list[str]:
    said = [f"RecBole trained {' and '.join(str(len(run['seconds_of_epochs'])) for run in theirs)} epochs"]
    first = theirs[0]
    if "date" in first:
        said.append(f"on {first['date']}, {first['machine']}")
    curve = ", ".join(f"{value:.4f} after {seconds:,.0f} s" for seconds, value in first["curve"][:5])
    return [", ".join(said) + ".", f"Its first validations: {curve}."]


def _row(label: str, runs: Sequence[Run], goals: Sequence[float], test: Sequence[Sequence[float]]) -> str:
    reached = [_reached(run, goal) for run, goal in zip(runs, goals, strict=False)]
    there = [seconds for seconds in reached if seconds is not None]
    shown = f"{statistics.median(there):.2f}" if there else "never"
    return _line(label, [f"{_epoch(runs):.3f}", shown, *(_spread(values) for values in zip(*test, strict=True))])


def _reached(run: Run, goal: float) -> float | None:
    """Seconds until a validation is as good."""
    return next((seconds for seconds, value in run["curve"] if value >= goal), None)


def _epoch(runs: Sequence[Run]) -> float:
    return statistics.median(statistics.median(run["seconds_of_epochs"]) for run in runs)


def _spread(values: Sequence[float]) -> str:
    mean = f"{statistics.mean(values):.4f}"
    return f"{mean}±{statistics.stdev(values):.4f}".replace("0.", ".") if len(values) > 1 else mean


def _heads(model: Model) -> Sequence[str]:
    return [
        {"ndcg@10": "NDCG@10", "recall@10": "Recall@10", "auc": "AUC", "logloss": "logloss"}[name]
        for name in model.reported
    ]


def _line(label: str, cells: Sequence[str]) -> str:
    return f"{label:<{NAME}}" + "".join(f"{cell:>{width}}" for cell, width in zip(cells, COLUMNS, strict=True))


def _title(name: str) -> str:
    return f"{MODELS[name].label}"[:WIDTH]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    defaults = Options()
    parser.add_argument("--data", default=defaults.data, help="folder of ml-100k.inter, .user and .item")
    parser.add_argument("--recbole", metavar="PYTHON", default=defaults.recbole, help="interpreter that has RecBole")
    parser.add_argument("--only", nargs="+", choices=MODELS, default=defaults.only, help="some models")
    parser.add_argument("--recbole-epochs", type=int, default=2, help="epochs of RecBole's SASRec (2)")
    parser.add_argument("--write", type=Path, metavar="PAGE.md", help="a page with places for the tables")
    given = parser.parse_args()
    settings = settings_of(given)
    if settings.tiny:
        print("--tiny: the numbers mean nothing.\n")
    try:
        if given.write is not None:  # before what takes many minutes
            for name in given.only:
                pages.place(given.write, f"{name} beside RecBole", WRITES)
    except RequestError as error:
        parser.error(str(error))
    made = tables(settings, Options(given.data, given.recbole, given.only, given.recbole_epochs))
    for name, table in zip(given.only, made, strict=True):
        print(f"{table}\n", flush=True)
        if given.write is not None:
            pages.put(given.write, f"{name} beside RecBole", WRITES, f"```\n{table}\n{machine.in_a_line(THREADS)}\n```")


if __name__ == "__main__":
    main()
