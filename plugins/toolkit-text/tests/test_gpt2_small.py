"""The recipe text/gpt2-small made small, with all it asks for at once: processes, bf16, compiling, accumulation."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from toolkit.engine.whole_steps import why_not_compiled
from toolkit.recipe import load
from toolkit.runs import run
from toolkit.tracking.folder import RunFolder

BATCHES, ACCUMULATED = 60, 5
SMALL = [
    "dataset={use: austen, tokenizer: {use: characters}, context: 32}",
    *("model.width=32", "model.depth=1", "model.heads=2", "model.dropout=0", "optimizer.lr=1e-2", "loader.workers=0"),
    *("task.sample_tokens=20", "trainer.max_epochs=1", "loggers.wandb=null"),
    *("trainer.devices=2", "trainer.accelerator=cpu"),
    *(f"trainer.limit_train_batches={BATCHES}", "trainer.limit_val_batches=4"),
]
PLAIN = ["engine.compile=false", "trainer.precision=32-true"]


@pytest.mark.slow
def test_all_that_the_recipe_asks_for_works_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: Callable[..., Any]
) -> None:
    cannot = why_not_compiled("cpu")
    if cannot is not None:
        pytest.skip(cannot)
    monkeypatch.chdir(tmp_path)
    # Where generated code is kept: nothing that was compiled before is found there.
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "compiled"))
    plain = RunFolder(run(load("text/gpt2-small", [*SMALL, *PLAIN])).folder)
    assert not list((tmp_path / "compiled").rglob("*.so"))
    folder = RunFolder(run(load("text/gpt2-small", SMALL)).folder)
    assert list((tmp_path / "compiled").rglob("*.so"))

    recipe = load(str(folder.path / "recipe.yaml")).values
    asked = {key: recipe["trainer"][key] for key in ("strategy", "precision", "accumulate_grad_batches", "devices")}
    assert asked == {"strategy": "ddp", "precision": "bf16-mixed", "accumulate_grad_batches": ACCUMULATED, "devices": 2}
    assert recipe["engine"]["compile"] is True
    record, other = folder.read_json(), plain.read_json()
    assert record["loop"]["path"] == "fast"
    assert record["best"]["step"] == BATCHES / ACCUMULATED
    # Numbers of 8 bits differ by that much; processes apart, or gradients that are lost, would by more.
    assert record["metrics"] == pytest.approx(other["metrics"], rel=0.003)
    assert record["metrics"]["val/loss"] < 3.4, "from 4.4, so that it has learnt"
    weights = torch.load(folder.checkpoints / "epoch-0001.ckpt", weights_only=True)["state_dict"]
    assert {weight.dtype for weight in weights.values()} == {torch.float32}
    assert not any("_orig_mod" in name or name.startswith("module.") for name in weights)

    with (folder.plots / "samples.csv").open(newline="") as stream:
        (sample,) = csv.DictReader(stream)
    assert (sample["epoch"], sample["step"]) == ("0", str(BATCHES // ACCUMULATED))
    assert 0 < len(sample["text"]) <= 20
    answer = command_line("predict", "last", "--prompt", "It is a truth", "max_tokens=30", "seed=1")
    assert answer.code == 0, answer.err
    assert 1 < len(answer.out) <= 31
    assert answer.out.endswith("\n")
