"""The state of all random generators, in the plain form that a checkpoint may hold. Imports torch and NumPy."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch


def rng_state() -> dict[str, Any]:
    """The states of Python's, NumPy's and torch's generators (of every CUDA device too) as numbers and tensors."""
    version, words, gauss = random.getstate()
    numpy_state = np.random.get_state(legacy=False)
    assert isinstance(numpy_state, dict)
    return {
        # A tensor: pickled one by one, the words take longer than the rest of a small checkpoint.
        "python": [version, torch.tensor(words), gauss],
        "numpy": {
            "bit_generator": str(numpy_state["bit_generator"]),
            "key": torch.tensor(numpy_state["state"]["key"].astype(np.int64)),
            "pos": int(numpy_state["state"]["pos"]),
            "has_gauss": int(numpy_state["has_gauss"]),
            "gauss": float(numpy_state["gauss"]),
        },
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def set_rng_state(state: Mapping[str, Any]) -> None:
    """Puts all generators back to where `rng_state` found them; CUDA's only with the same number of devices."""
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words.cpu().tolist()), gauss))
    stored = state["numpy"]
    np.random.set_state(
        {
            "bit_generator": stored["bit_generator"],
            "state": {"key": stored["key"].cpu().numpy().astype(np.uint32), "pos": stored["pos"]},
            "has_gauss": stored["has_gauss"],
            "gauss": stored["gauss"],
        }
    )
    torch.set_rng_state(state["torch"].cpu())
    if state["cuda"] and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all([device.cpu() for device in state["cuda"]])
