"""The Conformer: attention for what is far, convolutions for what is near. Imports torch."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from toolkit_speech.features.masking import inside
from toolkit_speech.models.attention import SelfAttention
from toolkit_speech.models.batch_norm import MaskedBatchNorm
from toolkit_speech.models.features import Features, halved


class ConformerEncoder(nn.Module):
    """The encoder of "Conformer: Convolution-augmented Transformer for Speech Recognition" (Gulati et al., 2020).

    Positions are rotary where the paper has relative ones of Transformer-XL: they need no kernel of their own.

    Arguments:
        channels: numbers in a frame of the features.
        width: length of a frame's vector; even.
        depth: blocks.
        heads: attention heads of a block.
        kernel: frames that the convolution of a block sees; odd.
        dropout: probability with which a number of what a layer adds is set to 0 in training.

    Raises:
        ValueError: the heads cannot share the width, or `kernel` is even.
    """

    def __init__(self, channels: int, width: int, depth: int, heads: int, kernel: int, dropout: float) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"kernel={kernel}: an odd number of frames, as many before the middle one as after it")
        self.first = nn.Conv2d(1, width, 3, stride=2, padding=1)
        self.second = nn.Conv2d(width, width, 3, stride=2, padding=1)
        frequencies = ((channels + 1) // 2 + 1) // 2
        self.project = nn.Linear(width * frequencies, width)
        self.blocks = nn.ModuleList(ConformerBlock(width, heads, kernel, dropout) for _ in range(depth))
        self.dropout = nn.Dropout(dropout)

    def forward(self, features: Features) -> Features:
        """Encoded frames, one for four of the features: `(batch, frames, width)`, with 0 behind the end of each."""
        lengths = halved(features.lengths)
        maps = self.first(features.values.unsqueeze(1)).relu()
        maps = maps * inside(lengths, maps.shape[2])[:, None, :, None]
        lengths = halved(lengths)
        maps = self.second(maps).relu()
        there = inside(lengths, maps.shape[2])
        frames = self.dropout(self.project(maps.transpose(1, 2).flatten(2)))
        # Who looks at nothing gets no number: an utterance without a frame looks at its first one, which is not
        # counted.
        seen = there | inside(lengths.new_ones(1), maps.shape[2])
        for block in self.blocks:
            frames = block(frames, there, seen)
        return Features(frames * there[:, :, None], lengths, there)


class ConformerBlock(nn.Module):
    """Half a feed-forward layer, attention, a convolution, and the other half."""

    def __init__(self, width: int, heads: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.before = FeedForward(width, dropout)
        self.attention_norm = nn.LayerNorm(width)
        self.attention = SelfAttention(width, heads)
        self.convolution = ConvolutionModule(width, kernel)
        self.after = FeedForward(width, dropout)
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, frames: Tensor, there: Tensor, seen: Tensor) -> Tensor:
        """Frames `(batch, length, width)` in and out.

        Arguments:
            frames: what is behind the end of an utterance does not count.
            there: bool `(batch, length)`, False behind the end.
            seen: as `there`, True somewhere for each utterance.
        """
        frames = frames + 0.5 * self.dropout(self.before(frames))
        frames = frames + self.dropout(self.attention(self.attention_norm(frames), seen)[0])
        frames = frames + self.dropout(self.convolution(frames, there))
        frames = frames + 0.5 * self.dropout(self.after(frames))
        normalised: Tensor = self.norm(frames)
        return normalised


class FeedForward(nn.Sequential):
    """A normalisation and two linear layers with a swish between them; `(..., width)` in and out."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__(
            nn.LayerNorm(width),
            nn.Linear(width, 4 * width),
            nn.SiLU(),
            nn.Dropout(dropout),
            nn.Linear(4 * width, width),
        )


class ConvolutionModule(nn.Module):
    """A gate, a depthwise convolution over time, batch normalisation and a swish."""

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.gate = nn.Linear(width, 2 * width)
        self.depthwise = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width, bias=False)
        self.batch_norm = MaskedBatchNorm(width)
        self.pointwise = nn.Linear(width, width)

    def forward(self, frames: Tensor, there: Tensor) -> Tensor:
        """Frames `(batch, length, width)` in and out; those that are not there are not looked at."""
        gated = functional.glu(self.gate(self.norm(frames)), dim=2) * there[:, :, None]
        mixed = self.batch_norm(self.depthwise(gated.transpose(1, 2)), there)
        out: Tensor = self.pointwise(functional.silu(mixed).transpose(1, 2))
        return out
