"""Cases of the plugin's components, for `toolkit test-plugin example-gan` and its tests. Imports torch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from toolkit.testing import Case

_SIZES = {"num_classes": 3, "in_channels": 1, "image_size": [8, 8], "width": 4}
_GENERATOR = {**_SIZES, "noise_size": 6}


def _numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def _noise() -> tuple[Tensor, Tensor]:
    return _numbers(4, 6) - 0.5, torch.arange(4) % 3


def _images() -> tuple[Tensor, Tensor]:
    return _numbers(4, 1, 8, 8), torch.arange(4) % 3


def _evaluated() -> tuple[Tensor, Tensor, Tensor]:
    return _numbers(24, 1, 3, 3), _numbers(24, 1, 3, 3, seed=1), torch.arange(24) % 3


_ONE_OF_TWO = "`forward` is the generator's alone; the task trains the discriminator in a step of its own"


def _task() -> dict[str, Any]:
    return {
        # By its code: in these tests no other plugin offers anything.
        "dataset": {"use": "toolkit_vision.digits:digits"},
        "model": {
            "use": "adversarial_pair",
            "generator": {"use": "conv_generator", "width": 4},
            "discriminator": {"use": "conv_discriminator", "width": 4},
        },
        "loss": "bce_with_logits",
        "optimizer": {"use": "adam", "lr": 0.001},
        "metrics": {"agreement": {"use": "class_agreement"}, "frechet": {"use": "frechet_distance"}},
    }


CASES = [
    Case(
        kind="model",
        use="adversarial_pair",
        args={
            "generator": {"use": "conv_generator", **_GENERATOR},
            "discriminator": {"use": "conv_discriminator", **_SIZES},
        },
        batch=_noise,
        known_failures={"every_parameter_gets_a_gradient": _ONE_OF_TWO, "runs_under_two_process_ddp": _ONE_OF_TWO},
    ),
    Case(kind="part", use="conv_generator", args=_GENERATOR, batch=_noise),
    Case(kind="part", use="conv_discriminator", args=_SIZES, batch=_images),
    Case(kind="metric", use="class_agreement", batch=_evaluated),
    Case(kind="metric", use="frechet_distance", args={"in_channels": 1, "image_size": [3, 3]}, batch=_evaluated),
    Case(kind="task", use="gan", recipe=_task()),
]
