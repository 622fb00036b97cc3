"""Residual learning that is broadcast over frequencies, for keywords. Imports torch."""

from __future__ import annotations

from torch import Tensor, nn

from toolkit_speech.models.batch_norm import MaskedBatchNorm
from toolkit_speech.models.features import channels_of, features_of
from toolkit_speech.models.pooling import mean_of
from toolkit_speech.samples import Heard

STAGES = ((8, 2, 1, 1), (12, 2, 2, 2), (16, 4, 2, 4), (20, 4, 1, 8))
"""Channels (times `scale`), blocks, the stride over frequencies, and the dilation over time of each stage."""
BANDS = 5
"""Bands of frequencies that are normalised each by itself, where their number allows it."""


class BCResNet(nn.Module):
    """BC-ResNet ("Broadcasted Residual Learning for Efficient Keyword Spotting", Kim et al., 2021).

    What a block makes of time is made from the mean over frequencies and added to every frequency. The time resolution
    stays that of the front end.

    Arguments:
        num_classes: length of the output; filled from the dataset.
        front_end: makes features of waveforms, such as `{use: log_mel, mels: 40}`.
        augmentation: changes features in training, such as `{use: spec_augment}`.
        scale: width of the network: 1, 1.5, 2, 3, 6 or 8 in the paper.
        dropout: probability with which a channel of what a block adds is set to 0 in training.

    Raises:
        ValueError: a frame of the front end has so few numbers that nothing is left after three strides.
    """

    def __init__(
        self,
        num_classes: int,
        front_end: nn.Module,
        augmentation: nn.Module | None = None,
        scale: float = 1.0,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.front_end = front_end
        self.augmentation = augmentation
        frequencies = channels_of(front_end)
        if frequencies < 8:
            raise ValueError(f"front_end: {frequencies} numbers in a frame; this model needs 8 or more")
        width = round(16 * scale)
        self.first = nn.Conv2d(1, width, 5, stride=(2, 1), padding=2, bias=False)
        self.first_norm = MaskedBatchNorm(width)
        frequencies = (frequencies + 1) // 2
        blocks = []
        for channels, count, stride, dilation in STAGES:
            wide = round(channels * scale)
            for number in range(count):
                strided = stride if number == 0 else 1
                frequencies = (frequencies + strided - 1) // strided
                blocks.append(Block(width, wide, frequencies, strided, dilation, dropout))
                width = wide
        self.blocks = nn.ModuleList(blocks)
        kernel = min(5, frequencies)
        self.last = nn.Conv2d(width, width, (kernel, 5), padding=(0, 2), groups=width, bias=False)
        self.last_pointwise = nn.Conv2d(width, round(32 * scale), 1, bias=False)
        self.last_norm = MaskedBatchNorm(round(32 * scale))
        self.out = nn.Linear(round(32 * scale), num_classes)

    def forward(self, inputs: Heard) -> Tensor:
        """Logits `(batch, num_classes)` of waveforms `(batch, samples)` with lengths `(batch,)`."""
        features = features_of(inputs, self.front_end, self.augmentation)
        there = features.there
        maps = self.first_norm(self.first(features.values.transpose(1, 2).unsqueeze(1)), there).relu()
        for block in self.blocks:
            maps = block(maps, there)
        maps = self.last_norm(self.last_pointwise(self.last(maps)), there).relu()
        logits: Tensor = self.out(mean_of(maps, there))
        return logits


class Block(nn.Module):
    """A broadcasted residual block; one that changes the number of channels adds no identity.

    Arguments:
        before: channels of the inputs.
        width: of the outputs.
        frequencies: of the outputs.
        stride: over frequencies.
        dilation: over time.
        dropout: of channels.
    """

    def __init__(self, before: int, width: int, frequencies: int, stride: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.changes = before != width or stride > 1
        if self.changes:
            self.widen = nn.Conv2d(before, width, 1, bias=False)
            self.widen_norm = MaskedBatchNorm(width)
        self.frequency = nn.Conv2d(width, width, (3, 1), stride=(stride, 1), padding=(1, 0), groups=width, bias=False)
        self.bands = next(bands for bands in range(BANDS, 0, -1) if frequencies % bands == 0)
        self.frequency_norm = MaskedBatchNorm(width * self.bands)
        self.time = nn.Conv2d(
            width, width, (1, 3), padding=(0, dilation), dilation=(1, dilation), groups=width, bias=False
        )
        self.time_norm = MaskedBatchNorm(width)
        self.pointwise = nn.Conv2d(width, width, 1, bias=False)
        self.dropout = nn.Dropout2d(dropout)

    def forward(self, maps: Tensor, there: Tensor) -> Tensor:
        """`(batch, before, ..., time)` in, `(batch, width, frequencies, time)` out; 0 where `there` is False."""
        given = maps
        if self.changes:
            maps = self.widen_norm(self.widen(maps), there).relu()
        maps = self._sub_spectral(self.frequency(maps), there)
        added = nn.functional.silu(self.time_norm(self.time(maps.mean(2, keepdim=True)), there))
        added = self.dropout(self.pointwise(added))
        together: Tensor = maps + added if self.changes else given + maps + added
        return together.relu()

    def _sub_spectral(self, maps: Tensor, there: Tensor) -> Tensor:
        """Each band of frequencies normalised by itself ("SubSpectral Normalization", Chang et al., 2021)."""
        batch, channels, frequencies, time = maps.shape
        bands = maps.reshape(batch, channels * self.bands, frequencies // self.bands, time)
        normalised: Tensor = self.frequency_norm(bands, there).reshape(maps.shape)
        return normalised
