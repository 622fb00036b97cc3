"""Sounds with what is to be told of them, as samples and as batches. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from toolkit_speech.alphabet import Alphabet
from toolkit_speech.sounds import Sounds

IGNORED = -100
"""In targets: behind the end of a transcript, as torch's losses leave it out."""

Heard = tuple[Tensor, Tensor]
"""A waveform `(samples,)` and its length `()`; in a batch waveforms `(batch, samples)` and lengths `(batch,)`."""


class Transcribed:
    """A map-style dataset of sounds with transcripts.

    A sample is `((waveform, length), characters)`: float32 `(samples,)`, int64 `()` and int64 `(characters,)`. A batch,
    `dataset[[3, 0]]` in torch's `__getitems__`, is `((waveforms, lengths), characters)`: `(batch, longest)` with zeros
    behind the shorter sounds, `(batch,)`, and `(batch, most)` with -100 behind the shorter transcripts.

    Arguments:
        sounds: the waveforms.
        transcripts: of each, normalised.
        alphabet: that they are written in.
    """

    def __init__(self, sounds: Sounds, transcripts: Sequence[str], alphabet: Alphabet) -> None:
        if len(sounds) != len(transcripts):
            raise ValueError(f"{len(sounds)} sounds, {len(transcripts)} transcripts")
        self.sounds = sounds
        self.transcripts = list(transcripts)
        self.alphabet = alphabet
        self.lengths = sounds.lengths
        """Samples of each sound, int64 `(sounds,)`: what batches of sounds of similar length are made by."""

    def __len__(self) -> int:
        return len(self.transcripts)

    def __getitem__(self, number: int) -> tuple[Heard, Tensor]:
        """Raises ValueError, with the file's path, where the sample cannot be used."""
        characters = self._characters(number)
        return heard(self.sounds[number]), characters

    def __getitems__(self, numbers: Sequence[int]) -> tuple[Heard, Tensor]:
        return together([self[number] for number in numbers])

    def problems(self) -> Iterator[str]:
        """What is wrong with sounds and transcripts, one line each, the path first; reads all of them."""
        for number in range(len(self)):
            for part in (self._characters, self.sounds.__getitem__):
                try:
                    part(number)
                except ValueError as error:
                    yield " ".join(str(error).split())
        yield from self.sounds.unread()

    def _characters(self, number: int) -> Tensor:
        transcript = self.transcripts[number]
        if not transcript:
            raise ValueError(f"{self.sounds.name(number)}: an empty transcript")
        try:
            return torch.tensor(self.alphabet.encode(transcript))
        except ValueError as error:
            raise ValueError(f"{self.sounds.name(number)}: {transcript[:60]!r}: {error}") from error


class Labelled:
    """A map-style dataset of sounds, each with the number of its class.

    A sample is `((waveform, length), class)`: float32 `(samples,)`, int64 `()`, and a number. A batch,
    `dataset[[3, 0]]` in torch's `__getitems__`, is `((waveforms, lengths), classes)`: `(batch, longest)` with zeros
    behind the shorter sounds, `(batch,)` and `(batch,)`.

    Arguments:
        sounds: the waveforms.
        targets: the class of each, int64 `(sounds,)`.
    """

    def __init__(self, sounds: Sounds, targets: Tensor) -> None:
        self.sounds = sounds
        self.targets = targets
        self.lengths = sounds.lengths
        """Samples of each sound, int64 `(sounds,)`: what batches of sounds of similar length are made by."""

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, number: int) -> tuple[Heard, int]:
        """Raises ValueError, with the file's path, where the sound cannot be read."""
        return heard(self.sounds[number]), int(self.targets[number])

    def __getitems__(self, numbers: Sequence[int]) -> tuple[Heard, Tensor]:
        return padded([self.sounds[number] for number in numbers]), self.targets[torch.as_tensor(numbers)]

    def problems(self) -> Iterator[str]:
        """What is wrong with the sounds, one line each, the path first; reads all of them."""
        for number in range(len(self)):
            try:
                self.sounds[number]
            except ValueError as error:
                yield " ".join(str(error).split())
        yield from self.sounds.unread()


def heard(waveform: Tensor) -> Heard:
    """A waveform with its length."""
    return waveform, torch.tensor(len(waveform))


def padded(waveforms: Sequence[Tensor]) -> Heard:
    """Waveforms `(samples,)` as one tensor `(batch, longest)` with zeros behind the shorter, and lengths `(batch,)`."""
    lengths = torch.tensor([len(waveform) for waveform in waveforms])
    return pad_sequence(list(waveforms), batch_first=True), lengths


def together(samples: Sequence[tuple[Heard, Tensor]]) -> tuple[Heard, Tensor]:
    """A batch of samples as `Transcribed` has them."""
    inputs, targets = zip(*samples, strict=True)
    return padded([waveform for waveform, _ in inputs]), pad_sequence(list(targets), True, IGNORED)
