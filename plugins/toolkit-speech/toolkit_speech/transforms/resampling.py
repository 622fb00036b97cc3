"""Recordings that lack high frequencies. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from toolkit_speech.transforms.arguments import interval, share
from toolkit_speech.transforms.batches import chosen, drawn, heard_in, with_waveforms
from toolkit_speech.transforms.spectra import filtered

WIDTH = 0.05
"""Of the slope between what is heard and what is not, as a share of half the sampling rate."""


class RandomResampling:
    """Makes some of the sounds as if they had been recorded at a lower sampling rate, each at one of its own.

    Frequencies above half that rate are taken out; sampling rate and length stay.

    Arguments:
        rates: that rate as a share of the true one, at least and at most.
        p: probability for a sound to be changed.

    Raises:
        ValueError: an argument cannot be.
    """

    def __init__(self, rates: Sequence[float] = (0.4, 0.9), p: float = 0.3) -> None:
        self.rates = interval("rates", rates, 0.05, 1.0)
        self.p = share("p", p)

    def __call__(self, batch: Any) -> Any:
        """The batch, in the same shapes."""
        waveforms, lengths = heard_in(batch)
        rates = drawn(waveforms, *self.rates).float()[:, None]

        def gains(places: Tensor) -> Tensor:
            # Half a cosine, which ends at the new Nyquist frequency: an edge would ring.
            return 0.5 + 0.5 * torch.cos(torch.pi * ((places - rates) / WIDTH + 1).clamp(0, 1))

        low = filtered(waveforms, gains, room=_RINGING)
        return with_waveforms(batch, torch.where(chosen(waveforms, self.p), low, waveforms), lengths)


_RINGING = 256
"""Samples that the filter is heard for."""
