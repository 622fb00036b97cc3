"""Audio files as waveforms. Imports soundfile, NumPy and torch, nothing of the toolkit.

soundfile, which brings libsndfile: torchaudio's releases do not follow torch's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import soundfile
import torch
from torch import Tensor

SUFFIXES = frozenset({".aif", ".aiff", ".au", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".wav"})
"""What the names of files end in that are looked for in folders, lower case."""

UNREAD = frozenset({".3gp", ".aac", ".amr", ".m4a", ".mp4", ".webm", ".wma"})
"""What the names of recordings end in that are not decoded: files that would be missed."""

_CUT_OFF = re.compile(r"^\s*data : (\d+) \(should be (\d+)\)", re.MULTILINE)
_UNKNOWN_SIZE = 0x7FFFF000
"""From here on the size in a WAV file's header is that of a program that wrote to a pipe and could not know it."""

_UNKNOWN_LENGTH = 2**48
"""libsndfile says a number beyond this of a FLAC file that does not say it."""


class Header(NamedTuple):
    """What a file says of its sound."""

    sample_rate: int
    """Samples a second."""
    channels: int
    frames: int
    """Samples of a channel."""

    @property
    def seconds(self) -> float:
        return self.frames / self.sample_rate


FLAC_BYTES = 26
"""From the beginning of a FLAC file to the end of what it says of its sound."""


def flac_header(beginning: bytes) -> Header | None:
    """What the first `FLAC_BYTES` of a FLAC file say of its sound (RFC 9639, 8.2); None where they do not.

    libsndfile takes ten times as long to open a file, which is half a minute for those of LibriSpeech.
    """
    if len(beginning) < FLAC_BYTES or beginning[:8] != b"fLaC\x00\x00\x00\x22":
        return None
    # 20 bits for the sampling rate, 3 for the channels, 5 for the bits of a sample, 36 for the samples, 0 if unknown.
    said = int.from_bytes(beginning[18:FLAC_BYTES])
    header = Header(said >> 44, (said >> 41 & 0b111) + 1, said & (1 << 36) - 1)
    return header if header.sample_rate and header.frames else None


class Recording:
    """A sound file that is open.

    Arguments:
        stream: at the beginning of the file; it can seek.

    Raises:
        ValueError: it is not of a kind that libsndfile decodes, or does not say how long it is.
    """

    def __init__(self, stream: BinaryIO) -> None:
        try:
            self._file = soundfile.SoundFile(stream)
        except soundfile.LibsndfileError as error:
            raise ValueError(_not_read(stream, error)) from error
        if self._file.frames > _UNKNOWN_LENGTH:
            raise ValueError("does not say how long it is, like a FLAC file written into a pipe: encode it again")
        self.header = Header(self._file.samplerate, self._file.channels, self._file.frames)

    def waveform(self) -> Tensor:
        """The sound as float32 `(samples,)` from -1 to 1, the mean of its channels.

        Raises:
            ValueError: it is damaged or cut off, has no samples, or some that are no numbers.
        """
        cut = _CUT_OFF.search(self._file.extra_info)
        if cut and int(cut[2]) < int(cut[1]) < _UNKNOWN_SIZE:
            raise ValueError(f"cut off: {int(cut[2]):,} of {int(cut[1]):,} bytes of sound are there")
        try:
            samples = self._file.read(dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise ValueError(f"damaged: {_reason(error)}") from error
        if len(samples) < self.header.frames:
            raise ValueError(f"cut off: {len(samples):,} of {self.header.frames:,} samples are there")
        if not len(samples):
            raise ValueError("holds no sound: it has no samples")
        if not np.isfinite(samples).all():
            raise ValueError("holds samples that are no numbers (NaN or infinite)")
        return torch.from_numpy(samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1))


@contextmanager
def recording(path: str | Path) -> Iterator[Recording]:
    """A sound file, open.

    Raises:
        ValueError: it is not there, or not of a kind that libsndfile decodes; also what is raised while it is open. The
            message begins with the path.
    """
    try:
        with open(path, "rb") as stream:
            yield Recording(stream)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _not_read(stream: BinaryIO, error: Any) -> str:
    stream.seek(0)
    if not stream.read(1):
        return "an empty file"
    return f"not a sound file that can be read: {_reason(error)}"


def _reason(error: Any) -> str:
    """What libsndfile says, without the name that soundfile has for the file."""
    text = str(error.error_string).strip().removeprefix("Error : ").rstrip(".")
    return text[:1].lower() + text[1:] or f"libsndfile's error {error.code}"
