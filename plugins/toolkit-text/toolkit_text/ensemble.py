"""Several classifiers as one. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Ensemble(nn.Module):
    """Classifiers that are trained each for itself; together they answer by the mean of their log probabilities.

    In training the texts of a batch are dealt out at random, as many to each model, so that none leans on the others. A
    model so sees a text in one epoch of as many as there are models, and the batch should be as many times larger. What
    is told of training, its loss and metrics, is of the models one by one.

    Arguments:
        model: two models or more by their names.

    Raises:
        ValueError: there are fewer.
    """

    def __init__(self, model: Mapping[str, nn.Module]) -> None:
        super().__init__()
        if len(model) < 2:
            raise ValueError(f"model: {len(model)} of them; an ensemble has two or more, each under a name")
        self.model = nn.ModuleDict(model)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens `(batch, length)`, padded at the end → log probabilities `(batch, classes)`.

        In training logits, each by one model. To fewer texts than there are models all of them answer, so that every
        parameter has a part in every step.
        """
        models = list(self.model.values())
        if not self.training or len(tokens) < len(models):
            return torch.stack([model(tokens).log_softmax(1) for model in models]).mean(0)
        hands = torch.randperm(len(tokens), device=tokens.device).tensor_split(len(models))
        dealt = [(model(tokens[hand]), hand) for model, hand in zip(models, hands, strict=True)]
        logits, order = (torch.cat(each) for each in zip(*dealt, strict=True))
        return logits[order.argsort()]
