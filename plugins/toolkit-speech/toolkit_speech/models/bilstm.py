"""An LSTM in both directions for sequences that are padded. Imports torch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from toolkit_speech.features.masking import inside


class BiLSTM(nn.Module):
    """A bidirectional LSTM ("Bidirectional Recurrent Neural Networks", Schuster and Paliwal, 1997) of padded sequences.

    Two LSTMs of one direction, the second over every sequence turned around: padding stays behind what is read, and
    changes nothing. torch's own needs packed sequences for that, which a CPU reads without oneDNN's kernels.

    Arguments:
        inputs: numbers of a frame.
        width: numbers that come out, half of them of each direction; even.
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.onwards = nn.LSTM(inputs, width // 2, batch_first=True)
        self.backwards = nn.LSTM(inputs, width // 2, batch_first=True)

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """`(batch, time, width)` of frames `(batch, time, inputs)`; what is behind the end of a sequence means nothing.

        Arguments:
            frames: padded behind.
            lengths: frames of each sequence, `(batch,)`.
        """
        around = turned_around(lengths, frames.shape[1])
        backwards = self.backwards(_by_place(frames, around))[0]
        return torch.cat((self.onwards(frames)[0], _by_place(backwards, around)), dim=2)


def turned_around(lengths: Tensor, longest: int) -> Tensor:
    """Where each of `longest` places gets its value from, `(batch, longest)`; those behind the end keep theirs."""
    places = torch.arange(longest, device=lengths.device)
    return torch.where(inside(lengths, longest), lengths[:, None] - 1 - places, places)


def _by_place(frames: Tensor, places: Tensor) -> Tensor:
    # Whole rows of one matrix: its gradient is a sum over rows, and not over single numbers as `gather` has it.
    batch, length, width = frames.shape
    rows = places + length * torch.arange(batch, device=places.device)[:, None]
    return frames.reshape(batch * length, width).index_select(0, rows.flatten()).view(batch, length, width)
