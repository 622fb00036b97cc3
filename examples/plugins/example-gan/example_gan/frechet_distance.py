"""How far the distribution of samples is from that of images. Imports torch and torchmetrics."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torchmetrics import Metric


class FrechetDistance(Metric):
    """The Fréchet distance between two Gaussians, fitted to the pixels of samples and of images; 0 is best.

    What FID (Heusel et al., 2017) computes of the features of an ImageNet network is computed of the pixels themselves
    here, from 0 to 1: small images need no features, nothing has to be downloaded, and numbers cannot be compared with
    published FIDs. Of two sets of real images it is not 0 either, and grows when they are small.

    Arguments:
        in_channels: channels of the images; filled from the dataset.
        image_size: [height, width] of the images; filled from the dataset.
    """

    is_differentiable = False
    higher_is_better = False
    full_state_update = False

    def __init__(self, in_channels: int, image_size: Sequence[int]) -> None:
        super().__init__()
        size = in_channels * math.prod(image_size)
        for name in ("samples", "images"):
            # In double precision: small differences of large sums.
            self.add_state(f"{name}_count", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
            self.add_state(f"{name}_sum", torch.zeros(size, dtype=torch.float64), dist_reduce_fx="sum")
            self.add_state(f"{name}_products", torch.zeros(size, size, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, samples: Tensor, images: Tensor, labels: Tensor) -> None:
        """Take samples and images `(batch, channels, height, width)` from 0 to 1; classes do not matter."""
        for name, batch in (("samples", samples), ("images", images)):
            pixels = batch.detach().flatten(1).double()
            setattr(self, f"{name}_count", getattr(self, f"{name}_count") + len(pixels))
            setattr(self, f"{name}_sum", getattr(self, f"{name}_sum") + pixels.sum(0))
            setattr(self, f"{name}_products", getattr(self, f"{name}_products") + pixels.T @ pixels)

    def compute(self) -> Tensor:
        """The distance, one number."""
        (mean, covariance), (other_mean, other_covariance) = self._gaussian("samples"), self._gaussian("images")
        root = _root(covariance)
        # The trace of the root of the product of both, by a symmetric matrix with the same eigenvalues.
        both = torch.linalg.eigvalsh(root @ other_covariance @ root).clamp_min(0).sqrt().sum()
        apart = (mean - other_mean).square().sum()
        distance: Tensor = apart + covariance.trace() + other_covariance.trace() - 2 * both
        return distance.clamp_min(0).float()

    def _gaussian(self, name: str) -> tuple[Tensor, Tensor]:
        count: Tensor = getattr(self, f"{name}_count")
        mean: Tensor = getattr(self, f"{name}_sum") / count
        products: Tensor = getattr(self, f"{name}_products")
        return mean, (products - count * torch.outer(mean, mean)) / (count - 1)


def _root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    root: Tensor = (vectors * values.clamp_min(0).sqrt()) @ vectors.T
    return root
