"""What the transformers here are made of. Imports torch, nothing of the toolkit.

A cache is a value: `Transformer.forward` takes what is known of the tokens before and returns it with the new ones
added. No module keeps anything between two calls.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional


class KeyValues(NamedTuple):
    """What one attention layer keeps of the tokens that it can look at.

    Both are `(batch, heads, tokens, width / heads)`.
    """

    keys: Tensor
    values: Tensor

    @property
    def length(self) -> int:
        """The number of tokens."""
        return self.keys.shape[2]

    def rows(self, index: Tensor) -> KeyValues:
        """Those of the samples `index`, as a beam search chooses them."""
        return KeyValues(self.keys.index_select(0, index), self.values.index_select(0, index))


Cache = tuple[KeyValues, ...]
"""The keys and values of every block."""


class Transformer(nn.Module):
    """Blocks of attention and feed-forward layers that normalise first, and a normalisation after the last.

    "Attention Is All You Need" (Vaswani et al., 2017), pre-norm as in GPT-2 (Radford et al., 2019). Dropout acts on
    what a block adds to its tokens, not on the weights of attention: the fast kernels for CPUs have none there.

    Arguments:
        depth: number of blocks.
        width: length of a token's vector.
        heads: attention heads of a block; they share the width.
        causal: whether a token sees itself and those before it alone.
        cross: whether each block looks at an encoded source too, between its other two layers.
        rotary: whether queries and keys are turned by their positions ("RoFormer", Su et al., 2021); without it the
            positions have to be in the tokens already.
        dropout: probability with which a number of what a layer adds is set to 0 in training.
        hidden: width of the feed-forward layers; four times `width` where it is left out.

    Raises:
        ValueError: the heads cannot share the width, or `rotary` and a head's width is odd.
    """

    def __init__(
        self,
        depth: int,
        width: int,
        heads: int,
        *,
        causal: bool = False,
        cross: bool = False,
        rotary: bool = False,
        dropout: float = 0.0,
        hidden: int | None = None,
    ) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width={width} cannot be shared by heads={heads}: it is no multiple of them")
        if rotary and width // heads % 2:
            raise ValueError(f"width={width}, heads={heads}: rotary positions need an even width / heads")
        self.causal = causal
        self.rotary = rotary
        self.head_width = width // heads
        self.blocks = nn.ModuleList(
            Block(width, heads, cross=cross, dropout=dropout, hidden=hidden) for _ in range(depth)
        )
        self.norm = nn.LayerNorm(width)

    def memory(self, encoded: Tensor) -> Cache:
        """What every block's look at a source `(batch, source tokens, width)` needs, for `forward`."""
        return tuple(block.cross_attention.memory(encoded) for block in self._blocks())

    def forward(
        self,
        tokens: Tensor,
        key_mask: Tensor | None = None,
        cache: Cache | None = None,
        memory: Cache | None = None,
        memory_mask: Tensor | None = None,
    ) -> tuple[Tensor, Cache]:
        """The tokens as the last block leaves them, and the cache for those that follow.

        Arguments:
            tokens: `(batch, length, width)`; they come after those of the cache.
            key_mask: `(batch, length of the cache + length)`, False for padding, which nobody looks at. Where `causal`
                and the padding stands at the end, leave it out: no real token sees what comes after it.
            cache: what an earlier call returned.
            memory: what `memory` returned, with `cross`.
            memory_mask: `(batch, source tokens)`, False for padding.
        """
        past = cache[0].length if cache else 0
        length = tokens.shape[1]
        mask = _mask(length, past, key_mask, tokens.device, causal=self.causal)
        turn = _turn(past, length, self.head_width, tokens) if self.rotary else None
        seen = None if memory_mask is None else memory_mask[:, None, None]
        kept = []
        for number, block in enumerate(self._blocks()):
            tokens, key_values = block(
                tokens,
                mask=mask,
                # Without a mask: the kernels leave out half of the work then.
                causal=self.causal and mask is None and not past,
                turn=turn,
                before=cache[number] if cache else None,
                memory=memory[number] if memory else None,
                memory_mask=seen,
            )
            kept.append(key_values)
        return self.norm(tokens), tuple(kept)

    def _blocks(self) -> Sequence[Block]:
        return self.blocks  # type: ignore[return-value]  # ModuleList's items are modules to mypy


class Block(nn.Module):
    """Attention to the tokens themselves, to a source with `cross`, and a feed-forward layer; each normalises first."""

    def __init__(
        self, width: int, heads: int, *, cross: bool = False, dropout: float = 0.0, hidden: int | None = None
    ) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = SelfAttention(width, heads)
        if cross:
            self.cross_attention_norm = nn.LayerNorm(width)
            self.cross_attention = CrossAttention(width, heads)
        self.cross = cross
        self.feed_forward_norm = nn.LayerNorm(width)
        self.feed_forward = FeedForward(width, hidden)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        tokens: Tensor,
        mask: Tensor | None = None,
        causal: bool = False,
        turn: Turn | None = None,
        before: KeyValues | None = None,
        memory: KeyValues | None = None,
        memory_mask: Tensor | None = None,
    ) -> tuple[Tensor, KeyValues]:
        """The tokens `(batch, length, width)` and this block's part of the cache; see `Transformer.forward`."""
        added, kept = self.attention(self.attention_norm(tokens), mask, causal, turn, before)
        tokens = tokens + self.dropout(added)
        if self.cross:
            if memory is None:
                raise ValueError("a block that looks at a source needs its memory")
            added = self.cross_attention(self.cross_attention_norm(tokens), memory, memory_mask)
            tokens = tokens + self.dropout(added)
        tokens = tokens + self.dropout(self.feed_forward(self.feed_forward_norm(tokens)))
        return tokens, kept


class SelfAttention(nn.Module):
    """Tokens look at each other, and at those of a cache."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(
        self,
        tokens: Tensor,
        mask: Tensor | None = None,
        causal: bool = False,
        turn: Turn | None = None,
        before: KeyValues | None = None,
    ) -> tuple[Tensor, KeyValues]:
        """What the tokens `(batch, length, width)` see, in the same shape, and the cache with their keys and values.

        Arguments:
            tokens: the tokens.
            mask: True where a token (the last dimension but one) sees another (the last); broadcast to
                `(batch, heads, length, keys)`.
            causal: whether a token sees itself and those before it alone; not together with `mask` or `before`.
            turn: of the positions of the tokens, for rotary ones.
            before: the keys and values of the tokens before.
        """
        query, key, value = (_heads(part, self.heads) for part in self.qkv(tokens).chunk(3, dim=-1))
        if turn is not None:
            query, key = turn.of(query), turn.of(key)
        if before is not None:
            key, value = torch.cat((before.keys, key), dim=2), torch.cat((before.values, value), dim=2)
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask, is_causal=causal)
        return self.out(seen.transpose(1, 2).flatten(2)), KeyValues(key, value)


class CrossAttention(nn.Module):
    """Tokens look at an encoded source."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def memory(self, encoded: Tensor) -> KeyValues:
        """The keys and values of a source `(batch, source tokens, width)`."""
        return KeyValues(*(_heads(part, self.heads) for part in self.key_value(encoded).chunk(2, dim=-1)))

    def forward(self, tokens: Tensor, memory: KeyValues, mask: Tensor | None = None) -> Tensor:
        """What the tokens `(batch, length, width)` see of the source, in the same shape.

        `mask` is True where a token may look; broadcast to `(batch, heads, length, source tokens)`.
        """
        query = _heads(self.query(tokens), self.heads)
        seen = functional.scaled_dot_product_attention(query, memory.keys, memory.values, attn_mask=mask)
        looked: Tensor = self.out(seen.transpose(1, 2).flatten(2))
        return looked


class FeedForward(nn.Sequential):
    """Two linear layers with a GELU between them; `(..., width)` in and out."""

    def __init__(self, width: int, hidden: int | None = None) -> None:
        hidden = hidden or 4 * width
        super().__init__(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))


class Embedding(nn.Module):
    """The vectors of tokens, with those of their positions added where they are learnt.

    Arguments:
        vocab_size: tokens there are.
        width: length of a vector.
        context: the number of positions to learn; without it the vectors know nothing of positions.
        dropout: probability with which a number is set to 0 in training.
    """

    def __init__(self, vocab_size: int, width: int, context: int | None = None, dropout: float = 0.0) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocab_size, width)
        self.positions = nn.Embedding(context, width) if context else None
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor, past: int = 0) -> Tensor:
        """Vectors `(batch, length, width)` of tokens `(batch, length)` that come after `past` others.

        Raises:
            ValueError: there are more than positions were learnt for.
        """
        vectors = self.tokens(tokens)
        if self.positions is not None:
            end, most = past + tokens.shape[1], self.positions.num_embeddings
            if end > most:
                raise ValueError(f"{end} tokens, where this model has positions for {most}: give a larger context")
            vectors = vectors + self.positions.weight[past:end]
        embedded: Tensor = self.dropout(vectors)
        return embedded


class Turn(NamedTuple):
    """The cosines and sines of rotary positions, each `(length, width / heads / 2)`."""

    cosines: Tensor
    sines: Tensor

    def of(self, vectors: Tensor) -> Tensor:
        """Queries or keys `(batch, heads, length, width / heads)`, turned."""
        first, second = vectors.chunk(2, dim=-1)
        return torch.cat(
            (first * self.cosines - second * self.sines, second * self.cosines + first * self.sines), dim=-1
        )


def initialise(module: nn.Module) -> None:
    """Weights as in GPT-2: normal with a deviation of 0.02, and biases 0.

    Those of the layers that add to a `Transformer`'s tokens are smaller, by the root of how many such layers it has.
    """
    for part in module.modules():
        if isinstance(part, (nn.Linear, nn.Embedding)):
            nn.init.normal_(part.weight, std=0.02)
        if isinstance(part, nn.Linear) and part.bias is not None:
            nn.init.zeros_(part.bias)
    for part in module.modules():
        if isinstance(part, Transformer):
            adding = [
                layer[-1] if isinstance(layer, FeedForward) else layer.out
                for layer in part.modules()
                if isinstance(layer, (SelfAttention, CrossAttention, FeedForward))
            ]
            for linear in adding:
                assert isinstance(linear, nn.Linear)
                nn.init.normal_(linear.weight, std=0.02 / math.sqrt(len(adding)))


def _heads(vectors: Tensor, heads: int) -> Tensor:
    """`(batch, length, width)` as `(batch, heads, length, width / heads)`."""
    batch, length, width = vectors.shape
    return vectors.view(batch, length, heads, width // heads).transpose(1, 2)


def _mask(length: int, past: int, key_mask: Tensor | None, device: torch.device, *, causal: bool) -> Tensor | None:
    """Which of `length` new tokens sees which of `past + length`; None where all do or the kernel's own rule fits."""
    if key_mask is None and (not causal or not past or length == 1):
        return None
    mask = None if key_mask is None else key_mask[:, None, None]
    if causal:
        rows = torch.arange(past, past + length, device=device)[:, None]
        columns = torch.arange(past + length, device=device)
        before = rows >= columns
        # Every token sees itself: padding in front would see nothing, and nothing is a division by zero.
        mask = before if mask is None else (before & mask) | (rows == columns)
    return mask


def _turn(past: int, length: int, head_width: int, like: Tensor) -> Turn:
    # Not a buffer: a run in bf16-true would round the frequencies.
    exponents = torch.arange(0, head_width, 2, device=like.device, dtype=torch.float32) / head_width
    positions = torch.arange(past, past + length, device=like.device, dtype=torch.float32)
    angles = positions[:, None] * torch.pow(10_000.0, -exponents)
    dtype = torch.get_autocast_dtype(like.device.type) if torch.is_autocast_enabled(like.device.type) else like.dtype
    return Turn(angles.cos().to(dtype), angles.sin().to(dtype))
