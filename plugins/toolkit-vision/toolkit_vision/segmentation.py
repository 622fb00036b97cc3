"""The task of giving every pixel a class. Imports torch, torchmetrics and the toolkit's supervised task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import torch
from pytorch_lightning import Trainer
from torch import Tensor, nn
from torch.optim import Optimizer
from torchmetrics import Metric

from toolkit.tasks.supervised import SupervisedTask, in_full_precision, unpacked
from toolkit_vision.detection.pictures import gallery
from toolkit_vision.mask_pictures import compared, runs, unrolled, with_mask

NOT_LOOKED_AT = 255
"""In the masks of a batch: a pixel of which nobody says what it is."""
IGNORED = -100
"""The same in the targets of losses: what torch's ignore unless they are told otherwise."""
SHOWN = 12
"""So many images of an evaluation are drawn, the first ones."""


class Segmentation(SupervisedTask):
    """Segmentation: a class for every pixel.

    Batches are ``(images, masks)``. Masks are ``(batch, height, width)`` in int64 or uint8, with 255 where a pixel does
    not count. The model's outputs are logits ``(batch, classes, height, width)``.

    The loss gets the outputs as they are and masks in int64, in which 255 has become -100: ``cross_entropy``, ``dice``
    and ``dice_cross_entropy`` leave those pixels out without being told.

    Metrics are those of torchmetrics.classification, and see pixels as samples: two tensors ``(pixels,)`` of classes,
    predicted and true, without the pixels that do not count. Mean IoU is ``miou: {use: jaccard_index}``: of each class
    the intersection over union over all pixels of a split, and the mean over the classes that occur. (The core's
    ``mean_iou``, torchmetrics.segmentation.MeanIoU, is the mean of each image's own.)
    ``iou: {use: jaccard_index, average: none}`` keeps the values of the classes.

    With ``trainer.deterministic`` torchmetrics 1.9 counts these pixels with a table of pixels times squared classes in
    memory: take small batches.

    After ``Trainer.test``, and after ``Trainer.validate`` outside a fit, `pictures` holds ``segmentations``: the first
    images, each beside its true mask and the predicted one.

    Args:
        model: called with the images of a batch.
        loss: called with outputs and masks; returns their mean.
        metrics: torchmetrics by label.
        optimizer: from this module to an optimizer.
        scheduler: from the optimizer and the trainer to Lightning's scheduler configuration.
        class_names: the classes' names, for pictures; one called "background" is not painted.
    """

    metric_domains: ClassVar[tuple[str, ...]] = ("classification", "wrappers")

    def __init__(
        self,
        model: nn.Module,
        loss: Callable[[Tensor, Tensor], Tensor],
        metrics: Mapping[str, Metric] | None = None,
        optimizer: Callable[[nn.Module], Optimizer] | None = None,
        scheduler: Callable[[Optimizer, Trainer], dict[str, Any]] | None = None,
        class_names: Sequence[str] | None = None,
    ) -> None:
        super().__init__(model, loss, metrics, optimizer, scheduler)
        self.class_names = list(class_names or ())
        self.pictures: dict[str, Tensor] = {}
        """By name, uint8 ``(3, height, width)``: what the run saves under ``plots/``."""
        self._drawn: list[Tensor] = []

    def prepared(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        if outputs.dim() != 4 or outputs.shape[0] != targets.shape[0] or outputs.shape[2:] != targets.shape[1:]:
            raise ValueError(
                f"outputs have the shape {list(outputs.shape)} and masks {list(targets.shape)}; they should be "
                "(batch, classes, height, width) and (batch, height, width)"
            )
        targets = targets.long()
        return outputs, targets.where(targets != NOT_LOOKED_AT, IGNORED)

    def predicted(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        counts = targets != IGNORED
        return outputs.argmax(1)[counts], targets[counts]

    def unlabelled(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """A batch of images ``(batch, channels, height, width)`` with masks of zeros, for transforms and `rows`."""
        return inputs, torch.zeros((inputs.shape[0], *inputs.shape[-2:]), dtype=torch.int64, device=inputs.device)

    def rows(self, batch: Any, facts: Mapping[str, Any]) -> list[dict[str, Any]]:
        """By image ``shares``, the share of the pixels that each class found takes, the largest first; and ``mask``.

        A mask is written down row by row as what comes how often: ``{"size": [height, width], "runs": [class, pixels,
        class, pixels, ...]}``.
        """
        outputs = in_full_precision(self(unpacked(batch)[0]))
        names = facts.get("class_names") or [str(number) for number in range(outputs.shape[1])]
        found = []
        for mask in outputs.argmax(1).cpu():
            counted = mask.flatten().bincount()
            most = counted.argsort(descending=True, stable=True)
            shares = {names[number]: round(int(counted[number]) / mask.numel(), 6) for number in most.tolist()}
            found.append({"shares": {name: share for name, share in shares.items() if share}, "mask": runs(mask)})
        return found

    def drawn(self, sample: Tensor, row: Mapping[str, Any], facts: Mapping[str, Any]) -> Tensor:
        """The image under the colours of the predicted classes, uint8 ``(3, height, width)``."""
        return with_mask(sample, unrolled(row["mask"]), facts.get("class_names") or ())

    def _evaluate(self, split: str, batch: Any) -> Tensor:
        loss = super()._evaluate(split, batch)
        wanted = SHOWN - len(self._drawn)
        if wanted and self.is_shown:
            images, masks = (part[:wanted] for part in unpacked(batch))
            # Once more for these few: `predicted` keeps the pixels that count, and not where they were.
            predicted = self(images).argmax(1)
            if images.shape[1] in (1, 3):
                for each in zip(images, masks, predicted, strict=True):
                    self._drawn.append(compared(*each, self.class_names))
        return loss

    def evaluated(self, split: str) -> None:
        if self._drawn:
            self.pictures = {"segmentations": gallery(self._drawn)}
            self._drawn = []
