"""A Conformer that listens and a Transformer that writes. Imports torch."""

from __future__ import annotations

import math
from typing import NamedTuple

from torch import Tensor, nn

from toolkit_speech.features.masking import inside
from toolkit_speech.models.attention import CrossAttention, KeyValues, SelfAttention
from toolkit_speech.models.conformer import ConformerEncoder, FeedForward
from toolkit_speech.models.features import channels_of, features_of
from toolkit_speech.samples import Heard

Cache = tuple[KeyValues, ...]
"""The keys and values of what has been written, for each block of the decoder."""


class Memory(NamedTuple):
    """An encoded utterance, as the decoder looks at it."""

    there: Tensor
    """bool `(batch, frames)`; True for one frame at least."""
    blocks: Cache
    """Keys and values for each block."""


class ConformerSeq2Seq(nn.Module):
    """An attention encoder-decoder: a Conformer (Gulati et al., 2020) listens, a Transformer (Vaswani et al., 2017)
    writes one character after another and looks at all that was heard.

    Arguments:
        vocab_size: number of tokens, 0 among them for beginning and end; filled from the dataset.
        front_end: makes features of waveforms, such as `{use: log_mel}`.
        augmentation: changes features in training, such as `{use: spec_augment}`.
        width: length of the vector of a frame or a token.
        encoder_depth: blocks that listen.
        decoder_depth: blocks that write.
        heads: attention heads of a block.
        kernel: frames that the convolution of a block sees; odd.
        dropout: probability with which a number of an embedding, or of what a layer adds, is set to 0 in training.

    Raises:
        ValueError: the heads cannot share the width, or `kernel` is even.
    """

    def __init__(
        self,
        vocab_size: int,
        front_end: nn.Module,
        augmentation: nn.Module | None = None,
        width: int = 144,
        encoder_depth: int = 8,
        decoder_depth: int = 3,
        heads: int = 4,
        kernel: int = 31,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.front_end = front_end
        self.augmentation = augmentation
        self.encoder = ConformerEncoder(channels_of(front_end), width, encoder_depth, heads, kernel, dropout)
        self.embedding = nn.Embedding(vocab_size, width)
        self.decoder = nn.ModuleList(DecoderBlock(width, heads, dropout) for _ in range(decoder_depth))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, vocab_size)
        self.dropout = nn.Dropout(dropout)
        nn.init.normal_(self.embedding.weight, std=1 / math.sqrt(width))

    def forward(self, inputs: tuple[Heard, Tensor]) -> Tensor:
        """Logits `(batch, n, vocab_size)` of what follows each token.

        Arguments:
            inputs: waveforms `(batch, samples)` with lengths `(batch,)`, and tokens `(batch, n)`, int64, padded behind.
        """
        heard, tokens = inputs
        return self._decoded(tokens, self.encode(heard), None)[0]

    def encode(self, heard: Heard) -> Memory:
        """What `step` has to know of waveforms."""
        encoded = self.encoder(features_of(heard, self.front_end, self.augmentation))
        there = encoded.there | inside(encoded.lengths.new_ones(1), encoded.there.shape[1])
        return Memory(there, tuple(block.cross.memory(encoded.values) for block in self._blocks()))

    def step(self, tokens: Tensor, memory: Memory, cache: Cache | None) -> tuple[Tensor, Cache]:
        """Logits `(batch, vocab_size)` after one more token of each utterance, `(batch,)`, and the cache with it."""
        logits, cache = self._decoded(tokens[:, None], memory, cache)
        return logits[:, 0], cache

    def _decoded(self, tokens: Tensor, memory: Memory, cache: Cache | None) -> tuple[Tensor, Cache]:
        # No mask for padding: it stands behind, where no real token looks.
        written = self.dropout(self.embedding(tokens) * math.sqrt(self.embedding.embedding_dim))
        kept = []
        for number, block in enumerate(self._blocks()):
            before = cache[number] if cache else None
            written, key_values = block(written, memory.blocks[number], memory.there, before)
            kept.append(key_values)
        return self.out(self.norm(written)), tuple(kept)

    def _blocks(self) -> list[DecoderBlock]:
        return list(self.decoder)  # type: ignore[arg-type]  # ModuleList's items are modules to mypy


class DecoderBlock(nn.Module):
    """Attention to what is written, attention to what was heard, and a feed-forward layer; each normalises first."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = SelfAttention(width, heads)
        self.cross_norm = nn.LayerNorm(width)
        self.cross = CrossAttention(width, heads)
        self.feed_forward = FeedForward(width, dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, tokens: Tensor, memory: KeyValues, there: Tensor, before: KeyValues | None
    ) -> tuple[Tensor, KeyValues]:
        """Tokens `(batch, n, width)`, with one of them `before` is known; and keys and values for those that follow."""
        added, kept = self.attention(self.attention_norm(tokens), causal=before is None, before=before)
        tokens = tokens + self.dropout(added)
        tokens = tokens + self.dropout(self.cross(self.cross_norm(tokens), memory, there))
        return tokens + self.dropout(self.feed_forward(tokens)), kept
