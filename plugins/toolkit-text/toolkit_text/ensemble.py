"""Several models as one. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn


class Ensemble(nn.Module):
    """Models that are trained each for itself; together they answer by the mean of their log probabilities.

    In training the texts of a batch are dealt out at random, as many to each model, so that none leans on the others. A
    model so sees a text in one epoch of as many as there are models, and the batch should be as many times larger. What
    is told of training, its loss and metrics, is of the models one by one.

    Models that translate do it together, too: they have one beam, and every token in it is chosen by all of them.

    Arguments:
        model: two models or more by their names, which take the same inputs.

    Raises:
        ValueError: there are fewer.
    """

    def __init__(self, model: Mapping[str, nn.Module]) -> None:
        super().__init__()
        if len(model) < 2:
            raise ValueError(f"model: {len(model)} of them; an ensemble has two or more, each under a name")
        self.model = nn.ModuleDict(model)

    def forward(self, inputs: Tensor | tuple[Tensor, ...]) -> Tensor:
        """Tokens `(batch, ...)`, or a tuple of them → log probabilities `(batch, ..., classes)`.

        In training logits, each by one model. To fewer texts than there are models all of them answer, so that every
        parameter has a part in every step.
        """
        models = list(self.model.values())
        first = inputs if isinstance(inputs, Tensor) else inputs[0]
        if not self.training or len(first) < len(models):
            return _mean([model(inputs) for model in models])
        hands = torch.randperm(len(first), device=first.device).tensor_split(len(models))
        dealt = [(model(_rows(inputs, hand)), hand) for model, hand in zip(models, hands, strict=True)]
        logits, order = (torch.cat(each) for each in zip(*dealt, strict=True))
        return logits[order.argsort()]

    @property
    def encode(self) -> Callable[[Tensor], tuple[Any, ...]]:
        """From sources `(batch, m)` to what `step` has to know of them, of each model. Only where all translate."""
        models = self._translators("encode")
        return lambda source: tuple(model.encode(source) for model in models)

    @property
    def step(self) -> Callable[[Tensor, tuple[Any, ...], tuple[Any, ...] | None], tuple[Tensor, Any]]:
        """From tokens `(batch,)`, what `encode` gave and the caches to what follows: log probabilities
        `(batch, vocab_size)`, and the caches. Only where all translate.
        """
        models = self._translators("step")

        def step(tokens: Tensor, memory: tuple[Any, ...], cache: tuple[Any, ...] | None) -> tuple[Tensor, Any]:
            known = zip(models, memory, cache or [None] * len(memory), strict=True)
            logits, caches = zip(*(model.step(tokens, *of_model) for model, *of_model in known), strict=True)
            return _mean(logits), caches

        return step

    def _translators(self, method: str) -> list[Any]:
        models: list[Any] = list(self.model.values())
        if not all(hasattr(model, "encode") and hasattr(model, "step") for model in models):
            # As if it were not written: whoever asks whether a model translates, or writes texts, asks for its methods.
            raise AttributeError(method)
        return models


def _rows(inputs: Tensor | tuple[Tensor, ...], rows: Tensor) -> Tensor | tuple[Tensor, ...]:
    return inputs[rows] if isinstance(inputs, Tensor) else tuple(part[rows] for part in inputs)


def _mean(logits: Any) -> Tensor:
    return torch.stack([each.log_softmax(-1) for each in logits]).mean(0)
