"""Attention with rotary positions, as encoders and decoders here use it. Imports torch."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional


class KeyValues(NamedTuple):
    """What can be looked at; both are `(batch, heads, places, width / heads)`."""

    keys: Tensor
    values: Tensor


class SelfAttention(nn.Module):
    """Places look at each other ("Attention Is All You Need", Vaswani et al., 2017); queries and keys are turned by
    their positions ("RoFormer", Su et al., 2021).

    Arguments:
        width: length of a place's vector.
        heads: that share the width.

    Raises:
        ValueError: they cannot share it, or each has an odd part of it.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        if width % heads or width // heads % 2:
            raise ValueError(f"width={width}, heads={heads}: width / heads has to be an even number")
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(
        self, places: Tensor, seen: Tensor | None = None, *, causal: bool = False, before: KeyValues | None = None
    ) -> tuple[Tensor, KeyValues]:
        """What the places see, and what later ones can look at.

        Arguments:
            places: `(batch, length, width)`; they come after those of `before`.
            seen: bool `(batch, length)`, False for what nobody looks at; not with `before`.
            causal: whether a place sees itself and those before it alone; not with `seen`.
            before: the keys and values of places before; then one place at a time.
        """
        query, key, value = (by_heads(part, self.heads) for part in self.qkv(places).chunk(3, dim=-1))
        past = 0 if before is None else before.keys.shape[2]
        query, key = turned(query, past), turned(key, past)
        if before is not None:
            key, value = torch.cat((before.keys, key), dim=2), torch.cat((before.values, value), dim=2)
        mask = None if seen is None else seen[:, None, None]
        looked = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask, is_causal=causal)
        return self.out(looked.transpose(1, 2).flatten(2)), KeyValues(key, value)


class CrossAttention(nn.Module):
    """Places look at what was encoded; arguments as of `SelfAttention`."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def memory(self, encoded: Tensor) -> KeyValues:
        """The keys and values of `(batch, frames, width)`."""
        return KeyValues(*(by_heads(part, self.heads) for part in self.key_value(encoded).chunk(2, dim=-1)))

    def forward(self, places: Tensor, memory: KeyValues, seen: Tensor) -> Tensor:
        """What places `(batch, length, width)` see, in the same shape; `seen` is bool `(batch, frames)`."""
        query = by_heads(self.query(places), self.heads)
        looked = functional.scaled_dot_product_attention(
            query, memory.keys, memory.values, attn_mask=seen[:, None, None]
        )
        out: Tensor = self.out(looked.transpose(1, 2).flatten(2))
        return out


def by_heads(vectors: Tensor, heads: int) -> Tensor:
    """`(batch, length, width)` as `(batch, heads, length, width / heads)`."""
    batch, length, width = vectors.shape
    return vectors.view(batch, length, heads, width // heads).transpose(1, 2)


def turned(vectors: Tensor, past: int) -> Tensor:
    """Queries or keys `(batch, heads, length, width / heads)`, turned by their positions, which begin at `past`."""
    length, width = vectors.shape[2:]
    # Made anew and in float32: a run in bf16-true would round the frequencies of a buffer.
    exponents = torch.arange(0, width, 2, device=vectors.device, dtype=torch.float32) / width
    positions = torch.arange(past, past + length, device=vectors.device, dtype=torch.float32)
    angles = positions[:, None] * torch.pow(10_000.0, -exponents)
    cosines, sines = angles.cos().to(vectors.dtype), angles.sin().to(vectors.dtype)
    first, second = vectors.chunk(2, dim=-1)
    return torch.cat((first * cosines - second * sines, second * cosines + first * sines), dim=-1)
