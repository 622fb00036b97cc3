"""A Transformer that reads one text and writes another. Imports torch."""

from __future__ import annotations

import math
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional

from toolkit_text.transformer import Cache, Transformer, initialise
from toolkit_text.translation.pointer import Pointer


class Memory(NamedTuple):
    """An encoded source, as the decoder looks at it."""

    there: Tensor
    """`(batch, m)`, False at padding."""
    layers: Cache
    """Keys and values for each block."""
    copied: tuple[Tensor, ...]
    """The source's tokens `(batch, m)` and keys `(batch, m, width)` for a `Pointer`; empty without one."""


class TransformerSeq2Seq(nn.Module):
    """Encoder and decoder of "Attention Is All You Need" (Vaswani et al., 2017), pre-norm, with rotary positions.

    Source, target and output share one table of vectors ("Using the Output Embedding to Improve Language Models",
    Press and Wolf, 2017), so that both languages need one tokenizer.

    Arguments:
        vocab_size: number of tokens; filled from the dataset.
        pad_id: the padding token; filled from the dataset.
        width: length of a token's vector.
        encoder_depth: blocks that read the source.
        decoder_depth: blocks that write.
        heads: attention heads of a block.
        hidden: width of the feed-forward layers; four times `width` where it is left out.
        dropout: probability with which a number of an embedding, or of what a layer adds, is set to 0 in training.
        copy: whether tokens of the source can be copied; see `toolkit_text.translation.pointer.Pointer`.

    Raises:
        ValueError: the heads cannot share the width, or each has an odd one.
    """

    def __init__(
        self,
        vocab_size: int,
        pad_id: int,
        width: int = 256,
        encoder_depth: int = 3,
        decoder_depth: int = 3,
        heads: int = 4,
        hidden: int | None = None,
        dropout: float = 0.1,
        copy: bool = False,
    ) -> None:
        super().__init__()
        self.pad_id = pad_id
        self.embedding = nn.Embedding(vocab_size, width)
        self.dropout = nn.Dropout(dropout)
        self.encoder = Transformer(encoder_depth, width, heads, rotary=True, dropout=dropout, hidden=hidden)
        self.decoder = Transformer(
            decoder_depth, width, heads, causal=True, cross=True, rotary=True, dropout=dropout, hidden=hidden
        )
        self.pointer = Pointer(width) if copy else None
        initialise(self)

    def forward(self, inputs: tuple[Tensor, Tensor]) -> Tensor:
        """Logits `(batch, n, vocab_size)` of what follows each token of `target_in`.

        Arguments:
            inputs: `source` `(batch, m)` and `target_in` `(batch, n)`, int64, padded behind.
        """
        source, target_in = inputs
        return self._decoded(target_in, self.encode(source), None)[0]

    def encode(self, source: Tensor) -> Memory:
        """What `step` has to know of sources `(batch, m)`."""
        there = source != self.pad_id
        encoded, _ = self.encoder(self._embedded(source), key_mask=there)
        copied = (source, self.pointer.keys(encoded)) if self.pointer is not None else ()
        return Memory(there, self.decoder.memory(encoded), copied)

    def step(self, tokens: Tensor, memory: Memory, cache: Cache | None) -> tuple[Tensor, Cache]:
        """Logits `(batch, vocab_size)` after one more token of each sample, `(batch,)`, and the cache with it."""
        logits, cache = self._decoded(tokens[:, None], memory, cache)
        return logits[:, 0], cache

    def _decoded(self, tokens: Tensor, memory: Memory, cache: Cache | None) -> tuple[Tensor, Cache]:
        # No mask for the padding of targets: it stands behind, where no real token looks.
        written, cache = self.decoder(
            self._embedded(tokens), cache=cache, memory=memory.layers, memory_mask=memory.there
        )
        logits = functional.linear(written, self.embedding.weight)
        if self.pointer is not None:
            logits = self.pointer(written, logits, *memory.copied, memory.there)
        return logits, cache

    def _embedded(self, tokens: Tensor) -> Tensor:
        embedded: Tensor = self.dropout(self.embedding(tokens) * math.sqrt(self.embedding.embedding_dim))
        return embedded
