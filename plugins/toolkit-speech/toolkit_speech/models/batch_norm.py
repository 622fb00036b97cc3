"""Batch normalisation that counts real frames only. Imports torch."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm


class MaskedBatchNorm(_BatchNorm):
    """Batch normalisation (Ioffe and Szegedy, 2015) over the frames that there are, of any number of dimensions.

    torch's own takes padding for frames, so that what a model learns would depend on how much of it is in a batch.
    Means and variances are those of this process, as torch's are without SyncBatchNorm.
    """

    def forward(self, inputs: Tensor, there: Tensor) -> Tensor:  # type: ignore[override]  # torch's has no mask
        """Normalised, and 0 where there is nothing.

        Arguments:
            inputs: `(batch, channels, ..., time)`.
            there: bool `(batch, time)`.
        """
        between = inputs.dim() - 3
        shape = (1, -1, *[1] * (between + 1))
        mask = there.view(there.shape[0], 1, *[1] * between, there.shape[1]).to(inputs.dtype)
        values = inputs * mask
        if self.training:
            values = values.float()
            dims = [0, *range(2, inputs.dim())]
            count = (there.sum() * inputs[0, 0].numel() // max(1, there.shape[1])).clamp_min(1)
            mean = values.sum(dims) / count
            # Each pass over all frames costs as much as the convolution before it does in a small network: two sums in
            # place of the mean of squared differences are a pass less forwards, and three backwards.
            variance = (values.square().sum(dims) / count - mean.square()).clamp_min(0)
            self._remember(mean, variance * count / (count - 1).clamp_min(1))
        else:
            assert self.running_mean is not None
            assert self.running_var is not None
            mean, variance = self.running_mean, self.running_var
        scale = self.weight * torch.rsqrt(variance + self.eps)
        shift = self.bias - mean * scale
        return torch.addcmul(shift.view(shape) * mask, values, scale.view(shape)).to(inputs.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        momentum = self.momentum or 0.0
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), momentum)
        self.running_var.lerp_(variance.to(self.running_var.dtype), momentum)

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of dimensions is right."""
