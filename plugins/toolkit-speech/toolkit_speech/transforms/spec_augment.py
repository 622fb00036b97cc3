"""Stripes of a spectrogram that are hidden in training. Imports torch, nothing of the toolkit."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from toolkit_speech.transforms.arguments import share as checked_share


class SpecAugment(nn.Module):
    """Sets stripes of time and of frequency to 0, which is the mean of normalised features ("SpecAugment", Park et al.,
    2019; the paper's warping of time, which gives least, is left out).

    Every utterance has stripes of its own; their widths and places are uniform. A module for the `augmentation` of a
    model: it does nothing in evaluation.

    Arguments:
        frequency_masks: stripes over all the time.
        frequencies: channels of a stripe, at most.
        time_masks: stripes over all channels.
        frames: of a stripe, at most.
        share: of an utterance's frames that a stripe hides at most, so that short ones are not lost.

    Raises:
        ValueError: an argument cannot be.
    """

    def __init__(
        self,
        frequency_masks: int = 2,
        frequencies: int = 27,
        time_masks: int = 2,
        frames: int = 100,
        share: float = 0.2,
    ) -> None:
        super().__init__()
        for name, value in (
            ("frequency_masks", frequency_masks),
            ("frequencies", frequencies),
            ("time_masks", time_masks),
            ("frames", frames),
        ):
            if value < 0:
                raise ValueError(f"{name}={value}: expected a number from 0 up")
        self.frequency_masks = frequency_masks
        self.frequencies = frequencies
        self.time_masks = time_masks
        self.frames = frames
        self.share = checked_share("share", share)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Features `(batch, time, channels)` with stripes of 0.

        Arguments:
            features: of a batch, normalised.
            lengths: frames of each, `(batch,)`.
        """
        if not self.training:
            return features
        _, time, channels = features.shape
        every = torch.full_like(lengths, channels)
        widest = torch.full_like(lengths, min(self.frequencies, channels))
        hidden = _stripes(every, widest, self.frequency_masks, channels)[:, None, :]
        longest = (lengths * self.share).floor().clamp_max(self.frames)
        hidden = hidden | _stripes(lengths, longest, self.time_masks, time)[:, :, None]
        return features.masked_fill(hidden, 0.0)


def _stripes(extents: Tensor, widest: Tensor, count: int, places: int) -> Tensor:
    """Whether a place is in one of `count` stripes: bool `(batch, places)`.

    Arguments:
        extents: where the last stripe ends at most, `(batch,)`.
        widest: of a stripe, `(batch,)`, at most `extents`.
        count: of stripes.
        places: that there are.
    """
    random = torch.rand(2, len(extents), count, device=extents.device)
    # Whole numbers, each from 0 to the most alike.
    widths = (random[0] * (widest[:, None] + 1)).floor()
    starts = (random[1] * (extents[:, None] - widths + 1)).floor()
    place = torch.arange(places, device=extents.device)
    return ((place >= starts[:, :, None]) & (place < (starts + widths)[:, :, None])).any(1)
