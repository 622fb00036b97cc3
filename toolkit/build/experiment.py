"""From a checked recipe to live objects: dataset, facts, model, loss, metrics, task, in this order.

Imports torch and Lightning, and of the toolkit nothing to the right of ``build``: data is loaded, and runs are made,
elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pytorch_lightning import LightningDataModule, LightningModule, seed_everything
from pytorch_lightning.utilities.model_helpers import is_overridden
from torch import nn
from torch.nn.parameter import UninitializedParameter

from toolkit.build.batch_norm import refuse_sync_batchnorm
from toolkit.build.batches import holds_tensors
from toolkit.build.by_hand import refuse_by_hand
from toolkit.build.construct import construct
from toolkit.build.facts import read_facts
from toolkit.build.length import RunLength, planned_length, samples_of
from toolkit.build.model import FindWeights, freeze, init_from
from toolkit.build.monitor import Monitor, default_monitor
from toolkit.build.optimizer import OptimizerFactory, optimizer_factory
from toolkit.build.parallel import refuse_data_parallel
from toolkit.build.run_files import read_run_files
from toolkit.build.scheduler import configured, needs_length, scheduler_factory
from toolkit.check import Block, Checked, check_facts
from toolkit.errors import RecipeError
from toolkit.recipe import KeyPath, Recipe
from toolkit.recipe.grammar import TRANSFORMS


@dataclass
class Experiment:
    """Everything that a run of a recipe needs, built, and nothing started."""

    checked: Checked
    data: Any
    """What the dataset component returned: an object with the attributes of ``Splits``, or a LightningDataModule."""
    facts: Mapping[str, Any]
    """What the dataset knows about itself; ``task`` as the recipe's task has it."""
    run_files: Mapping[str, bytes]
    """What the run keeps of what the dataset made, by the names of files."""
    filled: Mapping[KeyPath, str]
    """The parameters that a fact filled, and which."""
    model: nn.Module | None
    task: LightningModule
    metrics: Mapping[str, Any]
    """The metrics by label, as built; the task has copies of them."""
    transforms: Mapping[str, list[Callable[[Any], Any]]]
    """``train`` and ``eval``: what is done to a batch, on the device, in order."""
    monitor: Monitor | None
    """What tells the best epoch; None where there is nothing to watch, so that the last one is the best."""
    notes: tuple[str, ...]
    """What is right and will not stay so: old names that plugins and the recipe use."""

    @property
    def recipe(self) -> Recipe:
        return self.checked.recipe

    @property
    def has_val(self) -> bool:
        return has_split(self.data, "val")

    @property
    def has_test(self) -> bool:
        return has_split(self.data, "test")


def has_split(data: Any, split: str) -> bool:
    """Whether a built dataset has a split, ``train``, ``val`` or ``test``."""
    if isinstance(data, LightningDataModule):
        return bool(is_overridden(f"{split}_dataloader", data))
    return getattr(data, split, None) is not None


def build(
    checked: Checked,
    *,
    find_weights: FindWeights | None = None,
    untrained: bool = False,
    kept: Mapping[str, bytes] | None = None,
) -> Experiment:
    """Build a checked recipe.

    Python's, NumPy's and torch's random numbers are seeded with the recipe's seed, before the dataset and once more
    before the model: initial weights depend on the seed alone, not on what the dataset drew. The optimizer is built
    once for trial and thrown away, so that what is wrong with it is known before anything starts; the one that trains
    is built by the task, after the strategy is set up.

    Args:
        checked: the recipe after stage 1.
        find_weights: where ``model.init_from`` looks for an earlier run; without it, files only.
        untrained: whether a checkpoint replaces the model's weights, so that pretrained ones need not be there.
        kept: the files that the run has kept of what its dataset made, which is given them; None in a new run.

    Raises:
        RecipeError: problems of stage 1 or 2 (the facts), or patterns that match nothing.
        BuildError: a component could not be constructed.
    """
    checked.raise_problems()
    recipe, blocks = checked.recipe, checked.blocks
    filled: dict[KeyPath, str] = {}
    facts: dict[str, Any] = {}

    def made(block: Block | None, *, untrained: bool = False, **given: Any) -> Any:
        if block is None:
            return None
        return construct(block, given, facts, recipe=recipe, filled=filled, untrained=untrained)

    def made_all(collection: str) -> dict[str, Any]:
        return {label: made(block) for label, block in checked.collections.get(collection, {}).items()}

    _seed(recipe)
    data = made(blocks["dataset"], run_files=kept)
    notes = list(checked.notes)
    stated = read_facts(blocks["dataset"], recipe, data, notes)
    run_files = read_run_files(blocks["dataset"], recipe, data, kept or {})
    facts.update({**stated, **_kind_of_targets(blocks["task"], stated)})
    has_val = has_split(data, "val")
    is_datamodule = isinstance(data, LightningDataModule)
    transformed = any(checked.collections[f"transforms.{stage}"] for stage in TRANSFORMS)
    length = None if is_datamodule else planned_length(checked, data.train)
    problems = check_facts(
        checked,
        facts,
        is_datamodule=is_datamodule,
        holds_tensors=not (is_datamodule and transformed) or holds_tensors(data),
        has_val=has_val,
        steps_per_epoch=length.steps_per_epoch if length else None,
        sized=is_datamodule or data.train is None or samples_of(data.train) is not None,
    )
    if problems:
        raise RecipeError(problems)

    _seed(recipe)
    model = made(blocks.get("model"), untrained=untrained, run_files=run_files)
    if model is not None:
        words = blocks["model"].words
        if words.get("init_from"):
            init_from(model, words["init_from"], recipe, find_weights)
        if words.get("freeze"):
            freeze(model, words["freeze"], recipe)
    loss = made(blocks.get("loss"))
    metrics = made_all("metrics")
    task_block = blocks["task"]
    logged = getattr(task_block.component.target, "logged", None)
    monitor = default_monitor(metrics, has_val, frozenset(logged(tuple(metrics))) if logged else None)
    given: dict[str, Any] = {"model": model, "loss": loss, "metrics": metrics, "run_files": run_files}
    if "optimizer" in blocks:
        given["optimizer"] = optimizer_factory(blocks["optimizer"], recipe, model)
    if "scheduler" in blocks:
        given["scheduler"] = scheduler_factory(blocks["scheduler"], recipe, monitor, metrics)
    given = {name: value for name, value in given.items() if value is not None}
    task = construct(task_block, given, stated, recipe=recipe, filled=filled)
    refuse_data_parallel(task, recipe)
    refuse_by_hand(task, checked)
    refuse_sync_batchnorm(task, checked)
    if "optimizer" in given:
        _try_out(given["optimizer"], blocks.get("scheduler"), recipe, task, monitor, metrics, length)
    return Experiment(
        checked=checked,
        data=data,
        facts=facts,
        run_files=run_files,
        filled=filled,
        model=model,
        task=task,
        metrics=metrics,
        transforms={stage: list(made_all(f"transforms.{stage}").values()) for stage in TRANSFORMS},
        monitor=monitor,
        notes=tuple(notes),
    )


def _kind_of_targets(task: Block, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The fact ``task``, which metrics are filled with too, as the task itself will have it: it is what feeds them."""
    parameter = task.signature.parameters.get("task")
    if parameter is None:
        return {}
    kind = task.arguments.get("task", facts.get("task", parameter.default))
    return {"task": kind} if isinstance(kind, str) else {}


def _seed(recipe: Recipe) -> None:
    seed_everything(recipe.get("seed"), workers=True, verbose=False)


def _try_out(
    optimizer: OptimizerFactory,
    scheduler: Block | None,
    recipe: Recipe,
    task: LightningModule,
    monitor: Monitor | None,
    metrics: Mapping[str, Any],
    length: RunLength | None,
) -> None:
    """Build optimizer and scheduler and forget them, for the errors."""
    parameters = list(task.parameters())
    if not parameters or any(isinstance(parameter, UninitializedParameter) for parameter in parameters):
        return  # they come to be later: in configure_model, or with the first batch
    tried = optimizer(task)
    if scheduler is not None and (length is not None or not needs_length(scheduler)):
        configured(scheduler, recipe, monitor, metrics, tried, lambda: length or RunLength(None, None, None))
