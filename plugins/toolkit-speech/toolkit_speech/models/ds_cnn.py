"""A keyword spotter of depthwise separable convolutions. Imports torch."""

from __future__ import annotations

from torch import Tensor, nn

from toolkit_speech.features.masking import inside
from toolkit_speech.models.batch_norm import MaskedBatchNorm
from toolkit_speech.models.features import features_of, halved
from toolkit_speech.models.pooling import mean_of
from toolkit_speech.samples import Heard


class DSCNN(nn.Module):
    """DS-CNN ("Hello Edge: Keyword Spotting on Microcontrollers", Zhang et al., 2017).

    One convolution over ten frames and four frequencies, which halves both, and then layers that look at each channel's
    surroundings first and at all channels of a place second.

    Arguments:
        num_classes: length of the output; filled from the dataset.
        front_end: makes features of waveforms, such as `{use: mfcc}`.
        augmentation: changes features in training, such as `{use: spec_augment}`.
        width: channels: 64 in the paper's small network, 172 in its middle one, 276 in its large one.
        depth: separable layers: 4, 4 and 5 there.
        dropout: probability with which a number before the last layer is set to 0 in training.
    """

    def __init__(
        self,
        num_classes: int,
        front_end: nn.Module,
        augmentation: nn.Module | None = None,
        width: int = 64,
        depth: int = 4,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        self.front_end = front_end
        self.augmentation = augmentation
        # Frequencies, then time. Frames are halved as by 3 of them: those before and behind are padding in both cases.
        self.first = nn.Conv2d(1, width, (4, 10), stride=2, padding=(1, 4), bias=False)
        self.first_norm = MaskedBatchNorm(width)
        self.layers = nn.ModuleList(Separable(width) for _ in range(depth))
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(width, num_classes)

    def forward(self, inputs: Heard) -> Tensor:
        """Logits `(batch, num_classes)` of waveforms `(batch, samples)` with lengths `(batch,)`."""
        features = features_of(inputs, self.front_end, self.augmentation)
        # One frame of padding more behind than in front, so that an odd number of frames is rounded up.
        maps = self.first(nn.functional.pad(features.values.transpose(1, 2).unsqueeze(1), (0, 1)))
        there = inside(halved(features.lengths), maps.shape[3])
        maps = self.first_norm(maps, there).relu()
        for layer in self.layers:
            maps = layer(maps, there)
        logits: Tensor = self.out(self.dropout(mean_of(maps, there)))
        return logits


class Separable(nn.Module):
    """A depthwise and a pointwise convolution, each with normalisation and ReLU."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False)
        self.depthwise_norm = MaskedBatchNorm(width)
        self.pointwise = nn.Conv2d(width, width, 1, bias=False)
        self.pointwise_norm = MaskedBatchNorm(width)

    def forward(self, maps: Tensor, there: Tensor) -> Tensor:
        """`(batch, width, frequencies, time)` in and out, 0 where `there` `(batch, time)` is False."""
        maps = self.depthwise_norm(self.depthwise(maps), there).relu()
        maps = self.pointwise_norm(self.pointwise(maps), there).relu()
        return maps
