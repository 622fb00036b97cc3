"""A keyword spotter with the core's task: what a run leaves, and what it says of files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from toolkit_speech.spoken_symbols import spoken_symbols
from toolkit_speech.symbols import SYMBOLS

from toolkit.cli import main
from toolkit.recipe import load
from toolkit.runs import run
from toolkit.tracking.folder import RunFolder

RECIPE = """
# Symbols.
seed: 1
task: classification
dataset: {use: spoken_symbols, train_each: 2, val_each: 1, test_each: 1}
loader: {batch_size: 12}
model: {use: keyword_cnn, front_end: {use: log_mel, mels: 16}, width: 4, depth: 2}
loss: cross_entropy
optimizer: {use: adamw, lr: 0.01}
transforms: {train: {random_noise: {}}}
metrics: {accuracy: {}}
trainer: {max_epochs: 1, accelerator: cpu}
"""


def test_a_run_tells_which_symbol_is_said_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "symbols.yaml").write_text(RECIPE)
    folder = RunFolder(run(load(str(tmp_path / "symbols.yaml")), root=tmp_path / "runs").folder)
    assert {"val/accuracy", "test/accuracy"} <= set(folder.read_json()["metrics"])
    assert (folder.plots / "confusion.png").is_file()

    test = spoken_symbols(2, 1, 1).test
    for number in range(3):
        sound = test[number][0][0].numpy()
        soundfile.write(tmp_path / f"mono{number}.wav", sound, 8000, "FLOAT")
        soundfile.write(tmp_path / f"stereo{number}.wav", np.stack([sound, sound], axis=1), 8000, "FLOAT")
    files = [f"{kind}{number}.wav" for kind in ("mono", "stereo") for number in range(3)]
    capsys.readouterr()
    assert main(["predict", str(folder.path), *files]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["input"] for row in rows] == files
    for mono, stereo in zip(rows[:3], rows[3:], strict=True):
        assert mono["prediction"] == stereo["prediction"] in SYMBOLS
        assert mono["probability"] == pytest.approx(stereo["probability"], abs=1e-3) == max(mono["top"].values())
