"""Features of mean 0 and variance 1. Imports torch."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

How = Literal["utterance", "running", "none"]
REMEMBERED = 1_000_000.0
"""So many frames count in running statistics at most; from there on, the older a frame, the less it counts."""
LEAST_VARIANCE = 1e-5


class Normalisation(nn.Module):
    """Takes a mean from every channel and divides it by a deviation.

    `utterance` takes both from each utterance itself, so that the loudness and the microphone of a recording do not
    matter, and a stream cannot be heard before it is over. `running` takes both from all training utterances heard so
    far; in evaluation they stay as they are.

    Arguments:
        how: `utterance`, `running`, or `none` for features as they are.
        channels: numbers in a frame.
    """

    def __init__(self, how: How, channels: int) -> None:
        super().__init__()
        self.how = how
        self.mean: Tensor
        self.variance: Tensor
        self.frames: Tensor
        if how == "running":
            self.register_buffer("mean", torch.zeros(channels))
            self.register_buffer("variance", torch.ones(channels))
            self.register_buffer("frames", torch.zeros(()))

    def forward(self, features: Tensor, there: Tensor) -> Tensor:
        """Features `(batch, time, channels)`, 0 where `there`, bool `(batch, time)`, is False."""
        kept = there[:, :, None]
        if self.how == "utterance":
            frames = there.sum(1).clamp_min(1)[:, None, None]
            mean = torch.where(kept, features, 0.0).sum(1, keepdim=True) / frames
            centred = features - mean
            variance = torch.where(kept, centred, 0.0).square().sum(1, keepdim=True) / frames
            features = centred * (variance + LEAST_VARIANCE).rsqrt()
        elif self.how == "running":
            if self.training:
                self._hear(features.detach(), there)
            features = (features - self.mean) * (self.variance + LEAST_VARIANCE).rsqrt()
        return torch.where(kept, features, 0.0)

    @torch.no_grad()
    def _hear(self, features: Tensor, there: Tensor) -> None:
        """Mean and variance of what was heard before and now together (Chan et al., 1979)."""
        kept = there[:, :, None]
        count = there.sum().to(self.frames.dtype)
        mean = torch.where(kept, features, 0.0).sum((0, 1)) / count.clamp_min(1)
        variance = torch.where(kept, features - mean, 0.0).square().sum((0, 1)) / count.clamp_min(1)
        share = count / (self.frames + count).clamp_min(1)
        step = mean - self.mean
        self.variance.lerp_(variance, share).add_(share * (1 - share) * step.square())
        self.mean.add_(share * step)
        self.frames.add_(count).clamp_max_(REMEMBERED)
