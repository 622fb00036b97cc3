"""The task of finding objects: a box, a class and a score for each.

Imports torch, torchmetrics, Lightning and the toolkit's supervised task.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

import torch
from pytorch_lightning import Trainer
from torch import Tensor, nn
from torch.optim import Optimizer
from torchmetrics import Metric

from toolkit.tasks.supervised import SupervisedTask, Trained, as_floats
from toolkit_vision.detection.pictures import gallery, with_boxes

NO_BOX = -1
"""In the labels of a batch: there is no box here."""
EVALUATED = ("val", "test")
SHOWN = 12
"""So many images of an evaluation are drawn, the first ones."""
DIGITS = 4
"""Digits after the point of a score that is told."""


class Detection(SupervisedTask):
    """Detection with any model that keeps torchvision's contract.

    A batch is a dict: ``images`` ``(batch, channels, height, width)``; ``boxes`` ``(batch, most, 4)``, x1 y1 x2 y2 in
    pixels; ``labels`` ``(batch, most)``, the classes from 0, -1 where there is no box; and, where a dataset has them,
    ``crowds`` ``(batch, most)``, True for boxes around many objects, or around one that is hardly to be seen: they are
    not trained on, and count neither when they are found nor when they are not.

    In training ``model(images, targets)`` returns a dict of losses, whose sum is minimised; ``targets`` is a list with
    ``{"boxes": (boxes, 4), "labels": (boxes,)}`` for each image, or, for a model with ``padded_targets = True``, one
    dict with boxes and labels as they are in the batch. In evaluation ``model(images)`` returns for each image
    ``{"boxes": (found, 4), "scores": (found,), "labels": (found,)}``.

    It logs ``train/loss_step``, ``train/loss`` and each part of it as ``train/loss/<part>``, and metrics on ``val`` and
    ``test``; a model in evaluation has no loss, and one in training finds no boxes. Interior steps run straight
    (docs/performance.md); ``engine.compile: step`` has no graph for it.

    After ``Trainer.test``, and after ``Trainer.validate`` outside a fit, `pictures` holds ``detections``: the first
    images with the true boxes and those found.

    Args:
        model: as said above.
        metrics: by label; called with what the model found and with the targets, two lists with a dict for each image.
        optimizer: from this module to an optimizer.
        scheduler: from the optimizer and the trainer to Lightning's scheduler configuration.
        class_names: the classes' names, for pictures; their numbers where there are none.
        drawn_from: the smallest score of a box that is drawn.
    """

    metric_domains: ClassVar[tuple[str, ...]] = ("detection",)
    measured: ClassVar[tuple[str, ...]] = EVALUATED

    def __init__(
        self,
        model: nn.Module,
        metrics: Mapping[str, Metric] | None = None,
        optimizer: Callable[[nn.Module], Optimizer] | None = None,
        scheduler: Callable[[Optimizer, Trainer], dict[str, Any]] | None = None,
        class_names: Sequence[str] | None = None,
        drawn_from: float = 0.3,
    ) -> None:
        super().__init__(model, _parts_are_the_models, metrics, optimizer, scheduler)
        self.class_names = list(class_names or ())
        self.drawn_from = drawn_from
        self.parts = PartMeans()
        self.pictures: dict[str, Tensor] = {}
        """By name, uint8 ``(3, height, width)``: what the run saves under ``plots/``."""
        self._drawn: list[Tensor] = []
        self._padded = bool(getattr(model, "padded_targets", False))

    @staticmethod
    def logged(metric_labels: Iterable[str]) -> tuple[str, ...]:
        """The names that a task with these metrics logs; the parts of the loss add names below ``train/loss``."""
        measured = [f"{split}/{label}" for split in EVALUATED for label in metric_labels]
        return ("train/loss_step", "train/loss", *measured)

    def computed(self, batch: Any) -> Trained:
        images, boxes, labels = unpacked_boxes(batch)
        if "crowds" in batch:
            labels = labels.masked_fill(batch["crowds"], NO_BOX)
        padded = {"boxes": boxes, "labels": labels}
        parts: dict[str, Tensor] = self.model(as_floats(images), padded if self._padded else each_image(padded))
        self.parts.names = [name.removeprefix("loss_") for name in parts]
        together = torch.stack([part.float() for part in parts.values()])
        return Trained(together.sum(), len(images), together[None], labels)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        # Of its own, which says that `engine.compile: step` has no graph for it: graphs are of pairs.
        return super().training_step(batch, batch_idx)

    def _measure(self) -> None:
        if self._waiting:
            parts = torch.cat([batch.outputs for batch in self._waiting])
            samples = torch.tensor([batch.samples for batch in self._waiting], device=parts.device)
            self.parts.update(parts, samples)
        super()._measure()

    def epoch_state(self) -> list[Any]:
        return [list(self.parts.names), super().epoch_state()]

    def load_epoch_state(self, state: list[Any]) -> None:
        names, waiting = state
        self.parts.names = list(names)
        super().load_epoch_state(waiting)

    def _evaluate(self, split: str, batch: Any) -> Tensor:
        images, boxes, labels = unpacked_boxes(batch)
        found: list[dict[str, Tensor]] = [
            {name: value.float() if value.is_floating_point() else value for name, value in each.items()}
            for each in self(images)
        ]
        padded = {"boxes": boxes, "labels": labels}
        if "crowds" in batch:
            padded["iscrowd"] = batch["crowds"].long()
        truth = each_image(padded)
        for metric in self._metrics(split):
            metric.update(found, truth)
        if self.is_shown:
            for image, predicted, true in zip(images[: SHOWN - len(self._drawn)], found, truth, strict=False):
                self._drawn.append(with_boxes(image, predicted, true, self.class_names, self.drawn_from))
        return torch.zeros((), device=boxes.device)

    def unlabelled(self, inputs: Tensor) -> dict[str, Tensor]:
        """A batch of images ``(batch, channels, height, width)`` with no boxes, for transforms and `rows`."""
        return {
            "images": inputs,
            "boxes": torch.zeros((len(inputs), 1, 4), device=inputs.device),
            "labels": torch.full((len(inputs), 1), NO_BOX, device=inputs.device),
        }

    def rows(self, batch: Any, facts: Mapping[str, Any]) -> list[dict[str, Any]]:
        """By image ``objects``, the most certain first, each with ``label``, ``score`` and ``box``.

        A box is x1 y1 x2 y2 in pixels of the image as the model got it, that is, scaled to the dataset's size; the
        readers of `coco` and `voc` make it one in pixels of the file.
        """
        names = facts.get("class_names") or ()
        rows = []
        for found in self(unpacked_boxes(batch)[0]):
            order = found["scores"].float().argsort(descending=True, stable=True)
            listed = zip(*(found[name][order].tolist() for name in ("labels", "scores", "boxes")), strict=True)
            rows.append(
                {
                    "objects": [
                        {
                            "label": names[label] if label < len(names) else str(label),
                            "score": round(score, DIGITS),
                            "box": [round(side, 1) for side in box],
                        }
                        for label, score, box in listed
                    ]
                }
            )
        return rows

    def drawn(self, sample: Tensor, row: Mapping[str, Any], facts: Mapping[str, Any]) -> Tensor:
        """The image with the boxes that were found, uint8 ``(3, height, width)``."""
        names = sorted({each["label"] for each in row["objects"]})
        found = {
            "boxes": torch.tensor([each["box"] for each in row["objects"]]).reshape(-1, 4),
            "labels": torch.tensor([names.index(each["label"]) for each in row["objects"]], dtype=torch.int64),
            "scores": torch.tensor([each["score"] for each in row["objects"]]),
        }
        return with_boxes(sample, found, None, names, self.drawn_from)

    def evaluated(self, split: str) -> None:
        if self._drawn:
            self.pictures = {"detections": gallery(self._drawn)}
            self._drawn = []

    def _of_split(self, split: str) -> dict[str, Any]:
        if split == "train":
            return {"train/loss": self.losses["train/loss"]}
        return {name: self.metrics[name] for name in self._names(split)}

    def _reset(self, split: str) -> None:
        super()._reset(split)
        if split == "train":
            self.parts.reset()

    def _log_epoch(self, split: str) -> None:
        super()._log_epoch(split)
        if split == "train":
            self._log_value("train/loss", self.parts.compute())
            self.parts.reset()


class PartMeans(Metric):
    """The means of the parts of a loss, each weighted with the samples it is a mean of."""

    full_state_update = False
    totals: Tensor
    samples: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        """Of the parts, in order; every batch has the same."""
        # How many parts there are is seen in the first batch.
        self.add_state("totals", torch.zeros(0), dist_reduce_fx="sum")
        self.add_state("samples", torch.zeros(()), dist_reduce_fx="sum")

    def update(self, parts: Tensor, samples: Tensor) -> None:
        """Add several batches: their parts ``(batches, parts)`` and how many samples they had, ``(batches,)``."""
        totals = (parts * samples[:, None]).sum(0)
        self.totals = totals if self.totals.numel() == 0 else self.totals + totals
        self.samples = self.samples + samples.sum()

    def compute(self) -> dict[str, Tensor]:
        """The means by name."""
        means = self.totals / self.samples
        return dict(zip(self.names, means, strict=False))


def unpacked_boxes(batch: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Images, boxes and labels of a batch.

    Raises:
        ValueError: the batch is something else.
    """
    if not (isinstance(batch, Mapping) and all(name in batch for name in ("images", "boxes", "labels"))):
        raise ValueError(f"a batch is a dict with images, boxes and labels, not a {type(batch).__name__}")
    return batch["images"], batch["boxes"], batch["labels"]


def each_image(padded: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
    """The boxes of each image without padding, as torchvision's models and torchmetrics take them.

    Args:
        padded: by name ``(batch, most, ...)``, ``labels`` among them; the names stay.
    """
    there = padded["labels"] != NO_BOX
    return [{name: values[image][there[image]] for name, values in padded.items()} for image in range(len(there))]


def _parts_are_the_models(outputs: Tensor, targets: Tensor) -> Tensor:
    raise AssertionError("the parts of the loss come from the model")
