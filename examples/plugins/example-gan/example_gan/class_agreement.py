"""Whether samples show what they are meant to. Imports torch and torchmetrics."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat


class ClassAgreement(Metric):
    """The share of samples whose nearest real image is of the class that was asked for; 1 is best.

    Nearest by the pixels, among all images of the split. It says nothing of diversity: one good image of each class,
    made again and again, has 1.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    samples: list[Tensor]
    images: list[Tensor]
    labels: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        for name in ("samples", "images", "labels"):
            self.add_state(name, [], dist_reduce_fx="cat")

    def update(self, samples: Tensor, images: Tensor, labels: Tensor) -> None:
        """Take samples and images `(batch, channels, height, width)`, and classes `(batch,)` of both."""
        self.samples.append(samples.detach().flatten(1))
        self.images.append(images.detach().flatten(1))
        self.labels.append(labels)

    def compute(self) -> Tensor:
        """The share, one number."""
        samples, images, labels = (dim_zero_cat(each) for each in (self.samples, self.images, self.labels))
        nearest = torch.cdist(samples, images).argmin(1)
        return (labels[nearest] == labels).float().mean()
