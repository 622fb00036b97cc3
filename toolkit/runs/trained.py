"""What a run has trained, ready to be used without its data: recipe, facts, kept files, weights. Imports Lightning."""

from __future__ import annotations

import inspect
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from toolkit.build import Rebuilt, rebuild
from toolkit.check import Checked, resolve
from toolkit.data.raw import Reader
from toolkit.engine.checkpoint_io import PlainCheckpointIO
from toolkit.engine.checkpoints import list_saved
from toolkit.engine.quiet import quiet_lightning
from toolkit.engine.trainer import automatic_accelerator, make_trainer
from toolkit.errors import EXIT_TERMINATED, RequestError, RunError, did_you_mean
from toolkit.registry import Registry
from toolkit.runs.blame import reason_of
from toolkit.runs.signals import Stopped, run_signals
from toolkit.runs.stored import stored_recipe
from toolkit.runs.weights import chosen_checkpoint
from toolkit.tracking.folder import RunFolder
from toolkit.tracking.run_files import kept_files

BEST, LAST = "best", "last"


@dataclass(frozen=True)
class Trained:
    """A run with one of its checkpoints; nothing is built yet."""

    checkpoint: Path
    checked: Checked
    facts: Mapping[str, Any]
    """What the dataset knew about itself."""
    run_files: Mapping[str, bytes]
    """What the run has kept of what the dataset made."""

    def reader(self) -> Reader:
        """What reads raw inputs. Raises RequestError where the dataset has none."""
        block = self.checked.blocks["dataset"]
        made: Callable[..., Reader] | None = getattr(block.component.target, "reader", None)
        if made is None:
            raise RequestError(
                f"dataset: {block.component.entry} does not say how a raw input becomes a sample: it has no `reader`"
            )
        takes_files = len(inspect.signature(made).parameters) > 1
        return made(self.facts, self.run_files) if takes_files else made(self.facts)

    def rebuilt(self) -> Rebuilt:
        """Its task, with weights as the recipe builds them: `load` puts in those of the checkpoint."""
        return rebuild(self.checked, self.facts, self.run_files)

    def load(self, task: pl.LightningModule) -> None:
        """Puts the checkpoint's weights into a task. Raises RequestError where they do not fit."""
        checkpoint = PlainCheckpointIO().load_checkpoint(self.checkpoint)
        task.on_load_checkpoint(checkpoint)
        try:
            task.load_state_dict(checkpoint["state_dict"])
        except RuntimeError as error:
            lines = [line.strip() for line in str(error).splitlines()]
            raise RequestError(
                f"{self.checkpoint.name}: its weights do not fit what the recipe builds now: "
                f"{' '.join(lines[1:2] or lines)}"
            ) from error

    def predict(self, module: pl.LightningModule, batches: Iterable[Any], callbacks: list[pl.Callback]) -> None:
        """Lets a module predict batches on this machine's accelerator.

        Raises:
            RunError: a component raised; the message names it.
            KeyboardInterrupt: Ctrl-C.
        """
        trainer = self._trainer(callbacks)
        try:
            with _stoppable(), quiet_lightning():
                trainer.predict(module, dataloaders=batches, return_predictions=False)
        except Exception as error:
            reason = reason_of(error, self.checked)
            # Of whoever reads the output, not of a component.
            gone = isinstance(error, BrokenPipeError)
            if reason is None or gone or isinstance(error, (RequestError, RunError)):
                raise
            raise RunError(f"the prediction failed: {reason}") from error

    def _trainer(self, callbacks: list[pl.Callback]) -> pl.Trainer:
        options, accelerator = self.checked.trainer, automatic_accelerator()
        # What the run's own device computed in may not be possible on this one.
        same = options.get("accelerator") == accelerator
        precision = {"precision": options["precision"]} if same and "precision" in options else {}
        return make_trainer(
            {
                **precision,
                "accelerator": accelerator,
                "devices": 1,
                "callbacks": callbacks,
                "logger": False,
                "enable_checkpointing": False,
                "enable_progress_bar": False,
                "enable_model_summary": False,
            }
        )


def trained(folder: RunFolder, checkpoint: str, *, registry: Registry | None, allow_code: bool) -> Trained:
    """A run, for predictions.

    Args:
        folder: the run's folder.
        checkpoint: ``best``, ``last``, or the name of one in the folder.
        registry: what is installed; looked up when left out.
        allow_code: whether code named directly in the recipe may be run.

    Raises:
        RequestError: there is no such checkpoint, a file that the run kept is missing, or the recipe has problems now.
    """
    path = _checkpoint(folder, checkpoint)
    registry = registry or Registry.scan()
    recipe = stored_recipe(folder, (), registry=registry, allow_code=allow_code)
    checked = resolve(recipe, registry)
    checked.raise_problems()
    return Trained(path, checked, folder.read_json().get("facts", {}), kept_files(folder))


@contextmanager
def _stoppable() -> Iterator[None]:
    """Lets Ctrl-C and SIGTERM end what is inside as they end a program. Lightning would end it with 1 (2.6)."""
    try:
        with run_signals(lambda: False):
            yield
    except Stopped as stop:
        if stop.signum == signal.SIGTERM:
            raise SystemExit(EXIT_TERMINATED) from None
        raise KeyboardInterrupt from None


def _checkpoint(folder: RunFolder, wanted: str) -> Path:
    if wanted == BEST:
        return chosen_checkpoint(folder)
    saved = [one.path for one in list_saved(folder.checkpoints)]
    if wanted == LAST and saved:
        return saved[-1]
    names = {path.name: path for path in saved}
    if wanted not in names:
        there_are = ", ".join(names) or "none"
        hint = did_you_mean(wanted, [BEST, LAST, *names])
        raise RequestError(f"--checkpoint {wanted}: run {folder.id} has no such checkpoint.{hint} It has: {there_are}")
    return names[wanted]
