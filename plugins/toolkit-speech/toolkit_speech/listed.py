"""Recordings in files with what is said in them, before any is read. Imports torch, nothing of the toolkit."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from toolkit_speech.recognition.normaliser import Normaliser
from toolkit_speech.sounds import AudioFiles, Reading
from toolkit_speech.splits import Splits, share_of, stratified
from toolkit_speech.transcripts import Utterances, transcribed_splits


@dataclass(frozen=True)
class Listed:
    """Recordings of a split."""

    paths: Sequence[str]
    texts: Sequence[str]
    seconds: Sequence[float | None]
    """How long each is; None where that is to be looked up in the file."""

    def take(self, numbers: Sequence[int]) -> Listed:
        return Listed(
            [self.paths[number] for number in numbers],
            [self.texts[number] for number in numbers],
            [self.seconds[number] for number in numbers],
        )

    def cut(self, share: float, name: str, seed: int) -> tuple[Listed, Listed | None]:
        """The recordings without a share of them, and those; None for 0.

        Raises:
            ValueError: the share, an argument called `name`, is none, or leaves no recording.
        """
        size = share_of(len(self.paths), share, name)
        if not size:
            return self, None
        rest, cut = stratified(torch.zeros(len(self.paths), dtype=torch.int64), size, seed)
        return self.take(rest.tolist()), self.take(cut.tolist())


def listed_splits(
    parts: Mapping[str, Listed | None],
    reading: Reading,
    characters: str | None,
    normaliser: Normaliser,
    run_files: Mapping[str, bytes] | None,
) -> Splits:
    """Splits for recognition of listed recordings; arguments as `toolkit_speech.transcripts` has them.

    Raises:
        FileNotFoundError: none of the files of `train` is there.
    """
    train = parts["train"]
    assert train is not None, "whoever made the parts has seen to it"
    if not any(map(os.path.isfile, train.paths)):
        raise FileNotFoundError(
            f"none of {len(train.paths):,} recordings is there; the first would be {train.paths[0]}"
        )
    made = {
        name: None if part is None else Utterances(AudioFiles(part.paths, reading, part.seconds), part.texts)
        for name, part in parts.items()
    }
    return transcribed_splits(made, reading.sample_rate, characters, normaliser, run_files)
