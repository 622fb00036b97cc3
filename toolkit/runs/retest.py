"""Tests the checkpoint of a run once more, on its own data or on other data. Imports Lightning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.build import Experiment, build
from toolkit.check import resolve
from toolkit.engine.checkpoint_io import PlainCheckpointIO
from toolkit.engine.quiet import quiet_lightning
from toolkit.engine.trainer import make_trainer
from toolkit.errors import RequestError, RunError
from toolkit.registry import Registry
from toolkit.runs.automatic import chosen
from toolkit.runs.blame import reason_of
from toolkit.runs.crew import refuse_launchers
from toolkit.runs.execute import make_data
from toolkit.runs.record import now, signatures
from toolkit.runs.run import plain_metrics
from toolkit.runs.stored import stored_recipe
from toolkit.runs.weights import chosen_checkpoint
from toolkit.tracking.changes import BY_TEST, refuse_changes
from toolkit.tracking.folder import RunFolder, find
from toolkit.tracking.plots import evaluation_pictures
from toolkit.tracking.run_files import kept_files
from toolkit.tracking.task_tables import evaluation_tables, save_tables


@dataclass(frozen=True)
class Retested:
    """What a checkpoint of an earlier run reached on a test split."""

    metrics: Mapping[str, float]
    checkpoint: Path
    folder: Path
    """The folder of the run that the checkpoint belongs to."""
    pictures: tuple[Path, ...]
    """Confusion matrix and worst mistakes, where the task gathers them."""
    tables: tuple[Path, ...]
    """What the task has filled."""
    signatures: Mapping[str, str]
    """By label how metrics count, where they say it."""


def retest(
    which: str | Path | RunFolder,
    overrides: Sequence[str] = (),
    *,
    root: Path | None = None,
    registry: Registry | None = None,
    allow_code: bool = False,
    given_in: str = "overrides",
) -> Retested:
    """Test a run's best checkpoint (its last, where there is no best), and note the result in its ``run.json``.

    Args:
        which: a run's folder, its id, or ``last``.
        overrides: other data, such as ``dataset.root=...`` or ``dataset=fashion_mnist``, other metrics or loading.
        root: the folder of all runs; ``./runs``, or what ``TOOLKIT_RUNS`` says, when left out.
        registry: what is installed; looked up when left out.
        allow_code: whether code named directly in the recipe may be run.
        given_in: where the overrides were typed, for messages.

    Raises:
        RequestError: there is no such run or checkpoint, or the data has no test split.
        RunError: a component raised; the message names it.
    """
    refuse_launchers("toolkit test")
    folder = find(which, root)
    refuse_changes(overrides, BY_TEST, "a test")
    checkpoint = chosen_checkpoint(folder)
    registry = registry or Registry.scan()
    recipe = stored_recipe(folder, overrides, registry=registry, allow_code=allow_code, given_in=given_in)
    checked = resolve(recipe, registry)
    checked.raise_problems()
    experiment = chosen(build(checked, untrained=True, kept=kept_files(folder)))
    if not experiment.has_test:
        raise RequestError(f"dataset: {checked.blocks['dataset'].name} has no test split")
    try:
        metrics = _tested(experiment, checkpoint)
    except Exception as error:
        reason = reason_of(error, checked)
        if reason is None or isinstance(error, (RequestError, RunError)):
            raise
        raise RunError(f"the test failed: {reason}") from error
    before: list[Any] = folder.read_json().get("tests", [])
    prefix = f"test-{len(before) + 1}-"
    pictures = evaluation_pictures(experiment, folder.plots, prefix)
    tables = save_tables(evaluation_tables(experiment), folder.plots, prefix)
    entry: dict[str, Any] = {
        "when": now(),
        "overrides": list(overrides),
        "checkpoint": f"checkpoints/{checkpoint.name}",
        "metrics": metrics,
        "signatures": signatures(experiment.metrics),
        "pictures": [f"plots/{path.name}" for path in pictures],
        "tables": [f"plots/{path.name}" for path in tables],
    }
    folder.update_json(tests=[*before, entry])
    return Retested(metrics, checkpoint, folder.path, tuple(pictures), tuple(tables), entry["signatures"])


def _tested(experiment: Experiment, checkpoint: Path) -> dict[str, float]:
    options = experiment.checked.trainer
    passed = (
        "accelerator",
        "precision",
        "strategy",
        "inference_mode",
        "deterministic",
        "benchmark",
        "limit_test_batches",
    )
    trainer = make_trainer(
        {
            **{name: options[name] for name in passed if name in options},
            "devices": 1,
            "logger": False,
            "enable_checkpointing": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "plugins": [PlainCheckpointIO()],
        }
    )
    with quiet_lightning():
        trainer.test(
            experiment.task, datamodule=make_data(experiment), ckpt_path=checkpoint, weights_only=True, verbose=False
        )
    return plain_metrics(trainer.callback_metrics)
