"""What every model here does first: features of waveforms, with nothing behind the end of each. Imports torch."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from toolkit_speech.features.masking import inside
from toolkit_speech.samples import Heard


class Features(NamedTuple):
    """What a front end makes of waveforms."""

    values: Tensor
    """`(batch, time, channels)`, 0 behind the end of each."""
    lengths: Tensor
    """Frames of each, `(batch,)`."""
    there: Tensor
    """`(batch, time)`, False behind the end."""


def features_of(inputs: Heard, front_end: nn.Module, augmentation: nn.Module | None) -> Features:
    """The features of a batch.

    Arguments:
        inputs: waveforms and their lengths.
        front_end: from waveforms `(batch, samples)` and lengths to features `(batch, time, channels)` and lengths.
        augmentation: from features and lengths to features, in training alone.
    """
    values, lengths = front_end(*inputs)
    if augmentation is not None and augmentation.training:
        values = augmentation(values, lengths)
    there = inside(lengths, values.shape[1])
    return Features(values * there[:, :, None], lengths, there)


def channels_of(front_end: nn.Module) -> int:
    """How many numbers a frame of a front end has.

    Raises:
        ValueError: it does not say.
    """
    channels = getattr(front_end, "channels", None)
    if not isinstance(channels, int):
        raise ValueError(f"front_end: {type(front_end).__name__} does not say how many `channels` its features have")
    return channels


def halved(lengths: Tensor) -> Tensor:
    """Frames after a convolution over 3 frames with a stride of 2 and one frame of padding at both ends."""
    return (lengths + 1) // 2
