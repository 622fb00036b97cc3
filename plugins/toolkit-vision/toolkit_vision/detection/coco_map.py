"""COCO's mean average precision as one number. Imports torch and torchmetrics, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.detection import MeanAveragePrecision
from torchmetrics.utilities import dim_zero_cat

LARGEST = 100
"""Boxes of an image that count, the most certain ones, as COCO has it."""


class CocoMap(Metric):
    """COCO's mean average precision: over classes, and over thresholds of IoU 0.50, 0.55, ..., 0.95 or at one of them.

    Computed by faster-coco-eval through torchmetrics' MeanAveragePrecision, from the 100 most certain boxes of each
    image. That metric (`{use: mean_average_precision, backend: faster_coco_eval}`) gives all of COCO's numbers, in a
    mapping; this one gives one, so that it can be watched and expected: `map: coco_map`, `map_50: {use: coco_map, iou:
    0.5}`. Several processes may have seen unequally many images.

    -1 where there is not a single true box.

    Arguments:
        iou: the one threshold from which a box counts as found; COCO's ten when None.

    Raises:
        ValueError: `iou` is not between 0 and 1.
    """

    higher_is_better = True
    full_state_update = False
    found: list[Tensor]
    found_counts: list[Tensor]
    true: list[Tensor]
    true_counts: list[Tensor]

    def __init__(self, iou: float | None = None) -> None:
        super().__init__()
        if iou is not None and not 0 < iou < 1:
            raise ValueError(f"iou={iou}: a threshold between 0 and 1, or None for COCO's ten")
        self.iou = iou
        # Rows of all images together, and how many each image has: torchmetrics' own metric keeps a tensor for each
        # image, and gathering those from several processes waits for ever when one has seen an image more (1.9).
        for name in ("found", "found_counts", "true", "true_counts"):
            self.add_state(name, [], dist_reduce_fx="cat")

    def update(self, preds: Sequence[Mapping[str, Tensor]], target: Sequence[Mapping[str, Tensor]]) -> None:
        """Look at a batch.

        Args:
            preds: for each image `boxes` `(found, 4)`, x1 y1 x2 y2, `scores` and `labels` `(found,)`.
            target: for each image `boxes` `(true, 4)` and `labels` `(true,)`; where it is there, also `iscrowd`
                `(true,)`, 1 for boxes that need not be found, and may be.
        """
        found = [
            torch.cat((each["boxes"], each["scores"][:, None], each["labels"][:, None]), dim=1)[
                each["scores"].argsort(descending=True, stable=True)[:LARGEST]
            ]
            for each in preds
        ]
        true = [torch.cat((each["boxes"], each["labels"][:, None], _crowds(each)[:, None]), dim=1) for each in target]
        self.found.append(torch.cat(found).float())
        self.true.append(torch.cat(true).float())
        self.found_counts.append(torch.tensor([len(rows) for rows in found], device=self.device))
        self.true_counts.append(torch.tensor([len(rows) for rows in true], device=self.device))

    def compute(self) -> Tensor:
        """The mean average precision of all images, shape `()`."""
        thresholds = None if self.iou is None else [self.iou]
        metric = MeanAveragePrecision(iou_thresholds=thresholds, backend="faster_coco_eval", sync_on_compute=False)
        found = _each(self.found, self.found_counts)
        true = _each(self.true, self.true_counts)
        metric.update(
            [{"boxes": rows[:, :4], "scores": rows[:, 4], "labels": rows[:, 5].long()} for rows in found],
            [{"boxes": rows[:, :4], "labels": rows[:, 4].long(), "iscrowd": rows[:, 5].long()} for rows in true],
        )
        return torch.as_tensor(metric.compute()["map"], dtype=torch.float32).to(self.device)


def _crowds(target: Mapping[str, Tensor]) -> Tensor:
    return target["iscrowd"] if "iscrowd" in target else torch.zeros_like(target["labels"])


def _each(rows: list[Tensor], counts: list[Tensor]) -> Sequence[Tensor]:
    """Rows that are together again by image, on the CPU, where they are compared."""
    lengths: list[int] = dim_zero_cat(counts).tolist()
    return torch.split(dim_zero_cat(rows).cpu(), lengths)
