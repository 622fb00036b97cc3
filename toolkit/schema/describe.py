"""From an entry to what is kept of its signature. Imports the component, and is called in a child process.

Reads signatures and types as checking does: there is no second reader.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from toolkit.check import MISSING, Parameter, signature_of
from toolkit.check.arguments import FROM_CORE, FROM_RUN
from toolkit.check.docstrings import argument_docs, own_doc, summary
from toolkit.check.renamed import stated_names, under_new_names
from toolkit.check.trainer import ELSEWHERE
from toolkit.recipe.grammar import FACT_KINDS, FACTS
from toolkit.recipe.loader import LEAST
from toolkit.registry import KINDS, BrokenComponent, Entry, load
from toolkit.schema.described import BLOCK, Argument, Described
from toolkit.schema.types import type_schema, type_text


def describe(entry: Entry) -> Described:
    """What a recipe may give a component, or one of the core's own blocks."""
    try:
        target = load(entry).target
    except BrokenComponent as error:
        return Described(doc="", open=True, problem=error.reason, arguments={})
    if entry.kind == BLOCK:
        return _block(entry, target)
    try:
        written = signature_of(target)
    except TypeError:
        return Described(doc="", open=True, problem="is neither a class nor a function", arguments={})
    signature, own_names = under_new_names(entry.kind, written, ())
    docs = argument_docs(target)
    given = FROM_CORE.get(entry.kind, ())
    arguments = {
        name: _argument(parameter, entry.kind, docs.get(own_names.get(name, name), ""))
        for name, parameter in signature.parameters.items()
        if name not in given
    }
    told = Described(doc=summary(own_doc(target)), open=signature.open, problem="", arguments=arguments)
    # What the core has renamed a recipe may still give by the name that the component has for it.
    called = {own: name for name, own in own_names.items()}
    old_names = {old: called.get(new, new) for old, new in {**stated_names(target, written), **called}.items()}
    renamed = {old: new for old, new in old_names.items() if new in arguments}
    return {**told, "renamed": renamed} if renamed else told


def plain_default(value: Any) -> Any:
    """The value if YAML has a form for it, with lists for tuples; MISSING otherwise."""
    if type(value) in (bool, int, float, str) or value is None:
        return value
    if type(value) in (list, tuple):
        items = [plain_default(item) for item in value]
        return MISSING if MISSING in items else items
    return MISSING


def _argument(parameter: Parameter, kind: str, doc: str) -> Argument:
    name = parameter.name
    inner = name if name in KINDS else "part"
    schema = type_schema(parameter.annotation, inner, parameter.default)
    by_run = name in FROM_RUN.get(kind, ())
    by_data = kind in FACT_KINDS and name in FACTS
    asked_for = type_text(parameter.annotation)
    required = parameter.required and not by_run and not by_data
    argument = Argument(schema=schema, doc=doc, type=asked_for, required=required)
    if by_run or by_data:
        argument["filled"] = "the run" if by_run else "the dataset"
    default = plain_default(parameter.default)
    if default is not MISSING and _is_json(default):
        argument["default"] = default
    return argument


def _is_json(value: Any) -> bool:
    """Whether JSON has a form for a plain value: it has none for NaN and infinity."""
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True


def _block(entry: Entry, target: Any) -> Described:
    """A block of the core's own: a class that it is the arguments of, or a table of types."""
    if isinstance(target, Mapping):
        parameters = [
            Parameter(".".join(key) if isinstance(key, tuple) else key, type_) for key, type_ in target.items()
        ]
        docs: dict[str, str] = {}
    else:
        parameters, docs = list(signature_of(target).parameters.values()), argument_docs(target)
    arguments = {
        parameter.name: _argument(parameter, BLOCK, docs.get(parameter.name, ""))
        for parameter in parameters
        if not (entry.name == "trainer" and parameter.name in ELSEWHERE)
    }
    if entry.name == "trainer":
        arguments["precision"]["schema"]["anyOf"].insert(0, {"enum": ["auto"]})
    if entry.name == "loader":
        for name, least in LEAST.items():
            choices = arguments[name]["schema"]["anyOf"]
            choices[:] = [{**each, "minimum": least} if "integer" in each.get("type", ()) else each for each in choices]
    return Described(doc="", open=False, problem="", arguments=arguments)
