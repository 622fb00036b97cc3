"""From a component position of a recipe to a Block: finds the component, imports it, checks its arguments.

Imports the components that a recipe names; calls none of them.
"""

from __future__ import annotations

from typing import Any

from toolkit.check.arguments import UNRESOLVED, check_arguments
from toolkit.check.blocks import Block, dotted
from toolkit.check.renamed import old_names, under_new_names, with_new_names
from toolkit.check.report import Report
from toolkit.check.signature import signature_of
from toolkit.check.types import texts_for_objects
from toolkit.check.wording import shown
from toolkit.check.words import check_words
from toolkit.errors import did_you_mean
from toolkit.recipe import KeyPath, Recipe
from toolkit.recipe.grammar import BLOCKS, COLLECTIONS, FACT_KINDS, FACTS, LABEL, TRANSFORMS, WORDS
from toolkit.registry import KINDS, BrokenComponent, Component, ComponentLookupError, Registry, load
from toolkit.registry.packages import absent_packages


class Walk:
    """Goes through every component position of one recipe and makes a Block of each that can be resolved."""

    def __init__(self, recipe: Recipe, registry: Registry, report: Report) -> None:
        self.recipe = recipe
        self.registry = registry
        self.report = report
        self.values = recipe.plain()
        self.notes: list[str] = []
        """Old names that are used."""

    def alone(self, path: KeyPath, kind: str) -> Block | None:
        """The component at a path, which need not be a place of the grammar; facts fill nothing."""
        value: Any = self.values
        for part in path:
            value = value[part]
        return self._block(path, kind, value, facts=False)

    def blocks(self) -> dict[str, Block]:
        """The single components by kind."""
        found = {kind: self._position((kind,), kind, self.values.get(kind)) for kind in BLOCKS}
        return {kind: block for kind, block in found.items() if block is not None}

    def collections(self) -> dict[str, dict[str, Block]]:
        """The collections by their dotted path, each by label."""
        transforms = self._mapping(("transforms",), self.values.get("transforms"), "`transforms: {train: {...}}`")
        for name in transforms:
            if name not in TRANSFORMS:
                guess = did_you_mean(name, TRANSFORMS) or f" There are {' and '.join(TRANSFORMS)}."
                self.report.at_key(("transforms", name), f"transforms has no key {name!r}.{guess}")
        found = {}
        for path, kind in COLLECTIONS.items():
            values = (transforms if path[0] == "transforms" else self.values).get(str(path[-1]))
            found[".".join(map(str, path))] = self._collection(path, kind, values)
        return found

    def _collection(self, path: KeyPath, kind: str, values: Any) -> dict[str, Block]:
        found = {}
        # Who wrote `metrics: accuracy` is shown the same as it is meant to be.
        example = f"{values}: {{}}" if isinstance(values, str) and LABEL.fullmatch(values) else "a_name: {...}"
        for label, value in self._mapping(path, values, f"`{path[-1]}: {{{example}}}`").items():
            if not LABEL.fullmatch(label):
                message = f"{label!r} cannot be a label: small letters, digits and _, beginning with a letter"
                self.report.at_key((*path, label), message)
            elif block := self._position((*path, label), kind, value):
                found[label] = block
        return found

    def _mapping(self, path: KeyPath, values: Any, example: str) -> dict[str, Any]:
        if values is None:
            return {}
        if not isinstance(values, dict):
            message = f"expected components by label, such as {example}, got {shown(values)}"
            self.report.at_value(path, message)
            return {}
        return values

    def _position(self, path: KeyPath, kind: str, value: Any) -> Block | None:
        """What stands where the grammar puts a component."""
        if value is None:
            return None
        if not isinstance(value, dict):
            mapping = "with `use`" if len(path) == 1 else "of its arguments"
            message = f"expected the name of a component, or a mapping {mapping}, got {shown(value)}"
            self.report.at_value(path, message)
            return None
        if "use" not in value:
            self.report.at_value(path, f"the name of the {kind} is missing: write `use: NAME` among its arguments")
            return None
        return self._block(path, kind, value, facts=kind in FACT_KINDS)

    def _block(self, path: KeyPath, kind: str, value: dict[str, Any], *, facts: bool) -> Block | None:
        component = self._component(path, kind, value["use"])
        words = WORDS.get(kind, ()) if len(path) == 1 else ()
        arguments = {
            name: self._resolved((*path, name), name, child, facts=facts)
            for name, child in value.items()
            if name != "use" and name not in words
        }
        if component is None:
            return None
        try:
            signature = signature_of(component.target)
        except TypeError:
            self.report.at_block(path, f"{component.entry} is neither a class nor a function")
            return None
        absent = absent_packages(component.entry, value)
        if absent:
            self.report.at_block(path, absent)
        given_words = {name: value[name] for name in words if name in value}
        arguments, written = with_new_names(component, signature, arguments)
        for name, new in written.items():
            self.notes.append(
                f"{dotted((*path, name))} is called {new!r} now: {component.entry} will give up the old name"
            )
        signature, own_names = under_new_names(kind, signature, arguments)
        for old in own_names.values():
            self.notes.append(f"{component.entry}: {old_names(kind)[old].told('the argument', old)}")
        block = Block(path, kind, component, signature, arguments, given_words, own_names)
        check_words(block, words, self.report)
        check_arguments(block, words, self.report, self._is_fact if facts and kind in FACT_KINDS else lambda _: False)
        self._names_as_texts(block)
        return block

    def _names_as_texts(self, block: Block) -> None:
        """Report a component that is written by its name alone, as at the top level, where that is a text."""
        for name, value in block.arguments.items():
            parameter, kind = block.signature.parameters.get(name), _kind_of(name)
            for inside, text in texts_for_objects(value, parameter.annotation) if parameter else ():
                try:
                    self.registry.find(kind, text, shipped_by=self.recipe.distribution)
                except ComponentLookupError:
                    continue  # some other text, which the component may know
                message = f"{text!r} is the name of a {kind}, which is written {{use: {text}}} here"
                self.report.at_value((*block.path, name, *inside), message)

    def _component(self, path: KeyPath, kind: str, use: Any) -> Component | None:
        if not isinstance(use, str):
            self.report.at_value((*path, "use"), f"expected the name of a component, got {shown(use)}")
            return None
        recipe = self.recipe
        try:
            return load(
                self.registry.find(
                    kind,
                    use,
                    shipped_by=recipe.distribution,
                    allow_code=recipe.allow_code,
                    folder=recipe.folder_of(*path, "use"),
                )
            )
        except (ComponentLookupError, BrokenComponent) as error:
            self.report.at_block(path, str(error))
            return None

    def _resolved(self, path: KeyPath, argument: str, value: Any, *, facts: bool) -> Any:
        """An argument's value with a Block in place of every component inside it.

        The place of a component that could not be resolved holds `UNRESOLVED`, so that the value is not checked.
        """
        if isinstance(value, list):
            return [self._resolved((*path, i), argument, child, facts=facts) for i, child in enumerate(value)]
        if not isinstance(value, dict):
            return value
        if "use" in value:
            return self._block(path, _kind_of(argument), value, facts=facts) or UNRESOLVED
        return {key: self._resolved((*path, key), argument, child, facts=facts) for key, child in value.items()}

    def _is_fact(self, name: str) -> bool:
        """Whether a dataset may know ``name``: on the closed list, or with this dataset's own prefix."""
        dataset = self.values.get("dataset")
        use = dataset.get("use") if isinstance(dataset, dict) else None
        own = use.rpartition("/")[2] if isinstance(use, str) else ""
        return name in FACTS or (bool(own) and name.startswith(f"{own}_"))


def _kind_of(argument: str) -> str:
    """What kind a component is of that stands in an argument."""
    return argument if argument in KINDS else "part"
