"""Waveforms that stay in memory once they were wanted. Imports torch, nothing of the toolkit."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils.data import get_worker_info

FULL_SCALE = 2**15
"""An amplitude of 1 in whole numbers of 16 bits."""
ROOM = 512 * 2**20
"""Bytes that are kept of a split: nine hours at 8 kHz in 16 bits."""


class Kept:
    """What was read or composed once, so that the next epoch need not do it again; as long as there is room.

    A waveform comes back exactly as it was. One that whole numbers of 16 bits hold, as most files do, takes 2 bytes a
    sample, any other 4. Nothing is kept in a worker process: it ends with the epoch.

    Arguments:
        room: bytes.
    """

    def __init__(self, room: int = ROOM) -> None:
        self.room = room
        self._waveforms: dict[int, Tensor] = {}

    def get(self, number: int) -> Tensor | None:
        """A waveform of its own, float32 `(samples,)`; None where it is not kept."""
        kept = self._waveforms.get(number)
        if kept is None:
            return None
        return kept * (1 / FULL_SCALE) if kept.dtype == torch.int16 else kept.clone()

    def keep(self, number: int, waveform: Tensor) -> None:
        """Keep a waveform, float32 `(samples,)`, if there is room."""
        if get_worker_info() is not None:
            return
        whole = in_16_bits(waveform)
        kept = whole if torch.equal(whole * (1 / FULL_SCALE), waveform) else waveform.clone()
        size = kept.numel() * kept.element_size()
        if size <= self.room:
            self.room -= size
            self._waveforms[number] = kept


def in_16_bits(waveform: Tensor) -> Tensor:
    """A waveform from -1 to 1 as a sound file holds it, int16; what is louder is cut off."""
    return (waveform * FULL_SCALE).round().clamp(-FULL_SCALE, FULL_SCALE - 1).to(torch.int16)
