"""Waveforms at another sampling rate. Imports torch, nothing of the toolkit."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

ZEROS = 16
"""Zero crossings of the sinc on each side: the more, the steeper the filter."""
ROLLOFF = 0.95
"""The filter's cutoff as a share of the lower of the two Nyquist frequencies, so that it has room to fall."""
MOST_WEIGHTS = 2**23
"""Of the filters of all phases; rates without a common divisor need one for every output sample of a second."""


def resampled(waveform: Tensor, old_rate: int, new_rate: int) -> Tensor:
    """A waveform at another sampling rate, by a windowed sinc (Smith and Gossett, 1984), one filter for each phase.

    Arguments:
        waveform: `(samples,)`.
        old_rate: its samples a second.
        new_rate: those wanted.

    Returns:
        `(ceil(samples * new_rate / old_rate),)`.

    Raises:
        ValueError: the rates have no common divisor to speak of.
    """
    if old_rate == new_rate:
        return waveform
    divisor = math.gcd(old_rate, new_rate)
    old, new = old_rate // divisor, new_rate // divisor
    filters, reach = _filters(old, new)
    padded = functional.pad(waveform[None, None], (reach, reach + old))
    # A column of the result has one sample for each of the `new` phases, in their order.
    phases = functional.conv1d(padded, filters.to(waveform)[:, None], stride=old)
    return phases[0].T.flatten()[: math.ceil(len(waveform) * new / old)]


@lru_cache(maxsize=8)
def _filters(old: int, new: int) -> tuple[Tensor, int]:
    """Filters `(new, taps)`, and how many samples they begin before the place that they are for."""
    cutoff = ROLLOFF * min(old, new) / old  # as a share of the old Nyquist frequency
    reach = math.ceil(ZEROS / cutoff)
    if new * (2 * reach + old) > MOST_WEIGHTS:
        raise ValueError(
            f"sampling rates of {old} to {new} have no common divisor: convert the file with another program"
        )
    places = torch.arange(-reach, reach + old, dtype=torch.float64)
    # Output sample `phase` lies at phase * old / new between the input samples.
    distance = places - torch.arange(new, dtype=torch.float64)[:, None] * old / new
    window = torch.cos(distance / reach * (math.pi / 2)).square() * (distance.abs() < reach)
    filters = cutoff * torch.sinc(cutoff * distance) * window
    # The same loudness in every phase.
    return filters / filters.sum(1, keepdim=True), reach
