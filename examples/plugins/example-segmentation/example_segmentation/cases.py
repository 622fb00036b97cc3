"""Cases of the plugin's components, for `toolkit test-plugin example-segmentation` and its tests. Imports torch."""

from __future__ import annotations

import torch
from torch import Tensor

from toolkit.testing import Case

NETWORKS = ("deeplabv3plus", "fpn", "linknet", "manet", "segformer", "unet", "unetplusplus")


def _numbers(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


def _segmented() -> tuple[Tensor, Tensor]:
    targets = torch.arange(3 * 16).view(3, 4, 4) % 3
    targets[0, 0], targets[-1] = -100, -100
    return _numbers(3, 3, 4, 4), targets


_LOSS = {"mode": "multiclass", "ignore_index": -100}

CASES = [
    *(
        Case(
            kind="model",
            use=f"smp_{network}",
            args={"num_classes": 3, "in_channels": 1, "encoder_name": "mobilenet_v2"},
            # Two rows for each of two processes: DeepLabV3+ normalises one pixel over its batch.
            batch=lambda: _numbers(4, 1, 64, 64),
        )
        for network in NETWORKS
    ),
    Case(kind="loss", use="smp_focal", args=_LOSS, batch=_segmented, mask=lambda: _segmented()[1] != -100),
    Case(
        kind="loss",
        use="smp_lovasz",
        args=_LOSS,
        batch=_segmented,
        mask=lambda: _segmented()[1] != -100,
        known_failures={"arguments_are_named_and_documented": "the library's page says nothing of `from_logits`"},
    ),
]
