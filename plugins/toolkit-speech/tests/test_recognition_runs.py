"""The tasks ctc and transcription in runs: what they measure, keep and draw; predictions."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import soundfile
from toolkit_speech.recognition.error_rates import CER
from toolkit_speech.recognition.task import COLUMNS
from toolkit_speech.spoken_codes import spoken_codes
from torchmetrics.functional.text import char_error_rate

from toolkit.check import resolve
from toolkit.recipe import load
from toolkit.registry import Registry
from toolkit.runs import predict, run
from toolkit.tracking.folder import RunFolder

RECIPE = """
# Short codes.
seed: 1
task: {use: ctc, decoder: {use: prefix_beam, width: 4, language_model: {use: ngram, order: 2}, weight: 0.2}}
dataset: {use: spoken_codes, train_codes: 24, val_codes: 6, test_codes: 6, symbols: [3, 3]}
loader: {batch_size: 8}
model:
  use: cnn_bilstm
  front_end: {use: log_mel, mels: 20}
  augmentation: {use: spec_augment, frequencies: 4}
  channels: 4
  width: 16
  depth: 1
optimizer: {use: adamw, lr: 0.01}
metrics: {cer: {}, wer: {normaliser: basic}}
trainer: {max_epochs: 2, accelerator: cpu, gradient_clip_val: 1.0}
"""
WRITER = [
    "task={use: transcription, beam: 2, max_length: 6}",
    "model={use: conformer_seq2seq, front_end: {use: log_mel, mels: 20}, width: 16, encoder_depth: 1, "
    "decoder_depth: 1, heads: 2, kernel: 5}",
    "loss={use: cross_entropy, label_smoothing: 0.1}",
]


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    path = tmp_path / "codes.yaml"
    path.write_text(RECIPE)
    return str(path)


def told(folder: RunFolder) -> list[dict[str, str]]:
    with (folder.plots / "transcripts.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_a_run_writes_what_it_hears_and_tells_how_that_was_measured(recipe: str, tmp_path: Path) -> None:
    folder = RunFolder(run(load(recipe), root=tmp_path / "runs").folder)
    record = folder.read_json()
    measured = {f"{split}/{end}" for split in ("val", "test") for end in ("loss", "cer", "wer", "too_short")}
    assert set(record["metrics"]) == {"train/loss", "train/too_short", *measured}
    assert record["best"]["metric"] == "val/cer"
    assert CER().signature in json.dumps(record)
    rows = told(folder)
    codes = spoken_codes(24, 6, 6, symbols=(3, 3)).test.transcripts
    assert sorted(row["reference"] for row in rows) == sorted(codes)
    rate = char_error_rate([row["transcript"] for row in rows], [row["reference"] for row in rows]).item()
    assert record["metrics"]["test/cer"] == pytest.approx(rate, rel=1e-5)
    assert (folder.plots / "spectrograms.png").stat().st_size > 10_000

    sound = spoken_codes(24, 6, 6, symbols=(3, 3)).test[0][0][0].numpy()
    for name in ("one.wav", "two.flac"):
        soundfile.write(tmp_path / name, sound, 8000)
    first, second = predict(str(folder.path), [tmp_path / "one.wav", tmp_path / "two.flac"]).rows
    assert first["transcript"] == second["transcript"] == "".join(word["word"] for word in first["words"])
    assert all(0 <= word["begin"] < word["end"] <= len(sound) / 8000 + 1e-3 for word in first["words"])


@pytest.mark.slow
def test_transcripts_and_spectrograms_are_shown_to_wandb(
    recipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    overrides = ["loggers={csv: {}, wandb: {project: codes}}", "trainer.max_epochs=1"]
    folder = RunFolder(run(load(recipe, overrides), root=tmp_path / "runs").folder)
    (shown,) = folder.path.glob("wandb/offline-run-*/files/media")
    (picture,) = shown.glob("images/plots/spectrograms*.png")
    assert picture.stat().st_size > 10_000
    tables = [json.loads(path.read_text()) for path in shown.glob("table/plots/transcripts*.json")]
    assert len(tables) == 2, "of the validation and of the test"
    for table in tables:
        assert table["columns"] == list(COLUMNS)
        assert len(table["data"]) == 6


def test_a_run_with_an_attention_decoder(recipe: str, tmp_path: Path) -> None:
    folder = RunFolder(run(load(recipe, [*WRITER, "trainer.max_epochs=1"]), root=tmp_path / "runs").folder)
    metrics = folder.read_json()["metrics"]
    assert {"train/loss", "val/loss", "test/cer"} <= set(metrics)
    assert not any(name.endswith("too_short") for name in metrics)
    assert len(told(folder)) == 6
    assert (folder.plots / "spectrograms.png").is_file()
    soundfile.write(tmp_path / "one.wav", spoken_codes(24, 6, 6, symbols=(3, 3)).test[0][0][0].numpy(), 8000)
    (row,) = predict(str(folder.path), [tmp_path / "one.wav"]).rows
    assert set(row) == {"input", "transcript"}
    assert len(row["transcript"]) <= 6


def test_metrics_and_names_that_do_not_fit_are_refused(recipe: str) -> None:
    (problem,) = resolve(load(recipe, ["metrics.accuracy={}"]), Registry.scan()).problems
    assert "cannot feed accuracy" in str(problem)
    (problem,) = resolve(load(recipe, ["expect.train/cer=< 1"]), Registry.scan()).problems
    assert "does not log 'train/cer'" in str(problem)
    assert not resolve(load(recipe, ["expect.test/too_short=< 1"]), Registry.scan()).problems
    (problem,) = resolve(load(recipe, ["metrics.cer.normaliser=loud"]), Registry.scan()).problems
    assert "normaliser" in str(problem)
