"""What a distribution promises as a whole. Imports torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import packages_distributions
from typing import Any

from toolkit.registry import Registry
from toolkit.registry.names import normalised
from toolkit.testing.case import PLUGIN, Case, labelled
from toolkit.testing.check import Broken
from toolkit.testing.required import with_required
from toolkit.testing.subject import Spec, Subject, arguments_of, working_folder

IMPORT_SECONDS = 2.0
"""How much processor time all modules with components may take together, after torch, torchvision, torchmetrics and
Lightning."""
TIMEOUT = 600.0
"""Seconds for the process that imports and builds everything, on a machine that may have much else to do."""


def every_component_has_a_case(subject: Subject) -> None:
    """Every component that the distribution offers has at least one case, and every case is of one that it offers."""
    offered = {(entry.kind, entry.name) for entry in subject.plugin.entries}
    cases = {(case.kind, case.use) for case in subject.suite if case.kind != PLUGIN}
    told = [f"no case for {_listed(offered - cases)}"] if offered - cases else []
    told += [f"it offers no {_listed(cases - offered)}"] if cases - offered else []
    if told:
        raise Broken("; ".join(told))


def imports_within_the_time_budget(subject: Subject) -> None:
    """All modules that hold its components are imported in less than 2 s of processor time, beside torch, torchvision,
    torchmetrics and Lightning: whoever names one component of a recipe waits for all that its module imports."""
    seconds = {name: each["seconds"] for name, each in _alone(subject)["imports"].items()}
    total = sum(seconds.values())
    if total > IMPORT_SECONDS:
        slowest = max(seconds, key=seconds.__getitem__)
        raise Broken(f"it takes {total:.1f} s; the slowest is {slowest} with {seconds[slowest]:.1f} s")


def works_without_every_other_plugin(subject: Subject) -> None:
    """In a process where the modules of all other plugins are absent, those apart that it requires, each component can
    be imported, and built from the arguments of its cases."""
    told = _alone(subject)
    broken = [f"{name}: {each['error']}" for name, each in told["imports"].items() if each["error"]]
    broken += [f"{label}: {error}" for label, error in told["builds"].items() if error]
    # What cannot be built here either is told by the checks of the component.
    if broken:
        raise Broken("; ".join(broken))


CHECKS = (every_component_has_a_case, imports_within_the_time_budget, works_without_every_other_plugin)


def _alone(subject: Subject) -> Mapping[str, Any]:
    """What a new process without the other plugins says of the distribution; asked once."""
    global _last
    if _last is None or _last[0] is not subject.suite:
        _last = (subject.suite, _told(subject.plugin.distribution, subject.suite))
    return _last[1]


_last: tuple[tuple[Case, ...], Mapping[str, Any]] | None = None
"""The suite that was asked for last, and the answer."""


def _told(distribution: str, suite: Sequence[Case]) -> dict[str, Any]:
    with working_folder() as folder, tempfile.TemporaryFile() as stderr:
        specs = {}
        for number, (label, case) in enumerate(labelled(suite).items()):
            # Those that are known not to be built, or whose arguments cannot be sent, are for their own checks.
            if case.kind in _BUILT and not case.untested:
                files = folder / str(number)
                files.mkdir()
                specs[label] = Spec(distribution, case.kind, case.use, arguments_of(case, files), {})
        job = {
            "path": [each for each in sys.path if isinstance(each, str)],
            "distribution": distribution,
            "absent": sorted(_modules_of_others(distribution)),
            "specs": {
                label: {"distribution": spec.distribution, "kind": spec.kind, "use": spec.use, "args": dict(spec.args)}
                for label, spec in specs.items()
                if _is_json(spec.args)
            },
        }
        command = "import json, sys; job = json.load(sys.stdin); sys.path[:] = job['path']; "
        command += "from toolkit.testing.without_others import tell; tell(job)"
        done = subprocess.run(
            [sys.executable, "-c", command],
            input=json.dumps(job).encode(),
            stdout=subprocess.PIPE,
            stderr=stderr,
            timeout=TIMEOUT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        if done.returncode:
            stderr.seek(0)
            lines = [line for line in stderr.read().decode("utf-8", "replace").splitlines() if line.strip()]
            raise Broken(f"the process ended with {done.returncode}{f': {lines[-1].strip()}' if lines else ''}")
        told: dict[str, Any] = json.loads(done.stdout)
        return told


_BUILT = ("model", "loss", "metric", "transform", "callback", "logger", "part", "dataset")
"""Kinds whose components are built from their arguments alone."""


def _modules_of_others(distribution: str) -> set[str]:
    """The top-level modules of the components of all other plugins that are not required."""
    own: set[str] = {"toolkit"}
    others: set[str] = set()
    registry = Registry.scan()
    there = with_required(distribution, registry)
    for plugin in registry.plugins:
        tops = {entry.module.partition(".")[0] for entry in plugin.entries if not os.path.isabs(entry.module)}
        tops |= {value.partition(":")[0].partition(".")[0] for _, value in (*plugin.hooks, *plugin.cases)}
        (own if plugin.distribution in there else others).update(tops)
    # A plugin may offer components of a library, which is another distribution's, and may be needed here too.
    owners = packages_distributions()
    plugins = {plugin.distribution for plugin in registry.plugins}
    return {top for top in others - own if not owners.get(top) or plugins & set(map(normalised, owners[top]))}


def _is_json(value: Any) -> bool:
    try:
        return bool(json.dumps(value, allow_nan=True))
    except (TypeError, ValueError):
        return False


def _listed(components: set[tuple[str, str]]) -> str:
    return ", ".join(f"{kind} {name!r}" for kind, name in sorted(components))
