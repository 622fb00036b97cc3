"""``KEY=VALUE`` for a method of a task, held against its signature. Imports no torch by itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from toolkit.check import converted, signature_of
from toolkit.check.types import mismatch
from toolkit.errors import Place, Problem, RecipeError, RequestError, did_you_mean
from toolkit.recipe.overrides import override_place, read_override, spaced_apart, without_spaces


def task_arguments(
    method: Callable[..., Any],
    from_core: Collection[str],
    arguments: Sequence[str],
    *,
    name: str,
    does: str,
    to_do: str,
    given_in: str,
) -> dict[str, Any]:
    """What a method of a task is given by name.

    Args:
        method: the task's.
        from_core: its parameters that are given otherwise.
        arguments: ``key=value``.
        name: the task's, for messages.
        does: what it does by the method, such as ``goes on with a text``.
        to_do: the same in another form: ``go on with a text``.
        given_in: where the arguments were typed.

    Raises:
        RequestError: all that is wrong with the arguments.
    """
    parameters = signature_of(method).parameters
    offered = {key: parameter for key, parameter in parameters.items() if key not in from_core}
    given: dict[str, Any] = {}
    wrong: list[Problem] = []
    for index, words in spaced_apart(arguments):
        place = override_place(" ".join(words), index, given_in)
        key = words[0].partition("=")[0].strip()
        try:
            value = _value(words, key, place)
        except RecipeError as error:
            wrong += error.problems
            continue
        if key not in offered:
            hint = did_you_mean(key, offered) or f" There are: {', '.join(offered) or 'none'}"
            wrong.append(Problem(place, "", f"{name} {does} by no argument {key!r}.{hint}"))
            continue
        found = mismatch(value, offered[key])
        if found is not None:
            wrong.append(Problem(place, ".".join(map(str, (key, *found.path))), found.message))
        given[key] = converted(value, offered[key].annotation)
    absent = [key for key, parameter in offered.items() if parameter.required and key not in given]
    lines = [str(problem) for problem in wrong]
    if absent and not wrong:
        lines.append(f"{name} needs {' and '.join(f'{key}=VALUE' for key in absent)} to {to_do}")
    if lines:
        raise RequestError("\n".join(lines))
    return given


def _value(words: Sequence[str], key: str, place: Place) -> Any:
    if len(words) > 1:
        raise RecipeError([Problem(place, "", without_spaces(words))])
    found: Any = read_override(words[0], place).plain()
    for part in key.split("."):
        found = found[part]
    return found
