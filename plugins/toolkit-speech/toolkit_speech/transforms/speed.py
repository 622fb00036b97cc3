"""Faster and slower. Imports torch, nothing of the toolkit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from toolkit_speech.transforms.arguments import interval
from toolkit_speech.transforms.batches import drawn, heard_in, with_waveforms
from toolkit_speech.transforms.interpolate import stretched


class RandomSpeed:
    """Plays every sound at a speed of its own, pitch with it ("Audio augmentation for speech recognition", Ko et al.,
    2015, who take 0.9, 1 and 1.1).

    Lengths change, and the batch is padded for the slowest speed there can be, whatever is drawn, so that nobody has to
    wait for the device to know its shape.

    Arguments:
        factors: the least and the most; above 1 is faster.

    Raises:
        ValueError: it is no [least, most] from 0.5 to 2.
    """

    def __init__(self, factors: Sequence[float] = (0.9, 1.1)) -> None:
        self.factors = interval("factors", factors, 0.5, 2.0)

    def __call__(self, batch: Any) -> Any:
        """The batch with waveforms `(batch, ceil(samples / least))` and other lengths."""
        waveforms, lengths = heard_in(batch)
        factors = drawn(waveforms, *self.factors)
        samples = math.ceil(waveforms.shape[1] / self.factors[0])
        changed = (lengths / factors).round().long().clamp(min=1, max=samples)
        return with_waveforms(batch, stretched(waveforms, factors, samples), changed)
