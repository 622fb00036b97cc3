"""The task of telling classes apart: one of many, one of two, or any number of labels.

Imports torch, torchmetrics and Lightning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

import torch
from pytorch_lightning import Trainer
from torch import Tensor, nn
from torch.optim import Optimizer
from torchmetrics import Metric
from torchmetrics.classification import MulticlassStatScores

from toolkit.tasks.pictures import ConfusionCounts, Mistake, WorstMistakes
from toolkit.tasks.supervised import SupervisedTask, in_full_precision, unpacked

TOP = 5
"""So many of the most probable classes are told of a sample."""
DIGITS = 6
"""Digits after the point of a probability that is told."""


class Classification(SupervisedTask):
    """Classification of whole samples.

    ===========  ===================================  ==================================  ============================
    ``task``     outputs of the model                 targets                             predictions given to metrics
    ===========  ===================================  ==================================  ============================
    multiclass   ``(batch, classes)``                 ``(batch,)`` class numbers, or      ``(batch, classes)``
                                                      ``(batch, classes)`` shares
    binary       ``(batch,)``, ``(batch, 1)`` or      ``(batch,)`` or ``(batch, 1)``,     ``(batch,)``, of class 1
                 ``(batch, 2)``                       0 and 1
    multilabel   ``(batch, labels)``                  ``(batch, labels)``, 0 and 1        ``(batch, labels)``
    ===========  ===================================  ==================================  ============================

    Outputs are logits, unless the loss is ``bce`` (torch.nn.BCELoss), which takes probabilities. Predictions are
    probabilities. The loss gets the outputs as they are, and the targets as class numbers where every class has an
    output, else as floats in the outputs' shape.

    After ``Trainer.test``, and after ``Trainer.validate`` outside a fit, `confusion` and `worst` hold what a picture of
    the classifier's mistakes needs. They stay empty for multilabel.

    Args:
        model: called with the inputs of a batch.
        loss: called with outputs and targets; returns their mean.
        metrics: torchmetrics by label.
        optimizer: from this module to an optimizer.
        scheduler: from the optimizer and the trainer to Lightning's scheduler configuration.
        task: what the targets are.
        worst: how many of the worst mistakes to keep.

    Raises:
        ValueError: ``worst`` is negative.
    """

    metric_domains: ClassVar[tuple[str, ...]] = ("classification", "wrappers")

    def __init__(
        self,
        model: nn.Module,
        loss: Callable[[Tensor, Tensor], Tensor],
        metrics: Mapping[str, Metric] | None = None,
        optimizer: Callable[[nn.Module], Optimizer] | None = None,
        scheduler: Callable[[Optimizer, Trainer], dict[str, Any]] | None = None,
        task: Literal["binary", "multiclass", "multilabel"] = "multiclass",
        worst: int = 16,
    ) -> None:
        super().__init__(model, loss, metrics, optimizer, scheduler)
        if worst < 0:
            raise ValueError(f"worst is a number of mistakes from 0 up, not {worst}")
        self.task = task
        self.confusion: Tensor | None = None
        """Samples by true class (row) and predicted class (column), shape ``(classes, classes)``, int64, on the CPU."""
        self.worst: list[Mistake] = []
        """The mistakes with the highest loss, the worst first."""
        self._confusion_counts = ConfusionCounts()
        self._worst_mistakes = WorstMistakes(worst)
        self._takes_probabilities = isinstance(loss, nn.BCELoss)

    def prepared(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        if self.task == "multilabel":
            return outputs, self._like(outputs, targets)
        if self.task == "binary":
            targets = targets.squeeze(1) if targets.dim() == 2 and targets.shape[1] == 1 else targets
            if outputs.dim() == 2 and outputs.shape[1] == 2:
                return outputs, targets.long()
            outputs = outputs.squeeze(1) if outputs.dim() == 2 else outputs
            return outputs, self._like(outputs, targets)
        shares = targets.is_floating_point() and targets.shape == outputs.shape
        return outputs, targets.to(outputs.dtype) if shares else targets.long()

    def predicted(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        if self.task == "multiclass":
            hard = targets.argmax(1) if targets.is_floating_point() else targets
            return outputs.softmax(1), hard
        if self.task == "binary" and outputs.dim() == 2:
            return outputs.softmax(1)[:, 1], targets
        return outputs if self._takes_probabilities else outputs.sigmoid(), targets.long()

    def ranked(self, metric: Metric, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor] | None:
        if self.task != "multiclass" or not isinstance(metric, MulticlassStatScores):
            return None
        # Accuracy, F1 and their like; a softmax over few classes costs more than they do.
        return outputs, targets.argmax(1) if targets.is_floating_point() else targets

    def rows(self, batch: Any, facts: Mapping[str, Any]) -> list[dict[str, Any]]:
        """By sample ``prediction``, the most probable class, ``probability``, and ``top``, the `TOP` most probable.

        For multilabel ``prediction`` is the list of labels that are more probable than not, and there is no
        ``probability``. Classes are called as the fact ``class_names`` says, else by their numbers.
        """
        inputs, targets = unpacked(batch)
        outputs = in_full_precision(self(inputs))
        if self.task == "multilabel":
            probabilities = outputs if self._takes_probabilities else outputs.sigmoid()
        else:
            probabilities, _ = self.predicted(*self.prepared(outputs, targets))
            if self.task == "binary":
                probabilities = torch.stack((1 - probabilities, probabilities), dim=1)
        names = facts.get("class_names") or [str(number) for number in range(probabilities.shape[1])]
        best = probabilities.topk(min(TOP, probabilities.shape[1]), dim=1)
        found: list[dict[str, Any]] = []
        for values, classes, row in zip(
            best.values.tolist(), best.indices.tolist(), probabilities.tolist(), strict=True
        ):
            top = {names[number]: round(value, DIGITS) for number, value in zip(classes, values, strict=True)}
            if self.task == "multilabel":
                found.append({"prediction": [name for name, value in zip(names, row, strict=True) if value > 0.5]})
            else:
                found.append({"prediction": names[classes[0]], "probability": round(values[0], DIGITS)})
            found[-1]["top"] = top
        return found

    def examined(self, split: str, inputs: Any, predictions: Tensor, targets: Tensor) -> None:
        if self.task == "multilabel" or not self.is_shown:
            return
        if self.task == "binary":
            predictions = torch.stack((1 - predictions, predictions), dim=1)
        self._confusion_counts.update(predictions, targets)
        if predictions.dim() == 2 and isinstance(inputs, Tensor):
            self._worst_mistakes.update(inputs, predictions, targets)

    def evaluated(self, split: str) -> None:
        if self._confusion_counts.update_called:
            self.confusion = self._confusion_counts.compute().cpu()
            self._confusion_counts.reset()
        if self._worst_mistakes.update_called:
            self.worst = self._worst_mistakes.compute()
            self._worst_mistakes.reset()

    @staticmethod
    def _like(outputs: Tensor, targets: Tensor) -> Tensor:
        if outputs.shape != targets.shape:
            raise ValueError(f"outputs have the shape {list(outputs.shape)}, but targets {list(targets.shape)}")
        return targets.to(outputs.dtype)
