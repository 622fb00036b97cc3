"""Louder and softer. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from toolkit_speech.transforms.arguments import interval
from toolkit_speech.transforms.batches import drawn, heard_in, with_waveforms


class RandomGain:
    """Makes every sound louder or softer by a number of its own. Nothing is clipped.

    Arguments:
        decibels: the least and the most.

    Raises:
        ValueError: it is no [least, most].
    """

    def __init__(self, decibels: Sequence[float] = (-9.0, 9.0)) -> None:
        self.decibels = interval("decibels", decibels)

    def __call__(self, batch: Any) -> Any:
        """The batch, in the same shapes."""
        waveforms, lengths = heard_in(batch)
        factors = 10 ** (drawn(waveforms, *self.decibels) / 20)
        return with_waveforms(batch, waveforms * factors[:, None], lengths)
