"""The task of a run that is over, built again without the data. Imports torch and Lightning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pytorch_lightning import LightningModule, seed_everything

from toolkit.build.construct import construct
from toolkit.check import Block, Checked


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What predictions need of a recipe."""

    task: LightningModule
    transforms: tuple[Callable[[Any], Any], ...]
    """What is done to a batch in evaluations, on the device, in order."""


def rebuild(checked: Checked, facts: Mapping[str, Any], run_files: Mapping[str, bytes]) -> Rebuilt:
    """Build what a recipe says of model, loss, metrics, task and transforms; no dataset and no optimizer.

    Args:
        checked: the recipe of a run after stage 1.
        facts: what the dataset knew about itself when the run began.
        run_files: what the run has kept of what the dataset made.

    Raises:
        RecipeError: the recipe has problems.
        BuildError: a component could not be constructed.
    """
    checked.raise_problems()
    recipe, blocks = checked.recipe, checked.blocks

    def made(block: Block) -> Any:
        given = {"run_files": run_files} if block.kind == "model" else {}
        # A checkpoint follows.
        return construct(block, given, facts, recipe=recipe, untrained=True)

    # As in `build`: what a checkpoint does not hold, such as buffers that are not saved, is drawn as it was then.
    seed_everything(recipe.get("seed"), workers=True, verbose=False)
    given: dict[str, Any] = {kind: made(blocks[kind]) for kind in ("model", "loss") if kind in blocks}
    given["run_files"] = run_files
    given["metrics"] = {label: made(block) for label, block in checked.collections["metrics"].items()}
    task = construct(blocks["task"], given, facts, recipe=recipe)
    return Rebuilt(task, tuple(made(block) for block in checked.collections["transforms.eval"].values()))
