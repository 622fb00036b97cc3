"""Sounds that are decoded once: the same ones again, whatever was done to the first, and no more than fit."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile
import torch
from toolkit_speech.kept import Kept
from toolkit_speech.sounds import AudioFiles, Reading
from toolkit_speech.spoken_codes import spoken_codes

READING = Reading(8000, False, 60.0)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_a_file_is_read_once_and_heard_again_exactly(subtype: str, tmp_path: Path) -> None:
    path = tmp_path / "one.wav"
    soundfile.write(path, (torch.rand(500, generator=torch.Generator().manual_seed(0)) * 2 - 1).numpy(), 8000, subtype)
    sounds = AudioFiles([str(path)], READING)
    first = sounds[0]
    assert torch.equal(first, READING.waveform(str(path)))
    path.unlink()
    again = sounds[0]
    assert again.dtype == torch.float32
    assert torch.equal(again, first)
    again.zero_()
    assert torch.equal(sounds[0], first), "a sample is the caller's to change"


def test_what_there_is_no_room_for_is_not_kept() -> None:
    kept = Kept(room=60)
    sixteen, full = torch.tensor([0.5, -1.0] * 10), torch.full((4,), 0.1)
    for number, waveform in enumerate((sixteen, full, full[:1])):
        kept.keep(number, waveform)
    assert [kept.get(number) is not None for number in range(4)] == [True, True, True, False]
    kept.keep(3, full[:1])
    assert kept.get(3) is None, "40 bytes in 16 bits, and 20 of numbers that need more"
    assert torch.equal(kept.get(1), full)


def test_a_bad_file_is_an_error_every_time(tmp_path: Path) -> None:
    sounds = AudioFiles([str(tmp_path / "none.wav")], READING)
    for _ in range(2):
        with pytest.raises(ValueError, match=r"none\.wav"):
            sounds[0]


def test_a_composed_sound_is_the_same_when_it_is_heard_again() -> None:
    train = spoken_codes(2, 1, 1).train
    first = train[1][0][0]
    again = train[1][0][0]
    assert torch.equal(first, again)
    assert torch.equal(first, spoken_codes(2, 1, 1).train[1][0][0])
    assert torch.equal((first * 2**15).round() / 2**15, first), "as a file of 16 bits would hold it"
