"""A Conformer that says a character, or nothing, for every frame. Imports torch."""

from __future__ import annotations

from torch import Tensor, nn

from toolkit_speech.models.conformer import ConformerEncoder
from toolkit_speech.models.features import channels_of, features_of
from toolkit_speech.samples import Heard


class ConformerCTC(nn.Module):
    """A Conformer encoder (Gulati et al., 2020) and a linear layer; the defaults are the paper's small network.

    Arguments:
        vocab_size: length of an output, with CTC's blank; filled from the dataset.
        front_end: makes features of waveforms, such as `{use: log_mel, mels: 80}`.
        augmentation: changes features in training, such as `{use: spec_augment}`.
        width: length of a frame's vector.
        depth: blocks.
        heads: attention heads of a block.
        kernel: frames that the convolution of a block sees; odd.
        dropout: probability with which a number of what a layer adds is set to 0 in training.

    Raises:
        ValueError: the heads cannot share the width, or `kernel` is even.
    """

    def __init__(
        self,
        vocab_size: int,
        front_end: nn.Module,
        augmentation: nn.Module | None = None,
        width: int = 144,
        depth: int = 16,
        heads: int = 4,
        kernel: int = 31,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.front_end = front_end
        self.augmentation = augmentation
        self.encoder = ConformerEncoder(channels_of(front_end), width, depth, heads, kernel, dropout)
        self.out = nn.Linear(width, vocab_size)

    def forward(self, inputs: Heard) -> tuple[Tensor, Tensor]:
        """Log-probabilities `(batch, frames, vocab_size)` and frames of each, `(batch,)`; one for four of the features.

        Arguments:
            inputs: waveforms `(batch, samples)`, padded behind, and lengths `(batch,)`.
        """
        encoded = self.encoder(features_of(inputs, self.front_end, self.augmentation))
        return self.out(encoded.values).float().log_softmax(2), encoded.lengths
