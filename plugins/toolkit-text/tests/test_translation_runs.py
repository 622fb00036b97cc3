"""The task seq2seq in runs: what it measures, keeps and says, and that it goes on exactly."""

from __future__ import annotations

import csv
import itertools
import json
import random
from pathlib import Path
from typing import Any

import pytest
import sacrebleu
import torch
from toolkit_text.bleu import BLEU
from toolkit_text.characters import Characters
from toolkit_text.ragged import Ragged
from toolkit_text.reading import READING_FILE, Reading
from toolkit_text.translation.attention_rnn import AttentionRNN
from toolkit_text.translation.pairs import Pairs
from toolkit_text.translation.spread import Spread
from toolkit_text.translation.task import Seq2Seq
from torch import nn

from toolkit.check import resolve
from toolkit.recipe import load
from toolkit.registry import Registry
from toolkit.runs import predict, predict_prompts, resume, run
from toolkit.tracking.folder import RunFolder

RECIPE = """
# Letters in the alphabet after, backwards.
seed: 1
task: {use: seq2seq, beam: 3}
dataset: {use: parallel_table, file: FILE, tokenizer: {use: characters}}
loader: {batch_size: 16}
model: {use: attention_rnn, width: 32}
loss: {use: cross_entropy, label_smoothing: 0.1}
optimizer: {use: adamw, lr: 0.01}
metrics: {bleu: {tokenize: char}, chrf: {}}
trainer: {max_epochs: 2, accelerator: cpu, gradient_clip_val: 1.0}
"""


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    random.seed(0)
    lines = ["split\tsource\ttarget"]
    for number in range(200):
        source = "".join(random.choices("abcdef", k=random.randint(1, 7)))
        target = "".join(chr(ord(letter) + 1) for letter in reversed(source))
        lines.append(f"{'train' if number < 160 else 'val' if number < 180 else 'test'}\t{source}\t{target}")
    (tmp_path / "letters.tsv").write_text("\n".join(lines) + "\n")
    path = tmp_path / "letters.yaml"
    path.write_text(RECIPE.replace("FILE", str(tmp_path / "letters.tsv")))
    return str(path)


def test_a_run_translates_and_tells_how_that_was_measured(recipe: str, tmp_path: Path) -> None:
    folder = RunFolder(run(load(recipe), root=tmp_path / "runs").folder)
    record = folder.read_json()
    measured = {f"{split}/{end}" for split in ("val", "test") for end in ("loss", "bleu", "chrf")}
    assert set(record["metrics"]) == {"train/loss", *measured}
    assert record["best"]["metric"] == "val/bleu"
    assert BLEU(tokenize="char").signature in json.dumps(record)
    lines = [line.split("\t") for line in (tmp_path / "letters.tsv").read_text().splitlines()]
    with (folder.plots / "translations.csv").open(encoding="utf-8") as stream:
        told = [(row["source"], row["reference"], row["translation"]) for row in csv.DictReader(stream)]
    assert sorted(row[:2] for row in told) == sorted(tuple(pair) for split, *pair in lines if split == "test")
    score = sacrebleu.corpus_bleu([row[2] for row in told], [[row[1] for row in told]], tokenize="char")
    assert record["metrics"]["test/bleu"] == pytest.approx(score.score, rel=1e-5)


def test_a_run_that_was_stopped_inside_an_epoch_goes_on_exactly(recipe: str, tmp_path: Path) -> None:
    whole = RunFolder(run(load(recipe), root=tmp_path / "whole").folder)
    part = run(load(recipe, ["trainer.max_steps=13"]), root=tmp_path / "part").folder
    again = RunFolder(resume(str(part), ["trainer.max_steps=-1"]).folder)
    assert again.read_json()["metrics"] == whole.read_json()["metrics"]
    weights = [
        torch.load(folder.checkpoints / "epoch-0002.ckpt", weights_only=True)["state_dict"] for folder in (whole, again)
    ]
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())


def test_lines_of_a_file_are_translated_one_by_one(recipe: str, tmp_path: Path) -> None:
    folder = run(load(recipe), root=tmp_path / "runs").folder
    (tmp_path / "letters.tsv").unlink()
    lines = tmp_path / "lines.txt"
    lines.write_text("abc\n\nfab\n")
    rows = predict(str(folder), [lines]).rows
    assert [row["input"] for row in rows] == [f"{lines}:1", f"{lines}:3"]
    assert all(set(row["translation"]) <= set("bcdefg") for row in rows)
    assert {len(row) for row in rows} == {2}


def test_a_transformer_with_a_memory_copies(recipe: str, tmp_path: Path) -> None:
    model = "model={use: transformer_seq2seq, width: 32, encoder_depth: 1, decoder_depth: 1, heads: 2, copy: true}"
    overrides = [model, "dataset.memory=2", "dataset.lexicon=3", "trainer.max_epochs=1"]
    folder = RunFolder(run(load(recipe, overrides), root=tmp_path / "runs").folder)
    assert folder.read_json()["metrics"]["test/loss"] > 0
    (tmp_path / "letters.tsv").unlink()
    (tmp_path / "lines.txt").write_text("abc\n")
    (row,) = predict(str(folder.path), [tmp_path / "lines.txt"]).rows
    (prompted,) = predict_prompts(str(folder.path), ["abc"], ["beam=3"]).rows
    assert prompted == {"input": "abc", "text": row["translation"]}


T5 = "{model_type: t5, d_model: 16, d_kv: 8, d_ff: 32, num_layers: 1, num_heads: 2}"


@pytest.mark.parametrize("lora", ["null", "{r: 2, target_modules: [q, v]}"], ids=["whole", "lora"])
def test_a_model_of_transformers_translates(recipe: str, tmp_path: Path, lora: str) -> None:
    pytest.importorskip("transformers", reason="the extra hf is not installed")
    if lora != "null":
        pytest.importorskip("peft", reason="the extra hf is not installed whole: no peft")
    overrides = [f"model={{use: hf, head: seq2seq, config: {T5}, lora: {lora}}}", "trainer.max_epochs=1"]
    result = run(load(recipe, overrides), root=tmp_path / "runs")
    folder = RunFolder(result.folder)
    assert {"val/bleu", "test/bleu", "test/loss"} <= set(folder.read_json()["metrics"])
    with (folder.plots / "translations.csv").open(encoding="utf-8") as stream:
        translations = [row["translation"] for row in csv.DictReader(stream)]
    assert len(translations) == 20
    assert any(translations)
    assert result.model is not None
    trained = {name for name, parameter in result.model.named_parameters() if parameter.requires_grad}
    assert trained
    assert all("lora_" in name for name in trained) == (lora != "null")
    (tmp_path / "letters.tsv").unlink()
    (tmp_path / "lines.txt").write_text("abc\nfedcba\n")
    rows = predict(str(folder.path), [tmp_path / "lines.txt"]).rows
    prompted = predict_prompts(str(folder.path), ["abc", "fedcba"]).rows
    assert [row["text"] for row in prompted] == [row["translation"] for row in rows]


def task_of(model: nn.Module, **arguments: Any) -> Seq2Seq:
    kept = {**Characters().fit(["abc"]).to_files(), READING_FILE: Reading(64).to_bytes()}
    return Seq2Seq(model, nn.CrossEntropyLoss(), run_files=kept, **arguments)


def test_the_loss_of_an_epoch_is_the_mean_over_tokens() -> None:
    tokenizer = Characters().fit(["abc"])
    task = task_of(AttentionRNN(tokenizer.vocab_size, 0, 16, dropout=0.0))
    pairs = Pairs(Ragged([[4, 3], [4, 5, 3], [6, 3]]), [[4, 4, 5, 6], [5], [6]], tokenizer)
    whole = task.computed(pairs.__getitems__([0, 1, 2]))
    for numbers in ([0], [1, 2]):
        trained = task.computed(pairs.__getitems__(numbers))
        task.keep(trained._replace(loss=trained.loss.detach()), 1)
    task._measure()
    assert task.losses["train/loss"].compute().item() == pytest.approx(whole.loss.item(), rel=1e-5)  # type: ignore[operator]


def test_prompts_are_translated_as_they_are_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    task = task_of(AttentionRNN(7, 0, 16)).eval()
    found = list(task.continued(["ab", "c"], {}))
    assert [number for number, _ in found] == [0, 1]
    (source, _), _ = Pairs(Ragged([[4, 5, 3], [6, 3]]), [[4], [4]], task.tokenizer).__getitems__([0, 1])
    assert [text for _, text in found] == [row["translation"] for row in task.rows(task.unlabelled(source), {})]
    assert [len(text) for _, text in task.continued(["abcabc"], {}, max_length=2, beam=1)] == [2]
    assert capsys.readouterr().err == ""


def test_what_is_not_read_of_a_prompt_is_told(recipe: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = run(load(recipe, ["dataset.max_length=4", "trainer.max_epochs=1"]), root=tmp_path / "runs").folder
    capsys.readouterr()
    rows = predict_prompts(str(folder), ["abcdefabc", "abcd", "xbx", ""]).rows
    assert rows[0]["text"] == rows[1]["text"]
    assert capsys.readouterr().err.splitlines() == [
        "note: prompts: 1 text longer than 4 tokens: the rest of each is left out",
        "note: prompts: 1 text without tokens: each is one unknown token",
        "note: prompts: 2 tokens unknown to the tokenizer of the run",
    ]


def test_models_that_cannot_translate_and_arguments_that_cannot_be_are_refused() -> None:
    model = AttentionRNN(7, 0, 16)
    with pytest.raises(ValueError, match="Linear cannot translate: it has no method 'encode'"):
        task_of(nn.Linear(2, 2))
    with pytest.raises(ValueError, match="beam=0: from 1 up"):
        task_of(model, beam=0)
    with pytest.raises(ValueError, match="gives no tokenizer"):
        Seq2Seq(model, nn.CrossEntropyLoss())
    with pytest.raises(ValueError, match=r"should be \(batch, n, vocab_size\)"):
        task_of(model).prepared(torch.zeros(2, 3), torch.zeros(2, 3))


def test_metrics_of_other_fields_are_refused(recipe: str) -> None:
    (problem,) = resolve(load(recipe, ["metrics.accuracy={}"]), Registry.scan()).problems
    assert "cannot feed accuracy" in str(problem)
    (problem,) = resolve(load(recipe, ["expect.train/bleu=> 1"]), Registry.scan()).problems
    assert "does not log 'train/bleu'" in str(problem)


@pytest.mark.parametrize("items", [0, 5, 20, 21, 40, 41, 1000])
def test_what_is_kept_is_spread_over_all(items: int) -> None:
    spread = Spread(10)
    for item in range(items):
        spread.add(item)
    kept = spread.taken()
    assert min(items, 10) <= len(kept) <= 20
    assert len({after - before for before, after in itertools.pairwise(kept)}) <= 1
    assert not kept or (kept[0] == 0 and kept[-1] >= items - items // 10 - 1)
    spread.add(7)
    assert spread.taken() == [7]
