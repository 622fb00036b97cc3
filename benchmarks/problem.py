"""What is trained: networks, generated data, an optimizer; and the clock. Imports torch and no trainer.

Recipes name these parts as ``benchmarks.problem:NAME``; loops written by hand call the same ones. The data are random
and seeded: speed depends on their shapes only.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator

import torch
from torch import Tensor, nn

BATCH = 64
SAMPLES = 60_000
VOCABULARY = 256


@functools.cache
def pictures(samples: int = SAMPLES, shape: tuple[int, ...] = (784,), device: str = "cpu") -> tuple[Tensor, Tensor]:
    """uint8 inputs ``(samples, *shape)`` and targets ``(samples,)`` of ten classes; the same tensors at every call."""
    drawn = torch.Generator().manual_seed(0)
    inputs = torch.randint(0, 256, (samples, *shape), dtype=torch.uint8, generator=drawn)
    return inputs.to(device), torch.randint(0, 10, (samples,), generator=drawn).to(device)


class Pictures:
    """The dataset of `pictures`, to train on only: a loop by hand does not validate either."""

    val = test = None

    def __init__(self, samples: int = SAMPLES, shape: tuple[int, ...] = (784,), device: str = "cpu") -> None:
        self.train = pictures(samples, tuple(shape), device)
        self.facts = {"num_classes": 10, "task": "multiclass"}


def net() -> nn.Module:
    """The classic first network, 784-128-10."""
    return nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


def conv_net(width: int = 32) -> nn.Module:
    """A small convolutional network for pictures of 3x32x32."""

    def block(inputs: int, outputs: int) -> list[nn.Module]:
        return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]

    return nn.Sequential(
        *block(3, width),
        *block(width, width),
        nn.MaxPool2d(2),
        *block(width, 2 * width),
        nn.MaxPool2d(2),
        *block(2 * width, 4 * width),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4 * width, 10),
    )


@functools.cache
def texts(samples: int, length: int, device: str = "cpu") -> tuple[Tensor, Tensor]:
    """Tokens ``(samples, length)`` of a vocabulary of 256, and the tokens that follow each; int64."""
    drawn = torch.Generator().manual_seed(0)
    tokens = torch.randint(0, VOCABULARY, (samples, length + 1), generator=drawn).to(device)
    return tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous()


class Texts:
    """The dataset of `texts`, to train on only."""

    val = test = None

    def __init__(self, samples: int, length: int, device: str = "cpu") -> None:
        self.train = texts(samples, length, device)
        self.facts = {"vocab_size": VOCABULARY}


class Transformer(nn.Module):
    """A small language model: logits ``(batch * length, 256)`` of tokens ``(batch, length)``."""

    def __init__(self, length: int, width: int = 256, layers: int = 4, heads: int = 4) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(VOCABULARY, width), nn.Embedding(length, width)
        layer = nn.TransformerEncoderLayer(width, heads, 4 * width, 0.0, batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.head = nn.Linear(width, VOCABULARY)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(length), persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        hidden = self.tokens(tokens) + self.places.weight
        logits: Tensor = self.head(self.layers(hidden, mask=self.mask, is_causal=True))
        return logits.flatten(0, 1)


class TokenLoss(nn.Module):
    """Cross-entropy over the tokens of all texts."""

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        return nn.functional.cross_entropy(logits, targets.flatten())


def as_floats(inputs: Tensor) -> Tensor:
    """uint8 as floats from 0 to 1."""
    return inputs.float() / 255 if inputs.dtype == torch.uint8 else inputs


def sgd(module: nn.Module, fused: bool = True) -> torch.optim.Optimizer:
    """The optimizer of every variant."""
    return torch.optim.SGD(module.parameters(), lr=0.01, momentum=0.9, fused=fused)


class Batches:
    """Whole batches of tensors in memory, in a new random order every epoch; of one rank of several."""

    def __init__(self, tensors: tuple[Tensor, ...], size: int = BATCH, rank: int = 0, ranks: int = 1) -> None:
        self.tensors, self.size, self.rank, self.ranks = tensors, size, rank, ranks

    def __len__(self) -> int:
        return -(-len(range(self.rank, len(self.tensors[0]), self.ranks)) // self.size)

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        order = torch.randperm(len(self.tensors[0]))[self.rank :: self.ranks].to(self.tensors[0].device)
        for index in order.split(self.size):
            yield tuple(part.index_select(0, index) for part in self.tensors)


def now() -> float:
    """Seconds, when the device has done what it was told."""
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    return time.perf_counter()
