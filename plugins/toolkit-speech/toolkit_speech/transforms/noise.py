"""Noise behind what is said. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from toolkit_speech.transforms.arguments import interval, share
from toolkit_speech.transforms.batches import chosen, drawn, heard_in, loudness, with_waveforms
from toolkit_speech.transforms.spectra import filtered

LOWEST = 0.01
"""As a share of half the sampling rate: below, noise does not grow any more."""


class RandomNoise:
    """Lays noise behind some of the sounds, each with a loudness and a colour of its own.

    The power of the noise falls with the frequency, to a power from 0 (white) to 2 (brown). Its loudness is measured
    against the mean of the whole sound, pauses included.

    Arguments:
        snr: how many decibels the noise is below the sound, at least and at most.
        p: probability for a sound to get any.

    Raises:
        ValueError: an argument cannot be.
    """

    def __init__(self, snr: Sequence[float] = (5.0, 30.0), p: float = 0.5) -> None:
        self.snr = interval("snr", snr)
        self.p = share("p", p)

    def __call__(self, batch: Any) -> Any:
        """The batch, in the same shapes."""
        waveforms, lengths = heard_in(batch)
        slopes = drawn(waveforms, 0.0, 2.0)
        noise = filtered(
            torch.randn_like(waveforms), lambda places: places.clamp_min(LOWEST) ** (-slopes.float()[:, None] / 2)
        )
        (noise, _), _ = with_waveforms(batch, noise, lengths)
        wanted = loudness(waveforms, lengths) * 10 ** (-drawn(waveforms, *self.snr)[:, None] / 20)
        noise = noise * wanted / loudness(noise, lengths).clamp_min(1e-8)
        return with_waveforms(batch, waveforms + noise * chosen(waveforms, self.p), lengths)
