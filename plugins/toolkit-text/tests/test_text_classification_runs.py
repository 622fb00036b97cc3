"""Texts with classes from a user's table, by the commands: trained, resumed, tested, and texts of files predicted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from toolkit.cli import main
from toolkit.recipe import load
from toolkit.runs import resume, run
from toolkit.tracking.folder import RunFolder

RECIPE = """
# Colours and animals.
seed: 1
task: classification
dataset: {use: text_table, file: texts.csv, tokenizer: {use: characters}, ends: true}
loader: {batch_size: 16}
model: {use: bag_of_ngrams, sizes: [1, 2, 3], buckets: 4096, width: 16, dropout: 0.1}
loss: cross_entropy
optimizer: {use: adamw, lr: 0.05}
metrics: {accuracy: {}}
trainer: {max_epochs: 4, accelerator: cpu}
engine: {save: {steps: 5}}
"""
WORDS = {"colour": ["red", "green", "blue", "yellow", "violet"], "animal": ["cat", "dog", "horse", "zebra", "fox"]}


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    lines = ["label,text"]
    for number in range(100):
        for label, words in WORDS.items():
            filler = " ".join(["so"] * (number % 7))
            lines.append(f'{label},"a {words[number % 5]}, {filler} nr {number}"')
    Path("texts.csv").write_text("\n".join(lines), encoding="utf-8")
    Path("colours.yaml").write_text(RECIPE, encoding="utf-8")
    return "colours.yaml"


def test_a_run_tells_classes_of_texts_it_has_not_seen(recipe: str, capsys: pytest.CaptureFixture[str]) -> None:
    result = run(load(recipe))
    assert result.metrics["test/accuracy"] == 1
    Path("more.txt").write_text("a red nose\n\nthe dog and the cat\n")
    Path("more.jsonl").write_text('{"text": "a blue one", "id": 7}\n')
    # What was trained on is not needed any more.
    Path("texts.csv").unlink()
    capsys.readouterr()
    assert main(["predict", "last", "more.txt", "more.jsonl"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["input"], row["prediction"]) for row in rows] == [
        ("more.txt:1", "colour"),
        ("more.txt:3", "animal"),
        ("more.jsonl", "colour"),
    ]


def test_a_run_that_was_stopped_inside_an_epoch_goes_on_exactly(recipe: str, tmp_path: Path) -> None:
    whole = RunFolder(run(load(recipe), root=tmp_path / "whole").folder)
    part = run(load(recipe, ["trainer.max_steps=13"]), root=tmp_path / "part").folder
    again = RunFolder(resume(str(part), ["trainer.max_steps=-1"]).folder)
    assert again.read_json()["metrics"] == whole.read_json()["metrics"]
    assert weights(again).keys() == weights(whole).keys()
    assert all(torch.equal(value, weights(whole)[name]) for name, value in weights(again).items())


def weights(folder: RunFolder) -> dict[str, Any]:
    held: dict[str, Any] = torch.load(folder.checkpoints / "epoch-0004.ckpt", weights_only=True)["state_dict"]
    return held


@pytest.mark.parametrize("model", ["text_cnn", "bilstm_classifier", "{use: transformer_classifier, depth: 1}"])
def test_other_models_take_the_same_data(recipe: str, model: str) -> None:
    words = "dataset.tokenizer={use: words, min_count: 3}"
    result = run(load(recipe, [f"model={model}", words, "optimizer.lr=5e-3", "loader.batch_size=8"]))
    assert result.metrics["test/accuracy"] > 0.8


def test_what_is_wrong_with_a_table_is_told_with_its_place(recipe: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", recipe, "dataset.label=lable"]) == 2
    told = capsys.readouterr().err
    assert "texts.csv:1: no column 'lable'. Did you mean 'label'?" in told
    assert "Traceback" not in told
