"""The JSON Schema of recipes, from what is known of the installed components. Imports nothing heavy.

Two trees of definitions. The first says what may stand where, and serves completion and hover texts. The second,
``complete:...``, says what may not be missing; it holds for a recipe without ``extends``, since a parent may have what
is missing. Components are told apart by ``if``/``then`` on their names and not by ``anyOf``: an editor then
reports the mistake in the component that was named, and not that none of two hundred fits.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from toolkit.recipe.grammar import (
    BLOCKS,
    COLLECTIONS,
    ENDS,
    ENGINE_KEYS,
    EXPECTATION,
    KEEP_KEYS,
    LABEL,
    LARGEST_SEED,
    RESULT,
    SAVE_KEYS,
    TIMED,
    TOP_LEVEL,
    TRANSFORMS,
    WORDS,
)
from toolkit.registry import KINDS, Entry, Registry
from toolkit.schema import texts
from toolkit.schema.definitions import (
    DRAFT,
    REFERENCE,
    TENSOR,
    any_value,
    complete,
    component,
    component_name,
    labelled,
    position,
    refer,
    reference_or_component,
)
from toolkit.schema.described import Argument, Described
from toolkit.schema.gather import Gathered
from toolkit.schema.names import names_of

Schema = dict[str, Any]

_NULL: Schema = {"type": "null"}
_MAPPING: Schema = {
    "type": ["object", "null", "string"],
    "pattern": REFERENCE["pattern"],
    "patternErrorMessage": "A mapping is expected here.",
}
"""A mapping, none, or a reference to one."""

_COUNT: Schema = {"type": "integer", "minimum": 0}


def page(gathered: Gathered, registry: Registry, recipes: Sequence[str]) -> Schema:
    """The whole schema.

    Args:
        gathered: what is known of the components.
        registry: what is installed, which decides what a short name leads to.
        recipes: names that ``extends`` may give.
    """
    names = names_of(registry)
    definitions: dict[str, Schema] = {"reference": REFERENCE, "tensor": TENSOR}
    datasets = tuple(f"{entry.name}_" for entry in gathered.components if entry.kind == "dataset")
    words = gathered.blocks["words"]["arguments"]
    for kind in KINDS:
        offers = {entry: names[entry] for entry in gathered.components if entry.kind == kind and names.get(entry)}
        own = {word: words[f"{kind}.{word}"] for word in WORDS.get(kind, ())}
        for entry in offers:
            definitions[component(kind, entry.full_name)] = _component(entry, gathered.components[entry], own)
        definitions |= _of_kind(kind, offers, gathered.components)
        definitions |= _complete(kind, offers, gathered.components, datasets)
    return {
        "$schema": DRAFT,
        "type": "object",
        "properties": {
            key: {"description": texts.TOP_LEVEL[key], **schema}
            for key, schema in _top_level(gathered.blocks, recipes).items()
        },
        "additionalProperties": False,
        "if": {"required": ["extends"]},
        "else": {
            "required": ["task", "dataset", "trainer"],
            "properties": {
                **{kind: refer(complete(kind)) for kind in BLOCKS},
                **_by_path({path: refer(complete(labelled(kind))) for path, kind in COLLECTIONS.items()}),
                "trainer": {"anyOf": [{"required": [end]} for end in ENDS]},
            },
        },
        "definitions": definitions,
    }


def _top_level(blocks: Mapping[str, Described], recipes: Sequence[str]) -> dict[str, Schema]:
    found: dict[str, Schema] = {
        "extends": {"anyOf": [*_one_of(recipes), {"type": "string", "pattern": r"\.yaml$|^[./]"}]},
        "seed": _or_reference({"type": "integer", "minimum": 0, "maximum": LARGEST_SEED}),
        **{kind: refer(position(kind)) for kind in BLOCKS},
        **_by_path({path: refer(labelled(kind)) for path, kind in COLLECTIONS.items()}, _closed),
        "loader": _closed(_arguments(blocks["loader"]["arguments"])),
        "trainer": _closed(_arguments(blocks["trainer"]["arguments"])),
        "engine": _closed(_engine(blocks)),
        "expect": {
            **_MAPPING,
            "patternProperties": {
                _whole(RESULT.pattern): {"type": "string", "pattern": rf"{_whole(EXPECTATION.pattern)}|\$\{{"}
            },
            "additionalProperties": False,
        },
    }
    return {key: found[key] for key in TOP_LEVEL}


def _by_path(
    schemas: Mapping[tuple[str | int, ...], Schema],
    stages: Callable[[Mapping[str, Schema]], Schema] = lambda properties: {"properties": dict(properties)},
) -> dict[str, Schema]:
    """The collections by top-level key; ``stages`` makes one schema of the two of transforms."""
    found = {str(path[0]): schema for path, schema in schemas.items() if len(path) == 1}
    return {**found, "transforms": stages({stage: schemas["transforms", stage] for stage in TRANSFORMS})}


def _closed(properties: Mapping[str, Schema]) -> Schema:
    return {**_MAPPING, "properties": dict(properties), "additionalProperties": False}


def _engine(blocks: Mapping[str, Described]) -> dict[str, Schema]:
    types = blocks["engine"]["arguments"]
    times = {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, _NULL, refer("reference")]}
    inside = {
        "ema": {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
                _closed(_arguments(blocks["engine.ema"]["arguments"])),
                refer("reference"),
            ]
        },
        "keep": _closed(dict.fromkeys(KEEP_KEYS, _or_reference(_COUNT))),
        "save": _closed(dict.fromkeys(SAVE_KEYS, times)),
    }
    return {key: {"description": texts.ENGINE[key], **inside.get(key, types[key]["schema"])} for key in ENGINE_KEYS}


def _component(entry: Entry, told: Described, words: Mapping[str, Argument]) -> Schema:
    """The arguments of one component and the core's words, as a mapping with ``use`` holds them."""
    doc = f"{told['doc'] or texts.USE}\n\n{entry.kind} of {entry.distribution} {entry.version}: {entry.value}"
    properties: dict[str, Schema] = {"use": {"description": doc}}
    for name, word in words.items():
        properties[name] = {"description": texts.WORDS[f"{entry.kind}.{name}"], **word["schema"]}
    if "groups" in words:
        # Options are the optimizer's own arguments, without the words of the core.
        options = [refer(component(entry.kind, entry.full_name)), {"properties": dict.fromkeys(("use", *words), False)}]
        properties["groups"] |= {"anyOf": [{**_MAPPING, "additionalProperties": {"type": "object", "allOf": options}}]}
    schema: Schema = {"properties": {**properties, **_arguments(told["arguments"]), **_old_names(told)}}
    if told.get("renamed"):
        # Beside its new name an old one is an argument that there is not.
        schema["dependencies"] = {old: {"not": {"required": [new]}} for old, new in told["renamed"].items()}
    return schema if told["open"] else {**schema, "additionalProperties": False}


def _old_names(told: Described) -> dict[str, Schema]:
    return {
        old: {"description": texts.OLD_NAME.format(new), **told["arguments"][new]["schema"]}
        for old, new in told.get("renamed", {}).items()
    }


def _given(names: Sequence[str], renamed: Mapping[str, str]) -> Schema:
    """That arguments are given, each under its name or under one that it had before."""
    called = {name: [name, *(old for old, new in renamed.items() if new == name)] for name in names}
    either = [{"anyOf": [{"required": [each]} for each in all_]} for all_ in called.values() if len(all_) > 1]
    return {"required": [name for name in names if len(called[name]) == 1], **_all_of(either)}


def _arguments(arguments: Mapping[str, Argument]) -> dict[str, Schema]:
    return {name: _argument(argument) for name, argument in arguments.items()}


def _argument(argument: Argument) -> Schema:
    # Many docstrings tell the default themselves.
    is_told = "default" not in argument or "default" in argument["doc"].lower()
    default = "" if is_told else f"default {json.dumps(argument['default'])}"
    form = "; ".join(filter(None, (argument["type"], default)))
    filled = texts.FILLED.get(argument.get("filled", ""), "")
    doc = " ".join(filter(None, (argument["doc"], filled, f"({form})" if form else "")))
    told: Schema = {"description": doc} if doc else {}
    if argument.get("default") is not None:
        told["default"] = argument["default"]
    return {**told, **argument["schema"]}


def _of_kind(
    kind: str, offers: Mapping[Entry, Sequence[str]], components: Mapping[Entry, Described]
) -> dict[str, Schema]:
    """What a component of this kind may be, wherever one may stand."""
    nested: Schema = refer(component(kind))
    if WORDS.get(kind):
        # Deeper in a recipe the core takes no words out.
        nested = {"allOf": [nested, {"properties": dict.fromkeys(WORDS[kind], False)}]}
    one: Schema = refer(component(kind))
    name: Schema = refer(component_name(kind))
    return {
        component_name(kind): {
            "anyOf": [
                *_one_of(
                    [each for given in offers.values() for each in given],
                    enumDescriptions=[
                        _first_line(components[entry]["doc"]) for entry, given in offers.items() for _ in given
                    ],
                ),
                # Code, with --allow-code.
                {"type": "string", "pattern": r":|\$\{", "patternErrorMessage": texts.NO_SUCH_NAME},
            ]
        },
        component(kind): {
            "type": "object",
            "properties": {"use": name},
            **_all_of(
                {"if": _uses(given), "then": refer(component(kind, entry.full_name))} for entry, given in offers.items()
            ),
        },
        position(kind): {"anyOf": [name, one, _NULL]},
        any_value(kind): {
            "if": {"type": "object", "required": ["use"]},
            "then": nested,
            "else": {
                "properties": {"use": name},
                "items": refer(any_value(kind)),
                "additionalProperties": refer(any_value(kind)),
            },
        },
        reference_or_component(kind): {
            "anyOf": [REFERENCE, {"type": "object", "required": ["use"], "allOf": [nested]}]
        },
        **(_labelled(kind, offers, components) if kind in COLLECTIONS.values() else {}),
    }


def _labelled(
    kind: str, offers: Mapping[Entry, Sequence[str]], components: Mapping[Entry, Described]
) -> dict[str, Schema]:
    """A collection: a label that is a component's name means that component unless ``use`` says otherwise."""
    return {
        labelled(kind): {
            **_MAPPING,
            "propertyNames": {"pattern": _whole(LABEL.pattern)},
            "properties": {
                entry.name: {
                    "description": components[entry]["doc"],
                    "anyOf": [
                        {
                            "type": "object",
                            "if": {"required": ["use"]},
                            "then": refer(component(kind)),
                            "else": {
                                "properties": {"use": refer(component_name(kind))},
                                "allOf": [refer(component(kind, entry.full_name))],
                            },
                        },
                        refer(component_name(kind)),
                        _NULL,
                    ],
                }
                for entry in _by_label(offers)
            },
            "additionalProperties": refer(position(kind)),
        }
    }


def _by_label(offers: Mapping[Entry, Sequence[str]]) -> Iterable[Entry]:
    return (entry for entry, names in offers.items() if entry.name in names)


def _complete(
    kind: str,
    offers: Mapping[Entry, Sequence[str]],
    components: Mapping[Entry, Described],
    datasets: tuple[str, ...],
) -> dict[str, Schema]:
    """That no component of this kind, and none inside it, lacks what nobody else gives."""
    needed = {
        entry: _given(required, components[entry].get("renamed", {}))
        for entry in offers
        # A dataset may know what begins with its own name.
        if (
            required := [
                name
                for name, argument in components[entry]["arguments"].items()
                if argument["required"] and not name.startswith(datasets)
            ]
        )
    }
    # Patterns and not properties, which an editor would offer as arguments.
    inside: Schema = {
        "patternProperties": {f"^{inner}$": refer(complete(any_value(inner))) for inner in KINDS if inner != "part"},
        "additionalProperties": refer(complete(any_value("part"))),
    }
    named = complete(f"named:{kind}")
    label = complete(f"label:{kind}")
    # A bare name gives nothing: what needs arguments has to be a mapping.
    bare = _all_of(
        {"if": enum, "then": {"type": "object"}} for enum in _one_of([n for entry in needed for n in offers[entry]])
    )
    counting = [
        {"if": _uses(names), "then": {"required": ["interval"]}}
        for entry, names in offers.items()
        if kind == "scheduler" and any(name in TIMED for name in components[entry]["arguments"])
    ]
    found: dict[str, Schema] = {
        named: {
            **_all_of({"if": _uses(offers[entry]), "then": given} for entry, given in needed.items()),
            **inside,
        },
        complete(kind): {
            "if": {"type": "object"},
            "then": {"required": ["use"], "allOf": [refer(named), *counting]},
            "else": bare,
        },
        complete(any_value(kind)): {
            "if": {"type": "object", "required": ["use"]},
            "then": refer(named),
            "else": {
                "items": refer(complete(any_value(kind))),
                "additionalProperties": refer(complete(any_value(kind))),
            },
        },
    }
    labels = "|".join(entry.name for entry in _by_label(offers))
    if kind in COLLECTIONS.values() and labels:
        found[label] = {
            "if": {"type": "object"},
            "then": {"if": {"required": ["use"]}, "then": refer(named), "else": inside},
            "else": bare,
        }
        unnamed = {"type": "object", "not": {"required": ["use"]}}
        found[complete(labelled(kind))] = {
            "patternProperties": {
                f"^({labels})$": refer(label),
                **{
                    f"^{entry.name}$": {"if": unnamed, "then": needed[entry]}
                    for entry in _by_label(offers)
                    if entry in needed
                },
            },
            "additionalProperties": refer(complete(kind)),
        }
    elif kind in COLLECTIONS.values():
        found[complete(labelled(kind))] = {"additionalProperties": refer(complete(kind))}
    return found


def _first_line(text: str) -> str:
    return textwrap.shorten(text.partition("\n\n")[0], 100, placeholder=" …")


def _all_of(schemas: Iterable[Schema]) -> Schema:
    """All of some, which may be none: draft 7 has no empty ``allOf``."""
    listed = list(schemas)
    return {"allOf": listed} if listed else {}


def _one_of(values: Sequence[str], **more: Any) -> list[Schema]:
    """A choice of values, which may be none: draft 7 has no empty ``enum``."""
    return [{"enum": list(values), **more}] if values else []


def _uses(names: Sequence[str]) -> Schema:
    return {"properties": {"use": {"enum": list(names)}}, "required": ["use"]}


def _or_reference(schema: Schema) -> Schema:
    return {"anyOf": [schema, refer("reference")]}


def _whole(pattern: str) -> str:
    return f"^(?:{pattern})$"
