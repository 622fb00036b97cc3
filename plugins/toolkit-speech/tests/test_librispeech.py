"""LibriSpeech and Common Voice from folders made as theirs are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from toolkit_speech.common_voice import common_voice
from toolkit_speech.librispeech import SHA256, librispeech


def libri(root: Path, subsets: tuple[str, ...]) -> None:
    for number, subset in enumerate(subsets):
        folder = root / subset / "103" / "1240"
        folder.mkdir(parents=True)
        lines = []
        for place in range(2):
            name = f"103-1240-{place:04d}"
            soundfile.write(folder / f"{name}.flac", np.zeros(160 * (number + place + 1), np.float32), 16000)
            lines.append(f"{name} IT'S {subset.upper().replace('-', ' ')}")
        (folder / "103-1240.trans.txt").write_text("\n".join(lines) + "\n")


def test_any_subsets_are_read(tmp_path: Path) -> None:
    libri(tmp_path / "LibriSpeech", ("train-clean-100", "train-other-500", "dev-other", "test-clean"))
    data = librispeech(str(tmp_path), ["train-clean-100", "train-other-500"], ["dev-other"], [])
    assert data.train.lengths.tolist() == [160, 320, 320, 480]
    assert data.train.transcripts[0] == "it's train clean 100"
    assert data.val.transcripts == ["it's dev other"] * 2
    assert data.test is None
    assert data.facts == {"sample_rate": 16000, "vocab_size": 29, "pad_id": 0}
    assert librispeech(str(tmp_path / "LibriSpeech"), val=[]).test.lengths.tolist() == [640, 800]


def test_what_cannot_be_a_choice_of_subsets_is_told(tmp_path: Path) -> None:
    libri(tmp_path, ("train-clean-100",))
    with pytest.raises(FileNotFoundError, match="lacks dev-clean, test-clean; leave root out to download"):
        librispeech(str(tmp_path))
    with pytest.raises(FileNotFoundError, match="is not a folder; leave root out"):
        librispeech(str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match="'train' is none of LibriSpeech's subsets: train-clean-100, "):
        librispeech(str(tmp_path), ["train"])
    with pytest.raises(ValueError, match="each is in one split"):
        librispeech(str(tmp_path), ["dev-clean"], ["dev-clean"])
    (tmp_path / "train-clean-100/103/1240/103-1240.trans.txt").write_text("103-1240-0000 A\n103-1240-0001\n")
    with pytest.raises(ValueError, match="103-1240.trans.txt:2: no name and transcript: '103-1240-0001'"):
        librispeech(str(tmp_path), val=[], test=[])


def test_every_subset_has_a_checksum_of_its_own() -> None:
    assert len(SHA256) == len(set(SHA256.values())) == 7
    assert all(len(each) == 64 and set(each) <= set("0123456789abcdef") for each in SHA256.values())


def voices(root: Path) -> None:
    (root / "clips").mkdir()
    for place, (name, clips) in enumerate({"train": 3, "dev": 1, "test": 2}.items(), 1):
        lines = ["client_id\tpath\tsentence\tup_votes"]
        for number in range(clips):
            clip = f"common_voice_{name}_{number}.mp3"
            soundfile.write(root / "clips" / clip, np.full(4800 * place, 0.01, np.float32), 48000)
            lines.append(f'x\t{clip}\t"Grüß Gott", sagte er.\t2')
        (root / f"{name}.tsv").write_text("\n".join(lines), encoding="utf-8")


def test_common_voice_is_resampled_and_its_lists_are_the_splits(tmp_path: Path) -> None:
    voices(tmp_path)
    data = common_voice(str(tmp_path))
    assert [len(split) for split in (data.train, data.val, data.test)] == [3, 1, 2]
    assert data.train.transcripts[0] == "grüss gott sagte er"
    (waveform, length), _ = data.val[0]
    assert len(waveform) == int(length) == int(data.val.lengths[0]) == 3200
    (tmp_path / "clip_durations.tsv").write_text("clip\tduration[ms]\ncommon_voice_dev_0.mp3\t250\n")
    assert common_voice(str(tmp_path)).val.lengths.tolist() == [4000], "asked of the list, not of the file"
    (tmp_path / "clip_durations.tsv").write_text("clip\tduration[ms]\ncommon_voice_dev_0.mp3\tlong\n")
    with pytest.raises(ValueError, match="clip_durations.tsv:2: not the name of a clip and its milliseconds"):
        common_voice(str(tmp_path))


def test_a_folder_that_is_not_common_voices_is_told(tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text("path\tsentence\n")
    with pytest.raises(FileNotFoundError, match=r"lacks dev.tsv, test.tsv, clips; give the unpacked folder"):
        common_voice(str(tmp_path))
