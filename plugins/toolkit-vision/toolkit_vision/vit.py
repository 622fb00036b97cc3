"""A vision transformer. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from toolkit_vision.drop_path import DropPath, rising


class ViT(nn.Module):
    """A vision transformer ("An Image is Worth 16x16 Words", Dosovitskiy et al., 2020): ViT-S/16 where nothing is said.

    Patches become tokens, with learned positions, for blocks of attention and linear layers that normalise first.

    Its parts are `backbone.patches`, `backbone.blocks.0` and so on, `backbone.norm`, and `head`.

    Arguments:
        num_classes: length of the output.
        in_channels: channels of the images.
        image_size: height and width of the images in pixels; it takes no others.
        patch_size: height and width of a patch in pixels.
        depth: number of blocks.
        width: length of a token.
        heads: attention heads of a block; they share the width.
        pool: what the head looks at: the `class` token, which is one more beside the patches, or the `mean` of all
            patches, without one.
        drop_path: probability with which the last block is left out for a sample in training; it falls to 0 towards
            the first block.

    Raises:
        ValueError: the image cannot be cut into such patches, the heads cannot share the width, or `drop_path` is no
            probability.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        image_size: Sequence[int],
        patch_size: int = 16,
        depth: int = 12,
        width: int = 384,
        heads: int = 6,
        pool: Literal["class", "mean"] = "class",
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        height, width_in_pixels = image_size
        if height % patch_size or width_in_pixels % patch_size:
            raise ValueError(
                f"images of {height}x{width_in_pixels} pixels cannot be cut into patches of {patch_size}x{patch_size}: "
                "set patch_size to a divisor of both sides"
            )
        if width % heads:
            raise ValueError(f"width={width} cannot be shared by heads={heads}: it is no multiple of them")
        self.pool = pool
        self.backbone = _Encoder(
            in_channels, (height, width_in_pixels), patch_size, depth, width, heads, pool == "class", drop_path
        )
        self.head = nn.Linear(width, num_classes)
        self.apply(_initialise)

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits `(batch, num_classes)` of float images `(batch, in_channels, *image_size)`."""
        tokens = self.backbone(inputs)
        logits: Tensor = self.head(tokens[:, 0] if self.pool == "class" else tokens.mean(1))
        return logits


class _Encoder(nn.Module):
    """From images to tokens, that of the class first where there is one."""

    def __init__(
        self,
        in_channels: int,
        image_size: tuple[int, int],
        patch_size: int,
        depth: int,
        width: int,
        heads: int,
        class_token: bool,
        drop_path: float,
    ) -> None:
        super().__init__()
        self.image_size = image_size
        self.patches = nn.Conv2d(in_channels, width, patch_size, stride=patch_size)
        tokens = (image_size[0] // patch_size) * (image_size[1] // patch_size) + class_token
        self.class_token = nn.Parameter(torch.zeros(1, 1, width)) if class_token else None
        self.positions = nn.Parameter(nn.init.trunc_normal_(torch.empty(1, tokens, width), std=0.02))
        self.blocks = nn.Sequential(*(_Block(width, heads, rate) for rate in rising(drop_path, depth)))
        self.norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, inputs: Tensor) -> Tensor:
        """Tokens `(batch, tokens, width)` of images `(batch, in_channels, *image_size)`."""
        if inputs.shape[2:] != self.image_size:
            built, got = ("x".join(map(str, size)) for size in (self.image_size, inputs.shape[2:]))
            raise ValueError(f"this vit was built for images of {built} pixels and got {got}")
        tokens = self.patches(inputs).flatten(2).transpose(1, 2)
        if self.class_token is not None:
            tokens = torch.cat((self.class_token.expand(len(tokens), -1, -1), tokens), dim=1)
        encoded: Tensor = self.norm(self.blocks(tokens + self.positions))
        return encoded


class _Block(nn.Module):
    def __init__(self, width: int, heads: int, drop_path: float) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width, eps=1e-6)
        self.attention = _Attention(width, heads)
        self.mlp_norm = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.drop_path = DropPath(drop_path)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.drop_path(self.attention(self.attention_norm(tokens)))
        branch: Tensor = self.drop_path(self.mlp(self.mlp_norm(tokens)))
        return tokens + branch


class _Attention(nn.Module):
    """Each token looks at all tokens; `(batch, tokens, width)` in and out."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        # (3, batch, heads, tokens, width / heads)
        query, key, value = self.qkv(tokens).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(query, key, value)
        looked: Tensor = self.out(seen.transpose(1, 2).flatten(2))
        return looked


def _initialise(module: nn.Module) -> None:
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        nn.init.trunc_normal_(module.weight, std=0.02)
        assert module.bias is not None
        nn.init.zeros_(module.bias)
