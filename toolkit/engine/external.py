"""Callbacks that installed packages push into every Lightning Trainer, loaded one by one instead. Imports Lightning.

Lightning calls every entry point of the group ``pytorch_lightning.callbacks_factory`` in every ``Trainer()``, unguarded
(2.6.6): one broken package stops every training of the environment. The core calls them itself, leaves out what
raises and says so, and gives Lightning an empty group.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points

import pytorch_lightning as pl
from pytorch_lightning.trainer.connectors import callback_connector

GROUP = "pytorch_lightning.callbacks_factory"


def external_callbacks() -> tuple[list[pl.Callback], list[str]]:
    """The callbacks that other packages want in every Trainer, and a line for each package, for the run's notes."""
    callbacks: list[pl.Callback] = []
    notes: list[str] = []
    for entry_point in entry_points(group=GROUP):
        try:
            made = entry_point.load()()
        # Whatever a stranger's package raises, SystemExit included, must not end a run that never asked for it.
        except (Exception, SystemExit) as error:
            notes.append(f"{_who(entry_point)} adds Lightning callbacks, left out: {type(error).__name__}: {error}")
            continue
        found = [one for one in (made if isinstance(made, list) else [made]) if isinstance(one, pl.Callback)]
        if found:
            names = ", ".join(type(one).__name__ for one in found)
            notes.append(f"{_who(entry_point)} adds the Lightning callbacks {names} to every run")
        callbacks += found
    return callbacks, notes


@contextmanager
def no_external_callbacks() -> Iterator[None]:
    """Inside, Lightning finds the group empty."""
    # There is no argument for it: the connector calls this name of its own module.
    module = vars(callback_connector)
    loads = module["_load_external_callbacks"]
    module["_load_external_callbacks"] = lambda group: []
    try:
        yield
    finally:
        module["_load_external_callbacks"] = loads


def _who(entry_point: EntryPoint) -> str:
    dist = entry_point.dist
    return f"{dist.name} {dist.version} ({entry_point.value})" if dist is not None else entry_point.value
