"""What a recipe needs that is not installed, told without importing anything."""

from __future__ import annotations

from toolkit.recipe import freeze
from toolkit.recipe.needs import components, needs
from toolkit.registry import CORE, Registry

VALUES = freeze(
    {
        "task": {"use": "classification"},
        "dataset": {"use": "digits"},
        "model": {"use": "small_cnn", "backbone": {"use": "nosuch"}, "heads": {"loss": {"use": "deep"}}},
        "loss": {"use": "acme-nets/focal", "loss": [{"use": "mse"}]},
        "metrics": {"top5": {"use": "accuracy", "top_k": 5}},
        "transforms": {"train": {"flip": {"use": "flip"}}},
        "callbacks": {"mine": {"use": "./mine.py:Mine"}},
    }
)


def test_every_component_with_its_kind():
    assert {(".".join(map(str, path)), kind, use) for path, kind, use in components(VALUES)} == {
        ("task", "task", "classification"),
        ("dataset", "dataset", "digits"),
        ("model", "model", "small_cnn"),
        ("model.backbone", "part", "nosuch"),
        ("model.heads.loss", "part", "deep"),
        ("loss", "loss", "acme-nets/focal"),
        ("loss.loss.0", "loss", "mse"),
        ("metrics.top5", "metric", "accuracy"),
        ("transforms.train.flip", "transform", "flip"),
        ("callbacks.mine", "callback", "./mine.py:Mine"),
    }


def test_what_is_missing():
    core = Registry(tuple(plugin for plugin in Registry.scan().plugins if plugin.distribution == CORE))
    assert needs(VALUES, core) == (
        "a plugin with the part 'deep'",
        "a plugin with the part 'nosuch'",
        "a plugin with the transform 'flip'",
        "acme-nets",
        "toolkit-vision",
    )


def test_nothing_is_missing():
    assert needs(freeze({"loss": {"use": "mse"}, "optimizer": {"use": 3}, "seed": 0}), Registry.scan()) == ()
