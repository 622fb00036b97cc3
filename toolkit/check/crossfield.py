"""What no block is wrong in by itself: a monitor nobody logs, a metric the task cannot feed, lengths that disagree.

Looks at classes that were imported already; calls nothing of a component but a task's own ``logged``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolkit.check.arguments import FROM_CORE
from toolkit.check.blocks import Block
from toolkit.check.report import Report
from toolkit.check.toplevel import is_misspelt
from toolkit.errors import did_you_mean, nearest
from toolkit.recipe import DEFAULT, KeyPath
from toolkit.recipe.grammar import TIMED
from toolkit.registry import with_article


@dataclass(frozen=True, slots=True)
class Blocks:
    """The parts of a recipe that are held against each other."""

    single: Mapping[str, Block]
    collections: Mapping[str, Mapping[str, Block]]
    values: Mapping[str, Any]
    """The recipe's plain values."""

    def written(self, key: str) -> bool:
        """Whether the recipe has anything under a top-level key."""
        return bool(self.values.get(key))


def check_cross_fields(blocks: Blocks, trainer: Mapping[str, Any], report: Report) -> None:
    """Report all that is wrong between blocks and can be seen before the data is there."""
    check_task_inputs(blocks, report)
    check_metrics_fit(blocks, report)
    check_monitors(blocks, report)
    check_interval(blocks.single.get("scheduler"), report)
    check_length(blocks.single.get("scheduler"), trainer, None, report)
    check_datamodule(blocks, report)
    check_averages(blocks, trainer, report)


def check_task_inputs(blocks: Blocks, report: Report) -> None:
    """The blocks that a task needs and the recipe lacks, and those that it has no use for."""
    task = blocks.single.get("task")
    if task is None or task.signature.open:
        return
    parameters = task.signature.parameters
    for name in FROM_CORE["task"]:
        # A task can do without an optimizer to evaluate, and says so with a default; a recipe is there to train.
        needed = name in parameters and (parameters[name].required or name == "optimizer")
        if needed and not blocks.written(name) and not is_misspelt(name, blocks.values):
            what = "metrics" if name == "metrics" else with_article(name)
            report.missing(name, f"the task {task.name!r} needs {what}")
        elif name not in parameters and blocks.written(name):
            report.at_key((name,), f"the task {task.name!r} takes no {name}; remove this block")


def check_metrics_fit(blocks: Blocks, report: Report) -> None:
    """Metrics of a field of torchmetrics whose ``update`` the task has nothing for."""
    task = blocks.single.get("task")
    domains = getattr(task.component.target, "metric_domains", None) if task else None
    if task is None or not isinstance(domains, (tuple, list)):
        return
    for block in blocks.collections["metrics"].values():
        module = str(getattr(block.component.target, "__module__", "")).split(".")
        if module[0] == "torchmetrics" and len(module) > 1 and module[1] not in domains:
            fed = f"it feeds those of {', '.join(map(str, domains))}" if domains else "it feeds none"
            report.at_block(
                block.path,
                f"the task {task.name!r} cannot feed {block.name}, a metric of torchmetrics.{module[1]}; {fed}",
            )


def check_monitors(blocks: Blocks, report: Report) -> None:
    """Names that something watches or expects, and the task does not log."""
    task = blocks.single.get("task")
    logged = logged_names(task, blocks.values, report) if task else None
    if logged is None or task is None:
        return
    for path, name in _watched(blocks):
        mapping = any(name.startswith(f"{each}/") for each in logged)  # of a metric that returns several values
        if name not in logged and not mapping:
            start = f"{task.name} does not log {name!r}."
            guess = did_you_mean(name, logged) or _closest_ending(name, logged)
            message = start + (guess or f" It logs {', '.join(sorted(logged))}.")
            if path[0] == "expect":
                report.at_key(path, message)
            else:
                report.at_value(path, message)


def logged_names(task: Block, values: Mapping[str, Any], report: Report) -> frozenset[str] | None:
    """What the task says it logs; None where it does not say, or the recipe's metrics cannot be read."""
    tell = getattr(task.component.target, "logged", None)
    if not callable(tell):
        return None
    metrics = values.get("metrics") or {}
    if not isinstance(metrics, dict):
        return None  # reported as no mapping; which metrics are meant is not known
    try:
        return frozenset(str(name) for name in tell(tuple(metrics)))
    except Exception as error:  # the author's code: reported as the author's, whatever it raised
        report.at_block(task.path, f"{task.component.entry}: its `logged` raised {type(error).__name__}: {error}")
        return None


def _watched(blocks: Blocks) -> list[tuple[KeyPath, str]]:
    found: list[tuple[KeyPath, Any]] = []
    scheduler = blocks.single.get("scheduler")
    if scheduler is not None:
        found.append((("scheduler", "monitor"), scheduler.words.get("monitor")))
    for block in blocks.collections["callbacks"].values():
        found.append(((*block.path, "monitor"), block.arguments.get("monitor")))
    expect = blocks.values.get("expect")
    found += [(("expect", key), key) for key in expect or ()] if isinstance(expect, dict) else []
    # A key that is not split/metric at all has been reported as such.
    return [(path, name) for path, name in found if isinstance(name, str) and (path[0] != "expect" or "/" in name)]


def _closest_ending(name: str, logged: Sequence[str] | frozenset[str]) -> str:
    """``accuracy`` for ``val/accuracy``: what Lightning's own names look like."""
    meant = nearest(name, {each.partition("/")[2] for each in logged})
    found = sorted(each for each in logged if each.partition("/")[2] == meant)
    best = next((each for each in found if each.startswith("val/")), found[0] if found else None)
    return f" Did you mean {best!r}?" if best else ""


def check_interval(scheduler: Block | None, report: Report) -> None:
    """Schedulers that count time say what they count: epochs by accident is the classic silent mistake."""
    if scheduler is None or scheduler.words.get("interval") is not None:
        return
    timed = [name for name in TIMED if name in scheduler.signature.parameters]
    if timed:
        report.at_block(
            scheduler.path,
            f"{scheduler.name} counts time ({', '.join(timed)}): write `interval: step` or `interval: epoch`",
        )


def check_length(
    scheduler: Block | None, trainer: Mapping[str, Any], steps_per_epoch: int | None, report: Report
) -> None:
    """A scheduler that was told another length than the training has.

    Args:
        scheduler: the recipe's scheduler.
        trainer: the recipe's trainer block.
        steps_per_epoch: optimizer steps in an epoch; None while they are not known, and then only lengths in the unit
            of the trainer's own limit are compared.
        report: where problems go.
    """
    if scheduler is None or scheduler.words.get("frequency") not in (None, 1):
        return
    epochs, steps = (_limit(trainer.get(name)) for name in ("max_epochs", "max_steps"))
    total, source = _total(scheduler, epochs, steps, steps_per_epoch)
    lengths = dict.fromkeys(("T_max", "total_iters", "total_steps"), (total, source))
    lengths["epochs"] = (epochs, _BY_EPOCHS) if steps is None else (None, "")
    for name, (length, told_by) in lengths.items():
        value = scheduler.arguments.get(name)
        if length is None or type(value) is not int or name not in scheduler.signature.parameters:
            continue
        # A warm-up (constant, linear) is over before the training is, and is meant to be.
        if value > length or (value < length and name != "total_iters"):
            report.at_value(
                (*scheduler.path, name),
                f"{value} disagrees with the length of the training, {length} {told_by}; "
                "leave it out to have it filled in",
            )


_BY_EPOCHS = "epochs (trainer.max_epochs)"
_BY_STEPS = "steps (trainer.max_steps)"


def _total(scheduler: Block, epochs: int | None, steps: int | None, per_epoch: int | None) -> tuple[int | None, str]:
    """How often the scheduler moves in this training, where that is known, and what says it."""
    interval = scheduler.words.get("interval")
    if interval == "epoch":
        if epochs is not None and steps is None:
            return epochs, _BY_EPOCHS
        return None, ""
    counts_steps = any(name in scheduler.signature.parameters for name in ("total_steps", "steps_per_epoch"))
    if interval != "step" and not counts_steps:
        return None, ""
    if epochs is None:
        return steps, _BY_STEPS
    if per_epoch is None:
        return None, ""
    if steps is not None and steps <= epochs * per_epoch:
        return steps, _BY_STEPS
    return epochs * per_epoch, f"steps ({epochs} epochs of {per_epoch})"


def _limit(value: Any) -> int | None:
    return value if type(value) is int and value > 0 else None


def check_datamodule(blocks: Blocks, report: Report) -> None:
    """`loader` beside a LightningDataModule, which makes its own loaders."""
    dataset = blocks.single.get("dataset")
    result = dataset.signature.result if dataset else None
    if dataset is None or not _is_datamodule(result):
        return
    loader = blocks.values.get("loader")
    for name in loader if isinstance(loader, dict) else ():
        if report.recipe.key_place("loader", name) != DEFAULT:
            message = f"the dataset {dataset.name!r} is a LightningDataModule, which makes its own loaders; remove this"
            report.at_key(("loader", name), message)


def check_averages(blocks: Blocks, trainer: Mapping[str, Any], report: Report) -> None:
    """Averaged weights in 16 bits: what a step adds to them is less than these can tell apart."""
    engine, precision = blocks.values.get("engine"), trainer.get("precision")
    if isinstance(engine, Mapping) and engine.get("ema") is not None and precision in ("bf16-true", "16-true"):
        mixed = precision.replace("true", "mixed")
        message = f"{precision!r} keeps weights in 16 bits, too few for the averages of engine.ema; write {mixed}"
        report.at_value(("trainer", "precision"), message)


def _is_datamodule(result: Any) -> bool:
    """By name, since whoever made such a class has imported Lightning, and we need not."""
    names = ("pytorch_lightning.core.datamodule", "LightningDataModule")
    return isinstance(result, type) and any((base.__module__, base.__qualname__) == names for base in result.__mro__)
