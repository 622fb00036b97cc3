"""Features that are learnt by convolutions over the samples. Imports torch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from toolkit_speech.features.masking import inside, silenced


class StridedConv(nn.Module):
    """Convolutions over the waveform, each with a stride, as wav2vec has them (Schneider et al., 2019).

    Every layer hears two strides and a sample of what is below it, is normalised frame by frame, so that no frame
    depends on those far away, and rectified by GELU. Utterances may be padded in their batch: it changes nothing.

    Arguments:
        channels: numbers in a frame.
        strides: of the layers; their product is the samples from one frame to the next. The default makes 100 frames a
            second at 16 kHz.

    Raises:
        ValueError: there are no layers, or a stride is below 1.
    """

    def __init__(self, channels: int = 128, strides: Sequence[int] = (5, 4, 4, 2)) -> None:
        super().__init__()
        if not strides or min(strides) < 1 or channels < 1:
            raise ValueError(f"channels={channels}, strides={list(strides)}: expected numbers from 1 up")
        self.channels = channels
        self.strides = list(strides)
        self.hop = math.prod(strides)
        # A layer looks `stride` of its own steps to each side, a step being the product of the strides below it.
        self.reach = sum(math.prod(strides[: place + 1]) for place in range(len(strides))) + 1
        self.streams = True
        """Whether a frame depends only on the samples within `reach` of its own, which is frame times `hop`."""
        widths = [1, *[channels] * len(strides)]
        self.layers = nn.ModuleList(
            nn.Conv1d(before, after, 2 * stride + 1, stride, padding=stride)
            for before, after, stride in zip(widths, widths[1:], strides, strict=False)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in strides)

    def forward(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Features `(batch, time, channels)`, 0 behind the end of each, and their frames, `(batch,)`.

        Arguments:
            waveforms: `(batch, samples)`, padded behind.
            lengths: samples of each, `(batch,)`.
        """
        frames = silenced(waveforms, lengths)[:, None]
        for layer, norm, stride in zip(self.layers, self.norms, self.strides, strict=True):
            lengths = -(-lengths // stride)
            frames = norm(layer(frames).transpose(1, 2)).transpose(1, 2)
            frames = functional.gelu(frames)
            frames = torch.where(inside(lengths, frames.shape[2])[:, None], frames, 0.0)
        return frames.transpose(1, 2), lengths
