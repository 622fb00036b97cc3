"""Recordings by a list of them: splits, columns, batches, and what is said of a list that is none."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from toolkit_speech.alphabet import Alphabet
from toolkit_speech.audio_manifest import audio_manifest
from toolkit_speech.stand_ins import ENGLISH
from toolkit_speech.transcripts import TRANSCRIPTS

ROWS = [
    ("train", "a.wav", "0.1", "Ab, b."),
    ("valid", "b.wav", "0.2", "b"),
    ("train", "c.wav", "0.3", "ba"),
    ("test", "d.wav", "0.4", "c"),
    ("train", "e.wav", "0.5", "AB"),
]


def record(folder: Path, rows: list[tuple[str, ...]], rate: int = 8000) -> None:
    folder.mkdir(exist_ok=True)
    for number, (_, name, seconds, _) in enumerate(rows, 1):
        soundfile.write(folder / name, np.full(round(float(seconds) * rate), number / 64, np.float32), rate)


def write(path: Path, rows: list[tuple[str, ...]], header: str = "split\tfile\tseconds\ttext") -> str:
    separator = "," if path.suffix == ".csv" else "\t"
    lines = [header.replace("\t", separator)] if header else []
    path.write_text("\n".join([*lines, *(separator.join(row) for row in rows)]) + "\n", encoding="utf-8")
    return str(path)


def texts(data: Any) -> dict[str, list[str]]:
    return {name: getattr(data, name).transcripts for name in ("train", "val", "test") if getattr(data, name)}


def test_a_batch_is_padded_on_both_sides(tmp_path: Path) -> None:
    record(tmp_path, ROWS)
    data = audio_manifest(write(tmp_path / "m.tsv", ROWS))
    assert data.facts == {"sample_rate": 8000, "vocab_size": 4, "pad_id": 0}
    assert texts(data) == {"train": ["ab b", "ba", "ab"], "val": ["b"], "test": ["c"]}
    alphabet = Alphabet.from_files(data.run_files)
    assert alphabet.characters[1:] == [" ", "a", "b"], "of the training texts alone"
    assert data.run_files[TRANSCRIPTS].decode() == "ab b\nba\nab"
    (waveforms, lengths), targets = data.train.__getitems__([1, 0])
    assert waveforms.dtype is torch.float32
    assert lengths.tolist() == [2400, 800]
    assert waveforms.shape == (2, 2400)
    assert waveforms[0].eq(3 / 64).all()
    assert waveforms[1, :800].eq(1 / 64).all()
    assert waveforms[1, 800:].eq(0).all()
    assert targets.tolist() == [[3, 2, -100, -100], [2, 3, 1, 3]]
    assert data.train.lengths.tolist() == [800, 2400, 4000]
    collated = data.collate([data.train[1], data.train[0]])
    assert torch.equal(collated[0][0], waveforms)
    assert torch.equal(collated[1], targets)


def test_lists_of_other_kinds_say_the_same(tmp_path: Path) -> None:
    record(tmp_path / "audio", ROWS)
    root = str(tmp_path / "audio")
    objects = [dict(zip(("split", "file", "seconds", "text"), row, strict=True)) for row in ROWS]
    (tmp_path / "m.jsonl").write_text("\n".join(map(json.dumps, objects)))
    columns = ["split", "file", "seconds", "text"]
    quoted = [(split, file, seconds, f'"{text}"') for split, file, seconds, text in ROWS]
    made = [
        audio_manifest(write(tmp_path / "m.tsv", ROWS), root=root),
        audio_manifest(write(tmp_path / "n.tsv", ROWS, ""), root=root, columns=columns),
        audio_manifest(write(tmp_path / "m.csv", quoted), root=root),
        audio_manifest(str(tmp_path / "m.jsonl"), root=root),
        audio_manifest(
            write(tmp_path / "other.tsv", ROWS, "fold\tpath\tduration\tsentence"),
            root=root,
            audio="path",
            text="sentence",
            seconds="duration",
            split="fold",
        ),
    ]
    for data in made:
        assert texts(data) == texts(made[0])
        assert data.train.lengths.tolist() == [800, 2400, 4000]
        assert torch.equal(data.train[2][0][0], made[0].train[2][0][0])


def test_lengths_are_asked_of_the_files_where_no_column_says_them(tmp_path: Path) -> None:
    record(tmp_path, ROWS)
    rows = [(split, file, text) for split, file, _, text in ROWS]
    data = audio_manifest(write(tmp_path / "m.tsv", rows, "split\tfile\ttext"))
    assert data.train.lengths.tolist() == [800, 2400, 4000]


def test_a_list_for_each_split_and_what_is_drawn(tmp_path: Path) -> None:
    rows = [("", f"{number}.wav", "0.01", "a b"[number % 2 :]) for number in range(20)]
    record(tmp_path, rows)
    both = [write(tmp_path / f"{name}.tsv", part) for name, part in (("train", rows[:16]), ("test", rows[16:]))]
    data = audio_manifest(train=both[0], test=both[1], val_share=0.25)
    assert [len(split) for split in (data.train, data.val, data.test)] == [12, 4, 4]
    rows = [(file, seconds, text) for _, file, seconds, text in rows]
    file = write(tmp_path / "all.tsv", rows, "file\tseconds\ttext")
    data = audio_manifest(file)
    paths = [set(split.sounds.paths) for split in (data.train, data.val, data.test)]
    assert [len(each) for each in paths] == [16, 2, 2]
    assert len(set().union(*paths)) == 20
    again, other = audio_manifest(file), audio_manifest(file, split_seed=1)
    assert set(again.test.sounds.paths) == paths[2]
    assert set(other.test.sounds.paths) != paths[2]
    assert audio_manifest(file, val_share=0, test_share=0).val is None


def test_another_sampling_rate_is_resampled_when_asked_for(tmp_path: Path) -> None:
    record(tmp_path, ROWS)
    file = write(tmp_path / "m.tsv", ROWS)
    with pytest.raises(ValueError, match=r"a\.wav: sampled at 8,000 Hz, and the data at 16,000 Hz; give `resample"):
        _ = audio_manifest(file, sample_rate=16000).train[0]
    data = audio_manifest(file, sample_rate=16000, resample=True)
    (waveform, length), _ = data.train[0]
    assert int(length) == len(waveform) == int(data.train.lengths[0]) == 1600
    assert data.facts["sample_rate"] == 16000
    assert (waveform[400:-400] - 1 / 64).abs().max() < 1e-3


def test_a_run_that_goes_on_keeps_its_alphabet(tmp_path: Path) -> None:
    record(tmp_path, ROWS)
    file = write(tmp_path / "m.tsv", ROWS)
    before = audio_manifest(file)
    more = audio_manifest(
        write(tmp_path / "n.tsv", [*ROWS, ("train", "a.wav", "0.1", "xyz")]), run_files=before.run_files
    )
    assert more.facts == before.facts
    assert more.run_files == before.run_files


def test_characters_and_normaliser_are_what_is_given(tmp_path: Path) -> None:
    record(tmp_path, ROWS)
    data = audio_manifest(write(tmp_path / "m.tsv", ROWS), characters="bAa ,.BC", normaliser="none")
    assert data.facts["vocab_size"] == 9
    assert data.train.transcripts[0] == "Ab, b."
    assert data.train[0][1].tolist() == [2, 1, 5, 4, 1, 6]


@pytest.mark.parametrize(
    ("name", "content", "arguments", "said"),
    [
        ("m.txt", "", {}, "m.txt: a manifest's name ends in .csv, .tsv, .tab, .jsonl, .ndjson"),
        ("m.tsv", "", {}, "m.tsv: is empty; its first line should name the columns, file too"),
        ("m.tsv", "file\ttext\n", {}, "m.tsv: lists no recordings"),
        ("m.tsv", "path\ttext\na\tb", {}, "m.tsv:1: no column 'file'. Columns: path, text"),
        ("m.tsv", "files\ttext\na\tb", {}, "m.tsv:1: no column 'file'. Did you mean 'files'? Columns: files, text"),
        ("m.tsv", "file\ttext\ttext\n", {}, None),
        ("m.tsv", "file\ttext\na\tb\tc", {}, "m.tsv:2: 3 fields in this line, and the first line names 2 columns"),
        ("m.tsv", "file\ttext\n\tb", {}, "m.tsv:2: no 'file' in this line"),
        ("m.tsv", "file\ttext\tseconds\na\tb\tlong", {}, "m.tsv:2: a length of 'long' seconds"),
        ("m.tsv", "file\ttext\tsplit\na\tb\tval", {}, "m.tsv: its column of splits names no train"),
        ("m.tsv", "file\ttext\tsplit\na\tb\teval", {}, None),
        ("m.tsv", b"file\ttext\na\t\xff", {}, "m.tsv:2: not UTF-8: the byte 0xff"),
        ("m.csv", 'file,text\na,"b', {}, "m.csv:2: not CSV: unexpected end of data"),
        ("m.jsonl", "{", {}, None),
        ("m.jsonl", "[1]", {}, "m.jsonl:1: not a JSON object but [1]"),
        ("m.jsonl", '{"file": "a", "text": 3}', {}, "m.jsonl:1: 'text' holds 3, which is no text"),
        ("m.jsonl", '{"file": "a", "text": "b"}', {"columns": ["a"]}, None),
        ("m.tsv", "file\ttext\na\tb", {"train": "x"}, "file and train are given: either one file, or train with val"),
        ("m.tsv", "file\ttext\na\tb", {"sample_rate": 8000, "max_seconds": 0, "val_share": 0, "test_share": 0}, None),
    ],
)
def test_what_is_no_list_is_told_with_file_and_line(
    name: str, content: str | bytes, arguments: dict[str, Any], said: str | None, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError) as error:
        audio_manifest(str(tmp_path / name), **arguments)
    message = str(error.value)
    if said is not None and not said.startswith("file and"):
        assert message == f"{tmp_path}/{said}"
    else:
        assert (said or "") in message
        assert message


def test_what_is_not_there_is_told_as_that(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="is not a file; give a manifest that ends in .csv"):
        audio_manifest(str(tmp_path / "m.tsv"))
    file = write(tmp_path / "m.tsv", ROWS)
    with pytest.raises(FileNotFoundError, match="none of 3 sound files can be read; the first is .*/a.wav"):
        audio_manifest(file)
    with pytest.raises(FileNotFoundError, match="none of 3 recordings is there; the first would be /nowhere/a.wav"):
        audio_manifest(file, root="/nowhere", sample_rate=8000)
    with pytest.raises(
        ValueError, match="give either file, or train with val and test where there are such; val given"
    ):
        audio_manifest(val=file)


SIZE = """
import resource, sys, time
from toolkit_speech.audio_manifest import audio_manifest

def megabytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

before, began = megabytes(), time.process_time()
data = audio_manifest(sys.argv[1], val_share=0.01, test_share=0)
print(f"{time.process_time() - began:.1f} s of processor time", file=sys.stderr)
print(len(data.train), len(data.val), data.train.lengths.sum().item(), megabytes() - before)
"""


@pytest.mark.slow
def test_a_thousand_hours_are_listed_in_little_memory_without_opening_their_files(tmp_path: Path) -> None:
    """As many recordings as LibriSpeech has, with texts as long as its own; all but the first are not there."""
    lines, text = 280_000, "IT'S A LONG ROAD THAT HAS NO TURNING " * 5
    with (tmp_path / "m.tsv").open("w") as stream:
        stream.write("file\ttext\tseconds\n")
        for number in range(lines):
            stream.write(f"train/{number // 1000}/{number // 40}/{number:06d}.flac\t{text}\t12.5\n")
    (tmp_path / "train/0/0").mkdir(parents=True)
    soundfile.write(tmp_path / "train/0/0/000000.flac", np.zeros(16000, np.float32), 16000)
    command = [sys.executable, "-c", SIZE, str(tmp_path / "m.tsv")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    print(done.stdout, done.stderr)
    train, val, samples, megabytes = map(float, done.stdout.split())
    assert (train, val) == (lines - 2800, 2800)
    assert samples == train * 12.5 * 16000
    assert megabytes < 600


def test_empty_lines_are_told_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(tmp_path, ROWS)
    file = Path(write(tmp_path / "m.tsv", ROWS))
    file.write_text(file.read_text().replace("\n", "\n\n", 2))
    assert len(audio_manifest(str(file)).train) == 3
    assert capsys.readouterr().err == f"note: {file}: 2 empty lines left out\n"


def test_the_stand_in_is_a_few_noises_with_words() -> None:
    data = audio_manifest.stand_in(3)  # type: ignore[attr-defined]
    assert data.facts == {"sample_rate": 16000, "vocab_size": len(ENGLISH) + 1, "pad_id": 0}
    (waveforms, lengths), targets = data.train.__getitems__(range(4))
    assert waveforms.shape == (4, int(lengths.max()))
    assert (targets != -100).sum(1).tolist() == [7] * 4
    assert torch.equal(audio_manifest.stand_in(3).val[0][0][0], data.val[0][0][0])  # type: ignore[attr-defined]
