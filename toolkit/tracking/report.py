"""Prints what a run is when it begins and what it came to when it ends. Imports rich, and torch's types only.

A listener of the core (hooks ``toolkit_run_started`` and ``toolkit_run_finished``).
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import shown_path
from toolkit.hooks import hookimpl
from toolkit.tracking.console import console, counted, duration, shown
from toolkit.tracking.provenance import hardware_line
from toolkit.tracking.redact import Redactor

if TYPE_CHECKING:
    from torch import nn


@hookimpl
def toolkit_run_started(run: Any) -> None:
    """Prints the header: what is trained, on what data, where, and what a user should know of it."""
    if run.is_main:
        _print_pairs(_title(run), _header(run))


@hookimpl(trylast=True)
def toolkit_run_finished(run: Any, result: Any) -> None:
    """Prints the table of metrics, and where the run, its pictures and its tables are."""
    if not run.is_main:
        return
    from rich.text import Text

    out = console()
    out.print()
    out.print(Text(f"{run.name} finished in {duration(run.seconds)}{_tested(run)}", style="bold"), soft_wrap=True)
    for line in aligned(metric_rows(run.record)):
        verdict = next((style for ending, style in _STYLES.items() if line.endswith(f"   {ending}")), "")
        out.print(Text(line, style=verdict), soft_wrap=True)
    for label, signature in run.record["signatures"].items():
        out.print(Text(f"{label}: {signature}", style="dim"), soft_wrap=True)
    drawn = [("picture", path) for path in pictures(run.folder.plots)]
    filled = [("table", path) for path in sorted(run.folder.plots.glob("*.csv"))]
    _print_pairs("", [("run", run.folder.shown), *((what, shown_path(path)) for what, path in (*drawn, *filled))])


_STYLES = {"met": "green", "not met": "bold red"}


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells as lines with aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["   ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def metric_rows(record: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """The rows of a run's table: metric, value, what the recipe expects, and whether that is met.

    Args:
        record: the content of ``run.json``.
    """
    expect, overrides = record["expect"], record["overrides"]
    rows = []
    for name in [*record["metrics"], *(name for name in expect if name not in record["metrics"])]:
        value = record["metrics"].get(name)
        expected, verdict = "", ""
        if name in expect:
            expected = str(expect[name]["expected"])
            # Another learning rate, another dataset: the recipe's promise was not about that.
            changed = f"not comparable: {counted(len(overrides), 'override')}" if overrides else ""
            verdict = changed or ("met" if expect[name]["met"] else "not met")
        rows.append((name, "absent" if value is None else shown(float(value)), expected, verdict))
    return rows


def pictures(folder: Path) -> list[Path]:
    """The pictures of a run, the learning curve first."""
    return sorted(folder.glob("*.png"), key=lambda path: (path.name != "learning_curve.png", path.name))


def parameter_count(model: nn.Module) -> str:
    """How many parameters a model has, and how many of them are trained where that differs."""
    from torch.nn.parameter import UninitializedParameter

    parameters = list(model.parameters())
    if any(isinstance(parameter, UninitializedParameter) for parameter in parameters):
        return "parameters that the first batch decides"
    total = sum(parameter.numel() for parameter in parameters)
    trained = sum(parameter.numel() for parameter in parameters if parameter.requires_grad)
    frozen = f", {trained:,} of them trained" if trained != total else ""
    return f"{counted(total, 'parameter')}{frozen}"


def graph_line(graph: Mapping[str, Any]) -> str:
    """What is known of steps in a graph (``engine.compile: step``): why there are none, or what they cost and save.

    Args:
        graph: what ``run.json`` says of it.
    """
    if graph["why"]:
        return f"no steps in a graph, because {graph['why']}"
    if "compile_seconds" not in graph:
        return f"{counted(graph['steps'], 'step')} at once; what compiling costs and saves is measured at the first"
    said = f"{counted(graph['steps'], 'step')} at once, compiled in {duration(graph['compile_seconds'])}"
    inside = graph["step_seconds_in_graph"] * 1e3
    if "step_seconds" not in graph:
        return f"{said}; {inside:.3g} ms a step"
    said = f"{said}; {inside:.3g} ms a step instead of {graph['step_seconds'] * 1e3:.3g}"
    if "break_even_steps" not in graph:
        return f"{said}: not faster here, engine.compile: false saves the compiling"
    return f"{said}, which pays after {counted(graph['break_even_steps'], 'step')}"


def _title(run: Any) -> str:
    return f"{run.name}: {run.record['title']}" if run.record["title"] else run.name


def _header(run: Any) -> list[tuple[str, str]]:
    experiment, trainer, record = run.experiment, run.trainer, run.record
    blocks = experiment.checked.blocks
    lines = [("run", run.folder.shown)]
    if record["overrides"]:
        lines.append(("changed", Redactor.from_environment().text(shlex.join(record["overrides"]))))
    if run.resumed_from is not None:
        saved = run.resumed_from
        lines.append(("goes on", f"after {saved.moment}, from {saved.path.name}"))
    lines.append(("data", f"{blocks['dataset'].name}{_sizes(run.data)}"))
    model = experiment.model if experiment.model is not None else experiment.task
    name = blocks["model"].name if "model" in blocks else blocks["task"].name
    lines.append(("model", f"{name}, {parameter_count(model)}"))
    lines.append(("device", f"{_device(trainer)}, {trainer.precision}; {hardware_line(record['machine'])}"))
    loop = record["loop"]
    own = f"every step through Lightning, because {loop['why']}"
    lines.append(("loop", "straight from one logged step to the next" if loop["path"] == "fast" else own))
    if "graph" in loop:
        lines.append(("graph", graph_line(loop["graph"])))
    monitor = experiment.monitor
    lines.append(("best by", f"{monitor.name}, {monitor.mode}" if monitor else "nothing to watch: the last is kept"))
    for logger in run.loggers:
        if hasattr(logger, "where"):
            lines.append(("wandb", logger.where))
    if record["environment"]:
        lines.append(("reads", f"the environment: {', '.join(record['environment'])}"))
    if record["without"]:
        told = [f"{name} ({by})" for name, by in record["without"].items()]
        lines.append(("without", Redactor.from_environment().text(", ".join(told))))
    return [*lines, *(("note", note) for note in run.notes)]


def _device(trainer: Any) -> str:
    device = trainer.strategy.root_device.type
    return f"{trainer.world_size} x {device}" if trainer.world_size > 1 else str(device)


def _sizes(data: Any) -> str:
    if not hasattr(data, "names"):
        return ""
    sizes = [(data.samples(split), split) for split in data.names]
    return ", samples: " + ", ".join(f"{'a stream' if size is None else f'{size:,}'} {split}" for size, split in sizes)


def _tested(run: Any) -> str:
    tested, best = run.record["tested"], run.record["best"]
    if tested is None or not any(name.startswith("test/") for name in run.record["metrics"]):
        return ""
    if tested["which"] == "last":
        return f", tested with the last checkpoint (epoch {tested['epoch']})"
    return f", tested with the best checkpoint (epoch {tested['epoch']}, {best['metric']} {shown(best['value'])})"


def _print_pairs(title: str, pairs: list[tuple[str, str]]) -> None:
    from rich.text import Text

    out = console()
    if title:
        out.print(Text(title, style="bold"), soft_wrap=True)
    for key, value in pairs:
        out.print(Text.assemble((f"  {key:<8} ", "dim"), value), soft_wrap=True)


def print_pair(key: str, value: str) -> None:
    """Prints one more line of the header, when something of it is known later."""
    _print_pairs("", [(key, value)])
