"""How `toolkit predict` reads sound for a model that was trained on sound. Imports torch, nothing of the toolkit."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from toolkit_speech.audio import SUFFIXES, Recording
from toolkit_speech.notes import note
from toolkit_speech.resample import resampled
from toolkit_speech.samples import Heard, heard, padded


class AudioReader:
    """A sound file is one sample: a waveform, float32 `(samples,)`, the mean of its channels, and its length `()`.

    It is brought to the sampling rate of the data that the model was trained on; a note says so where it has a lower
    one, because then it lacks high frequencies that the model knows.

    Arguments:
        facts: of the dataset: `sample_rate`.
    """

    suffixes = SUFFIXES

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self.sample_rate: int = facts["sample_rate"]

    def read(self, name: str, stream: BinaryIO) -> Iterator[tuple[str, Heard]]:
        """Raises ValueError where it is no whole sound file."""
        # Standard input cannot seek, and libsndfile has to.
        recording = Recording(stream if stream.seekable() else io.BytesIO(stream.read()))
        rate = recording.header.sample_rate
        waveform = resampled(recording.waveform(), rate, self.sample_rate)
        if rate < self.sample_rate:
            note(f"{name}: sampled at {rate:,} Hz; the model was trained on {self.sample_rate:,} Hz")
        yield name, heard(waveform)

    def collate(self, samples: Sequence[Heard]) -> Heard:
        """Waveforms `(batch, longest)` and lengths `(batch,)`."""
        return padded([waveform for waveform, _ in samples])
