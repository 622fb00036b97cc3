"""A few noises in place of data that is not on this machine. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from toolkit_speech.samples import Labelled
from toolkit_speech.sounds import InMemory
from toolkit_speech.splits import Splits, class_facts
from toolkit_speech.transcripts import Utterances, transcribed_splits

LETTERS = "'abcdefghijklmnopqrstuvwxyz"
ENGLISH = f" {LETTERS}"
"""What English transcripts are written in after the normaliser `basic`, where numbers are words."""


def transcribed_stand_in(seed: int, characters: str = ENGLISH, sample_rate: int = 16000) -> Splits:
    """Noises of one to two seconds with random words, in the alphabet `characters`."""
    generator = torch.Generator().manual_seed(seed)

    def utterances(count: int) -> Utterances:
        return Utterances(InMemory(_noises(count, sample_rate, generator)), [_words(generator) for _ in range(count)])

    parts = {"train": utterances(16), "val": utterances(8), "test": utterances(8)}
    return transcribed_splits(parts, sample_rate, characters, "none")


def labelled_stand_in(seed: int, class_names: Sequence[str], sample_rate: int = 16000) -> Splits:
    """Noises of one to two seconds in random classes."""
    generator = torch.Generator().manual_seed(seed)

    def labelled(count: int) -> Labelled:
        targets = torch.randint(len(class_names), (count,), generator=generator)
        return Labelled(InMemory(_noises(count, sample_rate, generator)), targets)

    return Splits(labelled(16), labelled(8), labelled(8), class_facts(class_names, sample_rate))


def _noises(count: int, sample_rate: int, generator: torch.Generator) -> list[Tensor]:
    lengths = torch.randint(sample_rate, 2 * sample_rate, (count,), generator=generator).tolist()
    return [0.1 * torch.randn(length, generator=generator) for length in lengths]


def _words(generator: torch.Generator) -> str:
    letters = LETTERS[1:]
    drawn = [torch.randint(len(letters), (3,), generator=generator).tolist() for _ in range(2)]
    return " ".join("".join(letters[number] for number in word) for word in drawn)
