"""The table of `text/topics` on R8 and R52, from the runs of three seeds each.

    for set in r8 r52; do for seed in 0 1 2; do for share in 0.1 0; do
        toolkit run text/topics seed=$seed dataset.val_share=$share \\
            dataset.train=FOLDER/reuters-$set-train.tsv dataset.test=FOLDER/reuters-$set-test.tsv
    done; done; done
    python plugins/toolkit-text/scripts/topics.py runs/text/topics plugins/toolkit-text/README.md

The files are tables of class, tab, text. Of each set, seed and share the newest finished run counts, and only one that
nothing else was changed in.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import mean
from typing import Any

from toolkit.errors import RequestError
from toolkit.tracking.pages import put

SETS = {"reuters-r8": "R8", "reuters-r52": "R52"}
SEEDS = ("0", "1", "2")
SHARES = {"0.1": "nine tenths", "0": "all"}
"""By `val_share`, which of the training texts were trained on."""
SVM = {"R8": "0.974", "R52": "0.949"}
"""Linear SVMs on TF-IDF, as published for these files."""
WRITES = "scripts/topics.py"
UNCHANGED = {"seed", "dataset.train", "dataset.test", "dataset.val_share", "loggers.wandb"}
"""What may be told on the command line."""

Key = tuple[str, str, str]


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    runs, readme = map(Path, sys.argv[1:])
    try:
        put(readme, "topics", WRITES, "\n".join(f"| {' | '.join(row)} |" for row in rows(finished(runs))))
    except RequestError as error:
        sys.exit(str(error))


def finished(runs: Path) -> dict[Key, dict[str, Any]]:
    """What runs have recorded, by set, share and seed."""
    found = {}
    # A folder's name begins with the time: the newest is the last.
    for file in sorted(runs.glob("*/run.json")):
        record = json.loads(file.read_text(encoding="utf-8"))
        told = dict(override.split("=", 1) for override in record["overrides"])
        name = SETS.get(Path(told.get("dataset.train", "")).name.removesuffix("-train.tsv"))
        if record["status"] == "finished" and name and told.keys() <= UNCHANGED:
            found[name, told.get("dataset.val_share", "0.1"), told.get("seed", "0")] = record
    return found


def rows(records: dict[Key, dict[str, Any]]) -> list[tuple[str, ...]]:
    head = ("texts", "trained on", "mean", *(f"seed {seed}" for seed in SEEDS), "validation, mean", "SVM", "commit")
    found: list[tuple[str, ...]] = [head, ("---",) * len(head)]
    for name in SETS.values():
        for share, part in SHARES.items():
            absent = [seed for seed in SEEDS if (name, share, seed) not in records]
            if absent:
                sys.exit(f"no finished run on {name} with val_share={share} and the seed {absent[0]}")
            runs = [records[name, share, seed] for seed in SEEDS]
            tests = [run["metrics"]["test/accuracy"] for run in runs]
            # Of the checkpoint that was tested; without validation texts that is the last.
            vals = [run["best"]["value"] for run in runs if run["best"]]
            told = [f"{mean(tests):.4f}", *(f"{test:.4f}" for test in tests), f"{mean(vals):.4f}" if vals else "none"]
            commits = sorted({run["git"]["commit"][:7] for run in runs})
            found.append((name, part, *told, SVM[name], ", ".join(commits)))
    return found


if __name__ == "__main__":
    main()
