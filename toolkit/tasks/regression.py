"""The task of predicting numbers. Imports torch and Lightning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor

from toolkit.tasks.supervised import SupervisedTask, in_full_precision, unpacked


class Regression(SupervisedTask):
    """Regression of one number a sample, or of several.

    Outputs and targets have the same shape, ``(batch,)`` or ``(batch, ...)``; ``(batch, 1)`` and ``(batch,)`` go
    together. Loss and metrics get both as floats of one type and shape.

    Args:
        model: called with the inputs of a batch.
        loss: called with outputs and targets; returns their mean.
        metrics: torchmetrics by label.
        optimizer: from this module to an optimizer.
        scheduler: from the optimizer and the trainer to Lightning's scheduler configuration.
    """

    metric_domains: ClassVar[tuple[str, ...]] = ("regression", "wrappers")

    def prepared(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        if outputs.dim() == 2 and outputs.shape[1] == 1 and targets.dim() == 1:
            outputs = outputs.squeeze(1)
        elif targets.dim() == 2 and targets.shape[1] == 1 and outputs.dim() == 1:
            targets = targets.squeeze(1)
        if outputs.shape != targets.shape:
            # torch would broadcast (64, 1) against (64,) to (64, 64), warn, and train on nonsense.
            raise ValueError(f"outputs have the shape {list(outputs.shape)}, but targets {list(targets.shape)}")
        return outputs, targets.to(outputs.dtype)

    def rows(self, batch: Any, facts: Mapping[str, Any]) -> list[dict[str, Any]]:
        """By sample ``prediction``: a number, or a list where the model gives several."""
        outputs = in_full_precision(self(unpacked(batch)[0]))
        outputs = outputs.squeeze(1) if outputs.dim() == 2 and outputs.shape[1] == 1 else outputs
        return [{"prediction": value} for value in outputs.tolist()]
