"""Constant tensors that follow the model from device to device. Imports torch."""

from __future__ import annotations

import torch
from torch import Tensor


class Placed:
    """Tensors that are what they are: no weights, and nothing that a checkpoint has to hold.

    Not buffers, which DistributedDataParallel sends from the first process to all others in every step (torch 2.14).

    Args:
        tensors: on any device.
    """

    def __init__(self, *tensors: Tensor) -> None:
        self._tensors = tensors
        self._copies: dict[torch.device, tuple[Tensor, ...]] = {}

    def at(self, device: torch.device) -> tuple[Tensor, ...]:
        """The tensors on a device; they are kept there."""
        found = self._copies.get(device)
        if found is None:
            found = self._copies[device] = tuple(tensor.to(device) for tensor in self._tensors)
        return found
