"""`toolkit check --deep` lists every recording that cannot be used, with its path and the reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from toolkit.cli import main

Made = tuple[dict[str, object], list[tuple[str, str]]]
"""Arguments of a dataset, and the bad recordings with what is said of each."""

KEYWORDS = "task: classification\nmodel: {use: keyword_cnn, width: 4, depth: 1, front_end: {use: log_mel, mels: 8}}"
RECOGNITION = "task: ctc\nmodel: {use: streaming_lstm, width: 8, depth: 1, front_end: {use: log_mel, mels: 8}}"


def record(path: Path, seconds: float = 0.5, rate: int = 8000, cut: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0).normal(0, 0.1, round(seconds * rate))
    soundfile.write(path, noise, rate)
    if cut:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def several(folder: Path, suffix: str, rate: int = 8000, seconds: float = 0.5) -> dict[str, str]:
    """Good recordings, and bad ones with what is said of them."""
    for number in range(4):
        record(folder / f"good{number}{suffix}", seconds, rate)
    record(folder / f"cut{suffix}", seconds, rate, cut=True)
    record(folder / f"rate{suffix}", seconds, rate // 2)
    record(folder / f"long{suffix}", 3 * seconds, rate)
    return {
        "cut": "cut off: " if suffix == ".wav" else "damaged: ",
        "rate": f"sampled at {rate // 2:,} Hz, and the data at {rate:,} Hz",
        "long": f"{3 * seconds:.1f} s long, more than max_seconds={2 * seconds:g}",
    }


GOOD = [f"good{number}" for number in range(4)]


def audio_manifest(root: Path) -> Made:
    said = several(root, ".flac")
    said |= {
        "empty": "an empty transcript",
        "marks": "an empty transcript",
        "strange": "'aπ': not in the alphabet: 'π'",
        "nowhere": "No such file or directory",
    }
    for name in ("empty", "marks", "strange"):
        record(root / f"{name}.flac")
    texts = {"empty": "", "marks": " ... ", "strange": "aπ"}
    lines = ["file\tsplit\ttext", *(f"{name}.flac\ttrain\ta b" for name in GOOD)]
    lines += [f"{name}.flac\tval\t{texts.get(name, 'a')}" for name in ("good0", *said)]
    (root / "m.tsv").write_text("\n".join(lines), encoding="utf-8")
    return {"file": root / "m.tsv", "max_seconds": 1}, [(f"{name}.flac", reason) for name, reason in said.items()]


def audio_folder(root: Path) -> Made:
    for place in ("train/one", "train/two", "val/two"):
        record(root / place / "good.wav")
    said = several(root / "val" / "one", ".wav")
    (root / "val" / "one" / "phone.m4a").write_bytes(b"...")
    said_of = [(f"val/one/{name}.wav", reason) for name, reason in said.items()]
    return {"root": root, "max_seconds": 1}, [*said_of, ("val/one/phone.m4a", "not read")]


def common_voice(root: Path) -> Made:
    for name in GOOD:
        record(root / "clips" / f"{name}.mp3", 0.5, 32000)
    record(root / "clips" / "long.mp3", 2.0, 32000)
    (root / "clips" / "text.mp3").write_text("no sound")
    for split, names in (("train", GOOD), ("dev", ["good1", "long"]), ("test", ["good2", "text"])):
        lines = ["client_id\tpath\tsentence\tlocale", *(f"x\t{name}.mp3\tHello!\ten" for name in names)]
        (root / f"{split}.tsv").write_text("\n".join(lines))
    bad = [
        ("clips/long.mp3", "2.0 s long, more than max_seconds=1"),
        ("clips/text.mp3", "not a sound file that can be"),
    ]
    return {"root": root, "max_seconds": 1, "sample_rate": 8000}, bad


def librispeech(root: Path) -> Made:
    bad = []
    for subset in ("train-clean-100", "dev-clean", "test-clean"):
        folder = root / subset / "1" / "2"
        for number in range(3):
            record(folder / f"1-2-000{number}.flac", 0.5, 16000, cut=subset == "dev-clean" and number == 1)
        (folder / "1-2.trans.txt").write_text("\n".join(f"1-2-000{number} DON'T SAY" for number in range(3)))
    bad.append(("dev-clean/1/2/1-2-0001.flac", "damaged: "))
    return {"root": root}, bad


def speech_commands(root: Path) -> Made:
    from toolkit_speech.speech_commands import WORDS

    for word in WORDS:
        (root / word).mkdir(parents=True)
    for word in ("bed", "cat"):
        for number in range(4):
            record(root / word / f"{number}.wav", 0.5, 16000, cut=(word, number) == ("cat", 2))
    record(root / "bed" / "3.wav", 1.5, 16000)
    (root / "validation_list.txt").write_text("bed/2.wav\ncat/2.wav\n")
    (root / "testing_list.txt").write_text("bed/3.wav\ncat/3.wav\n")
    return {"root": root}, [("cat/2.wav", "cut off: "), ("bed/3.wav", "1.5 s long, more than max_seconds=1")]


KINDS: dict[str, tuple[str, Callable[[Path], Made]]] = {
    "audio_manifest": (RECOGNITION, audio_manifest),
    "audio_folder": (f"{KEYWORDS}\nloss: cross_entropy", audio_folder),
    "common_voice": (RECOGNITION, common_voice),
    "librispeech": (RECOGNITION, librispeech),
    "speech_commands": (f"{KEYWORDS}\nloss: cross_entropy", speech_commands),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_deep_check_lists_every_bad_recording(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    task, make = KINDS[kind]
    root = tmp_path / "data"
    root.mkdir()
    arguments, bad = make(root)
    dataset = json.dumps({"use": kind, **arguments}, default=str)
    page = f"# Recordings.\n{task}\ndataset: {dataset}\noptimizer: adamw\ntrainer: {{max_epochs: 1}}\n"
    (tmp_path / "sounds.yaml").write_text(page)
    assert main(["check", "./sounds.yaml", "--deep"]) == 2
    printed = capfd.readouterr()
    listed = (printed.out + printed.err).splitlines()
    for path, said in bad:
        assert any(f"{root / path}: " in line and said in line for line in listed), (path, said, listed)
    told = [line for line in listed if f"{root}/" in line and ": " in line.partition(f"{root}/")[2]]
    assert {line.partition(f"{root}/")[2].partition(": ")[0] for line in told} == {path for path, _ in bad}
