"""Sounds with classes: folders, Speech Commands, and the symbols that are shipped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from toolkit_speech.audio_folder import audio_folder
from toolkit_speech.speech_commands import WORDS, speech_commands
from toolkit_speech.spoken_symbols import spoken_symbols
from toolkit_speech.symbols import SYMBOLS, recorded


def record(path: Path, samples: int = 80, rate: int = 8000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.full(samples, 0.5, np.float32), rate)


def test_a_folder_for_every_class_is_divided_by_class(tmp_path: Path) -> None:
    for name, count in (("no", 20), ("yes", 10)):
        for number in range(count):
            record(tmp_path / name / ("further" if number % 2 else ".") / f"{number}.wav", 80 + number)
    record(tmp_path / "yes" / ".hidden.wav")
    (tmp_path / "yes" / "notes.txt").write_text("no sound")
    data = audio_folder(str(tmp_path), test_share=0.2)
    assert data.facts == {"task": "multiclass", "num_classes": 2, "class_names": ["no", "yes"], "sample_rate": 8000}
    assert [torch.bincount(split.targets).tolist() for split in (data.train, data.val, data.test)] == [
        [14, 7],
        [2, 1],
        [4, 2],
    ]
    for split in (data.train, data.val, data.test):
        assert [Path(path).relative_to(tmp_path).parts[0] for path in split.sounds.paths] == [
            data.facts["class_names"][target] for target in split.targets.tolist()
        ]
    (waveforms, lengths), targets = data.train.__getitems__([0, 15])
    assert lengths.tolist() == data.train.lengths[[0, 15]].tolist()
    assert waveforms.shape == (2, int(lengths.max()))
    assert targets.tolist() == [0, 1]
    ((waveform, length), target) = data.train[15]
    assert (len(waveform), target) == (int(length), 1)


def test_folders_of_splits_are_taken_as_they_are(tmp_path: Path) -> None:
    for place in ("train/a", "train/b", "test/b"):
        for number in range(4):
            record(tmp_path / place / f"{number}.wav")
    data = audio_folder(str(tmp_path), val_share=0.25)
    assert [len(split) for split in (data.train, data.val, data.test)] == [6, 2, 4]
    assert data.test.targets.tolist() == [1] * 4


@pytest.mark.parametrize(
    ("files", "arguments", "said"),
    [
        ([], {}, "has no folders, one for each class"),
        (["a/x.txt"], {}, "a: no recordings of this class"),
        (["val/a/1.wav"], {}, "has val but no train"),
        (["train/a/1.wav", "test/b/1.wav"], {}, "test/b: there is no such class in"),
        (["a/1.wav", "b/1.wav"], {"val_share": 0.5, "test_share": 0.5}, "none of 2 is left to train on"),
        (["a/1.wav", "b/1.wav"], {"val_share": 1.5}, "val_share=1.5: a share of 2 recordings"),
    ],
)
def test_what_is_no_such_folder_is_told(files: list[str], arguments: dict, said: str, tmp_path: Path) -> None:
    for name in files:
        record(tmp_path / name.replace(".txt", ".wav"))
        if name.endswith(".txt"):
            (tmp_path / name.replace(".txt", ".wav")).rename(tmp_path / name)
    with pytest.raises(ValueError) as error:
        audio_folder(str(tmp_path), **arguments)
    assert said in str(error.value)
    with pytest.raises(FileNotFoundError, match="is not a folder; give one that has a folder for every class"):
        audio_folder(str(tmp_path / "nowhere"))


def commands(root: Path) -> None:
    for word in WORDS:
        (root / word).mkdir(parents=True)
    for word in ("bed", "zero"):
        for number in range(5):
            record(root / word / f"{number}_nohash_0.wav", 8000 + number, 16000)
    (root / "_background_noise_").mkdir()
    (root / "validation_list.txt").write_text("bed/3_nohash_0.wav\n")
    (root / "testing_list.txt").write_text("zero/4_nohash_0.wav\nbed/4_nohash_0.wav\n")


def test_speech_commands_lists_say_what_is_of_which_split(tmp_path: Path) -> None:
    commands(tmp_path)
    data = speech_commands(str(tmp_path))
    assert [len(split) for split in (data.train, data.val, data.test)] == [7, 1, 2]
    assert data.test.targets.tolist() == [34, 1]
    assert data.facts["num_classes"] == len(data.facts["class_names"]) == 35
    assert data.facts["sample_rate"] == 16000
    (waveforms, lengths), _ = data.test.__getitems__([0, 1])
    assert (waveforms.shape, lengths.tolist()) == ((2, 8004), [8004, 8004])


def test_speech_commands_tells_what_is_missing(tmp_path: Path) -> None:
    commands(tmp_path)
    (tmp_path / "testing_list.txt").write_text("zero/4_nohash_0.wav\nzebra/4.wav\n")
    with pytest.raises(ValueError, match="testing_list.txt:2: 'zebra/4.wav' is no clip of one of the 35 words"):
        speech_commands(str(tmp_path))
    (tmp_path / "testing_list.txt").unlink()
    with pytest.raises(FileNotFoundError, match="lacks testing_list.txt; leave root out to download version 2"):
        speech_commands(str(tmp_path))


def test_symbols_are_the_recordings_and_each_sounds_different() -> None:
    clips = recorded()
    assert len(clips) == 36
    assert all(0.2 < len(clip) / 8000 < 0.9 for clip in clips)
    assert all(abs(float(clip.square().mean().sqrt()) - 0.1) < 1e-4 for clip in clips)
    data = spoken_symbols(train_each=2, val_each=1, test_each=1)
    assert [len(split) for split in (data.train, data.val, data.test)] == [72, 36, 36]
    assert data.facts["class_names"] == list(SYMBOLS)
    for split in (data.train, data.test):
        (waveforms, lengths), targets = split.__getitems__(range(36))
        assert lengths.tolist() == split.lengths[:36].tolist()
        assert waveforms.shape == (36, int(lengths.max()))
        assert targets.tolist() == list(range(36))
        assert waveforms.abs().max() < 2.0
    one, other = (data.train[number][0][0] for number in (32, 68))
    assert int(data.train.targets[68]) == 32
    assert one.shape != other.shape or not torch.equal(one, other)
    assert torch.equal(data.train[32][0][0], one), "the same whenever it is made"
    assert torch.equal(spoken_symbols(2, 3, 1).train[32][0][0], one), "whatever the other splits are"
    assert not torch.equal(spoken_symbols(2, 1, 1, sound_seed=1).train[32][0][0][:500], one[:500])


def test_a_symbol_can_be_told_from_its_sound() -> None:
    """The recording that fits best, at any place, is that of the class: what is said is above what is behind it."""
    data = spoken_symbols(train_each=1, val_each=1, test_each=1)
    clips = recorded()
    right = 0
    for number in range(36):
        (waveform, _), target = data.test[number]
        speed = float(data.test.sounds.plans[number].speeds)
        best = []
        for clip in clips:
            stretched = torch.nn.functional.interpolate(clip[None, None], scale_factor=1 / speed, mode="linear")[0, 0]
            size = len(waveform) + len(stretched)
            spectrum = torch.fft.rfft(waveform, size) * torch.fft.rfft(stretched, size).conj()
            best.append(float(torch.fft.irfft(spectrum, size).abs().max() / stretched.norm()))
        right += int(np.argmax(best)) == target
    assert right >= 33
