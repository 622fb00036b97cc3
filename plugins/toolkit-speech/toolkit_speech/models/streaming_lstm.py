"""A network that hears what has been said so far alone, whole or chunk by chunk. Imports torch."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from toolkit_speech.features.masking import inside
from toolkit_speech.models.features import channels_of, features_of
from toolkit_speech.models.streaming import FeatureStream, StreamState
from toolkit_speech.samples import Heard

KERNEL = 5
"""Frames that a convolution sees, the newest among them."""


class State(NamedTuple):
    """What a stream has to remember; the first dimension of every tensor is the batch."""

    features: StreamState
    """Samples that later features look at."""
    rest: Tensor
    """Features that do not fill a frame of the network yet, `(batch, 0 to stride - 1, channels)`."""
    contexts: tuple[Tensor, ...]
    """The last `KERNEL - 1` frames before each convolution, `(batch, KERNEL - 1, width)`."""
    recurrent: tuple[tuple[Tensor, Tensor], ...]
    """The states of each LSTM, `(batch, 1, width)`."""


class StreamingLSTM(nn.Module):
    """Causal convolutions and LSTMs in one direction, for CTC: what it says of a frame depends on nothing later.

    `stride` frames of the features are taken together; convolutions over time and LSTMs add to them, each normalised
    first, by itself, so that no statistics of a batch are needed. `step` goes on with a stream, and what it returns
    chunk by chunk is what `forward` returns of the whole, whatever the chunks.

    Arguments:
        vocab_size: length of an output, with CTC's blank; filled from the dataset.
        front_end: makes features of waveforms. To stream it may not normalise by utterance.
        augmentation: changes features in training, such as `{use: spec_augment}`.
        width: length of a frame's vector.
        convolutions: how many.
        depth: LSTMs.
        stride: frames of the features for one of the network.
        dropout: probability with which a number of what a layer adds is set to 0 in training.

    Raises:
        ValueError: `stride` is no number from 1 up.
    """

    def __init__(
        self,
        vocab_size: int,
        front_end: nn.Module,
        augmentation: nn.Module | None = None,
        width: int = 256,
        convolutions: int = 2,
        depth: int = 3,
        stride: int = 2,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if stride < 1:
            raise ValueError(f"stride={stride}: a number of frames from 1 up")
        self.front_end = front_end
        self.augmentation = augmentation
        self.stride = stride
        self.project = nn.Linear(stride * channels_of(front_end), width)
        self.convolution_norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(convolutions))
        self.convolutions = nn.ModuleList(nn.Conv1d(width, width, KERNEL) for _ in range(convolutions))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(depth))
        self.lstms = nn.ModuleList(nn.LSTM(width, width, batch_first=True) for _ in range(depth))
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, vocab_size)

    def forward(self, inputs: Heard) -> tuple[Tensor, Tensor]:
        """Log-probabilities `(batch, frames, vocab_size)` and frames of each, `(batch,)`.

        Features at the end that fill no frame of the network are left out.

        Arguments:
            inputs: waveforms `(batch, samples)`, padded behind, and lengths `(batch,)`.
        """
        features = features_of(inputs, self.front_end, self.augmentation)
        lengths = features.lengths // self.stride
        # Nothing looks ahead, so that what stands behind an utterance needs no mask. One frame there is in any case,
        # for a loss to go back through.
        frames = max(1, features.values.shape[1] // self.stride)
        values = nn.functional.pad(features.values, (0, 0, 0, self.stride))[:, : frames * self.stride]
        said, _, _ = self._said(values, *self._begun(values))
        return said * inside(lengths, said.shape[1])[:, :, None], lengths

    @torch.no_grad()
    def step(self, chunk: Tensor, state: State | None = None, *, last: bool = False) -> tuple[Tensor, State]:
        """Log-probabilities `(batch, frames, vocab_size)` of the frames that are complete now, and the next state.

        Arguments:
            chunk: the next samples, `(batch, samples)`, of streams that began together; any number of them.
            state: what the step before returned; None at the beginning.
            last: whether nothing follows, so that frames that look beyond the end are complete too.

        Raises:
            ValueError: the front end looks at the whole utterance.
        """
        stream = FeatureStream(self.front_end)
        before = state.features if state else None
        values, features = stream.step(chunk, before, last=last)
        if state is not None:
            values = torch.cat((state.rest, values), dim=1)
        full = values.shape[1] // self.stride * self.stride
        contexts, recurrent = (state.contexts, state.recurrent) if state else self._begun(values)
        said, contexts, recurrent = self._said(values[:, :full], contexts, recurrent)
        return said, State(features, values[:, full:], contexts, recurrent)

    def _begun(self, like: Tensor) -> tuple[tuple[Tensor, ...], tuple[tuple[Tensor, Tensor], ...]]:
        batch, width = len(like), self.project.out_features
        nothing = like.new_zeros((batch, KERNEL - 1, width))
        state = like.new_zeros((batch, 1, width))
        return (nothing,) * len(self.convolutions), ((state, state),) * len(self.lstms)

    def _said(
        self, values: Tensor, contexts: tuple[Tensor, ...], recurrent: tuple[tuple[Tensor, Tensor], ...]
    ) -> tuple[Tensor, tuple[Tensor, ...], tuple[tuple[Tensor, Tensor], ...]]:
        """Log-probabilities of features `(batch, a multiple of stride, channels)`, and what to go on with."""
        batch, length, channels = values.shape
        if length == 0:
            return values.new_zeros((batch, 0, self.out.out_features)), contexts, recurrent
        frames = self.project(values.reshape(batch, length // self.stride, self.stride * channels))
        seen, states = [], []
        for norm, convolution, context in zip(self.convolution_norms, self.convolutions, contexts, strict=True):
            known = torch.cat((context.to(frames.dtype), norm(frames)), dim=1)
            seen.append(known[:, 1 - KERNEL :])
            frames = frames + self.dropout(convolution(known.transpose(1, 2)).relu().transpose(1, 2))
        for norm, lstm, state in zip(self.norms, self.lstms, recurrent, strict=True):
            before = tuple(part.transpose(0, 1).contiguous().to(frames.dtype) for part in state)
            added, (hidden, cell) = lstm(norm(frames), before)
            states.append((hidden.transpose(0, 1), cell.transpose(0, 1)))
            frames = frames + self.dropout(added)
        return self.out(self.norm(frames)).float().log_softmax(2), tuple(seen), tuple(states)
