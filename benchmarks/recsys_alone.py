"""The tables of toolkit-recsys's README that are made of runs of the toolkit alone.

    python -m benchmarks.recsys_alone --data FOLDER [--only ranked ordered clicks films rated]
                                      [--write PAGE.md] [--tiny]

FOLDER holds MovieLens-100k, as GroupLens or as RecBole has it. PAGE.md is a page with places for the tables, such as
`plugins/toolkit-recsys/README.md`.

Protocol. A line is one run of a recipe of the toolkit with the overrides below and seed 0, or, where it says so, the
mean of several. What is tested is the best epoch by validation; ratings are tested after the last one. Threads are
those that torch takes: `OMP_NUM_THREADS=1` for one. Seconds are a run's, of processor time, with reading, validations
and test: the machine may do more at the same time. Nothing is chosen here: in the last column stands among how many
configurations a line's settings were chosen before, on the validation split.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
import yaml

from benchmarks import machine
from benchmarks.recsys_recipes import MODELS
from toolkit.errors import RequestError
from toolkit.tracking import pages

WRITES = "python -m benchmarks.recsys_alone --write"
FOLDS, DIVISIONS = 5, 3
NO_FILES = "loggers={csv: {}}"
"""What W&B would write is not wanted here."""


class Line(NamedTuple):
    """A line of a table."""

    label: str
    recipe: str
    overrides: Sequence[str]
    tried: str
    """Among how many configurations it was chosen."""


class Reached(NamedTuple):
    """What a run came to."""

    metrics: Mapping[str, float]
    facts: Mapping[str, Any]
    best_epoch: int
    """From 1."""
    seconds: float
    """Of processor time."""


def reached(recipe: str, overrides: Sequence[str], tiny: bool) -> Reached:
    """Run a recipe, and tell what it came to."""
    import toolkit

    short = ["trainer.max_epochs=1"] if tiny else []
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        result = toolkit.run(toolkit.load(recipe, [*overrides, NO_FILES, *short]), root=Path(folder))
        told = json.loads((result.folder / "run.json").read_text(encoding="utf-8"))
    best = told.get("best") or {"epoch": 0}  # ratings have no validation
    return Reached(result.metrics, told["facts"], int(best["epoch"]), time.process_time() - began)


def ranked(data: Path, tiny: bool) -> Iterator[str]:
    """Recommenders; the ratings of each user divided 8:1:1 by chance."""
    films = ["dataset=movielens_100k", f"dataset.root={data}"]
    fitted = [*films, "callbacks.early_stopping=null"]
    lines = [
        *(
            Line(f"`{name}`", "recsys/bpr", [*fitted, f"model={name}"], "1")
            for name in ("popularity", "item_knn", "ease")
        ),
        Line("`bpr`, recipe `recsys/bpr`", "recsys/bpr", films, "5"),
        Line("`lightgcn`, recipe `recsys/lightgcn`", "recsys/lightgcn", films, "3"),
        Line("`two_tower`, recipe `recsys/two-tower`", "recsys/two-tower", films, "3"),
        Line("the same, `dataset.features=true`", "recsys/two-tower", [*films, "dataset.features=true"], "1"),
    ]
    return _table(("NDCG@10", "recall@10"), ("ndcg", "recall"), lines, tiny)


def ordered(data: Path, tiny: bool) -> Iterator[str]:
    """Models of sequences: the last film of each user, and no other chosen before."""
    films = [
        "dataset=movielens_100k",
        f"dataset.root={data}",
        "dataset.sequences=50",
        "dataset.split.use=leave_one_out",
    ]
    lines = [
        Line("`sasrec`, recipe `recsys/sasrec`", "recsys/sasrec", films, "1"),
        Line("`gru4rec`", "recsys/sasrec", [*films, "model=gru4rec"], "1"),
        Line("`bert4rec`", "recsys/sasrec", [*films, "model=bert4rec"], "1"),
    ]
    return _table(("NDCG@10", "recall@10"), ("ndcg", "recall"), lines, tiny)


def clicks(data: Path, tiny: bool) -> Iterator[str]:
    """All models on generated clicks, and what the true probabilities reach."""
    yield "| | AUC | of the best | logloss | best epoch | processor seconds |"
    yield "|---|---|---|---|---|---|"
    best: Mapping[str, float] = {}
    for name in ("logistic_regression", "autoint", "wide_and_deep", "fm", "fwfm", "dcn_v2", "final_mlp", "deepfm"):
        width = [] if name == "logistic_regression" else ["model.width=16"]
        found = reached("recsys/ctr-deepfm", [f"model={name}", *width], tiny)
        best = found.facts["generated_clicks_best"]["test"]
        auc, logloss = found.metrics["test/auroc"], found.metrics["test/log_loss"]
        share = f"{100 * auc / best['auroc']:.1f} %"
        yield f"| `{name}` | {auc:.4f} | {share} | {logloss:.4f} | {found.best_epoch} | {found.seconds:.0f} |"
    yield f"| the true probabilities | {best['auroc']:.4f} | 100 % | {best['log_loss']:.4f} | | |"


def films(data: Path, tiny: bool) -> Iterator[str]:
    """DeepFM on ratings of 4 and more, with the settings of `benchmarks.recsys`, chosen there among 6."""
    settings = MODELS["deepfm"].recipe
    same = [f"{name}={json.dumps(settings[name])}" for name in ("loader", "model", "optimizer", "engine")]
    yield "| division | AUC | logloss | best epoch | processor seconds |"
    yield "|---|---|---|---|---|"
    told = []
    for division in range(DIVISIONS):
        overrides = ["dataset=movielens_100k_clicks", f"dataset.root={data}", f"dataset.split_seed={division}", *same]
        found = reached("recsys/ctr-deepfm", overrides, tiny)
        told.append(tuple(found.metrics[f"test/{label}"] for label in ("auroc", "log_loss")))
        figures = " | ".join(f"{value:.4f}" for value in told[-1])
        yield f"| {division} | {figures} | {found.best_epoch} | {found.seconds:.0f} |"
    means = " | ".join(f"{statistics.mean(values):.4f}" for values in zip(*told, strict=True))
    yield f"| mean | {means} | | |"


RATED = {
    "biases": {
        "model": "biases",
        "optimizer": {"use": "adam", "lr": 5e-3, "weight_decay": 1e-4, "no_decay": "mean"},
    },
    "rating_mf": {
        "model": {"use": "rating_mf", "width": 32, "spread": 0.1},
        "optimizer": {"use": "adam", "lr": 5e-3, "weight_decay": 3e-4, "no_decay": "mean"},
    },
}
OF_RATED = {
    "seed": 0,
    "task": "regression",
    "loader": {"batch_size": 1024, "eval_batch_size": 8192},
    "loss": "mse",
    "metrics": {"rmse": {"use": "mean_squared_error", "squared": False}},
    "scheduler": {"use": "linear_warmup_cosine", "interval": "step", "warmup": 0.05},
    "trainer": {"max_epochs": 20},
}


def rated(data: Path, tiny: bool) -> Iterator[str]:
    """The error of ratings, the mean of five random folds; settings were chosen inside the first one's training part
    (`dataset.val_share=0.1`)."""
    yield "| | RMSE | of the folds | configurations tried |"
    yield "|---|---|---|---|"
    for name, own in RATED.items():
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "ratings.yaml"
            dataset = {"use": "movielens_100k_ratings", "root": str(data)}
            file.write_text(yaml.safe_dump({**OF_RATED, **own, "dataset": dataset}), encoding="utf-8")
            errors = [reached(str(file), [f"dataset.fold={fold}"], tiny).metrics["test/rmse"] for fold in range(FOLDS)]
        each = " ".join(f"{error:.4f}" for error in errors)
        yield f"| `{name}` | {statistics.mean(errors):.4f} | {each} | 1 |"


TABLES: Mapping[str, Callable[[Path, bool], Iterator[str]]] = {
    "ranked": ranked,
    "ordered": ordered,
    "clicks": clicks,
    "films": films,
    "rated": rated,
}


def _table(heads: Sequence[str], labels: Sequence[str], lines: Sequence[Line], tiny: bool) -> Iterator[str]:
    columns = ("", *heads, "best epoch", "processor seconds", "configurations tried")
    yield "| " + " | ".join(columns) + " |"
    yield "|" + "---|" * len(columns)
    for line in lines:
        found = reached(line.recipe, line.overrides, tiny)
        figures = [f"{found.metrics[f'test/{label}']:.4f}" for label in labels]
        yield (
            "| " + " | ".join([line.label, *figures, f"{found.best_epoch}", f"{found.seconds:.0f}", line.tried]) + " |"
        )


def main() -> None:
    """Run, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder of MovieLens-100k")
    parser.add_argument("--only", nargs="+", choices=TABLES, default=tuple(TABLES), help="some tables")
    parser.add_argument("--write", type=Path, metavar="PAGE.md", help="a page with places for the tables")
    parser.add_argument("--tiny", action="store_true", help="one epoch of each: does it work? Its numbers mean nothing")
    given = parser.parse_args()
    try:
        if given.write is not None:  # before what takes many minutes
            for name in given.only:
                pages.place(given.write, name, WRITES)
    except RequestError as error:
        parser.error(str(error))
    for name in given.only:
        lines = []
        for line in TABLES[name](given.data.expanduser().absolute(), given.tiny):
            print(line, flush=True)
            lines.append(line)
        print(flush=True)
        if given.write is not None:
            pages.put(given.write, name, WRITES, "\n".join([*lines, "", machine.in_a_line(torch.get_num_threads())]))


if __name__ == "__main__":
    main()
