"""An argument's old name, which a component says it had or the core gave it, is accepted where a recipe with it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from toolkit.registry import Entry, Plugin, Registry, renamed
from toolkit.registry.renamed import Renamed
from toolkit.schema.describe import describe
from toolkit.schema.described import BLOCKS
from toolkit.schema.gather import Gathered
from toolkit.schema.known import block_entry
from toolkit.schema.page import page

NET = '''
class Net:
    """Has renamed an argument that it needs, and one that it does not."""

    renamed = {"hidden_size": "hidden", "drop": "dropout", "gone": "nowhere"}

    def __init__(self, hidden: int, dropout: float = 0.0):
        """Nothing to build here."""


class Old:
    """Was written for a core that called two things otherwise.

    Args:
        classes: width of the output.
    """

    renamed = {"outputs": "classes"}

    def __init__(self, classes: int, files=None):
        """Nothing to build here."""
'''
REST = {"dataset": None, "trainer": {"max_epochs": 1}}


@pytest.fixture
def schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    (tmp_path / "acme_renamed.py").write_text(NET)
    monkeypatch.syspath_prepend(str(tmp_path))
    # Nothing of the core's is renamed today.
    monkeypatch.setattr(renamed, "FACTS", {"classes": Renamed("num_classes", "9.0")})
    monkeypatch.setattr(renamed, "ARGUMENTS", {"model": {"files": Renamed("run_files", "9.0")}})
    offered = {"net": "acme_renamed:Net", "old": "acme_renamed:Old"}
    entries = tuple(Entry("model", name, value, "acme-nets", "1.0") for name, value in offered.items())
    blocks = {name: describe(block_entry(name)) for name in BLOCKS}
    gathered = Gathered(components={entry: describe(entry) for entry in entries}, blocks=blocks)
    return page(gathered, Registry((Plugin("acme-nets", "1.0", tmp_path, entries),)), [])


def where(schema: dict[str, Any], use: str = "net", **arguments: Any) -> set[str]:
    """Where the mistakes are of a recipe that gives the model some arguments."""
    recipe = {**REST, "task": None, "model": {"use": use, **arguments}}
    errors = [error for error in Draft7Validator(schema).iter_errors(recipe) if "model" in error.json_path]
    return {
        max((error, *(error.context or ())), key=lambda each: len(each.absolute_path)).json_path for error in errors
    }


def test_it_is_accepted_for_the_new_one(schema: dict[str, Any]) -> None:
    Draft7Validator.check_schema(schema)
    assert where(schema, hidden=3, dropout=0.1) == set()
    assert where(schema, hidden_size=3, drop=0.1) == set()


def test_it_is_marked_as_deprecated(schema: dict[str, Any]) -> None:
    properties = schema["definitions"]["model:acme-nets:net"]["properties"]
    assert properties["hidden_size"]["description"] == "Deprecated: this is called `hidden` now."


@pytest.mark.parametrize(
    "arguments",
    [
        {"hidden": 3, "hidden_size": 3},
        {"hidden_size": "wide"},
        {"drop": 0.1},
        {"hidden": 3, "gone": 1},
        {"hidden": 3, "hiden_size": 3},
    ],
    ids=["both", "of another type", "another is missing", "leads nowhere", "misspelt"],
)
def test_mistakes_are_still_found(schema: dict[str, Any], arguments: dict[str, Any]) -> None:
    assert where(schema, **arguments)


def test_what_the_core_has_renamed_is_called_as_the_core_calls_it_now(schema: dict[str, Any]) -> None:
    properties = schema["definitions"]["model:acme-nets:old"]["properties"]
    # The core gives `files`, as `run_files`: it is offered to nobody.
    assert set(properties) - {"freeze", "init_from"} == {"use", "num_classes", "classes", "outputs"}
    assert properties["num_classes"]["description"].startswith("width of the output. Filled from the dataset")
    assert properties["classes"]["description"] == "Deprecated: this is called `num_classes` now."
    for name in ("num_classes", "classes", "outputs"):
        assert where(schema, "old", **{name: 3}) == set()
        assert where(schema, "old", **{name: "three"})
    assert where(schema, "old") == set()
    assert where(schema, "old", num_classes=3, classes=3)
