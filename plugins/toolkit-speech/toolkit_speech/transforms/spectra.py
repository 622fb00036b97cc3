"""Filters of whole waveforms by their spectra. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def filtered(waveforms: Tensor, gains: Callable[[Tensor], Tensor], room: int = 0) -> Tensor:
    """Waveforms `(batch, samples)` with each frequency multiplied, in float32.

    Arguments:
        waveforms: to filter.
        gains: from frequencies `(n,)`, 0 to 1 for half the sampling rate, to factors `(batch, n)`, real or complex.
        room: samples of silence behind, so that what is smeared over the end does not come back at the beginning.
    """
    samples = waveforms.shape[1]
    size = fast_size(samples + room)
    frequencies = torch.linspace(0, 1, size // 2 + 1, device=waveforms.device)
    spectra = torch.fft.rfft(waveforms.float(), size) * gains(frequencies)
    back: Tensor = torch.fft.irfft(spectra, size)
    return back[:, :samples].to(waveforms.dtype)


def fast_size(samples: int) -> int:
    """The next size of a Fourier transform that is a power of two, or that and a half: others can be slow."""
    power = 1 << (samples - 1).bit_length()
    return 3 * power // 4 if 3 * power // 4 >= samples else power
