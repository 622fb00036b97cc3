"""``toolkit plugins``: what is installed and what is wrong with it. Imports plugins only on request, in a child."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from toolkit.cli import completion
from toolkit.cli.arguments import Json, examples
from toolkit.errors import RequestError

if TYPE_CHECKING:
    from toolkit.registry import Plugin, Registry

EXAMPLES = examples(
    "toolkit plugins",
    "toolkit plugins --import",
    "toolkit plugins --timings",
    "toolkit plugins --why resnet",
    "toolkit plugins --json",
)


def plugins(
    imports: Annotated[
        bool,
        typer.Option(
            "--import", help="Import everything that they offer, in child processes, and tell what is broken."
        ),
    ] = False,
    timings: Annotated[
        bool,
        typer.Option("--timings", help="Tell what importing each of them costs, beyond what every run imports."),
    ] = False,
    why: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Tell where this name of a component, recipe, hook or plugin comes from, and what it hides.",
            autocompletion=completion.offered,
            show_default=False,
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """List the installed plugins and what is wrong with them.

    Nothing is imported in this process: it is read from package metadata.
    """
    from toolkit.cli.output import note, print_json
    from toolkit.registry import Registry

    if sum((imports, timings, bool(why))) > 1:
        raise RequestError("--import, --timings and --why answer different questions: give one of them")
    registry = Registry.scan()
    for left_out in registry.left_out:
        note(f"{left_out}")
    if why:
        from toolkit.cli.plugins_why import print_why

        print_why(why, registry, as_json=as_json)
    elif as_json:
        print_json([_as_json(plugin, registry, imports, timings) for plugin in registry.plugins])
    elif timings:
        from toolkit.cli.plugins_timings import print_timings

        print_timings(registry)
    else:
        _print(registry)
        if imports:
            _print_imports(registry)


def _print(registry: Registry) -> None:
    from toolkit.cli.output import Column, note, say, table
    from toolkit.registry import CORE
    from toolkit.registry.api import api_version, asking_for

    table(
        (Column("plugin", "bold"), Column("version"), Column("offers", fold=True)),
        [(plugin.distribution, plugin.version, _offers(plugin)) for plugin in registry.plugins],
        indent=0,
        headings=True,
    )
    for plugin in registry.plugins:
        for remark in _remarks(plugin, registry):
            say(f"{plugin.distribution}: {remark}")
    core = registry.plugin(CORE)
    if core is not None:
        api = api_version(core.version)
        note(f"The plugin API is version {api}: plugins that go with it ask for {asking_for(api)}")


def _offers(plugin: Plugin) -> str:
    from toolkit.registry import KINDS, group

    counts = {kind: sum(entry.kind == kind for entry in plugin.entries) for kind in KINDS}
    told = [f"{n} {kind if n == 1 else group(kind).removeprefix('toolkit.')}" for kind, n in counts.items() if n]
    for offered, what in ((plugin.recipes, "recipes"), (plugin.hooks, "hooks")):
        if offered:
            told.append(what)
    return ", ".join(told)


def _remarks(plugin: Plugin, registry: Registry) -> list[str]:
    """What a user should know: sentences about what does not work, or not by its short name."""
    from toolkit.registry import CORE

    remarks = list(plugin.problems)
    if plugin.built_for_another:
        remarks.append(
            f"built for another toolkit version: it asks for {CORE} {plugin.requires_core}, "
            f"and {plugin.core_version} is installed"
        )
    for each in _absent(plugin):
        names = {"recipes": "name a package", "cases": "name a module"}.get(each["kind"], "names a module")
        remarks.append(f"{_thing(each)} {names} that is not there ({each['value']})")
    remarks += [
        f"{_thing(each)} is hidden by the core's; write {each['full_name']}" for each in _hidden(plugin, registry)
    ]
    remarks += [
        f"{_thing(each)} is offered by {' and '.join(each['also_by'])} too; write {each['full_name']}"
        for each in _doubled(plugin, registry)
    ]
    return remarks


def _thing(told: dict[str, Any]) -> str:
    return f"the {told['kind']} {told['name']!r}"


def _absent(plugin: Plugin) -> list[dict[str, Any]]:
    """Components, hooks and cases whose module is not there, and recipes whose folder is not."""
    from toolkit.recipe.locate import package_folders
    from toolkit.registry import Entry
    from toolkit.registry.presence import absent_modules

    others = [("hook", *each) for each in plugin.hooks] + [("cases", *each) for each in plugin.cases]
    entries = [*plugin.entries, *(Entry(*each, plugin.distribution, plugin.version) for each in others)]
    absent = [(each.kind, each.name, each.value) for each in absent_modules(entries)]
    absent += [("recipes", name, package) for name, package in plugin.recipes if not package_folders(package)]
    return [{"kind": kind, "name": name, "value": value} for kind, name, value in absent]


def _hidden(plugin: Plugin, registry: Registry) -> list[dict[str, Any]]:
    return [
        {"kind": entry.kind, "name": entry.name, "full_name": entry.full_name}
        for entry in registry.hidden()
        if entry.distribution == plugin.distribution
    ]


def _doubled(plugin: Plugin, registry: Registry) -> list[dict[str, Any]]:
    return [
        {
            "kind": entry.kind,
            "name": entry.name,
            "full_name": entry.full_name,
            "also_by": sorted({each.distribution for each in offers} - {plugin.distribution}),
        }
        for offers in registry.doubled().values()
        for entry in offers
        if entry.distribution == plugin.distribution
    ]


def _as_json(plugin: Plugin, registry: Registry, imports: bool, timings: bool) -> dict[str, Any]:
    from toolkit.registry import KINDS

    told: dict[str, Any] = {
        "plugin": plugin.distribution,
        "version": plugin.version,
        "location": str(plugin.location),
        "components": {
            kind: names for kind in KINDS if (names := [each.name for each in plugin.entries if each.kind == kind])
        },
        "recipes": dict(plugin.recipes),
        "hooks": dict(plugin.hooks),
        "requires_core": plugin.requires_core,
        "built_for_another": plugin.built_for_another,
        "problems": list(plugin.problems),
        "absent": _absent(plugin),
        "hidden": _hidden(plugin, registry),
        "doubled": _doubled(plugin, registry),
    }
    if imports:
        from dataclasses import asdict

        from toolkit.registry.import_check import check_imports

        told["imports"] = [asdict(result) for result in check_imports(plugin)]
    if timings:
        from toolkit.cli import plugins_timings

        told["timings"] = plugins_timings.as_json(plugins_timings.measure(plugin))
    return told


def _print_imports(registry: Registry) -> None:
    from toolkit.cli.output import say
    from toolkit.registry.import_check import check_imports

    fine = 0
    broken: list[str] = []
    say()
    for plugin in registry.plugins:
        for result in check_imports(plugin):
            full_name = f"{plugin.distribution}/{result.name}"
            # As they come: the first of a plugin may take seconds, because it imports torch.
            say(f"{'ok' if result.ok else 'broken':<6}  {result.seconds:>6.2f} s  {result.kind:<9}  {full_name}")
            if result.ok:
                fine += 1
            else:
                broken.append(f"{result.kind} {full_name} ({result.value}): {result.reason}")
    say()
    say(f"{fine} ok, {len(broken)} broken" + (":" if broken else ""))
    for told in broken:
        say(f"  {told}")
