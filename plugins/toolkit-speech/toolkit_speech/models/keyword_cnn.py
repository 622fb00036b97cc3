"""A small convolutional network for keywords. Imports torch."""

from __future__ import annotations

import itertools

from torch import Tensor, nn

from toolkit_speech.features.masking import inside
from toolkit_speech.models.batch_norm import MaskedBatchNorm
from toolkit_speech.models.features import features_of, halved
from toolkit_speech.models.pooling import mean_of
from toolkit_speech.samples import Heard


class KeywordCNN(nn.Module):
    """Convolutions over frequency and time for a word in a short clip ("Convolutional Neural Networks for
    Small-footprint Keyword Spotting", Sainath and Parada, 2015), with strides in place of pooling and batch
    normalisation.

    Arguments:
        num_classes: length of the output; filled from the dataset.
        front_end: makes features of waveforms, such as `{use: log_mel}`.
        augmentation: changes features in training, such as `{use: spec_augment}`.
        width: channels of the first layer; each further one has twice as many.
        depth: layers; each halves frequencies and frames.
        dropout: probability with which a number before the last layer is set to 0 in training.
    """

    def __init__(
        self,
        num_classes: int,
        front_end: nn.Module,
        augmentation: nn.Module | None = None,
        width: int = 32,
        depth: int = 3,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        self.front_end = front_end
        self.augmentation = augmentation
        widths = [1, *(width * 2**number for number in range(depth))]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False) for before, after in itertools.pairwise(widths)
        )
        self.norms = nn.ModuleList(MaskedBatchNorm(each) for each in widths[1:])
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(widths[-1], num_classes)

    def forward(self, inputs: Heard) -> Tensor:
        """Logits `(batch, num_classes)` of waveforms `(batch, samples)` with lengths `(batch,)`."""
        features = features_of(inputs, self.front_end, self.augmentation)
        maps, lengths, there = features.values.transpose(1, 2).unsqueeze(1), features.lengths, features.there
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            lengths = halved(lengths)
            maps = convolution(maps)
            there = inside(lengths, maps.shape[3])
            maps = norm(maps, there).relu()
        logits: Tensor = self.out(self.dropout(mean_of(maps, there)))
        return logits
