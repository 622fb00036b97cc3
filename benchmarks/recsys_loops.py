"""One training of `benchmarks.recsys` with the toolkit, timed. Imports Lightning and the toolkit."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import yaml

import toolkit
from benchmarks.problem import now
from benchmarks.recsys_files import NAME, ORDERED
from benchmarks.recsys_recipes import BASE, MODELS, PATIENCE


def by_toolkit(name: str, files: str, seed: int, epochs: int | None) -> dict[str, Any]:
    """Train, validate after every epoch, and test the best.

    Args:
        name: of the model.
        files: the folder that `benchmarks.recsys_files` wrote.
        seed: of the recipe.
        epochs: at most; None for as many as the recipe has.

    Returns:
        ``seconds_of_epochs`` (training alone), ``curve`` (of each validation, seconds since the training began and the
        value), and ``test``, the metrics in their order.
    """
    model = MODELS[name]
    watched = f"val/{next(iter(model.recipe.get('metrics', BASE['metrics'])))}"
    with tempfile.TemporaryDirectory() as folder:
        clock = Path(folder) / "clock.json"
        values = {
            **BASE,
            **model.recipe,
            "seed": seed,
            "dataset": _dataset(model.files, Path(files)),
            "callbacks": {
                "clock": {"use": "benchmarks.recsys_loops:Clock", "watched": watched},
                "early_stopping": {"monitor": watched, "mode": "max", "patience": PATIENCE},
            },
        }
        file = Path(folder) / "recipe.yaml"
        file.write_text(yaml.safe_dump(_plain(values), sort_keys=False))
        overrides = [f"callbacks.clock.file={clock}"]
        if epochs is not None:
            overrides.append(f"trainer.max_epochs={epochs}")
        result = toolkit.run(toolkit.load(str(file), overrides, allow_code=True), root=Path(folder) / "runs")
        labels = list(model.recipe.get("metrics", BASE["metrics"]))
        return {**json.loads(clock.read_text()), "test": [result.metrics[f"test/{label}"] for label in labels]}


class Clock(pl.Callback):
    """Writes when what was reached. It has no hook for batches.

    Args:
        file: where it goes.
        watched: the metric that the best epoch is chosen by.
    """

    def __init__(self, file: str, watched: str) -> None:
        self.file, self.watched = Path(file), watched
        self.began = self.epoch_began = 0.0
        self.seconds: list[float] = []
        self.curve: list[tuple[float, float]] = []

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.began = now()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.epoch_began = now()

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.seconds.append(now() - self.epoch_began)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.curve.append((now() - self.began, float(trainer.callback_metrics[self.watched])))

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.file.write_text(json.dumps({"seconds_of_epochs": self.seconds, "curve": self.curve}))


def _dataset(kind: str, files: Path) -> dict[str, Any]:
    if kind == "features":
        return {"use": "movielens_100k_clicks", "root": str(files / NAME)}
    if kind == "ordered":
        file = str(files / ORDERED / f"{ORDERED}.inter")
        return {"use": "interactions", "file": file, "split": {"use": "leave_one_out"}, "sequences": 50}
    splits = {"train": "train", "val": "valid", "test": "test"}
    return {
        "use": "interactions",
        **{name: str(files / NAME / f"{NAME}.{suffix}.inter") for name, suffix in splits.items()},
    }


def _plain(value: Any) -> Any:
    """Without what YAML would write as a reference."""
    return json.loads(json.dumps(value))
