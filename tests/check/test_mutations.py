"""No mutation of a valid recipe ends in a traceback: text, values, names and overrides are changed at random.

Whatever comes of it, loading and checking either work or raise the errors that are printed plainly.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from toolkit.check import check_facts, resolve
from toolkit.errors import Problem, RecipeError, RequestError, render_problems
from toolkit.recipe import load
from toolkit.recipe.grammar import BLOCKS, COLLECTIONS, ENGINE_KEYS, TOP_LEVEL, WORDS
from toolkit.recipe.loader import LOADER_KEYS
from toolkit.recipe.reader import read_text
from toolkit.registry import Registry

ROOT = Path(__file__).parent.parent.parent

FULL = """\
# A recipe with everything in it.
seed: 3
task: toy
dataset: {use: blobs, samples: 50, shapes: [1, 2]}
loader: {batch_size: 16, workers: 2, drop_last: true}
model:
  use: net
  width: 8
  kernel: [3, 3]
  freeze: [backbone]
  backbone: {use: block, channels: 4}
  stages: [{use: block, channels: 4}, {use: block, channels: 8}]
loss: {use: cross_entropy, weight: [1.0, 2.0], label_smoothing: 0.1}
optimizer: {use: adamw, lr: 1e-3, betas: [0.9, 0.99], no_decay: [bias, norm], groups: {head: {lr: 0.1}}}
scheduler: {use: cosine, interval: epoch, T_max: 3, monitor: val/loss}
metrics: {accuracy: {}, top: {use: accuracy, top_k: 3}}
transforms: {train: {}, eval: {}}
callbacks: {early_stopping: {monitor: val/accuracy, patience: 3}, lr_monitor: {}}
loggers: {csv: {}}
trainer: {max_epochs: 3, gradient_clip_val: 1.0, devices: 1, precision: auto}
engine: {compile: false, ema: 0.999, keep: {best: 1, last: 1}}
expect: {test/accuracy: ">= 0.9"}
"""

SHIPPED = sorted((ROOT / "recipes").rglob("*.yaml"))
TEXTS = [FULL, *(path.read_text(encoding="utf-8") for path in SHIPPED)]
TREES = [read_text(text, "").plain() for text in TEXTS]

NAMES = sorted(
    {*TOP_LEVEL, *BLOCKS, *(str(path[-1]) for path in COLLECTIONS), *LOADER_KEYS, *ENGINE_KEYS}
    | {word for words in WORDS.values() for word in words}
    | {"use", "net", "block", "toy", "free", "boastful", "blobs", "module", "streams", "frozen", "positional", "number"}
    | {"broken", "weighted", "watcher", "sgd", "adamw", "lbfgs", "cosine", "step", "one_cycle", "reduce_on_plateau"}
    | {"chain", "linear", "lr_linear", "accuracy", "bleu_score", "mean_metric", "ctc", "bce_with_logits", "csv", "lr"}
    | {"params", "optimizer", "width", "num_classes", "weight", "betas", "milestones", "T_max", "monitor", "dirpath"}
    | {
        "acme-nets/net",
        "toolkit-core/sgd",
        "./net.py:Net",
        "os:system",
        "a/b/c",
        "nobody/net",
        ":",
        "/",
        "./",
        "${seed}",
    }
    | {
        "${oc.env:HOME}",
        "${model}",
        "${",
        "max_epochs",
        "max_steps",
        "strategy",
        "dp",
        "decay",
        "best",
        "vision/digits",
    }
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-3, 3),
    st.integers(min_value=2**64, max_value=2**2000),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(NAMES),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.sampled_from(NAMES), st.text(max_size=6)), inner, max_size=4),
    ),
    max_leaves=8,
)
FACTS = st.dictionaries(st.sampled_from(["num_classes", "task", "vocab_size", "image_size"]), SCALARS)

often = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def outcome(data: bytes, overrides: list[str], registry: Registry, facts: dict[str, Any]) -> tuple[Problem, ...]:
    """All problems, of both stages; raises for anything but a plain refusal."""
    Path("mutated.yaml").write_bytes(data)
    try:
        checked = resolve(load("./mutated.yaml", overrides, registry=registry), registry)
        problems = checked.problems or check_facts(checked, facts, has_val=False, steps_per_epoch=10)
    except RecipeError as error:
        problems = error.problems
    except RequestError as error:
        str(error).encode()
        return ()
    # The report can be printed whatever the recipe holds.
    render_problems(problems).encode()
    return problems


def test_there_is_something_to_mutate(registry: Registry) -> None:
    assert outcome(FULL.encode(), [], registry, {"num_classes": 2, "in_channels": 1})
    for tree in TREES:
        assert paths(tree)


@often
@given(data=st.data())
def test_mutated_text(data: st.DataObject, registry: Registry) -> None:
    text = data.draw(st.sampled_from(TEXTS)).encode()
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        length = data.draw(st.integers(0, 20))
        piece = data.draw(
            st.one_of(
                st.binary(max_size=6),
                st.sampled_from(
                    [b"\t", b"\n", b": ", b"- ", b"{", b"}", b"[", b"]", b"&a ", b"*a", b"!!int ", b"${", b"#"]
                ),
                st.sampled_from(NAMES).map(str.encode),
            )
        )
        text = text[:start] + piece + text[start + length :]
    outcome(text, [], registry, {})


@often
@given(data=st.data(), facts=FACTS)
def test_mutated_values(data: st.DataObject, facts: dict[str, Any], registry: Registry) -> None:
    tree = json.loads(json.dumps(data.draw(st.sampled_from(TREES))))
    for _ in range(data.draw(st.integers(1, 3))):
        mutate(tree, data)
    # JSON is YAML, but for the names of its numbers.
    text = json.dumps(tree).replace("NaN", ".nan").replace("Infinity", ".inf")
    outcome(text.encode(), [], registry, facts)


@often
@given(data=st.data())
def test_mutated_overrides(data: st.DataObject, registry: Registry) -> None:
    path = data.draw(st.sampled_from(paths(TREES[0])))
    keys = [*map(str, path), *data.draw(st.lists(st.sampled_from(NAMES), max_size=1))]
    value = data.draw(
        st.one_of(
            VALUES.map(lambda value: json.dumps(value)),
            st.sampled_from(NAMES),
            st.text(max_size=10),
        )
    )
    override = data.draw(st.sampled_from([".".join(keys) + "=" + value, value, ".".join(keys)]))
    outcome(FULL.encode(), [override], registry, {})


def mutate(tree: Any, data: st.DataObject) -> None:
    """Change, add, remove or rename one thing anywhere in a tree of dicts and lists."""
    found = paths(tree)
    path = data.draw(st.sampled_from(found)) if found else ()
    if not path:
        return
    parent = tree
    for part in path[:-1]:
        parent = parent[part]
    last = path[-1]
    action = data.draw(st.sampled_from(["replace", "replace", "remove", "add", "rename"]))
    if action == "replace" or not isinstance(parent, dict):
        parent[last] = data.draw(VALUES)
    elif action == "remove":
        del parent[last]
    elif action == "add":
        parent[data.draw(st.sampled_from(NAMES))] = data.draw(VALUES)
    else:
        parent[data.draw(st.one_of(st.sampled_from(NAMES), st.text(max_size=6)))] = parent.pop(last)


def paths(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a tree, the root excepted."""
    return [found for found in _walk(tree, path) if found]


def _walk(tree: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    yield path
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, child in children:
        yield from _walk(child, (*path, key))
