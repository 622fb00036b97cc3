"""The schema of recipes beside the check: it underlines nothing that the check allows, and most of what it refuses."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from toolkit.errors import RecipeError
from toolkit.recipe.reader import read_file
from toolkit.registry import Registry
from toolkit.schema.write import recipe_schema

BAD = Path(__file__).parent / "bad"

UNSEEN = {
    "averages_in_16_bits": "two keys together",
    "broken_plugin": "a plugin that cannot be imported leaves its arguments open",
    "code_without_flag": "whether --allow-code is given",
    "loader_with_datamodule": "what a dataset returns",
    "logged_raises": "what a task's code does",
    "metric_not_fed": "what the task feeds",
    "monitor": "what the task logs",
    "name_alone": "which texts are names",
    "not_callable": "what cannot be used has no arguments that could be told",
    "parent": "the parent's file",
    "parent_absent": "which files there are",
    "parent_of_itself": "the parent's file",
    "positional_only": "it is the component that is wrong",
    "references": "what a reference resolves to",
    "reserved_word": "it is the component that is wrong",
    "scheduler_length": "two keys together",
    "scheduler_length_in_steps": "two keys together",
    "strategy": "which strategies start processes",
    "task_needs": "what the task asks for",
    "task_takes_no": "what the task asks for",
    "tensor": "that lists are of equal length",
    "trainer_minus_one": "that -1 stands for no end",
    "trainer_names": "what Lightning has registered",
    "warmup_too_long": "two keys together",
}
"""Bad recipes in which the schema sees nothing wrong, each with what it would have to know."""


@pytest.fixture(scope="module")
def validator(
    registry: Registry, signature_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Draft7Validator]:
    cache = shutil.copytree(signature_cache, tmp_path_factory.mktemp("cache") / "toolkit")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOOLKIT_CACHE", str(cache))
        yield Draft7Validator(json.loads(recipe_schema(registry)[0]))


def written(file: Path) -> object:
    """The values of a recipe's own file; None where it is not a recipe's YAML at all."""
    try:
        return read_file(file, file.name)[0].plain()
    except RecipeError:
        return None


def test_bad_recipes_are_seen(validator: Draft7Validator) -> None:
    unseen, seen = set(), set()
    for file in sorted(BAD.glob("*.yaml")):
        values = written(file)
        if values is not None and "# override: " not in file.read_text():
            (unseen if validator.is_valid(values) else seen).add(file.stem)
    assert unseen == set(UNSEEN)
    assert len(seen) >= 30


def test_a_right_recipe_has_nothing_wrong(validator: Draft7Validator, right: str, tmp_path: Path) -> None:
    (tmp_path / "right.yaml").write_text(right)
    assert list(validator.iter_errors(written(tmp_path / "right.yaml"))) == []
