"""36 recorded symbols, and what is composed of them. Imports NumPy and torch, nothing of the toolkit."""

from __future__ import annotations

import math
import string
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from toolkit_speech.kept import FULL_SCALE, Kept, in_16_bits
from toolkit_speech.transforms.interpolate import stretched

FILE = Path(__file__).parent / "data" / "symbols.npz"
SYMBOLS = string.digits + string.ascii_uppercase
SAMPLE_RATE = 8000
SPEEDS = (0.85, 1.15)
"""A symbol is said so much faster, at least and at most."""
LOUDNESS_DB = (-9.0, 3.0)
NOISE_DB = (-40.0, -15.0)
"""Noise, against a symbol as it was recorded."""
BABBLE_DB = (-30.0, -15.0)
"""Other symbols, played backwards behind those that are said."""
BABBLED = 3
"""So many of them."""


class Plan(NamedTuple):
    """What a sound is composed of; each number was drawn once, so that a sound is the same whenever it is made."""

    symbols: list[int]
    speeds: Tensor
    """Of each symbol, `(symbols,)`."""
    starts: list[int]
    """The sample at which each begins."""
    gains_db: Tensor
    """Of each symbol, `(symbols,)`."""
    length: int
    """Samples of the sound."""
    noise_db: float
    babble_db: float
    seed: int
    """Of its noise."""


class Composed:
    """Sounds that are composed of the symbols when they are wanted, in 16 bits as a file would hold them.

    Arguments:
        plans: of each.
    """

    def __init__(self, plans: Sequence[Plan]) -> None:
        self.plans = list(plans)
        self.lengths = torch.tensor([plan.length for plan in self.plans])
        self._kept = Kept()

    def __len__(self) -> int:
        return len(self.plans)

    def __getitem__(self, number: int) -> Tensor:
        sound = self._kept.get(number)
        if sound is None:
            sound = in_16_bits(composed(self.plans[number])) * (1 / FULL_SCALE)
            self._kept.keep(number, sound)
        return sound

    def name(self, number: int) -> str:
        return f"sound {number}"

    def unread(self) -> Iterator[str]:
        yield from ()


def planned(symbols: Sequence[int], gap_s: tuple[float, float], generator: torch.Generator) -> Plan:
    """How a sequence of symbols is to sound.

    Arguments:
        symbols: their numbers.
        gap_s: seconds of silence before each symbol and at the end, at least and at most.
        generator: of what is random.
    """

    def uniform(least: float, most: float, count: int) -> Tensor:
        return torch.rand(count, generator=generator) * (most - least) + least

    speeds = uniform(*SPEEDS, len(symbols))
    gaps = (uniform(*gap_s, len(symbols) + 1) * SAMPLE_RATE).round().long().tolist()
    starts, end = [], 0
    for symbol, speed, gap in zip(symbols, speeds.tolist(), gaps, strict=False):
        starts.append(end + gap)
        end = starts[-1] + _length(symbol, speed)
    return Plan(
        symbols=list(symbols),
        speeds=speeds,
        starts=starts,
        gains_db=uniform(*LOUDNESS_DB, len(symbols)),
        length=end + gaps[-1],
        noise_db=float(uniform(*NOISE_DB, 1)),
        babble_db=float(uniform(*BABBLE_DB, 1)),
        seed=int(torch.randint(2**62, (), generator=generator)),
    )


def composed(plan: Plan) -> Tensor:
    """The sound of a plan, float32 `(samples,)`, at 8 kHz."""
    generator = torch.Generator().manual_seed(plan.seed)
    clips = recorded()
    sound = torch.zeros(plan.length)
    for number in torch.randint(len(clips), (BABBLED,), generator=generator).tolist():
        backwards = clips[number].flip(0)[: plan.length]
        start = int(torch.randint(plan.length - len(backwards) + 1, (), generator=generator))
        sound[start : start + len(backwards)] += _amplitude(plan.babble_db) * backwards
    gains = _amplitude(plan.gains_db)
    for symbol, speed, start, gain in zip(plan.symbols, plan.speeds, plan.starts, gains, strict=True):
        clip = clips[symbol]
        length = _length(symbol, float(speed))
        sound[start : start + length] += gain * stretched(clip[None], speed[None], length)[0]
    # A symbol's root mean square is about 0.1.
    return sound + 0.1 * _amplitude(plan.noise_db) * torch.randn(plan.length, generator=generator)


@lru_cache(maxsize=1)
def recorded() -> tuple[Tensor, ...]:
    """The 36 clips in the order of `SYMBOLS`, float32 `(samples,)`, each with the same root mean square, 0.1."""
    with np.load(FILE) as file:
        clips = [torch.from_numpy(file[symbol].astype(np.float32)) / 128 - 1 for symbol in SYMBOLS]
    # Unsigned bytes around 128.
    return tuple(0.1 * (clip - clip.mean()) / (clip - clip.mean()).square().mean().sqrt() for clip in clips)


def _length(symbol: int, speed: float) -> int:
    return int(len(recorded()[symbol]) / speed)


def _amplitude(decibels: float | Tensor) -> Tensor:
    return (torch.as_tensor(decibels) * (math.log(10) / 20)).exp()
