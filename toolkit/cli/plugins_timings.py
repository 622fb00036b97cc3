"""What importing each plugin costs beyond what every run imports, as a table and as JSON. Imports them in a child."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toolkit.registry import Plugin, Registry
    from toolkit.registry.import_check import ImportCheck

EVERY_RUN = ("torch", "torchmetrics", "pytorch_lightning")
"""What every run imports, whatever its recipe names."""

LEAST = 0.01
"""Seconds: what takes less is counted, and not listed."""


@dataclass(frozen=True, slots=True)
class Timings:
    """How long the imports of a plugin took, one after the other in one process."""

    plugin: Plugin
    libraries: tuple[ImportCheck, ...]
    entries: tuple[ImportCheck, ...]

    @property
    def before(self) -> float:
        """Seconds for what every run imports."""
        return sum(each.seconds for each in self.libraries)

    @property
    def own(self) -> float:
        """Seconds for everything that the plugin offers, beyond those."""
        return sum(each.seconds for each in self.entries)

    def cumulative(self) -> list[float]:
        """For each entry, the seconds from the start of the process to the end of its import."""
        found, passed = [], self.before
        for each in self.entries:
            passed += each.seconds
            found.append(round(passed, 3))
        return found


def measure(plugin: Plugin) -> Timings:
    """Import everything that a plugin offers in a child process, after what every run imports."""
    from toolkit.registry.import_check import LIBRARY, check_imports

    results = list(check_imports(plugin, before=EVERY_RUN))
    return Timings(
        plugin,
        tuple(each for each in results if each.kind == LIBRARY),
        tuple(each for each in results if each.kind != LIBRARY),
    )


def as_json(timings: Timings) -> dict[str, Any]:
    """The object that ``plugins --timings --json`` has for a plugin."""
    return {
        "before": {each.name: each.seconds for each in timings.libraries if each.ok},
        "own": round(timings.own, 3),
        "entries": [
            {
                "kind": each.kind,
                "name": each.name,
                "value": each.value,
                "ok": each.ok,
                "own": each.seconds,
                "cumulative": passed,
            }
            for each, passed in zip(timings.entries, timings.cumulative(), strict=True)
        ],
    }


def print_timings(registry: Registry) -> None:
    """Print a table: each plugin, and below it those of its entries that cost anything, the dearest first."""
    from toolkit.cli.output import Column, note, say, table

    measured = []
    for plugin in registry.plugins:
        # On stderr: it may take a minute before there is a table.
        note(f"importing {plugin.distribution}")
        measured.append(measure(plugin))
    say()
    columns = (
        Column("own"),
        Column("cumulative"),
        Column("kind", "dim"),
        Column("plugin, and what of it", "bold", fold=True),
    )
    table(columns, [row for each in measured for row in _rows(each)], indent=0, headings=True)
    say()
    say(f"own         seconds beyond {', '.join(EVERY_RUN)},")
    say("            which every run imports; the first entry of a module bears it all")
    say("cumulative  since the start of a process that imports these first")


def _rows(timings: Timings) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = [
        (f"{timings.own:.2f}", f"{timings.before + timings.own:.2f}", "", timings.plugin.distribution)
    ]
    timed = sorted(zip(timings.entries, timings.cumulative(), strict=True), key=lambda pair: -pair[0].seconds)
    for each, passed in timed:
        if each.seconds >= LEAST or not each.ok:
            broken = "" if each.ok else f" (broken: {each.reason})"
            rows.append((f"{each.seconds:.2f}", f"{passed:.2f}", each.kind, f"  {each.name}{broken}"))
    few = sum(each.ok and each.seconds < LEAST for each in timings.entries)
    if few:
        rows.append(("", "", "", f"  {few} more, each below {LEAST:g}"))
    return rows
