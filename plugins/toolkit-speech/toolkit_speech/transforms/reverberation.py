"""Rooms. Imports torch, nothing of the toolkit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from toolkit_speech.transforms.arguments import interval, share
from toolkit_speech.transforms.batches import chosen, drawn, heard_in, loudness, with_waveforms
from toolkit_speech.transforms.spectra import fast_size

DECAY = math.log(1000)
"""A room's reverberation time is what it takes to fall by 60 dB, a thousandth in amplitude."""


class RandomReverberation:
    """Puts some of the sounds into rooms, each into one of its own: behind the sound itself comes noise that dies away
    (Polack's model of late reverberation, 1988).

    Arguments:
        sample_rate: samples a second; filled from the dataset.
        seconds: until the reverberation has fallen by 60 dB, at least and at most.
        direct: how many decibels the sound itself is above all of its reverberation, at least and at most.
        p: probability for a sound to be changed.

    Raises:
        ValueError: an argument cannot be.
    """

    def __init__(
        self,
        sample_rate: int,
        seconds: Sequence[float] = (0.1, 0.6),
        direct: Sequence[float] = (0.0, 15.0),
        p: float = 0.3,
    ) -> None:
        self.sample_rate = sample_rate
        self.seconds = interval("seconds", seconds, 0.01, 5.0)
        self.direct = interval("direct", direct)
        self.p = share("p", p)

    def __call__(self, batch: Any) -> Any:
        """The batch, in the same shapes and as loud as before; what would follow behind a sound's end is cut off."""
        waveforms, lengths = heard_in(batch)
        samples = waveforms.shape[1]
        times = torch.arange(min(samples, round(self.seconds[1] * self.sample_rate)), device=waveforms.device)
        rates = DECAY / (drawn(waveforms, *self.seconds).float()[:, None] * self.sample_rate)
        rooms = torch.randn(len(waveforms), len(times), device=waveforms.device) * torch.exp(-rates * times)
        rooms[:, 0] = 0.0
        level = 10 ** (-drawn(waveforms, *self.direct).float()[:, None] / 20)
        rooms = rooms * level / rooms.square().sum(1, keepdim=True).sqrt().clamp_min(1e-8)
        rooms[:, 0] = 1.0
        size = fast_size(samples + len(times))
        spectra = torch.fft.rfft(waveforms.float(), size) * torch.fft.rfft(rooms, size)
        wet = torch.fft.irfft(spectra, size)[:, :samples].to(waveforms.dtype)
        (wet, _), _ = with_waveforms(batch, wet, lengths)
        wet = wet * loudness(waveforms, lengths) / loudness(wet, lengths).clamp_min(1e-8)
        return with_waveforms(batch, torch.where(chosen(waveforms, self.p), wet, waveforms), lengths)
