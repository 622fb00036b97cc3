"""The task of telling whether two images show the same face, product or whatever has an identity.

Imports torch, torchmetrics and the toolkit's supervised task.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import torch
from pytorch_lightning import Trainer
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer
from torchmetrics import Metric

from toolkit.tasks.supervised import SupervisedTask, in_full_precision, unpacked
from toolkit_vision.neighbour_pictures import neighbours

SEARCHED = 500
"""Among so many images of an evaluation, the first ones, the nearest are looked for to draw them."""
DIGITS = 6
"""Digits after the point of an embedding that is told."""


class Recognition(SupervisedTask):
    """Recognition: a model that brings images of one identity together, also of identities it has never seen.

    Batches are ``(images, identities)``, identities ``(batch,)`` int64. The model's outputs ``(batch, features)``,
    scaled to length 1, are the embeddings; how alike two images are is the cosine between theirs. Any classification
    model serves: its ``num_classes`` is the number of features. Datasets for this task state ``num_identities``
    and no ``num_classes``, so that a recipe says it: ``model: {use: small_cnn, num_classes: 64}``.

    In training the loss (``arcface``, ``triplet``) gets embeddings and identities, from 0 up to ``num_identities``.
    The identities of the validation and test splits are others, of which such a loss knows nothing: there is no
    ``val/loss`` or ``test/loss``, but the metrics alone, ``recall_at_k`` and ``verification_accuracy``. They need
    all embeddings of a split, and there are none of the train split, whose embeddings change while they are gathered.
    Identities below 0 are no identities but pairs, as `lfw_pairs` has them, for ``pair_accuracy``.

    After ``Trainer.test``, and after ``Trainer.validate`` outside a fit, `pictures` holds ``neighbours``: images of the
    split, each with those of its first ones that are most alike to it.

    Args:
        model: called with the images of a batch.
        loss: called with embeddings and identities; returns their mean.
        metrics: by label; called with embeddings and identities.
        optimizer: from this module to an optimizer.
        scheduler: from the optimizer and the trainer to Lightning's scheduler configuration.
    """

    metric_domains: ClassVar[tuple[str, ...]] = ()
    measured: ClassVar[tuple[str, ...]] = ("val", "test")

    def __init__(
        self,
        model: nn.Module,
        loss: Callable[[Tensor, Tensor], Tensor],
        metrics: Mapping[str, Metric] | None = None,
        optimizer: Callable[[nn.Module], Optimizer] | None = None,
        scheduler: Callable[[Optimizer, Trainer], dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(model, loss, metrics, optimizer, scheduler)
        self.pictures: dict[str, Tensor] = {}
        """By name, uint8 ``(3, height, width)``: what the run saves under ``plots/``."""
        self._kept: list[tuple[Tensor, Tensor, Tensor]] = []

    @staticmethod
    def logged(metric_labels: Iterable[str]) -> tuple[str, ...]:
        """The names that a task with these metrics logs."""
        measured = [f"{split}/{label}" for split in Recognition.measured for label in metric_labels]
        return ("train/loss_step", "train/loss", *measured)

    def prepared(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        if outputs.dim() != 2:
            raise ValueError(f"outputs have the shape {list(outputs.shape)}; embeddings are (batch, features)")
        return F.normalize(outputs, dim=1), targets.long()

    def rows(self, batch: Any, facts: Mapping[str, Any]) -> list[dict[str, Any]]:
        """By image its ``embedding``, a list of numbers, of length 1."""
        outputs = in_full_precision(self(unpacked(batch)[0]))
        embeddings = F.normalize(outputs, dim=1).tolist()
        return [{"embedding": [round(value, DIGITS) for value in embedding]} for embedding in embeddings]

    def _evaluate(self, split: str, batch: Any) -> Tensor:
        inputs, identities = unpacked(batch)
        embeddings, identities = self.prepared(in_full_precision(self(inputs)), identities)
        for metric in self._metrics(split):
            metric.update(embeddings, identities)
        wanted = SEARCHED - sum(len(kept[2]) for kept in self._kept)
        drawn = inputs.dim() == 4 and inputs.shape[1] in (1, 3)
        if wanted > 0 and drawn and self.is_shown and bool((identities >= 0).all()):
            self._kept.append((inputs[:wanted].cpu(), embeddings[:wanted].cpu(), identities[:wanted].cpu()))
        return embeddings

    def evaluated(self, split: str) -> None:
        if self._kept:
            images, embeddings, identities = (torch.cat(part) for part in zip(*self._kept, strict=True))
            self._kept = []
            if len(identities) > 1:
                self.pictures = {"neighbours": neighbours(images, embeddings, identities)}

    def _of_split(self, split: str) -> dict[str, Any]:
        everything = super()._of_split(split)
        loss = everything.pop(f"{split}/loss")
        return {f"{split}/loss": loss} if split == "train" else everything
