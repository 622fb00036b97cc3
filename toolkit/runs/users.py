"""What the checkpoint of a run would show to users of its data. Imports Lightning."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from toolkit.errors import RequestError, RunError
from toolkit.registry import Registry
from toolkit.runs.crew import refuse_launchers
from toolkit.runs.predict import Predicted, Row
from toolkit.runs.task_arguments import task_arguments
from toolkit.runs.trained import BEST, trained
from toolkit.tasks.predicting import Recommends
from toolkit.tracking.folder import RunFolder, find


def predict_users(
    which: str | Path | RunFolder,
    users: Sequence[str],
    arguments: Sequence[str] = (),
    on_row: Callable[[Row], None] | None = None,
    *,
    checkpoint: str = BEST,
    root: Path | None = None,
    registry: Registry | None = None,
    allow_code: bool = False,
    given_in: str = "arguments",
) -> Predicted:
    """Let a run say what to show to users, where its task can.

    Args:
        which: a run's folder, its id, or ``last``.
        users: their names, as the run's data has them.
        arguments: ``key=value`` for the task's ``recommended``, such as ``top=10``.
        on_row: called with each row, in the users' order: ``input``, the user, and what the task says of one thing to
            show; when None, the rows are in what is returned.
        checkpoint: ``best``, ``last``, or the name of one in the run's folder.
        root: the folder of all runs; ``./runs``, or what ``TOOLKIT_RUNS`` says, when left out.
        registry: what is installed; looked up when left out.
        allow_code: whether code named directly in the recipe may be run.
        given_in: where the arguments were typed, for messages.

    Raises:
        RequestError: there is no such run, checkpoint or user, an argument is wrong, or the task knows no users.
        RunError: a component raised; the message names it.
    """
    refuse_launchers("toolkit predict")
    run = trained(find(which, root), checkpoint, registry=registry, allow_code=allow_code)
    task, name = run.rebuilt().task, run.checked.blocks["task"].name
    if not isinstance(task, Recommends):
        raise RequestError(f"--users: the task {name} recommends nothing to users: it has no method `recommended`")
    given = task_arguments(
        task.recommended,
        ("users", "facts"),
        arguments,
        name=name,
        does="recommends",
        to_do="recommend",
        given_in=given_in,
    )
    run.load(task)
    predicted = Predicted(run.checkpoint)

    def on_found(number: int, row: Mapping[str, Any]) -> None:
        if not 0 <= number < len(users):
            raise RunError(f"the task {name} recommended to user {number}, of {len(users)} counted from 0")
        (on_row or predicted.rows.append)({"input": users[number], **row})
        predicted.count += 1

    run.predict(_Recommender(task, run.facts, given, on_found), (batch for batch in [list(users)]), [])
    return predicted


class _Recommender(pl.LightningModule):
    """The task, asked what to show."""

    def __init__(
        self,
        task: Any,
        facts: Mapping[str, Any],
        given: Mapping[str, Any],
        on_found: Callable[[int, Mapping[str, Any]], None],
    ) -> None:
        super().__init__()
        self.task = task
        self._facts, self._given, self._on_found = facts, given, on_found

    def predict_step(self, batch: list[str], batch_idx: int) -> int:
        for number, row in self.task.recommended(batch, self._facts, **self._given):
            self._on_found(number, row)
        return len(batch)
