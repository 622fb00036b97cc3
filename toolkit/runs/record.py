"""What ``run.json`` and ``recipe.yaml`` of a run say. Imports torch only to name the hardware."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from toolkit.build import Experiment, resolved
from toolkit.check import read_expectation
from toolkit.recipe import Recipe, to_yaml
from toolkit.recipe.grammar import BLOCKS
from toolkit.registry import Registry
from toolkit.tracking import provenance
from toolkit.tracking.folder import RUNNING, RunFolder, this_process

GIT_PATCH = "git.patch"


def now() -> str:
    """The time in UTC, as ``run.json`` writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def new_record(
    experiment: Experiment, folder: RunFolder, *, name: str, tags: Sequence[str], note: str
) -> dict[str, Any]:
    """What ``run.json`` says of a run that begins; the repository's patch is written beside it.

    Args:
        experiment: what will be trained.
        folder: the run's folder.
        name: what the user calls the run.
        tags: what the user files it under.
        note: what the user wants to remember of it.
    """
    recipe, registry, monitor = experiment.recipe, experiment.checked.registry, experiment.monitor
    return {
        "id": folder.id,
        "recipe": recipe.name,
        "title": _title(recipe),
        "recipe_file": str(recipe.file),
        "distribution": recipe.distribution,
        "overrides": list(recipe.overrides),
        "resumed_with": [],
        "name": name,
        "tags": list(tags),
        "note": note,
        "status": RUNNING,
        "reason": "",
        "created": now(),
        "started": now(),
        "finished": None,
        "seconds": 0.0,
        "command": provenance.command(),
        "working_folder": str(Path.cwd()),
        "process": this_process(),
        "facts": dict(experiment.facts),
        "monitor": None if monitor is None else {"metric": monitor.name, "mode": monitor.mode},
        "loop": None,
        "metrics": {},
        "best": None,
        "tested": None,
        "expect": {},
        "signatures": signatures(experiment.metrics),
        "environment": list(recipe.env_names),
        "git": _git(folder),
        "packages": provenance.packages(registry),
        "machine": provenance.machine(),
        "notes": [],
        "sessions": [],
    }


def left_out(registry: Registry) -> dict[str, str]:
    """The plugins that a run does without although they are installed: by name, what has left each out."""
    found = {each.plugin.distribution: each.by for each in registry.left_out}
    return dict(sorted(found.items()))


def recipe_text(experiment: Experiment) -> str:
    """The resolved recipe of a run: full names, filled facts, and behind each value where it came from."""
    recipe = experiment.recipe
    found = resolved(experiment)
    header = "".join(f"# {line}".rstrip() + "\n" for line in recipe.header.splitlines())
    shipped = f" ({recipe.distribution})" if recipe.distribution else ""
    return f"{header}#\n# As it was run: {recipe.name}{shipped}\n{to_yaml(found.values, found.sources)}"


def met_expectations(expect: Mapping[str, str], metrics: Mapping[str, float]) -> dict[str, dict[str, Any]]:
    """Each expectation of a recipe with the value that was reached, and whether it is met.

    Args:
        expect: by metric, a comparison such as ``">= 0.98"``.
        metrics: what was reached; an absent metric is not met.
    """
    found = {}
    for metric, text in expect.items():
        expectation, value = read_expectation(text), metrics.get(metric)
        met = expectation is not None and value is not None and expectation.met_by(value)
        found[metric] = {"expected": text, "value": value, "met": met}
    return found


def signatures(metrics: Mapping[str, Any]) -> dict[str, str]:
    """By label what metrics say of how they count, where they have a `signature`, as sacrebleu's have.

    Args:
        metrics: by label, as they were built.
    """
    stated = {label: getattr(metric, "signature", None) for label, metric in metrics.items()}
    return {label: text for label, text in stated.items() if isinstance(text, str)}


def _title(recipe: Recipe) -> str:
    """The recipe's title; empty where an override has put in another component, which it does not tell of."""
    uses = [path for path in recipe.places if path[-1:] == ("use",) and path[0] in BLOCKS]
    return "" if any(recipe.is_override(*path) for path in uses) else recipe.title


def _git(folder: RunFolder) -> dict[str, Any] | None:
    state = provenance.git_state(Path.cwd())
    if state is None:
        return None
    found = dataclasses.asdict(state)
    patch = found.pop("patch")
    if patch:
        folder.write_text(folder.logs / GIT_PATCH, patch)
    return {**found, "patch": f"logs/{GIT_PATCH}" if patch else None}
