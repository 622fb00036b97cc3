"""The schema of what is installed accepts every recipe that is shipped, as it is written and as it is resolved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, ValidationError

from toolkit.build import build, resolved
from toolkit.check import resolve
from toolkit.recipe import list_recipes, load
from toolkit.recipe.needs import components
from toolkit.recipe.reader import read_file
from toolkit.registry import Registry
from toolkit.schema.write import recipe_schema

REGISTRY = Registry.scan()
RECIPES = [recipe for recipe in list_recipes(REGISTRY) if recipe.distribution]


@pytest.fixture(scope="module")
def validator(signature_cache: Path) -> Draft7Validator:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOOLKIT_CACHE", str(signature_cache))
        schema = json.loads(recipe_schema(REGISTRY)[0])
    Draft7Validator.check_schema(schema)
    return Draft7Validator(schema)


def mistakes(validator: Draft7Validator, values: Any) -> list[str]:
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(values)]


def _deepest(error: ValidationError) -> ValidationError:
    """Where it is, of an error in one of several alternatives."""
    return max((error, *map(_deepest, error.context or ())), key=lambda each: len(each.absolute_path))


def test_there_are_recipes_and_components(validator: Draft7Validator) -> None:
    assert len(RECIPES) >= 25
    assert len(validator.schema["definitions"]) >= 200


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.full_name)
def test_a_shipped_recipe_has_no_mistake(validator: Draft7Validator, recipe: Any) -> None:
    written = read_file(recipe.path, recipe.name)[0].plain()
    assert mistakes(validator, written) == []
    loaded = load(str(recipe.path), registry=REGISTRY)
    assert mistakes(validator, loaded.plain()) == []
    full = loaded.plain()
    for path, kind, use in components(loaded.values):
        block: Any = full
        for part in path:
            block = block[part]
        block["use"] = REGISTRY.find(kind, use, shipped_by=recipe.distribution).full_name
    assert mistakes(validator, full) == []


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"optimizer": {"use": "sgd", "lr": 0.1, "momentun": 0.9}}, "$.optimizer"),
        ({"optimizer": {"use": "sgd", "lr": "high"}}, "$.optimizer.lr"),
        (
            {"optimizer": {"use": "sgd", "lr": 0.1, "groups": {"head.*": {"momentun": 0.9}}}},
            "$.optimizer.groups['head.*']",
        ),
        ({"optimizer": {"use": "sgd", "lr": 0.1, "no_decay": 3}}, "$.optimizer.no_decay"),
        ({"model": "small_cn"}, "$.model"),
        ({"model": {"width": 3}}, "$.model"),
        ({"model": {"use": "small_cnn", "width": "wide"}}, "$.model.width"),
        ({"model": {"use": "flip_averaged", "model": {"use": "resnet9", "widht": 3}}}, "$.model.model"),
        ({"model": {"use": "flip_averaged", "model": {"use": "resnet9", "freeze": ["norm"]}}}, "$.model.model"),
        ({"dataset": "image_folder"}, "$.dataset"),
        ({"dataset": {"use": "image_folder"}}, "$.dataset"),
        ({"metrics": {"accuracy": {"topk": 3}}}, "$.metrics.accuracy"),
        ({"metrics": {"top5": {"use": "accuracy", "top_k": "five"}}}, "$.metrics.top5.top_k"),
        ({"metrics": {"top5": {"top_k": 5}}}, "$.metrics.top5"),
        ({"metrics": {"Top5": {"use": "accuracy"}}}, "$.metrics"),
        ({"transforms": {"training": {}}}, "$.transforms"),
        ({"transforms": {"train": {"random_flip": {"q": 0.5}}}}, "$.transforms.train.random_flip"),
        ({"trainer": {"max_epochs": 3, "max_epoch": 3}}, "$.trainer"),
        ({"trainer": {"devices": 2}}, "$.trainer"),
        ({"scheduler": {"use": "cosine"}}, "$.scheduler"),
        ({"trainer": {"max_epochs": "many"}}, "$.trainer.max_epochs"),
        ({"trainer": {"max_steps": 3, "logger": True}}, "$.trainer"),
        ({"loader": {"batch_size": 0}}, "$.loader.batch_size"),
        ({"loader": {"batchsize": 8}}, "$.loader"),
        ({"engine": {"compile": "fast"}}, "$.engine.compile"),
        ({"engine": {"keep": {"bset": 1}}}, "$.engine.keep"),
        ({"engine": {"ema": {"decai": 0.9}}}, "$.engine.ema"),
        ({"expect": {"test/accuracy": 0.98}}, "$.expect['test/accuracy']"),
        ({"expect": {"accuracy": ">= 0.98"}}, "$.expect"),
        ({"metrics": "accuracy"}, "$.metrics"),
        ({"trainer": [3]}, "$.trainer"),
        ({"seed": -1}, "$.seed"),
        ({"extends": "vision/digit"}, "$.extends"),
        ({"optimiser": "sgd"}, "$"),
    ],
)
def test_a_typical_mistake_is_found_where_it_is(validator: Draft7Validator, change: dict[str, Any], where: str) -> None:
    values = read_file(next(r.path for r in RECIPES if r.name == "vision/digits"), "")[0].plain() | change
    assert {_deepest(error).json_path for error in validator.iter_errors(values)} == {where}


@pytest.mark.parametrize(
    "change",
    [
        {"seed": "${oc.env:SEED,3}"},
        {"trainer": "${oc.env:TRAINER}", "metrics": "${loggers}", "expect": {"test/accuracy": ">= ${seed}"}},
        {"optimizer": {"use": "sgd", "groups": "${seed}", "no_decay": "${seed}"}, "engine": {"keep": "${seed}"}},
        {"optimizer": {"use": "sgd", "lr": "${loader.batch_size}", "nesterov": "${engine.compile}"}},
        {"model": "${oc.env:MODEL,small_cnn}"},
        {"model": {"use": "./net.py:Net", "anything": 3}},
        {"model": {"use": "toolkit-vision/small_cnn", "freeze": "norm"}},
        {"loss": "cross_entropy"},
        {"loss": {"use": "cross_entropy", "weight": [1, 5]}},
        {"scheduler": None},
        {"extends": "vision/digits", "model": {"width": 3}, "metrics": {"top5": {"top_k": 5}, "accuracy": None}},
        {"extends": "../base.yaml", "dataset": {"use": "image_folder"}},
        {"metrics": {"map": "f1_score"}},
        {"engine": {"ema": 0.99, "keep": {"best": 2}, "save": {"minutes": 2.5}}},
    ],
)
def test_what_is_allowed_is_accepted(validator: Draft7Validator, change: dict[str, Any]) -> None:
    values = read_file(next(r.path for r in RECIPES if r.name == "vision/digits"), "")[0].plain() | change
    assert mistakes(validator, values) == []


def test_with_a_parent_the_keys_of_the_parent_may_be_missing(validator: Draft7Validator) -> None:
    assert mistakes(validator, {"extends": "vision/digits"}) == []
    assert mistakes(validator, {"seed": 3}) == [
        "$: 'task' is a required property",
        "$: 'dataset' is a required property",
        "$: 'trainer' is a required property",
    ]


def test_everything_is_documented(validator: Draft7Validator) -> None:
    schema = validator.schema
    assert all(each["description"] for each in schema["properties"].values())
    sgd = schema["definitions"]["optimizer:toolkit-core:sgd"]["properties"]
    assert sgd["momentum"]["description"] == "momentum factor (default: 0) (a number)"
    assert sgd["momentum"]["default"] == 0
    small = schema["definitions"]["model:toolkit-vision:small_cnn"]["properties"]
    assert "toolkit_vision" in small["use"]["description"]
    assert small["num_classes"]["description"].endswith(
        "Filled from the dataset where it is left out. (a whole number)"
    )
    assert schema["properties"]["loader"]["properties"]["batch_size"]["description"].startswith("Samples in a batch")


def test_a_resolved_recipe_has_no_mistake(validator: Draft7Validator) -> None:
    recipe = load("vision/digits", registry=REGISTRY)
    values = resolved(build(resolve(recipe, REGISTRY))).values
    assert (values["model"]["use"], values["model"]["num_classes"]) == ("toolkit-vision/small_cnn", 10)
    assert mistakes(validator, values) == []
