"""Runs of every kind of model that were stopped inside an epoch and go on as if nothing had happened."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from toolkit.recipe import Recipe, load
from toolkit.runs import resume, run
from toolkit.tracking.folder import RunFolder

CODES = """
# Short codes.
seed: 1
task: ctc
dataset: {use: spoken_codes, train_codes: 24, val_codes: 6, test_codes: 6, symbols: [3, 3]}
loader: {batch_size: 4}
optimizer: {use: adamw, lr: 0.01}
transforms:
  train:
    random_speed: {}
    random_reverberation: {p: 0.5}
    random_noise: {}
metrics: {cer: {}}
trainer: {max_epochs: 2, accelerator: cpu, gradient_clip_val: 1.0}
engine: {save: {steps: 2}}
"""
SYMBOLS = """
# Symbols.
seed: 1
task: classification
dataset: {use: spoken_symbols, train_each: 1, val_each: 1, test_each: 1}
loader: {batch_size: 6}
loss: cross_entropy
optimizer: {use: adamw, lr: 0.01}
transforms:
  train:
    random_speed: {}
    random_gain: {}
    random_resampling: {p: 0.5}
metrics: {accuracy: {}}
trainer: {max_epochs: 2, accelerator: cpu}
engine: {save: {steps: 2}}
"""
STRIPES = "augmentation: {use: spec_augment, frequencies: 4, frames: 5}"
HEARS = f"front_end: {{use: log_mel, mels: 16}}, {STRIPES}"
REMEMBERS = f"front_end: {{use: log_mel, mels: 16, normalisation: running}}, {STRIPES}"
KINDS = {
    "cnn_bilstm": (CODES, f"{{use: cnn_bilstm, {HEARS}, channels: 4, width: 16, depth: 1}}"),
    "conformer_ctc": (CODES, f"{{use: conformer_ctc, {HEARS}, width: 16, depth: 1, heads: 2, kernel: 3}}"),
    "streaming_lstm": (CODES, f"{{use: streaming_lstm, {REMEMBERS}, width: 16, depth: 1, convolutions: 1}}"),
    "conformer_seq2seq": (
        f"{CODES}loss: cross_entropy\n".replace("ctc", "{use: transcription, beam: 2, max_length: 4}"),
        f"{{use: conformer_seq2seq, {HEARS}, width: 16, encoder_depth: 1, decoder_depth: 1, heads: 2, kernel: 3}}",
    ),
    "keyword_cnn": (SYMBOLS, f"{{use: keyword_cnn, {REMEMBERS}, width: 4, depth: 2}}"),
    "ds_cnn": (SYMBOLS, f"{{use: ds_cnn, {HEARS}, width: 8, depth: 1}}"),
    "bc_resnet": (SYMBOLS, f"{{use: bc_resnet, {HEARS}}}"),
}


@pytest.fixture(autouse=True)
def quiet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")


def goes_on_exactly(kind: str, folder: Path, *overrides: str) -> None:
    page, model = KINDS[kind]
    (folder / "page.yaml").write_text(page)

    def recipe(*more: str) -> Recipe:
        return load(str(folder / "page.yaml"), [f"model={model}", *overrides, *more])

    whole = RunFolder(run(recipe(), root=folder / "whole").folder)
    # An epoch has six steps, three in each of two processes: the fourth ends none. There is no scheduler in the pages,
    # because it would count on an end after the fourth.
    part = run(recipe("trainer.max_steps=4"), root=folder / "part").folder
    assert not (RunFolder(part).checkpoints / "epoch-0002.ckpt").exists()
    again = RunFolder(resume(str(part), ["trainer.max_steps=-1"]).folder)
    assert again.read_json()["metrics"] == whole.read_json()["metrics"]
    one, other = (
        torch.load(each.checkpoints / "epoch-0002.ckpt", weights_only=True)["state_dict"] for each in (whole, again)
    )
    assert one.keys() == other.keys()
    assert all(torch.equal(value, other[name]) for name, value in one.items())


@pytest.mark.parametrize("kind", ["cnn_bilstm", "conformer_ctc", "streaming_lstm", "keyword_cnn"])
def test_a_run_that_was_stopped_inside_an_epoch_goes_on_exactly(kind: str, tmp_path: Path) -> None:
    goes_on_exactly(kind, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ds_cnn", "bc_resnet", "conformer_seq2seq"])
def test_the_other_models_go_on_exactly_too(kind: str, tmp_path: Path) -> None:
    goes_on_exactly(kind, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_in_two_processes_goes_on_exactly(kind: str, tmp_path: Path) -> None:
    goes_on_exactly(kind, tmp_path, "trainer.devices=2")
