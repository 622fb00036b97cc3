"""Where the waveforms of a split come from: files that are read when they are wanted, or memory. Imports torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from toolkit_speech.audio import FLAC_BYTES, UNREAD, Header, flac_header, recording
from toolkit_speech.kept import Kept
from toolkit_speech.resample import resampled


class Sounds(Protocol):
    """Waveforms by their numbers."""

    lengths: Tensor
    """Samples of each, int64 `(sounds,)`."""

    def __len__(self) -> int: ...

    def __getitem__(self, number: int) -> Tensor:
        """A waveform, float32 `(samples,)`. Raises ValueError, with its name, where it cannot be read."""
        ...

    def name(self, number: int) -> str:
        """What a sound is called in messages: its file."""
        ...

    def unread(self) -> Iterator[str]:
        """What lies beside the sounds and is none of them, one line each."""
        ...


@dataclass(frozen=True)
class Reading:
    """How files are read."""

    sample_rate: int
    """Samples a second."""
    resample: bool
    """Whether a file of another rate is brought to this one; else it is not read."""
    max_seconds: float
    """A longer file is not read."""

    def __post_init__(self) -> None:
        if self.sample_rate < 1:
            raise ValueError(f"sample_rate={self.sample_rate}: a number of samples a second")
        if not self.max_seconds > 0:
            raise ValueError(f"max_seconds={self.max_seconds}: expected a number above 0")

    def waveform(self, path: str) -> Tensor:
        """The sound in a file, float32 `(samples,)`.

        Raises:
            ValueError: it cannot be read, or not so. The message begins with the path.
        """
        with recording(path) as opened:
            header = opened.header
            if header.sample_rate != self.sample_rate and not self.resample:
                raise ValueError(
                    f"sampled at {header.sample_rate:,} Hz, and the data at {self.sample_rate:,} Hz; "
                    "give `resample: true` or convert it"
                )
            if header.seconds > self.max_seconds:
                raise ValueError(f"{header.seconds:.1f} s long, more than max_seconds={self.max_seconds:g}")
            return resampled(opened.waveform(), header.sample_rate, self.sample_rate)

    def length(self, path: str, seconds: float | None = None) -> int:
        """How many samples a file will have; 0 where it cannot be read, as whoever reads it is told.

        Arguments:
            path: the file.
            seconds: how long it is, where that is known without opening it.
        """
        if seconds is None:
            header = header_of(path)
            seconds = header.seconds if header else 0.0
        return round(seconds * self.sample_rate)


class AudioFiles:
    """Sounds in files, which are decoded once as long as they fit into memory (`toolkit_speech.kept`).

    Arguments:
        paths: the files.
        reading: how they are read.
        seconds: how long each is, where that is known; else every file is opened once to ask.
        beside: recordings beside them of kinds that are not decoded.
    """

    def __init__(
        self,
        paths: Sequence[str],
        reading: Reading,
        seconds: Sequence[float | None] | None = None,
        beside: Sequence[str] = (),
    ) -> None:
        self.paths = list(paths)
        self.reading = reading
        known = [None] * len(self.paths) if seconds is None else seconds
        lengths = [reading.length(path, each) for path, each in zip(self.paths, known, strict=True)]
        self.lengths = torch.tensor(lengths, dtype=torch.int64)
        self._beside = list(beside)
        self._kept = Kept()

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, number: int) -> Tensor:
        waveform = self._kept.get(number)
        if waveform is None:
            waveform = self.reading.waveform(self.paths[number])
            self._kept.keep(number, waveform)
        return waveform

    def name(self, number: int) -> str:
        return self.paths[number]

    def unread(self) -> Iterator[str]:
        for path in self._beside:
            yield f"{path}: not read, as all that end in {', '.join(sorted(UNREAD))}: convert it to FLAC or WAV"


class InMemory:
    """Sounds in memory.

    Arguments:
        waveforms: float32, each `(samples,)`.
    """

    def __init__(self, waveforms: Sequence[Tensor]) -> None:
        self._waveforms = list(waveforms)
        self.lengths = torch.tensor([len(each) for each in self._waveforms])

    def __len__(self) -> int:
        return len(self._waveforms)

    def __getitem__(self, number: int) -> Tensor:
        return self._waveforms[number]

    def name(self, number: int) -> str:
        return f"sound {number}"

    def unread(self) -> Iterator[str]:
        yield from ()


def header_of(path: str) -> Header | None:
    """What a file says of its sound; None where it cannot be read."""
    try:
        with open(path, "rb", buffering=0) as stream:
            known = flac_header(stream.read(FLAC_BYTES))
        if known is not None:
            return known
        with recording(path) as opened:
            return opened.header
    except (OSError, ValueError):
        return None


def sample_rate_of(paths: Sequence[str]) -> int:
    """The sampling rate of the first file that can be read.

    Raises:
        FileNotFoundError: none can be.
    """
    for path in paths:
        header = header_of(path)
        if header is not None:
            return header.sample_rate
    raise FileNotFoundError(
        f"none of {len(paths):,} sound files can be read; the first is {paths[0] if paths else None}"
    )
