"""Sound files: what is read, at which rate, and what is said of those that cannot be read."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from toolkit_speech.audio import flac_header, recording
from toolkit_speech.reader import AudioReader
from toolkit_speech.resample import resampled
from toolkit_speech.sounds import header_of


def tone(hertz: float, rate: int, seconds: float = 0.5, loud: float = 0.5) -> np.ndarray:
    return (loud * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def read(path: Path) -> torch.Tensor:
    with recording(path) as opened:
        return opened.waveform()


@pytest.mark.parametrize(
    ("name", "arguments", "off"),
    [
        ("a.wav", {"subtype": "PCM_16"}, 1e-4),
        ("a.wav", {"subtype": "PCM_U8"}, 1e-2),
        ("a.wav", {"subtype": "FLOAT"}, 1e-7),
        ("a.flac", {}, 1e-4),
        ("a.ogg", {}, 0.05),
        ("a.opus", {"format": "OGG", "subtype": "OPUS"}, 0.1),
        ("a.mp3", {}, 0.05),
    ],
)
def test_files_of_many_kinds_hold_what_was_written(name: str, arguments: dict, off: float, tmp_path: Path) -> None:
    written = tone(440, 16000)
    soundfile.write(tmp_path / name, written, 16000, **arguments)
    with recording(tmp_path / name) as opened:
        assert opened.header[:2] == (16000, 1)
    waveform = read(tmp_path / name)
    assert waveform.dtype is torch.float32
    assert waveform.shape == (8000,)
    # The ends of what is compressed with losses are blurred.
    inner = slice(800, -800)
    assert np.abs(waveform.numpy() - written)[inner].max() < off


def test_channels_become_their_mean(tmp_path: Path) -> None:
    left, right = tone(440, 8000), tone(600, 8000)
    soundfile.write(tmp_path / "two.wav", np.stack([left, right], axis=1), 8000, subtype="FLOAT")
    assert np.abs(read(tmp_path / "two.wav").numpy() - (left + right) / 2).max() < 1e-6


def bad_files(folder: Path) -> dict[str, str]:
    """Files that cannot be read, and what is said of each."""
    soundfile.write(folder / "whole.wav", tone(440, 8000), 8000)
    soundfile.write(folder / "whole.flac", tone(440, 8000), 8000)
    soundfile.write(folder / "silent.wav", np.zeros(0, dtype=np.float32), 8000)
    soundfile.write(folder / "nan.wav", np.full(10, np.nan, dtype=np.float32), 8000, subtype="FLOAT")
    for name in ("whole.wav", "whole.flac"):
        content = (folder / name).read_bytes()
        (folder / name.replace("whole", "cut")).write_bytes(content[: len(content) // 2])
    piped = bytearray((folder / "whole.flac").read_bytes())
    piped[21] &= 0xF0  # the 36 bits that say how many samples there are
    piped[22:26] = bytes(4)
    (folder / "piped.flac").write_bytes(piped)
    (folder / "empty.wav").write_bytes(b"")
    (folder / "text.wav").write_text("hello world " * 50)
    (folder / "folder.wav").mkdir()
    return {
        "cut.wav": "cut off: 3,978 of 8,000 bytes of sound are there",
        "cut.flac": "damaged: flac decoder lost sync",
        "piped.flac": "does not say how long it is, like a FLAC file written into a pipe: encode it again",
        "empty.wav": "an empty file",
        "text.wav": "not a sound file that can be read: format not recognised",
        "silent.wav": "holds no sound: it has no samples",
        "nan.wav": "holds samples that are no numbers (NaN or infinite)",
        "folder.wav": "Is a directory",
        "nowhere.wav": "No such file or directory",
    }


def test_what_cannot_be_read_is_told_with_file_and_reason(tmp_path: Path) -> None:
    for name, reason in bad_files(tmp_path).items():
        with pytest.raises(ValueError) as error:
            read(tmp_path / name)
        assert str(error.value) == f"{tmp_path / name}: {reason}"


@pytest.mark.parametrize(
    ("rate", "channels", "subtype"), [(8000, 1, "PCM_16"), (44100, 2, "PCM_24"), (192000, 8, "PCM_S8")]
)
def test_the_beginning_of_a_flac_file_says_what_libsndfile_says(
    rate: int, channels: int, subtype: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, np.zeros((12_345, channels)), rate, subtype)
    with recording(path) as opened:
        assert flac_header(path.read_bytes()) == opened.header == (rate, channels, 12_345)
    assert header_of(str(path)) == opened.header
    assert flac_header(path.read_bytes()[:20]) is None


def test_the_length_of_a_file_that_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    bad_files(tmp_path)
    for name in ("piped.flac", "empty.wav", "text.wav", "folder.wav", "nowhere.wav"):
        assert header_of(str(tmp_path / name)) is None


def test_a_file_written_into_a_pipe_is_whole(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(440, 8000), 8000)
    content = bytearray((tmp_path / "a.wav").read_bytes())
    place = content.index(b"data") + 4
    content[4:8] = content[place : place + 4] = b"\xff\xff\xff\xff"  # ffmpeg does not know the size then
    (tmp_path / "piped.wav").write_bytes(content)
    assert torch.equal(read(tmp_path / "piped.wav"), read(tmp_path / "a.wav"))


@pytest.mark.parametrize(
    ("old", "new"), [(8000, 16000), (16000, 8000), (44100, 16000), (48000, 16000), (22050, 8000), (16000, 11025)]
)
def test_another_sampling_rate_is_the_same_sound(old: int, new: int) -> None:
    found = resampled(torch.from_numpy(tone(1000, old)), old, new).numpy()
    wanted = tone(1000, new)
    assert len(found) == math.ceil(round(0.5 * old) * new / old)
    inner = slice(new // 50, len(wanted) - new // 50)
    assert np.abs(found[: len(wanted)] - wanted)[inner].max() < 2e-3


def test_what_a_lower_rate_cannot_hold_is_taken_out() -> None:
    high = torch.from_numpy(tone(4600, 16000))
    found = resampled(high, 16000, 8000)[200:-200]
    assert found.abs().max() < 0.005, "else it would be heard at 3400 Hz"


def test_rates_without_a_common_divisor_are_refused() -> None:
    with pytest.raises(ValueError, match="have no common divisor: convert the file"):
        resampled(torch.zeros(10), 44100, 15991)


def test_predict_reads_any_rate_and_standard_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    soundfile.write(tmp_path / "a.flac", tone(440, 8000), 8000)
    reader = AudioReader({"sample_rate": 16000})
    content = (tmp_path / "a.flac").read_bytes()

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    ((name, (waveform, length)),) = reader.read("-", Pipe(content))
    assert (name, int(length), waveform.shape) == ("-", 8000, (8000,))
    assert "sampled at 8,000 Hz; the model was trained on 16,000 Hz" in capsys.readouterr().err
    waveforms, lengths = reader.collate([(waveform, length), (waveform[:100], torch.tensor(100))])
    assert waveforms.shape == (2, 8000)
    assert lengths.tolist() == [8000, 100]
    assert waveforms[1, 100:].eq(0).all()
    with pytest.raises(ValueError, match="an empty file"):
        next(reader.read("a.wav", io.BytesIO(b"")))
