"""What the core sets where neither a recipe nor an override does: the lowest layer. Imports nothing heavy."""

from __future__ import annotations

from toolkit.recipe.grammar import BATCH_SIZE
from toolkit.recipe.node import DEFAULT, Node, node_at


def default_layer() -> Node:
    """The layer below every recipe."""
    return node_at(
        {
            "seed": 0,
            "loader": {"batch_size": BATCH_SIZE},
            "loggers": {"csv": {"use": "csv"}},
            # devices: all of a machine is a surprise on a shared one. Sanity steps: `check --deep` does that better.
            "trainer": {"accelerator": "auto", "devices": 1, "num_sanity_val_steps": 0},
        },
        DEFAULT,
    )
