"""What the checkpoint of a run makes of a text that is given itself, and not in a file. Imports Lightning."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from toolkit.data.raw import RawInput
from toolkit.errors import RequestError, RunError
from toolkit.registry import Registry
from toolkit.runs.crew import refuse_launchers
from toolkit.runs.predict import Predicted, Row, predict_inputs
from toolkit.runs.task_arguments import task_arguments
from toolkit.runs.trained import BEST, trained
from toolkit.tasks.predicting import Continues
from toolkit.tracking.folder import RunFolder, find


def predict_prompts(
    which: str | Path | RunFolder,
    prompts: Sequence[str],
    arguments: Sequence[str] = (),
    on_row: Callable[[Row], None] | None = None,
    on_text: Callable[[str], None] | None = None,
    *,
    checkpoint: str = BEST,
    pictures: Path | None = None,
    root: Path | None = None,
    registry: Registry | None = None,
    allow_code: bool = False,
    given_in: str = "arguments",
) -> Predicted:
    """Let a run go on with texts, where its task can; otherwise predict each as a file with that text.

    Args:
        which: a run's folder, its id, or ``last``.
        prompts: the texts.
        arguments: ``key=value`` for the task's ``continued``, such as ``max_tokens=100``.
        on_row: called with each text's row, in their order: ``input`` and ``text``, what it goes on with, or what the
            task predicts; when None, the rows are in what is returned.
        on_text: given with a single text: called with what it goes on with, piece by piece as it comes. There is then
            no row, unless the task predicts one.
        checkpoint: ``best``, ``last``, or the name of one in the run's folder.
        pictures: folder for a picture of each sample, where the task draws them.
        root: the folder of all runs; ``./runs``, or what ``TOOLKIT_RUNS`` says, when left out.
        registry: what is installed; looked up when left out.
        allow_code: whether code named directly in the recipe may be run.
        given_in: where the arguments were typed, for messages.

    Raises:
        RequestError: there is no such run or checkpoint, an argument is wrong, or the run can do nothing with a text.
        RunError: a component raised; the message names it.
    """
    refuse_launchers("toolkit predict")
    run = trained(find(which, root), checkpoint, registry=registry, allow_code=allow_code)
    rebuilt = run.rebuilt()
    task, name = rebuilt.task, run.checked.blocks["task"].name
    if not isinstance(task, Continues):
        if arguments:
            raise RequestError(f"the task {name} goes on with no text and takes no arguments: leave out {arguments[0]}")
        texts = [RawInput(prompt, is_text=True) for prompt in prompts]
        return predict_inputs(run, rebuilt, run.reader(), texts, on_row, pictures)
    if pictures is not None:
        raise RequestError(f"--pictures: the task {name} goes on with texts, of which there are no pictures")
    given = task_arguments(
        task.continued,
        ("prompts", "facts"),
        arguments,
        name=name,
        does="goes on with a text",
        to_do="go on with a text",
        given_in=given_in,
    )
    run.load(task)
    predicted = Predicted(run.checkpoint, count=len(prompts))
    pieces: list[list[str]] = [[] for _ in prompts]
    write = None if on_text is None or len(prompts) > 1 else on_text

    def on_piece(number: int, piece: str) -> None:
        if not 0 <= number < len(prompts):
            raise RunError(f"the task {name} went on with text {number}, of {len(prompts)} counted from 0")
        if write is not None:
            write(piece)
        else:
            pieces[number].append(piece)

    run.predict(_Continuer(task, run.facts, given, on_piece), (batch for batch in [list(prompts)]), [])
    if write is None:
        for prompt, found in zip(prompts, pieces, strict=True):
            (on_row or predicted.rows.append)({"input": prompt, "text": "".join(found)})
    return predicted


class _Continuer(pl.LightningModule):
    """The task, asked to go on with texts."""

    def __init__(
        self, task: Any, facts: Mapping[str, Any], given: Mapping[str, Any], on_piece: Callable[[int, str], None]
    ) -> None:
        super().__init__()
        self.task = task
        self._facts, self._given, self._on_piece = facts, given, on_piece

    def predict_step(self, batch: list[str], batch_idx: int) -> int:
        for number, piece in self.task.continued(batch, self._facts, **self._given):
            self._on_piece(number, piece)
        return len(batch)
