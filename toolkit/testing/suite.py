"""Which checks there are for each kind, and those of a distribution's cases. Imports torch and Lightning."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from toolkit.errors import RequestError, did_you_mean
from toolkit.registry import Component, Entry, Plugin, Registry, load
from toolkit.testing import (
    callbacks,
    common,
    datasets,
    distribution,
    loggers,
    losses,
    metrics,
    models,
    optimizers,
    parts,
    schedulers,
    tasks,
    transforms,
)
from toolkit.testing.case import PLUGIN, Case, labelled
from toolkit.testing.check import Check, Promise, check_known_failures

CHECKS: Mapping[str, tuple[Promise, ...]] = {
    "model": (*common.CHECKS, *models.CHECKS),
    "dataset": (*common.CHECKS, *datasets.CHECKS),
    "loss": (*common.CHECKS, *losses.CHECKS),
    "optimizer": (*common.CHECKS, *optimizers.CHECKS),
    "scheduler": (*common.CHECKS, *schedulers.CHECKS),
    "metric": (*common.CHECKS, *metrics.CHECKS),
    "task": (*common.CHECKS, *tasks.CHECKS),
    "callback": (*common.CHECKS, *callbacks.CHECKS),
    "transform": (*common.CHECKS, *transforms.CHECKS),
    "logger": (*common.CHECKS, *loggers.CHECKS),
    "part": (*common.CHECKS, *parts.CHECKS),
    PLUGIN: distribution.CHECKS,
}
"""By kind, what a component of it promises."""


def checks_of(name: str, cases: Iterable[Case]) -> tuple[Check, ...]:
    """Every check of a distribution: those of its cases, and of the distribution as a whole.

    Raises:
        RequestError: no such plugin is installed, or a known failure names a check that there is not.
    """
    plugin = plugin_called(name)
    suite = tuple(cases)
    whole = [case for case in suite if case.kind == PLUGIN] or [Case(kind=PLUGIN, use=plugin.distribution)]
    found = []
    for label, case in labelled([*(case for case in suite if case.kind != PLUGIN), *whole]).items():
        checks = CHECKS[case.kind]
        check_known_failures(case, tuple(check.__name__ for check in checks))
        found += [Check(plugin.distribution, label, case, check, suite) for check in checks]
    return tuple(found)


def cases_of(name: str) -> tuple[Case, ...]:
    """The cases that an installed plugin offers in its entry-point group ``toolkit.cases``.

    Raises:
        RequestError: no such plugin is installed, or it offers no cases.
        BrokenComponent: what it names could not be imported.
    """
    plugin = plugin_called(name)
    if not plugin.cases:
        package = plugin.distribution.replace("-", "_")
        raise RequestError(
            f"{plugin} offers no cases to test it with. A case for each of its components goes into a module of its "
            f"own, and its pyproject.toml names the list of them:\n"
            f'  [project.entry-points."toolkit.cases"]\n  {package} = "{package}.cases:CASES"'
        )
    found: list[Case] = []
    for label, value in plugin.cases:
        listed: Component = load(Entry("cases", label, value, plugin.distribution, plugin.version))
        wrong = [each for each in listed.target if not isinstance(each, Case)]
        if wrong:
            raise RequestError(f"{value} of {plugin} is to be a list of toolkit.testing.Case; it holds {wrong[0]!r}")
        found += listed.target
    return tuple(found)


def plugin_called(name: str) -> Plugin:
    """The installed plugin of this name. Raises RequestError where there is none."""
    registry = Registry.scan()
    plugin = registry.plugin(name)
    if plugin is None:
        hint = did_you_mean(name, [each.distribution for each in registry.plugins])
        raise RequestError(
            f"no installed plugin is called {name!r}.{hint or ' `toolkit plugins` lists those that are.'}"
        )
    return plugin
