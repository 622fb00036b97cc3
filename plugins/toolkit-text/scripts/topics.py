"""Three seeds of `text/topics` on R8 and on R52, and the table of them in a README.

    python plugins/toolkit-text/scripts/topics.py FOLDER [README.md]

FOLDER holds `reuters-r8-train.tsv`, `reuters-r8-test.tsv` and the same of r52: class, tab, text. Each set is trained on
without the tenth of its training texts that the settings were chosen on, and again on all of them, for as many epochs.
Runs lie where `toolkit run` puts them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

import toolkit

RECIPE = "text/topics"
SETS = {"R8": "reuters-r8", "R52": "reuters-r52"}
SEEDS = (0, 1, 2)
SHARES = {"nine tenths": [], "all": ["dataset.val_share=0"]}
"""Which of the training texts are trained on, and how the recipe is told."""
SVM = {"R8": "0.974", "R52": "0.949"}
"""Linear SVMs on TF-IDF, as published for these files."""
BEGIN = "<!-- topics: begin (written by scripts/topics.py, do not edit) -->"
END = "<!-- topics: end -->"


def main() -> None:
    match sys.argv[1:]:
        case [folder, *readme] if len(readme) <= 1:
            table = "".join(f"| {' | '.join(row)} |\n" for row in rows(Path(folder)))
        case _:
            sys.exit(__doc__)
    print(table)
    for name in readme:
        written(Path(name), table)


def rows(folder: Path) -> list[Sequence[str]]:
    seeds = [f"seed {seed}" for seed in SEEDS]
    found: list[Sequence[str]] = [
        ("texts", "trained on", "mean", *seeds, "validation, mean", "a linear SVM, published"),
        ("---",) * (5 + len(SEEDS)),
    ]
    for name, file in SETS.items():
        for share, told in SHARES.items():
            tests, vals = zip(*(reached(folder / file, seed, told) for seed in SEEDS), strict=True)
            found.append(
                (
                    name,
                    share,
                    f"{mean(tests):.4f}",
                    *(f"{test:.4f}" for test in tests),
                    "none" if None in vals else f"{mean(vals):.4f}",
                    SVM[name],
                )
            )
    return found


def reached(file: Path, seed: int, told: Sequence[str]) -> tuple[float, float | None]:
    """Test accuracy, and validation accuracy where there is one, of the checkpoint that is tested."""
    files = [f"dataset.{split}={file}-{split}.tsv" for split in ("train", "test")]
    result = toolkit.run(toolkit.load(RECIPE, [f"seed={seed}", "loggers.wandb=null", *files, *told]))
    record = json.loads((result.folder / "run.json").read_text(encoding="utf-8"))
    return record["metrics"]["test/accuracy"], record["best"] and record["best"]["value"]


def written(readme: Path, table: str) -> None:
    before, begin, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        sys.exit(f"{readme} has no place for the table. Put these two lines in it:\n{BEGIN}\n{END}")
    readme.write_text(f"{before}{BEGIN}\n{table}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
