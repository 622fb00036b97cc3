"""A Transformer that reads one text and writes another. Imports torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from toolkit_text.transformer import Cache, Transformer, initialise
from toolkit_text.translation.lexicon import FILE, Lexicon
from toolkit_text.translation.suggestions import NOTHING, Suggested, Suggestions


class Memory(NamedTuple):
    """An encoded source, as the decoder looks at it."""

    there: Tensor
    """`(batch, m)`, False at padding."""
    layers: Cache
    """Keys and values for each block."""
    suggested: Suggested | tuple[()]
    """What it suggests to say; nothing in a model that does not copy."""


class Written(NamedTuple):
    """What the decoder keeps of what it has said."""

    layers: Cache
    """Keys and values for each block."""
    last: Tensor
    """The last token of each sample, `(batch,)`."""


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
        copy: whether tokens of the source can be copied, and where the dataset has learnt a `lexicon`, their
            translations be said; see `toolkit_text.translation.suggestions.Suggestions`.
        bos_id: what a translation begins with; filled from the dataset.
        eos_id: what each text of a source ends in; filled from the dataset.
        run_files: given by the toolkit: what the dataset has learnt.

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
        bos_id: int = 2,
        eos_id: int = 3,
        run_files: Mapping[str, bytes] | None = None,
    ) -> None:
        super().__init__()
        self.pad_id = pad_id
        self.embedding = nn.Embedding(vocab_size, width)
        self.dropout = nn.Dropout(dropout)
        self.encoder = Transformer(encoder_depth, width, heads, rotary=True, dropout=dropout, hidden=hidden)
        self.decoder = Transformer(
            decoder_depth, width, heads, causal=True, cross=True, rotary=True, dropout=dropout, hidden=hidden
        )
        self.suggestions = None
        if copy:
            lexicon = Lexicon.from_bytes(run_files[FILE]) if run_files and FILE in run_files else None
            self.suggestions = Suggestions(vocab_size, width, pad_id, bos_id, eos_id, lexicon)
        initialise(self)

    def forward(self, inputs: tuple[Tensor, Tensor]) -> Tensor:
        """Logits `(batch, n, vocab_size)` of what follows each token of `target_in`.

        Arguments:
            inputs: `source` `(batch, m)` and `target_in` `(batch, n)`, int64, padded behind.
        """
        source, target_in = inputs
        before = torch.cat((torch.full_like(target_in[:, :1], NOTHING), target_in[:, :-1]), dim=1)
        return self._decoded(target_in, before, self.encode(source), None)[0]

    def encode(self, source: Tensor) -> Memory:
        """What `step` has to know of sources `(batch, m)`."""
        there = source != self.pad_id
        vectors = self.embedding(source)
        if self.suggestions is not None:
            vectors = vectors + self.suggestions.kind(source)
        encoded, _ = self.encoder(self._scaled(vectors), key_mask=there)
        suggested = () if self.suggestions is None else self.suggestions.of(source, encoded)
        return Memory(there, self.decoder.memory(encoded), suggested)

    def step(self, tokens: Tensor, memory: Memory, cache: Written | None) -> tuple[Tensor, Written]:
        """Logits `(batch, vocab_size)` after one more token of each sample, `(batch,)`, and the cache with it."""
        before = torch.full_like(tokens, NOTHING) if cache is None else cache.last
        layers = None if cache is None else cache.layers
        logits, layers = self._decoded(tokens[:, None], before[:, None], memory, layers)
        return logits[:, 0], Written(layers, tokens)

    def _decoded(self, tokens: Tensor, before: Tensor, memory: Memory, layers: Cache | None) -> tuple[Tensor, Cache]:
        # No mask for the padding of targets: it stands behind, where no real token looks.
        written, layers = self.decoder(
            self._scaled(self.embedding(tokens)), cache=layers, memory=memory.layers, memory_mask=memory.there
        )
        logits = functional.linear(written, self.embedding.weight)
        if self.suggestions is not None and isinstance(memory.suggested, Suggested):
            logits = self.suggestions(written, logits, torch.stack((tokens, before), dim=2), memory.suggested)
        return logits, layers

    def _scaled(self, vectors: Tensor) -> Tensor:
        scaled: Tensor = self.dropout(vectors * math.sqrt(self.embedding.embedding_dim))
        return scaled
