"""Test-time augmentation by the mirror image. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from torch import Tensor, nn


class FlipAveraged(nn.Module):
    """A model that is asked twice in evaluation: its logits are the mean of those of an image and of its mirror image.

    In training it is the model itself. An evaluation takes twice as long. The parameters are the model's, in a recipe
    named after it: `model.head` is its `head`.

    Arguments:
        model: a model of images whose outputs say nothing about left and right, such as a classifier.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: Tensor) -> Tensor:
        """The model's outputs for images `(batch, channels, height, width)`."""
        outputs: Tensor = self.model(inputs)
        if self.training:
            return outputs
        mirrored: Tensor = self.model(inputs.flip(3))
        return (outputs + mirrored) / 2
