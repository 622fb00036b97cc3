"""How loud a waveform is in bands of the mel scale. Imports torch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from toolkit_speech.features.masking import inside
from toolkit_speech.features.mel import mel_filters
from toolkit_speech.features.normalisation import How, Normalisation
from toolkit_speech.features.spectrogram import Windows

SILENCE = 1e-10
"""The power of a band is at least this, before the logarithm."""


class LogMel(nn.Module):
    """Logarithms of a waveform's power in bands of equal width on the mel scale, frame by frame.

    Windows, filters and scale are librosa's (`melspectrogram`, Slaney's scale and norm), the logarithm is natural.
    Utterances may be padded in their batch: it changes nothing.

    Arguments:
        sample_rate: samples a second; filled from the dataset.
        mels: bands, and `channels` of the features.
        window: seconds that a frame hears.
        step: seconds from one frame to the next.
        lowest: where the bands begin, in hertz.
        highest: where they end; half the sampling rate when None.
        normalisation: by `utterance`, by `running` statistics of the training data, or `none`.

    Raises:
        ValueError: windows or bands cannot be.
    """

    def __init__(
        self,
        sample_rate: int,
        mels: int = 80,
        window: float = 0.025,
        step: float = 0.01,
        lowest: float = 0.0,
        highest: float | None = None,
        normalisation: How = "utterance",
    ) -> None:
        super().__init__()
        self.windows = Windows(sample_rate, window, step)
        highest = sample_rate / 2 if highest is None else highest
        if mels < 1 or not 0 <= lowest < highest <= sample_rate / 2:
            raise ValueError(
                f"mels={mels}, lowest={lowest:g}, highest={highest:g}: expected at least one band, from 0 Hz up and to "
                f"{sample_rate / 2:g} Hz at most"
            )
        self.channels = mels
        self.hop = self.windows.hop
        self.reach = self.windows.reach
        self.streams = normalisation != "utterance"
        """Whether a frame depends only on the samples within `reach` of its own, which is frame times `hop`."""
        self.filters: Tensor
        filters = mel_filters(mels, sample_rate, self.windows.fft_size, lowest, highest)
        self.register_buffer("filters", filters, persistent=False)
        self.normalisation = Normalisation(normalisation, mels)

    def forward(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Features `(batch, time, mels)`, 0 behind the end of each, and their frames, `(batch,)`.

        Arguments:
            waveforms: `(batch, samples)`, padded behind.
            lengths: samples of each, `(batch,)`.
        """
        power, frames = self.windows(waveforms, lengths)
        with torch.autocast(waveforms.device.type, enabled=False):
            features = (power @ self.filters).clamp_min(SILENCE).log()
            return self.normalisation(features, inside(frames, features.shape[1])), frames
