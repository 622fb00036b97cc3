"""Mel-frequency cepstral coefficients. Imports torch."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from toolkit_speech.features.deltas import REACH, changes
from toolkit_speech.features.log_mel import LogMel
from toolkit_speech.features.masking import inside
from toolkit_speech.features.normalisation import How, Normalisation

DECIBELS = 10 / math.log(10)


class MFCC(nn.Module):
    """Mel-frequency cepstral coefficients (Davis and Mermelstein, 1980), with how they change.

    The cosine transform of the bands of `log_mel` in decibels, as librosa's `mfcc` has it but for the limit of 80 dB
    below the loudest that it sets. Utterances may be padded in their batch: it changes nothing.

    Arguments:
        sample_rate: samples a second; filled from the dataset.
        coefficients: how many.
        mels: bands that they are of.
        deltas: 0, 1, or 2: whether their first and their second change over nine frames follow.
        window: seconds that a frame hears.
        step: seconds from one frame to the next.
        lowest: where the bands begin, in hertz.
        highest: where they end; half the sampling rate when None.
        normalisation: by `utterance`, by `running` statistics of the training data, or `none`.

    Raises:
        ValueError: there are fewer bands than coefficients, or windows, bands or deltas cannot be.
    """

    def __init__(
        self,
        sample_rate: int,
        coefficients: int = 13,
        mels: int = 40,
        deltas: int = 2,
        window: float = 0.025,
        step: float = 0.01,
        lowest: float = 0.0,
        highest: float | None = None,
        normalisation: How = "utterance",
    ) -> None:
        super().__init__()
        if not 1 <= coefficients <= mels or deltas not in (0, 1, 2):
            raise ValueError(
                f"coefficients={coefficients}, mels={mels}, deltas={deltas}: expected at least one coefficient, as "
                "many bands or more, and 0, 1 or 2 deltas"
            )
        self.log_mel = LogMel(sample_rate, mels, window, step, lowest, highest, "none")
        self.deltas = deltas
        self.channels = coefficients * (1 + deltas)
        self.hop = self.log_mel.hop
        self.reach = self.log_mel.reach + (REACH * self.hop if deltas else 0)
        self.streams = normalisation != "utterance"
        """Whether a frame depends only on the samples within `reach` of its own, which is frame times `hop`."""
        self.cosines: Tensor
        self.register_buffer("cosines", _cosines(mels, coefficients), persistent=False)
        self.normalisation = Normalisation(normalisation, self.channels)

    def forward(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Features `(batch, time, channels)`, 0 behind the end of each, and their frames, `(batch,)`.

        Arguments:
            waveforms: `(batch, samples)`, padded behind.
            lengths: samples of each, `(batch,)`.
        """
        bands, frames = self.log_mel(waveforms, lengths)
        with torch.autocast(waveforms.device.type, enabled=False):
            still = DECIBELS * bands @ self.cosines
            parts = [still, *(changes(still, frames, order) for order in range(1, self.deltas + 1))]
            features = torch.cat(parts, dim=2)
            return self.normalisation(features, inside(frames, features.shape[1])), frames


def _cosines(mels: int, coefficients: int) -> Tensor:
    """The orthonormal cosine transform of type 2, float32 `(mels, coefficients)`."""
    places = (torch.arange(mels, dtype=torch.float64) + 0.5) * math.pi / mels
    matrix = torch.cos(places[:, None] * torch.arange(coefficients)) * math.sqrt(2 / mels)
    matrix[:, 0] /= math.sqrt(2)
    return matrix.float()
