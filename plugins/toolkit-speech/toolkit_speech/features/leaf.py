"""Filters that are learnt from where mel filters are. Imports torch."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from toolkit_speech.features.masking import inside, silenced
from toolkit_speech.features.mel import mel_edges

BLOCK = 64
"""Frames that are smoothed at once."""
FLOOR = 1e-6
"""The smoothed energy is at least this where it divides."""


class Leaf(nn.Module):
    """Gabor filters, the energy behind each, smoothed by Gaussians, and a compression, all of it learnt, as in "LEAF: A
    Learnable Frontend for Audio Classification" (Zeghidour et al., 2021).

    Filters begin as wide and as high as the bands of `log_mel`. What compresses is PCEN (Wang et al., 2017): energy
    over its own running mean, to a power; so the loudness of a recording hardly matters. The energy of every filter at
    every sample is kept for the gradient: count on some hundred times the memory of `log_mel`. Utterances may be padded
    in their batch: it changes nothing.

    Differs from the paper: the Gaussians are of area 1, and the energy is multiplied by the sampling rate, so that it
    is of the same size at any rate.

    Arguments:
        sample_rate: samples a second; filled from the dataset.
        filters: how many, and `channels` of the features.
        window: seconds that a filter and a smoothing hears.
        step: seconds from one frame to the next.

    Raises:
        ValueError: there is no filter, or a window or step is too short.
    """

    def __init__(self, sample_rate: int, filters: int = 40, window: float = 0.025, step: float = 0.01) -> None:
        super().__init__()
        self.side = round(window * sample_rate / 2)
        self.hop = round(step * sample_rate)
        if filters < 1 or self.side < 1 or self.hop < 1:
            raise ValueError(
                f"filters={filters}, window={window}, step={step}: expected filters, and windows of samples"
            )
        self.channels = filters
        self.sample_rate = sample_rate
        self.reach = 2 * self.side + 1
        self.streams = False
        """The running mean begins with the utterance and forgets nothing altogether."""
        edges = mel_edges(filters, 0.0, sample_rate / 2)
        # Half as loud, a quarter of the energy, at these widths of a triangle in energy.
        widths = 0.75 * (edges[2:] - edges[:-2])
        self.centres = nn.Parameter((2 * math.pi / sample_rate * edges[1:-1]).float())
        """Radians a sample, `(filters,)`."""
        self.deviations = nn.Parameter((math.sqrt(2 * math.log(2)) / math.pi * sample_rate / widths).float())
        """Of the Gabor filters in samples."""
        self.smoothing = nn.Parameter(torch.full((filters,), 0.4))
        """Deviations of the Gaussians as shares of half a window."""
        self.compression = PCEN(filters)
        self.places: Tensor
        self.register_buffer("places", torch.arange(-self.side, self.side + 1.0), persistent=False)

    def forward(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Features `(batch, time, filters)`, 0 behind the end of each, and their frames, `(batch,)`.

        Arguments:
            waveforms: `(batch, samples)`, padded behind.
            lengths: samples of each, `(batch,)`.
        """
        with torch.autocast(waveforms.device.type, enabled=False):
            heard = functional.conv1d(silenced(waveforms, lengths)[:, None], self._gabor(), padding=self.side)
            energy = heard.view(heard.shape[0], 2, self.channels, -1).square().sum(1)
            # Filters go on to ring behind the end of an utterance.
            energy = torch.where(inside(lengths, energy.shape[2])[:, None], energy, 0.0)
            smoothed = functional.conv1d(
                energy, self._gaussians(), stride=self.hop, padding=self.side, groups=self.channels
            )
            frames = -(-lengths // self.hop)
            features = self.compression(self.sample_rate * smoothed).transpose(1, 2)
            return torch.where(inside(frames, features.shape[1])[:, :, None], features, 0.0), frames

    def _gabor(self) -> Tensor:
        """Real, then imaginary parts, `(2 * filters, 1, taps)`."""
        # As in the paper's code: what leaves these ranges is no filter any more.
        centres = self.centres.clamp(0, math.pi)[:, None]
        narrowest = 4 * math.sqrt(2 * math.log(2)) / math.pi
        deviations = self.deviations.clamp(narrowest, (2 * self.side + 1) * math.sqrt(2 * math.log(2)) / math.pi)[
            :, None
        ]
        bell = torch.exp(-0.5 * (self.places / deviations).square()) / (math.sqrt(2 * math.pi) * deviations)
        angles = centres * self.places
        return torch.cat((bell * torch.cos(angles), bell * torch.sin(angles)))[:, None]

    def _gaussians(self) -> Tensor:
        """`(filters, 1, taps)`."""
        deviations = self.smoothing.clamp(2 / (2 * self.side + 1), 0.5)[:, None] * self.side
        bell = torch.exp(-0.5 * (self.places / deviations).square())
        return (bell / bell.sum(1, keepdim=True))[:, None]


class PCEN(nn.Module):
    """Per-channel energy normalisation (Wang et al., 2017): `(E / (floor + M)**alpha + delta)**(1 / root)`, less its
    value at 0, where M is the running mean of E; every parameter is learnt for each channel.

    Arguments:
        channels: how many.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.full((channels,), 0.96))
        self.delta = nn.Parameter(torch.full((channels,), 2.0))
        self.root = nn.Parameter(torch.full((channels,), 2.0))
        self.smooth = nn.Parameter(torch.full((channels,), 0.04))
        """The share of the newest frame in the running mean."""

    def forward(self, energy: Tensor) -> Tensor:
        """Of energy `(batch, channels, time)`, in the same shape."""
        mean = running_mean(energy, self.smooth.clamp(0.0, 1.0))
        alpha, delta, root = (
            part[:, None] for part in (self.alpha.clamp_max(1.0), self.delta.clamp_min(FLOOR), self.root.clamp_min(1.0))
        )
        compressed: Tensor = (energy / (FLOOR + mean) ** alpha + delta) ** (1 / root) - delta ** (1 / root)
        return compressed


def running_mean(values: Tensor, share: Tensor) -> Tensor:
    """An exponential mean over time that begins with the first value, a block of frames at once.

    Arguments:
        values: `(batch, channels, time)`.
        share: of the newest value in the mean, `(channels,)`.
    """
    steps = torch.arange(BLOCK, device=values.device)
    ages = (steps[:, None] - steps).clamp_min(0)
    decay = 1 - share[:, None]
    # Rows are frames of a block, columns what they hear of each.
    weights = torch.where(steps[:, None] >= steps, share[:, None, None] * decay[:, :, None] ** ages, 0.0)
    remembered = decay ** (steps + 1)
    mean, means = values[:, :, :1], []
    for begin in range(0, values.shape[2], BLOCK):
        block = values[:, :, begin : begin + BLOCK]
        size = block.shape[2]
        heard = torch.einsum("bct,cst->bcs", block, weights[:, :size, :size]) + mean * remembered[:, :size]
        means.append(heard)
        mean = heard[:, :, -1:]
    return torch.cat(means, dim=2)
