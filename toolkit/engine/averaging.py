"""The averaged weights of ``engine.ema``. Imports Lightning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import EMAWeightAveraging, WeightAveraging
from torch.optim.swa_utils import get_ema_multi_avg_fn


class AveragedWeights(EMAWeightAveraging):
    """Lightning's, by which what never changes stays as it is, and all tensors are averaged in one call.

    Lightning averages buffers too, as ``decay * average + (1 - decay) * value``, which rounds: the filters of a front
    end and the tables of positions, which no checkpoint holds because every model makes the same ones, would move away
    from those of the model step by step (pytorch-lightning 2.6.6), and a resumed run would begin with unmoved ones. As
    ``average + (1 - decay) * (value - average)`` what is equal stays equal.
    """

    def __init__(self, decay: float = 0.999, **arguments: Any) -> None:
        super().__init__(decay=decay, **arguments)
        self._decay = decay

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        super().setup(trainer, pl_module, stage)
        if stage == "fit" and self._average_model is not None:
            self._average_model.avg_fn = None
            self._average_model.multi_avg_fn = get_ema_multi_avg_fn(self._decay)  # type: ignore[no-untyped-call]  # untyped in torch 2.14


def averaging(ema: Any) -> list[pl.Callback]:
    """The callback for ``engine.ema``: a decay, or the arguments of Lightning's EMAWeightAveraging."""
    if ema is None:
        return []
    return [AveragedWeights(**(ema if isinstance(ema, Mapping) else {"decay": float(ema)}))]


def forget_averages(trainer: pl.Trainer) -> None:
    """After a fit, makes the weights that a checkpoint is loaded with those that it was chosen by, the averaged ones.

    A checkpoint holds both. Lightning's callback puts the current ones back whenever it has averages of its own, and
    keeps them beyond the fit (pytorch-lightning 2.6.6): the test would be of weights that nobody has validated.
    """
    callbacks: list[pl.Callback] = getattr(trainer, "callbacks")  # noqa: B009  (mypy does not see what Lightning sets)
    for callback in callbacks:
        if isinstance(callback, WeightAveraging):
            callback._average_model = None
