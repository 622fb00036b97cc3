"""The task of language modelling: what its numbers mean, its samples, its runs, what is predicted with them."""

from __future__ import annotations

import csv
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from toolkit_text.characters import Characters
from toolkit_text.generation import Sampling, continuations
from toolkit_text.gpt import GPT
from toolkit_text.language_modeling import LanguageModeling
from toolkit_text.tokenizer import Tokenizer
from toolkit_text.words import Words
from torch import Tensor, nn

from toolkit.errors import RequestError
from toolkit.recipe import load
from toolkit.runs import predict, resume, run
from toolkit.runs.prompt import predict_prompts
from toolkit.tasks.supervised import Trained
from toolkit.tracking.folder import RunFolder

TEXT = "it is a truth universally acknowledged, that a single man must be in want of a wife. " * 12


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    (tmp_path / "text.txt").write_text(TEXT)
    path = tmp_path / "words.yaml"
    path.write_text(
        f"""
# A small text.
seed: 1
task: {{use: language_modeling, prompts: ["", "a wife"], sample_tokens: 12}}
dataset: {{use: plain_text, train: {tmp_path}/text.txt, tokenizer: {{use: characters}}, context: 8, test_share: 0.1}}
loader: {{batch_size: 8}}
model: {{use: gpt, context: "${{dataset.context}}", depth: 1, width: 16, heads: 2, dropout: 0.2}}
optimizer: {{use: adamw, lr: 0.01}}
trainer: {{max_epochs: 2, accelerator: cpu}}
"""
    )
    return str(path)


def metrics(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = RunFolder(folder).read_json()["metrics"]
    return found


def test_the_numbers_of_an_evaluation_are_those_of_all_its_tokens_together(recipe: str, tmp_path: Path) -> None:
    result = run(load(recipe), root=tmp_path / "runs")
    assert result.model is not None
    model = result.model.eval()
    cut = len(TEXT) - 2 * round(0.1 * len(TEXT))
    tokenizer = Characters().fit([TEXT[:cut]])
    text = TEXT[cut + round(0.1 * len(TEXT)) :]
    tokens = torch.tensor([tokenizer.eos_id, *tokenizer.encode(text)])
    total = 0.0
    for start in range(0, len(tokens) - 1, 8):
        window = tokens[start : start + 9]
        with torch.no_grad():
            total += nn.functional.cross_entropy(model(window[None, :-1])[0], window[1:], reduction="sum").item()
    found = metrics(result.folder)
    assert found["test/loss"] == pytest.approx(total / len(text), rel=1e-5)
    assert found["test/perplexity"] == pytest.approx(math.exp(total / len(text)), rel=1e-5)
    assert found["test/bits_per_character"] == pytest.approx(total / len(text) / math.log(2), rel=1e-5)
    names = {
        f"{split}/{end}" for split in ("train", "val", "test") for end in ("loss", "perplexity", "bits_per_character")
    }
    assert names <= set(found)
    assert set(LanguageModeling.logged(())) >= names
    assert RunFolder(result.folder).read_json()["best"]["metric"] == "val/loss"


def test_bits_per_character_do_not_depend_on_the_tokenizer(recipe: str, tmp_path: Path) -> None:
    """A model that knows nothing needs as many bits for a text, however it is cut, as its vocabulary is large."""
    still = [
        "optimizer.lr=0",
        "trainer.max_epochs=1",
        "task.sample_tokens=0",
        "dataset.tokenizer={use: bpe, vocab_size: 280}",
    ]
    found = metrics(run(load(recipe, still), root=tmp_path / "runs").folder)
    per_token = found["val/loss"] / math.log(2)
    ratio = per_token / found["val/bits_per_character"]
    assert ratio > 1.5
    assert ratio == pytest.approx(
        RunFolder(run(load(recipe, still), root=tmp_path / "again").folder).read_json()["facts"][
            "characters_per_token"
        ]["val"]
    )


def task(model: nn.Module | None = None, **arguments: Any) -> LanguageModeling:
    return LanguageModeling(model or GPT(9, 8, depth=1, width=8, heads=2), **arguments)


def test_the_loss_of_training_is_weighted_by_tokens_and_no_logits_are_kept() -> None:
    module = task()
    batches = []
    for counted in (2, 7, 16):
        targets = torch.full((2, 8), -100)
        targets.view(-1)[:counted] = torch.randint(9, (counted,))
        batches.append((torch.randint(9, (2, 8)), targets))
    module.on_train_epoch_start()
    losses = []
    for number, batch in enumerate(batches):
        found = module.computed(batch)
        module.keep(Trained(found.loss.detach(), found.samples, found.outputs.detach(), found.targets), number)
        losses.append(found.loss.item())
    kept = module.epoch_state()
    assert len(kept) == 2
    assert all(tensor.numel() == 1 for pair in kept for tensor in pair)
    module._measure()
    mean: Any = module.losses["train/loss"]
    expected = sum(loss * counted for loss, counted in zip(losses, (2, 7, 16), strict=True)) / 25
    assert mean.compute().item() == pytest.approx(expected)


@pytest.mark.parametrize("shape", [(2, 8), (2, 7, 9), (16, 9)])
def test_outputs_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"and targets \[2, 8\]; they should be \(batch, length, vocab_size\)"):
        task().prepared(torch.zeros(shape), torch.zeros(2, 8, dtype=torch.int64))


def samples(folder: Path) -> list[dict[str, str]]:
    with (RunFolder(folder).plots / "samples.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_samples_of_every_validation_are_kept_and_change_nothing_of_the_training(recipe: str, tmp_path: Path) -> None:
    with_samples = run(load(recipe), root=tmp_path / "with")
    without = run(load(recipe, ["task.sample_tokens=0"]), root=tmp_path / "without")
    assert metrics(with_samples.folder) == metrics(without.folder)
    assert not (RunFolder(without.folder).plots / "samples.csv").exists()
    rows = samples(with_samples.folder)
    assert [(row["epoch"], row["prompt"]) for row in rows] == [("0", ""), ("0", "a wife"), ("1", ""), ("1", "a wife")]
    assert all(0 < len(row["text"]) <= 12 for row in rows)
    assert rows[0]["step"] != rows[2]["step"]


def weights(folder: RunFolder) -> dict[str, Tensor]:
    held: dict[str, Tensor] = torch.load(folder.checkpoints / "epoch-0002.ckpt", weights_only=True)["state_dict"]
    return held


def test_a_run_that_was_stopped_inside_an_epoch_goes_on_exactly(recipe: str, tmp_path: Path) -> None:
    whole = RunFolder(run(load(recipe), root=tmp_path / "whole").folder)
    part = run(load(recipe, ["trainer.max_steps=16"]), root=tmp_path / "part").folder
    again = RunFolder(resume(str(part), ["trainer.max_steps=-1"]).folder)
    assert again.read_json()["metrics"] == whole.read_json()["metrics"]
    assert samples(again.path) == samples(whole.path)
    assert all(torch.equal(value, weights(whole)[name]) for name, value in weights(again).items())


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("text/char-lm", []),
        ("text/char-lm-lstm", ["model.width=32"]),
        ("text/char-lm-lstm", ["model={use: gru_lm, width: 16, tied: true}"]),
    ],
    ids=["gpt", "lstm_lm", "gru_lm"],
)
def test_recipes_take_the_fast_path(recipe: str, tmp_path: Path, name: str, changes: list[str]) -> None:
    """`recipe` is here for its file."""
    small = f"{{use: plain_text, train: {tmp_path}/text.txt, tokenizer: {{use: characters}}, context: 8}}"
    short = [f"dataset={small}", "loader.batch_size=8", "trainer.max_epochs=1", "loggers.wandb=null"]
    result = run(load(name, [*short, *changes]), root=tmp_path / "runs")
    assert RunFolder(result.folder).read_json()["loop"] == {"path": "fast", "why": ""}
    assert len(samples(result.folder)) == 1


def test_a_text_is_gone_on_with(recipe: str, tmp_path: Path) -> None:
    folder = run(load(recipe), root=tmp_path / "runs").folder
    found = predict_prompts(str(folder), ["a wife", ""], ["max_tokens=9", "temperature=0"]).rows
    assert [row["input"] for row in found] == ["a wife", ""]
    assert all(len(row["text"]) == 9 for row in found)


def test_the_command_prints_a_text_as_it_comes(recipe: str, tmp_path: Path) -> None:
    result = run(load(recipe))
    tokenizer = Tokenizer.from_bytes((RunFolder(result.folder).files / "tokenizer.json").read_bytes())
    assert result.model is not None
    asked = {"sampling": Sampling(top_k=5), "seed": 3}
    (text,) = continuations(cast("Any", result.model), tokenizer, ["a wife"], max_tokens=60, **asked)
    stop = text[30:33]
    stopped = text[: text.index(stop)]
    words = ["predict", "last", "--prompt", "a wife", "seed=3", "top_k=5"]

    def begun(*more: str) -> Any:
        with (tmp_path / "errors").open("w") as errors:
            command = [sys.executable, "-m", "toolkit", *words, *more]
            return subprocess.Popen(command, cwd=tmp_path, bufsize=0, stdout=subprocess.PIPE, stderr=errors)

    process = begun(f"stop={json.dumps(['nobody says so', stop])}", "max_tokens=20000")
    assert process.stdout.readall().decode() == stopped + "\n"
    assert (process.wait(), (tmp_path / "errors").read_text()) == (0, "")

    # Far more than it can have written when the first of it is here: whoever waited for the end would see it end well.
    process, seen = begun("max_tokens=20000"), b""
    while len(seen) < len(text):
        piece = process.stdout.read(100)
        assert piece
        seen += piece
    process.stdout.close()
    assert seen.decode().startswith(text)
    assert (process.wait(), (tmp_path / "errors").read_text()) == (141, "")


def test_characters_of_a_prompt_that_nobody_knows_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    files = Characters().fit(["abc"]).to_files()
    module = task(run_files=files)
    assert capsys.readouterr().err == ""
    list(module.continued(["日本a", "ab", "", "x"], {}, max_tokens=1))
    assert capsys.readouterr().err == "note: prompts: 3 tokens unknown to the tokenizer of the run\n"
    list(task(run_files=Words(min_count=1).fit(["a b"]).to_files()).continued([" ", ""], {}, max_tokens=1))
    told = "note: prompts: 1 text without tokens: what comes then is the beginning of one\n"
    assert capsys.readouterr().err == told


def test_prompts_that_are_longer_than_the_context_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    module = task(run_files=Characters().fit(["abc"]).to_files())
    context = module.model.context
    list(module.continued(["a" * context, ""], {}, max_tokens=1))
    assert capsys.readouterr().err == ""
    list(module.continued(["a" * context, "b" * (context + 1)], {}, max_tokens=1))
    told = (
        f"note: prompts: 1 text longer than the model's context of {context} tokens: the model reads the last of them\n"
    )
    assert capsys.readouterr().err == told


def test_a_run_predicts_files_of_its_own_kind(recipe: str, tmp_path: Path) -> None:
    table = tmp_path / "said.jsonl"
    table.write_text("".join(f'{{"said": "Äpfel {number}"}}\n' for number in range(40)), encoding="latin-1")
    kind = f"dataset={{use: plain_text, train: {table}, tokenizer: {{use: characters}}, context: 8}}"
    overrides = [kind, "dataset.encoding=latin-1", "dataset.column=said", "trainer.max_epochs=1"]
    folder = run(load(recipe, overrides), root=tmp_path / "runs").folder
    rows = predict(str(folder), [str(table)]).rows
    assert [row["input"] for row in rows] == [f"{table}:{number}" for number in range(1, 41)]
    assert {row["tokens"] for row in rows} == {7, 8}


def test_lines_of_a_file_are_told_how_probable_they_are(recipe: str, tmp_path: Path) -> None:
    result = run(load(recipe, ["trainer.max_epochs=8"]), root=tmp_path / "runs")
    lines = ["it is a truth universally acknowledged", "zzzzzzzz", "wife"]
    (tmp_path / "lines.txt").write_text("\n".join(lines))
    rows = predict(str(result.folder), [str(tmp_path / "lines.txt")]).rows
    assert [row["tokens"] for row in rows] == [len(line) for line in lines]
    assert rows[1]["loss"] > 2 * rows[0]["loss"]
    assert rows[0]["perplexity"] == pytest.approx(math.exp(rows[0]["loss"]), rel=1e-4)
    model = result.model
    assert model is not None
    tokenizer = Characters().fit([TEXT])
    tokens = torch.tensor([[tokenizer.eos_id, *tokenizer.encode("wife")]])
    expected = nn.functional.cross_entropy(model.eval()(tokens[:, :-1])[0], tokens[0, 1:])
    assert rows[2]["loss"] == pytest.approx(expected.item(), abs=1e-5)


def test_what_cannot_be_gone_on_with_is_told() -> None:
    with pytest.raises(RequestError, match="keeps no tokenizer"):
        task().continued(["a"], {})
    files = Characters().fit(["abc"]).to_files()
    with pytest.raises(RequestError, match="the model Identity has no method `step`"):
        task(nn.Identity(), run_files=files).continued(["a"], {})
    with pytest.raises(RequestError, match="temperature=-1: a number from 0 up"):
        task(run_files=files).continued(["a"], {}, temperature=-1)
    with pytest.raises(ValueError, match="sample_tokens=-1"):
        task(sample_tokens=-1)
    assert list(task(run_files=files).continued(["a"], {}, max_tokens=0)) == []
