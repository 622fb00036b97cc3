"""Prints all about one component. Imports it, and with it whatever its module imports."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from toolkit.check import MISSING, Parameter, Signature, signature_of
from toolkit.check.arguments import FROM_CORE, FROM_RUN
from toolkit.check.docstrings import own_doc
from toolkit.check.renamed import old_names
from toolkit.cli.garbage import no_collection
from toolkit.recipe import to_yaml
from toolkit.recipe.grammar import FACT_KINDS, FACTS, WORDS
from toolkit.registry import Component, Registry, load
from toolkit.schema.describe import plain_default


def show_component(kind: str, name: str, registry: Registry, *, allow_code: bool, as_json: bool) -> None:
    """Print a component's arguments with types and defaults, its docstring, its plugin, and its file and line."""
    from toolkit.cli.output import print_json

    with no_collection():
        component = load(registry.find(kind, name, allow_code=allow_code, folder=Path.cwd()))
    if as_json:
        print_json(as_plain(component))
    else:
        _print(component, _signature(component))


def _print(component: Component, signature: Signature | None) -> None:
    from toolkit.cli.output import Column, heading, say, table

    entry = component.entry
    provider = f"{entry.distribution} {entry.version}" if entry.distribution else "code that is no plugin's"
    heading(f"{entry.kind} {entry.name}")
    say(f"  plugin  {provider}")
    say(f"  value   {entry.value}")
    file, line = _where(component.target)
    if file:
        say(f"  file    {file}:{line}")
    say()
    if signature is None:
        say("It is neither a class nor a function, so that no recipe can use it.")
        return
    columns = (Column("argument", "bold"), Column("type", fold=True), Column("default"), Column("filled by", "dim"))
    rows = [
        (each.name, _short(_type(each)), _default(each), _filled_by(entry.kind, each.name))
        for each in signature.parameters.values()
    ]
    if rows:
        table(columns, rows, headings=True)
    else:
        say("  no arguments" + (" that it tells of: it is written in C" if signature.open else ""))
    words = WORDS.get(entry.kind, ())
    if words:
        say(f"\nIn a recipe the toolkit adds: {', '.join(words)}.")
    doc = own_doc(component.target)
    if doc:
        say(f"\n{doc}")


def as_plain(component: Component) -> dict[str, Any]:
    """All about a component as plain values, under the keys that ``toolkit show --json`` prints."""
    entry, signature = component.entry, _signature(component)
    file, line = _where(component.target)
    return {
        "kind": entry.kind,
        "name": entry.name,
        "full_name": entry.full_name,
        "plugin": entry.distribution,
        "version": entry.version,
        "value": entry.value,
        "file": file,
        "line": line,
        "usable": signature is not None,
        "arguments": [
            {
                "name": each.name,
                "type": _type(each),
                "required": each.required,
                "default": None if each.default is MISSING else _default(each),
                "filled_by": _filled_by(entry.kind, each.name),
            }
            for each in (signature.parameters.values() if signature else ())
        ],
        "words": list(WORDS.get(entry.kind, ())),
        "doc": own_doc(component.target),
    }


def _signature(component: Component) -> Signature | None:
    try:
        return signature_of(component.target)
    except TypeError:
        return None


def _type(parameter: Parameter) -> str:
    if parameter.annotation is MISSING:
        return ""
    return re.sub(r"\b(typing|collections\.abc|types)\.(?=[A-Z])", "", inspect.formatannotation(parameter.annotation))


def _short(type_: str) -> str:
    """A type without the modules of its classes, which would fill a line of 80 columns; not inside quotes."""
    return re.sub(r"(?<![\w.'\"])(?:[a-z_]\w*\.)+(?=[A-Z])", "", type_)


def _default(parameter: Parameter) -> str:
    """The default as one would write it in a recipe; as Python shows it where a recipe cannot hold it."""
    if parameter.default is MISSING:
        return "required" if parameter.required else ""
    plain = plain_default(parameter.default)
    if plain is MISSING:
        return " ".join(repr(parameter.default).split())
    return to_yaml({"_": [plain]}).strip().removeprefix("_: [").removesuffix("]")


def _filled_by(kind: str, name: str) -> str:
    """Who gives the argument where the recipe does not, or must not."""
    old = old_names(kind)
    name = old[name].new if name in old else name
    fillers: Sequence[tuple[str, bool]] = (
        ("the toolkit", name in FROM_CORE.get(kind, ())),
        ("the run", name in FROM_RUN.get(kind, ())),
        ("the dataset", kind in FACT_KINDS and name in FACTS),
    )
    return next((filler for filler, fills in fillers if fills), "")


def _where(target: Any) -> tuple[str, int | None]:
    """File and line of a class or function; empty for one that was written in C."""
    found: Callable[..., Any] = inspect.unwrap(getattr(target, "func", target))
    try:
        return inspect.getsourcefile(found) or "", inspect.getsourcelines(found)[1]
    except (OSError, TypeError):
        return "", None
