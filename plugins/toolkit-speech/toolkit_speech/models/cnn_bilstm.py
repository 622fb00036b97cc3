"""Convolutions and a recurrent network that reads in both directions, for CTC. Imports torch."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from toolkit_speech.features.masking import inside
from toolkit_speech.models.batch_norm import MaskedBatchNorm
from toolkit_speech.models.bilstm import BiLSTM
from toolkit_speech.models.features import channels_of, features_of, halved
from toolkit_speech.samples import Heard


class CNNBiLSTM(nn.Module):
    """The network of "Deep Speech 2" (Amodei et al., 2016): convolutions over frequency and time, LSTMs in both
    directions with batch normalisation between them, and a linear layer.

    Arguments:
        vocab_size: length of an output, with CTC's blank; filled from the dataset.
        front_end: makes features of waveforms, such as `{use: log_mel}`.
        augmentation: changes features in training, such as `{use: spec_augment}`.
        channels: of the two convolutions; the first halves the frames, both halve the frequencies.
        width: length of a frame's vector behind a recurrent layer, half of it for each direction; even.
        depth: recurrent layers.
        dropout: probability with which a number between two layers is set to 0 in training.

    Raises:
        ValueError: `width` is odd.
    """

    def __init__(
        self,
        vocab_size: int,
        front_end: nn.Module,
        augmentation: nn.Module | None = None,
        channels: int = 32,
        width: int = 256,
        depth: int = 3,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if width % 2:
            raise ValueError(f"width={width}: an even number, half of it for each direction")
        self.front_end = front_end
        self.augmentation = augmentation
        frequencies = channels_of(front_end)
        # Frequencies, then time.
        self.first = nn.Conv2d(1, channels, (11, 3), stride=2, padding=(5, 1), bias=False)
        self.first_norm = MaskedBatchNorm(channels)
        self.second = nn.Conv2d(channels, channels, (11, 5), stride=(2, 1), padding=(5, 2), bias=False)
        self.second_norm = MaskedBatchNorm(channels)
        frequencies = ((frequencies + 1) // 2 + 1) // 2
        widths = [channels * frequencies, *[width] * (depth - 1)]
        self.norms = nn.ModuleList(MaskedBatchNorm(each) for each in widths)
        self.lstms = nn.ModuleList(BiLSTM(each, width) for each in widths)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(width, vocab_size)

    def forward(self, inputs: Heard) -> tuple[Tensor, Tensor]:
        """Log-probabilities `(batch, frames, vocab_size)` and frames of each, `(batch,)`; half as many as features.

        Arguments:
            inputs: waveforms `(batch, samples)`, padded behind, and lengths `(batch,)`.
        """
        features = features_of(inputs, self.front_end, self.augmentation)
        lengths = halved(features.lengths)
        maps = self.first(features.values.transpose(1, 2).unsqueeze(1))
        there = inside(lengths, maps.shape[3])
        maps = functional.hardtanh(self.first_norm(maps, there), 0.0, 20.0)
        maps = functional.hardtanh(self.second_norm(self.second(maps), there), 0.0, 20.0)
        frames = maps.flatten(1, 2)
        for norm, lstm in zip(self.norms, self.lstms, strict=True):
            frames = lstm(self.dropout(norm(frames, there)).transpose(1, 2), lengths).transpose(1, 2)
        logits = self.out(self.dropout(frames.transpose(1, 2)))
        return logits.float().log_softmax(2), lengths
