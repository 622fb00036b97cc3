"""The table of layers: what a child or an override makes of what was there."""

from __future__ import annotations

from typing import Any

import pytest

from toolkit.errors import Place
from toolkit.recipe.layers import lay_over
from toolkit.recipe.node import Node
from toolkit.recipe.overrides import read_override
from toolkit.recipe.reader import read_text

BASE = """
seed: 0
model: {use: small_cnn, width: 32, backbone: {use: resnet, depth: 18}}
optimizer: {use: sgd, lr: 0.1, momentum: 0.9}
scheduler: step
metrics: {accuracy: {}, top5: {use: accuracy, top_k: 5}}
transforms: {train: {flip: {}, crop: {pad: 4}}}
trainer: {max_epochs: 10}
"""


def written_out(text: str) -> Node:
    return lay_over(Node({}, Place("empty"), Place("empty")), read_text(text, "base.yaml"))[0]


def after(*overrides: str) -> dict[str, Any]:
    root = written_out(BASE)
    for text in overrides:
        root, problems = lay_over(root, read_override(text, Place(f"command line: {text}")))
        assert not problems
    plain: dict[str, Any] = root.plain()
    return plain


TABLE: list[tuple[list[str], str, Any]] = [
    # a bare name is a block; one of another name drops the old arguments
    ([], "scheduler", {"use": "step"}),
    (["model=mlp"], "model", {"use": "mlp"}),
    (["model=mlp", "model.hidden=64"], "model", {"use": "mlp", "hidden": 64}),
    (["model={use: mlp, hidden: 64}"], "model", {"use": "mlp", "hidden": 64}),
    (["model.use=mlp"], "model", {"use": "mlp"}),
    # the same name, or none, merges
    (["optimizer=sgd"], "optimizer", {"use": "sgd", "lr": 0.1, "momentum": 0.9}),
    (["optimizer.lr=0.5"], "optimizer", {"use": "sgd", "lr": 0.5, "momentum": 0.9}),
    (["optimizer={lr: 0.5}"], "optimizer", {"use": "sgd", "lr": 0.5, "momentum": 0.9}),
    (["optimizer={use: sgd, lr: 0.5}"], "optimizer", {"use": "sgd", "lr": 0.5, "momentum": 0.9}),
    # order decides: what comes after a replacement survives it
    (["model.width=8", "model=mlp"], "model", {"use": "mlp"}),
    # nested components follow the same rule
    (
        ["model.backbone.depth=50"],
        "model",
        {"use": "small_cnn", "width": 32, "backbone": {"use": "resnet", "depth": 50}},
    ),
    (["model.backbone=vit"], "model", {"use": "small_cnn", "width": 32, "backbone": {"use": "vit"}}),
    (
        ["model.backbone={use: vit, heads: 4}"],
        "model",
        {"use": "small_cnn", "width": 32, "backbone": {"use": "vit", "heads": 4}},
    ),
    # collections: changed, added, removed by label; the order is the order written
    ([], "metrics", {"accuracy": {"use": "accuracy"}, "top5": {"use": "accuracy", "top_k": 5}}),
    (
        ["metrics.top5.top_k=3"],
        "metrics",
        {"accuracy": {"use": "accuracy"}, "top5": {"use": "accuracy", "top_k": 3}},
    ),
    (["metrics.top5=auroc"], "metrics", {"accuracy": {"use": "accuracy"}, "top5": {"use": "auroc"}}),
    (["metrics.top5=null"], "metrics", {"accuracy": {"use": "accuracy"}}),
    (
        ["metrics.auroc={}"],
        "metrics",
        {"accuracy": {"use": "accuracy"}, "top5": {"use": "accuracy", "top_k": 5}, "auroc": {"use": "auroc"}},
    ),
    (
        ["metrics={accuracy: null, f1_score: {}}"],
        "metrics",
        {"top5": {"use": "accuracy", "top_k": 5}, "f1_score": {"use": "f1_score"}},
    ),
    (["transforms.train.flip=null"], "transforms", {"train": {"crop": {"use": "crop", "pad": 4}}}),
    (
        ["transforms.train.crop.pad=2"],
        "transforms",
        {"train": {"flip": {"use": "flip"}, "crop": {"use": "crop", "pad": 2}}},
    ),
    (["callbacks.ema={decay: 0.99}"], "callbacks", {"ema": {"use": "ema", "decay": 0.99}}),
    (["callbacks.mine=ema"], "callbacks", {"mine": {"use": "ema"}}),
    # null elsewhere is None
    (["scheduler=null"], "scheduler", None),
    (["scheduler=null", "scheduler={use: step, step_size: 2}"], "scheduler", {"use": "step", "step_size": 2}),
    (["optimizer.momentum=null"], "optimizer", {"use": "sgd", "lr": 0.1, "momentum": None}),
    # plain blocks and values
    (["trainer.precision=bf16-mixed"], "trainer", {"max_epochs": 10, "precision": "bf16-mixed"}),
    (["trainer={max_steps: 5}"], "trainer", {"max_epochs": 10, "max_steps": 5}),
    (["seed=3"], "seed", 3),
    (
        ["optimizer.betas=[0.9, 0.99]"],
        "optimizer",
        {"use": "sgd", "lr": 0.1, "momentum": 0.9, "betas": [0.9, 0.99]},
    ),
    # what is not valid YAML is text; the first `=` divides
    (["expect.test/accuracy=>= 0.5"], "expect", {"test/accuracy": ">= 0.5"}),
    (["dataset=digits", "dataset.root=a=b"], "dataset", {"use": "digits", "root": "a=b"}),
    (["dataset=digits", "dataset.note={half"], "dataset", {"use": "digits", "note": "{half"}),
]


@pytest.mark.parametrize(
    ("overrides", "key", "expected"),
    TABLE,
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_layers(overrides: list[str], key: str, expected: Any) -> None:
    found = after(*overrides)[key]
    assert found == expected
    if isinstance(expected, dict):
        assert list(found) == list(expected), "the order is the order written"


def test_a_label_that_is_not_there_cannot_be_removed() -> None:
    text = "metrics.acuracy=null"
    _, problems = lay_over(written_out(BASE), read_override(text, Place(f"command line: {text}")))
    assert [str(problem) for problem in problems] == [
        "command line: metrics.acuracy=null   metrics.acuracy: there is no metric 'acuracy' to remove."
        " Did you mean 'accuracy'?"
    ]


def test_each_value_keeps_the_place_of_its_layer() -> None:
    root = written_out(BASE)
    root, _ = lay_over(root, read_override("optimizer.lr=0.5", Place("command line: optimizer.lr=0.5")))
    places = {path: str(node.place) for path, node in root.walk()}
    assert places["optimizer", "lr"] == "command line: optimizer.lr=0.5"
    assert places["optimizer", "momentum"] == "base.yaml:4:42"
    assert places["optimizer",] == "base.yaml:4:12"
