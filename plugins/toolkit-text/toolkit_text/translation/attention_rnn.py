"""Recurrent networks that read one text and write another, with attention between them. Imports torch."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

CELLS = {"gru": nn.GRU, "lstm": nn.LSTM}


class Memory(NamedTuple):
    """An encoded source, as the decoder looks at it."""

    there: Tensor
    """`(batch, m)`, False at padding."""
    keys: Tensor
    """`(batch, m, width)`."""
    values: Tensor
    """`(batch, m, width)`."""
    first: Tensor
    """What the decoder begins with, `(batch, width)`."""


State = tuple[Tensor, ...]
"""Of a recurrent network: h, and for an LSTM c, each `(batch, layers, width)`."""
Cache = tuple[State, State]
"""The states of the part before attention and of the part after it."""


class AttentionRNN(nn.Module):
    """A recurrent encoder-decoder with attention ("Neural Machine Translation by Jointly Learning to Align and
    Translate", Bahdanau et al., 2015).

    A bidirectional encoder reads the source. In the decoder a first recurrent layer reads what has been said; its
    output asks the encoder's ("general" attention, Luong et al., 2015, scaled by the root of the width), and the
    following layers get the answer beside it, as in GNMT (Wu et al., 2016): no layer waits for the attention of the
    token before, so that a whole text is one call of torch's own kernels. Source, target and output share one table of
    vectors.

    Arguments:
        vocab_size: number of tokens; filled from the dataset.
        pad_id: the padding token; filled from the dataset.
        width: length of a token's vector, and of every state; even, half of it for each direction of the encoder.
        depth: layers of the encoder, and of the decoder behind the attention.
        cell: what the layers are made of.
        dropout: probability with which a number between two layers is set to 0 in training.

    Raises:
        ValueError: `width` is odd.
    """

    def __init__(
        self,
        vocab_size: int,
        pad_id: int,
        width: int = 256,
        depth: int = 1,
        cell: Literal["gru", "lstm"] = "gru",
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        if width % 2:
            raise ValueError(f"width={width}: an even number, half of it for each direction of the encoder")
        self.pad_id = pad_id
        self.lstm = cell == "lstm"
        self.depth = depth
        between = dropout if depth > 1 else 0.0
        made = CELLS[cell]
        self.embedding = nn.Embedding(vocab_size, width)
        self.encoder = made(width, width // 2, depth, batch_first=True, bidirectional=True, dropout=between)
        self.first = nn.Linear(width, width)
        self.asking = made(width, width, batch_first=True)
        self.key = nn.Linear(width, width, bias=False)
        self.answering = made(2 * width, width, depth, batch_first=True, dropout=between)
        self.out = nn.Linear(3 * width, width)
        self.dropout = nn.Dropout(dropout)
        nn.init.normal_(self.embedding.weight, std=1 / math.sqrt(width))

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
        packed = pack_padded_sequence(
            self._embedded(source), there.sum(1).cpu(), batch_first=True, enforce_sorted=False
        )
        encoded, _ = pad_packed_sequence(self.encoder(packed)[0], batch_first=True, total_length=source.shape[1])
        encoded = self.dropout(encoded)
        mean = (encoded * there[:, :, None]).sum(1) / there.sum(1, keepdim=True)
        return Memory(there, self.key(encoded), encoded, self.first(mean).tanh())

    def step(self, tokens: Tensor, memory: Memory, cache: Cache | None) -> tuple[Tensor, Cache]:
        """Logits `(batch, vocab_size)` after one more token of each sample, `(batch,)`, and the states after it."""
        logits, cache = self._decoded(tokens[:, None], memory, cache)
        return logits[:, 0], cache

    def _decoded(self, tokens: Tensor, memory: Memory, cache: Cache | None) -> tuple[Tensor, Cache]:
        asking, answering = cache or (self._begun(memory.first, 1), self._begun(memory.first, self.depth))
        asked, asking = _run(self.asking, self._embedded(tokens), asking)
        asked = self.dropout(asked)
        answers = functional.scaled_dot_product_attention(
            asked, memory.keys, memory.values, attn_mask=memory.there[:, None]
        )
        written, answering = _run(self.answering, torch.cat((asked, answers), dim=2), answering)
        out = self.out(torch.cat((asked, answers, self.dropout(written)), dim=2)).tanh()
        return functional.linear(self.dropout(out), self.embedding.weight), (asking, answering)

    def _begun(self, first: Tensor, layers: int) -> State:
        state = first[:, None].expand(-1, layers, -1)
        return (state, torch.zeros_like(state)) if self.lstm else (state,)

    def _embedded(self, tokens: Tensor) -> Tensor:
        embedded: Tensor = self.dropout(self.embedding(tokens))
        return embedded


def _run(network: nn.RNNBase, inputs: Tensor, state: State) -> tuple[Tensor, State]:
    """A recurrent network over `(batch, length, features)`, whose state has the batch first."""
    before = tuple(part.transpose(0, 1).contiguous() for part in state)
    outputs, after = network(inputs, before if len(before) > 1 else before[0])
    after = after if isinstance(after, tuple) else (after,)
    return outputs, tuple(part.transpose(0, 1) for part in after)
