"""Construction is where a component's own code meets a recipe's values: nothing that it raises comes out bare.

Recipes are changed at random, on the way that passes the check more often than not: known keys, values of their kind.
"""

from __future__ import annotations

import json
import warnings
from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from toolkit.build import build
from toolkit.check import resolve
from toolkit.errors import ToolkitError
from toolkit.recipe import load
from toolkit.registry import Registry

REGISTRY = Registry.scan()

# Small numbers: a width of a million is no mistake of the recipe's, and takes all memory.
NUMBERS = st.one_of(st.integers(-2, 40), st.floats(-2, 2, allow_nan=False), st.sampled_from([0.0, 1.0, 1e-9, 1e9]))
NAMES = st.sampled_from(["none", "mean", "macro", "linear", "binary", "val/loss", "bias", "norm", "*", "./no.ckpt", ""])
VALUES = st.one_of(NUMBERS, NAMES, st.none(), st.booleans(), st.lists(NUMBERS, max_size=3))

ARGUMENTS = {
    "model": ("width", "dropout", "num_classes", "in_channels", "hidden", "freeze", "init_from"),
    "loss": ("weight", "label_smoothing", "ignore_index", "reduction"),
    "optimizer": ("lr", "momentum", "weight_decay", "nesterov", "betas", "eps", "no_decay", "groups"),
    "scheduler": ("max_lr", "pct_start", "total_steps", "interval", "frequency", "gamma", "T_max", "warmup", "monitor"),
    "metrics.accuracy": ("task", "num_classes", "top_k", "average", "threshold"),
    "task": ("task", "num_classes"),
    "trainer": ("max_epochs", "max_steps", "accumulate_grad_batches", "gradient_clip_val"),
    "loader": ("batch_size", "drop_last"),
}
COMPONENTS = {
    "model": ("mlp", "small_cnn"),
    "loss": ("cross_entropy", "bce_with_logits", "mse", "nll"),
    "optimizer": ("sgd", "adamw", "lbfgs", "adafactor", "muon"),
    "scheduler": ("one_cycle", "cosine", "step", "linear_warmup_cosine", "reduce_on_plateau", "null"),
    "task": ("classification", "regression"),
}


def written(key: str, value: object) -> str:
    return f"{key}={json.dumps(value)}"  # JSON is YAML


CHANGES = st.one_of(
    *[
        st.builds(written, st.sampled_from([f"{block}.{name}" for name in names]), VALUES)
        for block, names in ARGUMENTS.items()
    ],
    *[st.sampled_from([f"{block}={name}" for name in names]) for block, names in COMPONENTS.items()],
)
OUTCOMES: Counter[str] = Counter()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(CHANGES, min_size=1, max_size=3))
def built_or_refused(overrides: list[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's remarks on layers of no width
        try:
            checked = resolve(load("vision/digits", overrides, registry=REGISTRY), REGISTRY)
            checked.raise_problems()
            OUTCOMES["checked"] += 1
            build(checked)
        except ToolkitError as error:
            OUTCOMES["refused"] += bool(str(error).strip().encode())
        else:
            OUTCOMES["built"] += 1


def test_a_changed_recipe_is_built_or_refused_plainly() -> None:
    built_or_refused()
    assert OUTCOMES["built"] >= 10, OUTCOMES
    assert OUTCOMES["refused"] >= 10, OUTCOMES
    assert OUTCOMES["checked"] > OUTCOMES["built"], "something must have been refused by a constructor"
