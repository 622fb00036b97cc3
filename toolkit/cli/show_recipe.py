"""Prints a recipe with the source of every value, or why one value is what it is. Imports no torch and no plugin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.cli.leaves import dotted, leaves
from toolkit.errors import RequestError, did_you_mean, nearest, render_problems
from toolkit.recipe import DEFAULT, KeyPath, Recipe, load, thaw, to_yaml
from toolkit.recipe.defaults import default_layer
from toolkit.recipe.grammar import TOP_LEVEL
from toolkit.recipe.needs import components
from toolkit.registry import CodeNotAllowed, ComponentLookupError, Registry

GIVEN_IN = "command line"


def show_recipe(name: str, overrides: tuple[str, ...], registry: Registry, *, as_json: bool) -> None:
    """Print the resolved recipe: a page that loads as a recipe again, with a comment behind each value.

    What came from the environment is printed as it was written.
    """
    from toolkit.cli.output import note, print_json, say

    recipe = load(name, overrides, registry=registry, given_in=GIVEN_IN)
    written = recipe.as_written()
    values = {key: written[key] for key in (*TOP_LEVEL, *written) if key in written and key != "extends"}
    if as_json:
        print_json(
            {
                "name": recipe.name,
                "file": str(recipe.file),
                "plugin": recipe.distribution,
                "title": recipe.title,
                "extends": list(recipe.extends),
                "environment": list(recipe.env_names),
                "values": values,
                "sources": {dotted(path): str(recipe.place(*path)) for path in leaves(recipe)},
                "problems": [str(problem) for problem in recipe.problems],
            }
        )
        return
    for line in recipe.header.splitlines():
        say(f"# {line}".rstrip())
    kinds = {(*path, "use"): kind for path, kind, _ in components(recipe.values)}
    comments = {path: _comment(recipe, path, kinds.get(path, ""), registry) for path in leaves(recipe)}
    say(to_yaml(values, comments).rstrip("\n"))
    if recipe.problems:
        note(render_problems(recipe.problems))


def show_why(name: str, overrides: tuple[str, ...], key: str, registry: Registry, *, as_json: bool) -> None:
    """Print what each layer made of one value, the strongest layer first."""
    from toolkit.cli.output import print_json, say

    path: KeyPath = tuple(key.split("."))
    recipe = load(name, overrides, registry=registry, given_in=GIVEN_IN)
    if isinstance(recipe.get(*path), Mapping):
        inside = "".join(f"\n  --why {dotted(leaf)}" for leaf in leaves(recipe) if leaf[: len(path)] == path)
        raise RequestError(f"{key!r} holds several values; ask for one of them:{inside}")
    layers = list(reversed(list(_layers(recipe, name, overrides, path, registry))))
    if not layers:
        raise RequestError(_not_set(recipe, path))
    if as_json:
        print_json({"key": key, "layers": [{"value": layer.text or None, "source": layer.source} for layer in layers]})
        return
    say(f"{key}: {layers[0].text or 'not set'}")
    width = max(len(layer.text or "not set") for layer in layers)
    for layer in layers:
        say(f"  {layer.text or 'not set':<{width}}   {layer.source}")


@dataclass(frozen=True, slots=True)
class _Layer:
    """What one layer made of a value."""

    text: str
    """The value as YAML; empty where the layer took it away."""
    source: str


def _layers(
    recipe: Recipe, name: str, overrides: tuple[str, ...], path: KeyPath, registry: Registry
) -> Iterator[_Layer]:
    """The layers that changed a value, the weakest first: each is the recipe as it stands with one layer more."""
    before = next((_flow(node.plain()) for at, node in default_layer().walk() if at == path), "")
    if before:
        yield _Layer(before, str(DEFAULT))
    source = str(DEFAULT)
    # What a parent expects is true of that parent alone.
    parents = () if path[0] == "expect" else tuple(reversed(recipe.extends))
    steps: list[tuple[str, tuple[str, ...]]] = [(page, ()) for page in (*parents, name)]
    steps += [(name, overrides[:count]) for count in range(1, len(overrides) + 1)]
    for page, given in steps:
        loaded = load(page, given, registry=registry, given_in=GIVEN_IN)
        text, place = _text(loaded, path), str(loaded.place(*path))
        if text != before or (text and place != source):
            # A value that an override took away has no place any more.
            yield _Layer(text, f"{GIVEN_IN}: {given[-1]}" if given and not text else place)
        before, source = text, place


def _comment(recipe: Recipe, path: KeyPath, kind: str, registry: Registry) -> str:
    """Where a value was written and, where it names a component of ``kind``, who provides that."""
    told = [str(recipe.place(*path))]
    if path in recipe.from_env:
        told.append("read from the environment")
    elif path in recipe.written:
        told.append(f"written {recipe.written[path]}")
    if kind:
        try:
            entry = registry.find(kind, recipe.get(*path), shipped_by=recipe.distribution)
            told.append(f"{entry.distribution} {entry.version}")
        except CodeNotAllowed:
            told.append("code that is no plugin's")
        except ComponentLookupError as error:
            # What is wrong, without what to type about it.
            told.append(str(error).splitlines()[0].partition(". ")[0])
    return ", ".join(told)


def _text(recipe: Recipe, path: KeyPath) -> str:
    """The value at a path as YAML; empty where there is none."""
    if path not in recipe.places:
        return ""
    return recipe.written[path] if path in recipe.from_env else _flow(thaw(recipe.get(*path)))


def _flow(value: Any) -> str:
    """A value as YAML on one line."""
    return to_yaml({"_": [value]}).strip().removeprefix("_: [").removesuffix("]")


def _not_set(recipe: Recipe, path: KeyPath) -> str:
    around = recipe.get(*path[:-1])
    siblings = [key for key in around if key != "use"] if isinstance(around, Mapping) else []
    close = nearest(str(path[-1]), siblings)
    use = recipe.get(*path[:-1], "use")
    if close:
        hint = f" Did you mean {dotted((*path[:-1], close))!r}?"
    elif isinstance(use, str):
        hint = f" The dataset's facts or the default of {use} decide: `toolkit show {use}` tells more."
    else:
        hint = did_you_mean(str(path[0]), [] if path[0] in TOP_LEVEL else TOP_LEVEL)
    return f"neither the recipe nor an override sets {dotted(path)!r}.{hint}"
