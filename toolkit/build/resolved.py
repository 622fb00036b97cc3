"""The recipe as it was built: full names, and what the facts filled. A page that loads as a recipe again.

Imports Lightning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pytorch_lightning import LightningDataModule

from toolkit.build.experiment import Experiment
from toolkit.check import all_blocks
from toolkit.recipe import KeyPath


@dataclass(frozen=True, slots=True)
class Resolved:
    """Values for :func:`toolkit.recipe.to_yaml`, and where each came from."""

    values: dict[str, Any]
    sources: dict[KeyPath, str]


def resolved(experiment: Experiment) -> Resolved:
    """The values of an experiment's recipe with full names and filled facts.

    A value that touched the environment is there as it was written (``${oc.env:NAME}``), never as it was read.
    """
    recipe, checked = experiment.recipe, experiment.checked
    changes: dict[KeyPath, Any] = {}
    sources: dict[KeyPath, str] = {}
    for path in recipe.places:
        if path:
            sources[path] = str(recipe.place(*path))
    for block in all_blocks([checked.blocks, checked.collections]):
        entry = block.component.entry
        # Code has no full name; its value has the absolute path, because this page will lie in another folder.
        changes[(*block.path, "use")] = entry.full_name if entry.distribution else entry.value
    for path, fact in experiment.filled.items():
        changes[path] = experiment.facts[fact]
        told_by_task = fact == "task" and path[0] != "task"
        sources[path] = "from the task" if told_by_task else f"from the dataset: {fact}"
    values = recipe.as_written(changes)
    if isinstance(experiment.data, LightningDataModule):
        # The default, which does nothing beside one, and which a page may not say to it.
        values.pop("loader", None)
    return Resolved(values, sources)
