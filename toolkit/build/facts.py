"""What a built dataset knows about itself, as plain values under the names of the closed list.

Imports Lightning for its LightningDataModule.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytorch_lightning import LightningDataModule

from toolkit.build.construct import blamed, problem_at
from toolkit.check import Block
from toolkit.errors import did_you_mean
from toolkit.recipe import Recipe
from toolkit.recipe.grammar import FACTS
from toolkit.registry import renamed


def read_facts(block: Block, recipe: Recipe, data: Any, notes: list[str]) -> dict[str, Any]:
    """The facts of a dataset; a fact that is None is not known.

    A LightningDataModule is prepared and set up for ``fit`` first, and contributes its mapping ``facts`` and the public
    attributes whose names are on the list.

    Args:
        block: the recipe's ``dataset``.
        recipe: for the places of messages.
        data: the dataset, built.
        notes: facts that it states under an old name are told here.

    Raises:
        BuildError: the data could not be prepared, or a fact has a name or a value that no fact can have.
    """
    prefix = f"{block.component.entry.name}_"
    if isinstance(data, LightningDataModule):
        try:
            facts = _of_datamodule(data, prefix)
        except Exception as error:
            raise blamed(block, recipe, "could not prepare its data", error) from error
    else:
        facts = dict(getattr(data, "facts", {}))
        unknown = [name for name in facts if not _is_fact(name, prefix)]
        if unknown:
            raise problem_at(block, recipe, _unknown(unknown[0], prefix))
    known = {name: _plain(block, recipe, name, value) for name, value in facts.items() if value is not None}
    for old, fact in renamed.FACTS.items():
        value = known.pop(old, None)
        # A dataset that states both goes with both versions of the toolkit.
        if value is not None and fact.new not in known:
            known[fact.new] = value
            notes.append(f"{block.component.entry}: {fact.told('the fact', old)}")
    return known


def _of_datamodule(data: LightningDataModule, prefix: str) -> dict[str, Any]:
    data.prepare_data()
    data.setup("fit")
    stated = getattr(data, "facts", None)
    known: Mapping[Any, Any] = stated if isinstance(stated, Mapping) else {}
    facts = {name: value for name, value in known.items() if _is_fact(name, prefix)}
    for name in (*FACTS, *renamed.FACTS):  # none of them is the name of an attribute or a method of Lightning's
        facts.setdefault(name, getattr(data, name, None))
    return facts


def _is_fact(name: Any, prefix: str) -> bool:
    return name in FACTS or name in renamed.FACTS or (isinstance(name, str) and name.startswith(prefix))


def _unknown(name: Any, prefix: str) -> str:
    start = f"states the fact {name!r}, which is not on the list of facts.{did_you_mean(str(name), FACTS)}"
    return f"{start} A fact of its own begins with {prefix!r}"


def _plain(block: Block, recipe: Recipe, name: str, value: Any) -> Any:
    """``value`` as numbers, strings and lists, so that a saved recipe can hold it."""
    if isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(block, recipe, name, child) for key, child in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(block, recipe, name, child) for child in value]
    if hasattr(value, "tolist"):  # NumPy's scalars and arrays, tensors
        return value.tolist()
    kind = type(value).__name__
    raise problem_at(block, recipe, f"states the fact {name!r} as {kind}; a fact is made of numbers, text and lists")
