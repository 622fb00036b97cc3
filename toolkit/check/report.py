"""Collects what is wrong with one recipe, and puts it in the order it is written in. Imports nothing heavy."""

from __future__ import annotations

from toolkit.check.blocks import dotted
from toolkit.errors import Place, Problem
from toolkit.recipe import DEFAULT, KeyPath, Recipe, file_place
from toolkit.recipe.overrides import spaced_apart


class Report:
    """The problems of one recipe so far; whoever checks something adds to it and goes on."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self._found: list[Problem] = []

    def at_key(self, path: KeyPath, message: str) -> None:
        """A key is wrong: unknown, misspelt, not wanted there."""
        self._found.append(Problem(self.recipe.key_place(*path), dotted(path), message))

    def at_value(self, path: KeyPath, message: str, key: KeyPath | None = None) -> None:
        """A value is wrong, or something inside it is missing; ``key`` is the key to name if not the value's own."""
        self._found.append(Problem(self.recipe.place(*path), dotted(path if key is None else key), message))

    def at_block(self, path: KeyPath, message: str) -> None:
        """A component is wrong as a whole, or lacks something: told at its name."""
        self.at_value((*path, "use"), message, key=path)

    def missing(self, key: str, message: str) -> None:
        """A top-level block is missing, or has nothing in it that the recipe wrote."""
        place = self.recipe.key_place(key)
        self._found.append(Problem(file_place(self.recipe) if place in (DEFAULT, self._root) else place, key, message))

    @property
    def _root(self) -> Place:
        return self.recipe.key_place()

    def problems(self) -> tuple[Problem, ...]:
        """All of them, with those found while loading: the recipe's own file, its parents', then overrides."""
        loading = self.recipe.problems
        # A reference that could not be resolved has left null behind, and null is then of a wrong type: said once.
        told = {problem.key for problem in loading if problem.key}
        found = [*loading, *(problem for problem in self._found if problem.key not in told)]
        return tuple(sorted(dict.fromkeys(found), key=self._position))

    def _position(self, problem: Problem) -> tuple[int, int, int, int]:
        place = problem.place
        if place.line is not None:
            return 0, self._generation(place), place.line, place.column or 0
        if place == DEFAULT:
            return 2, 0, 0, 0
        text = place.source.partition(": ")[2]
        overrides = [" ".join(words) for _, words in spaced_apart(self.recipe.overrides)]
        return 1, overrides.index(text) if text in overrides else len(overrides), 0, 0

    def _generation(self, place: Place) -> int:
        """0 for the recipe's own file, 1 for its parent's, 2 for that one's."""
        reached_from = {each.source: each.via for each in self.recipe.places.values()}
        reached_from[place.source] = place.via
        generation, via = 0, place.via
        while via and generation <= len(self.recipe.extends):
            generation += 1
            via = reached_from.get(via.removeprefix("extends in ").rpartition(":")[0], "")
        return generation
