"""Power spectra of short windows. Imports torch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from toolkit_speech.features.masking import silenced


class Windows(nn.Module):
    """Waveforms to power spectra of windows of Hann's shape around every `hop`-th sample, as librosa's `stft` has them.

    Before the first sample and behind the last there is silence: what stands behind the end of an utterance in a batch
    is not heard.

    Arguments:
        sample_rate: samples a second.
        window_s: seconds of a window.
        step_s: seconds from one window to the next.

    Raises:
        ValueError: a window has no two samples, or a step has none.
    """

    def __init__(self, sample_rate: int, window_s: float, step_s: float) -> None:
        super().__init__()
        self.samples = round(window_s * sample_rate)
        self.hop = round(step_s * sample_rate)
        if self.samples < 2 or self.hop < 1:
            raise ValueError(f"window={window_s}, step={step_s}: too short at {sample_rate} samples a second")
        self.fft_size = 1 << (self.samples - 1).bit_length()
        """The next power of two, for the FFT."""
        self.reach = (self.samples + 1) // 2
        """Samples before and behind its middle that a window looks at."""
        self.window: Tensor
        # Not in checkpoints: it follows from the arguments.
        self.register_buffer("window", torch.hann_window(self.samples), persistent=False)

    def forward(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Power `(batch, time, fft_size // 2 + 1)` of waveforms `(batch, samples)`, and frames of each, `(batch,)`."""
        # In full precision under autocast too: power spans more than half precision can hold.
        with torch.autocast(waveforms.device.type, enabled=False):
            spectra = torch.stft(
                silenced(waveforms, lengths),
                self.fft_size,
                self.hop,
                self.samples,
                self.window,
                center=True,
                pad_mode="constant",
                return_complex=True,
            )
            power = torch.view_as_real(spectra).square().sum(-1)
        return power.transpose(1, 2), 1 + lengths // self.hop
