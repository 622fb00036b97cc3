"""A run from recipe to folder: what it prints, what it leaves, and what it says of the result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from toolkit.engine.checkpoints import list_saved
from toolkit.errors import RecipeError, RequestError
from toolkit.recipe import load
from toolkit.runs import resume, run
from toolkit.tracking.folder import RunFolder
from toolkit.tracking.table import read_series


@pytest.mark.usefixtures("drawn")
def test_a_run_leaves_a_complete_folder(recipe: Any, runs: Path) -> None:
    result = run(recipe(expect={"test/accuracy": ">= 0.2"}), name="first", tags=["a"], note="to see")
    folder = RunFolder(result.folder)
    assert folder.path.parent == runs / "small"
    found = {str(path.relative_to(folder.path)) for path in folder.path.rglob("*") if path.is_file()}
    assert found == {
        "recipe.yaml",
        "run.json",
        "metrics.csv",
        *(f"checkpoints/{name}{end}" for name in ("epoch-0003.ckpt", "epoch-0004.ckpt") for end in ("", ".json")),
        "plots/learning_curve.png",
        "plots/confusion.png",
    } | {f"checkpoints/{result.best_checkpoint.name}{end}" for end in ("", ".json")}
    content = folder.read_json()
    assert [content[key] for key in ("status", "name", "tags", "note")] == ["finished", "first", ["a"], "to see"]
    assert content["metrics"] == dict(result.metrics)
    assert content["tested"]["which"] == "best"
    assert content["expect"]["test/accuracy"]["met"] is True
    assert content["packages"]["torch"] == torch.__version__.partition("+")[0]
    assert content["monitor"] == {"metric": "val/accuracy", "mode": "max"}
    assert result.status == "finished"


def test_the_best_checkpoint_is_tested_and_its_weights_returned(recipe: Any) -> None:
    result = run(recipe("optimizer.lr=0.3"))
    content = RunFolder(result.folder).read_json()
    scores = dict(read_series(result.folder / "metrics.csv")["val/accuracy"])
    assert content["best"]["value"] == max(scores.values())
    held = torch.load(result.best_checkpoint, weights_only=True)["state_dict"]
    assert result.model is not None
    assert all(torch.equal(value, held[f"model.{name}"]) for name, value in result.model.state_dict().items())


def test_without_a_val_split_the_last_is_tested_and_the_table_says_so(recipe: Any, capsys: Any) -> None:
    result = run(
        recipe(dataset={"use": "./parts.py:Splits", "val": False}, scheduler={"use": "cosine", "interval": "epoch"})
    )
    assert RunFolder(result.folder).read_json()["tested"]["which"] == "last"
    assert "tested with the last checkpoint (epoch 4)" in capsys.readouterr().out
    assert result.best_checkpoint.name == "epoch-0004.ckpt"


@pytest.mark.usefixtures("drawn")
def test_what_is_printed_without_a_terminal(recipe: Any, capsys: Any) -> None:
    run(recipe("trainer.max_epochs=2", expect={"test/accuracy": ">= 0.99"}, loss="cross_entropy"))
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert lines[0] == "small: A small experiment."
    assert any(line.strip().startswith("run      runs/small/") for line in lines)
    assert "  changed  trainer.max_epochs=2" in lines
    assert any("data     ./parts.py:Splits, samples: 96 train, 32 val, 64 test" in line for line in lines)
    assert any("model    ./parts.py:Net, 227 parameters" in line for line in lines)
    epochs = [line for line in lines if line.startswith("epoch ")]
    assert [line.split("   ")[0] for line in epochs] == ["epoch 1/2", "epoch 2/2"]
    assert all("train/loss " in line and "val/accuracy " in line for line in epochs)
    assert any("small finished in" in line and "tested with the best checkpoint" in line for line in lines)
    assert any(line.startswith("test/accuracy") and line.endswith("   not comparable: 1 override") for line in lines)
    assert any("picture  runs/small/" in line and line.endswith("learning_curve.png") for line in lines)
    assert "\x1b" not in out
    assert "Tip" not in out


def test_the_title_does_not_tell_of_another_component(recipe: Any, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("OUR_TOKEN", "p4ssw0rd")
    words = ["model=./parts.py:Spare", "trainer.max_epochs=1", "callbacks.model_checkpoint.filename=of p4ssw0rd"]
    first = run(recipe(*words))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "small"
    assert f"  changed  {words[0]} {words[1]} 'callbacks.model_checkpoint.filename=of <redacted>'" in lines
    resume(first.folder, ["trainer.max_epochs=2"], allow_code=True)
    assert capsys.readouterr().out.splitlines()[0] == "small"


@pytest.mark.parametrize(("expected", "verdict"), [(">= 0.0", "met"), (">= 1.1", "not met")])
def test_the_table_says_whether_expectations_are_met(recipe: Any, capsys: Any, expected: str, verdict: str) -> None:
    run(recipe(expect={"test/accuracy": expected}, trainer={"max_epochs": 1, "accelerator": "cpu"}))
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("test/accuracy"))
    assert row.split("   ", 2)[2].strip().endswith(verdict)
    assert expected in row


def test_the_stored_recipe_is_the_run(recipe: Any) -> None:
    first = run(recipe("trainer.max_epochs=2"))
    again = load(str(first.folder / "recipe.yaml"), allow_code=True)
    assert again.get("model", "num_classes") == 3
    assert run(again).metrics == first.metrics


def test_a_wrong_recipe_leaves_no_folder(recipe: Any, runs: Path) -> None:
    with pytest.raises(RecipeError):
        run(recipe("optimizer.momentun=0.9"))
    with pytest.raises(RequestError):
        run(recipe("model.dropout=7"))
    assert not runs.exists()


@pytest.mark.parametrize("mode", ["bogus", "OFFLINE", ""])
def test_an_unknown_mode_of_wandb_leaves_no_folder(recipe: Any, runs: Path, monkeypatch: Any, mode: str) -> None:
    monkeypatch.setenv("WANDB_MODE", mode)
    with pytest.raises(RequestError) as caught:
        run(recipe(loggers={"csv": {}, "wandb": {}}))
    assert not runs.exists()
    hint = " Did you mean 'offline'?" if mode == "OFFLINE" else ""
    assert str(caught.value) == (
        f"WANDB_MODE={mode}: W&B has no such mode; it takes online, offline, disabled, run, shared, dryrun.{hint}"
    )
    assert run(recipe("trainer.max_epochs=1")).status == "finished"


def test_weights_of_an_earlier_run_are_a_beginning(recipe: Any) -> None:
    first = run(recipe())
    second = run(recipe(f"model.init_from={first.id}", "optimizer.lr=0.0"))
    held = torch.load(first.best_checkpoint, weights_only=True)["state_dict"]
    assert second.model is not None
    assert torch.equal(second.model.head.weight, held["model.head.weight"])
    # The copy in the run's folder does not need that run again.
    longer = resume(second.folder, ["trainer.max_epochs=5"], allow_code=True)
    assert longer.status == "finished"


def test_fewer_checkpoints_are_kept_when_the_recipe_says_so(recipe: Any) -> None:
    result = run(recipe(engine={"keep": {"best": 0, "last": 1}}))
    assert [path.name for path in (result.folder / "checkpoints").glob("*.ckpt")] == ["epoch-0004.ckpt"]


def test_a_better_validation_inside_an_epoch_is_saved(recipe: Any) -> None:
    result = run(recipe("trainer.val_check_interval=2", "trainer.max_epochs=2", "optimizer.lr=0.05"))
    content = RunFolder(result.folder).read_json()
    scores = read_series(result.folder / "metrics.csv")["val/accuracy"]
    assert len(scores) == 6
    assert content["best"]["value"] == max(value for _, value in scores)
    about = json.loads((result.folder / "checkpoints" / f"{result.best_checkpoint.name}.json").read_text())
    assert about["score"] == content["best"]["value"]


@pytest.mark.parametrize(
    ("trainer", "logged"),
    [
        # 96 samples in batches of 16.
        ({}, [5, 11]),
        ({"accumulate_grad_batches": 4}, [1, 3]),
        ({"limit_train_batches": 2}, [1, 3]),
        ({"limit_train_batches": 0.5}, [2, 5]),
    ],
)
def test_single_steps_are_logged_at_least_once_an_epoch(recipe: Any, trainer: Any, logged: list[int]) -> None:
    result = run(recipe(trainer={"max_epochs": 2, "accelerator": "cpu", **trainer}))
    assert [step for step, _ in read_series(result.folder / "metrics.csv")["train/loss_step"]] == logged


def test_a_trial_run_of_one_batch(recipe: Any, capsys: Any) -> None:
    result = run(recipe("trainer.fast_dev_run=true"))
    assert result.status == "finished"
    assert "test/accuracy" in result.metrics
    assert "epoch 1/1" in capsys.readouterr().out


def test_a_run_that_is_stopped_inside_an_epoch_keeps_its_best(recipe: Any, monkeypatch: Any) -> None:
    result = run(recipe(trainer={"max_steps": 9, "accelerator": "cpu"}))
    content = RunFolder(result.folder).read_json()
    # Nine steps are an epoch and a half; only whole epochs were validated.
    assert (content["tested"]["which"], content["best"]["step"]) == ("best", 6)
    # As an early stop does, which validates once more before it ends the training.
    monkeypatch.setenv("ENDS", "batch:1:stop")
    stopped = run(recipe("optimizer.lr=0.03"))
    scores = read_series(stopped.folder / "metrics.csv")["val/accuracy"]
    content = RunFolder(stopped.folder).read_json()
    assert [step for step, _ in scores] == [5, 7]
    assert content["best"]["value"] == max(value for _, value in scores)
    last = list_saved(stopped.folder / "checkpoints")[-1]
    assert (last.path.name, last.step, last.score) == ("step-00000008.ckpt", 8, scores[-1][1])


def test_other_packages_callbacks_are_loaded_one_by_one(
    recipe: Any, install_plugin: Any, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    for name, body in (("good", "return Quiet()"), ("broken", "raise RuntimeError('no display')")):
        source = f"import pytorch_lightning as pl\nclass Quiet(pl.Callback): pass\ndef factory():\n    {body}\n"
        offers = {"pytorch_lightning.callbacks_factory": {name: f"acme_{name}:factory"}}
        install_plugin(tmp_path, f"acme-{name}", offers, {f"acme_{name}.py": source})
    monkeypatch.syspath_prepend(str(tmp_path))
    result = run(recipe("trainer.max_epochs=1"))
    notes = RunFolder(result.folder).read_json()["notes"]
    assert "acme-good 1.0 (acme_good:factory) adds the Lightning callbacks Quiet to every run" in notes
    assert "acme-broken 1.0 (acme_broken:factory) adds Lightning callbacks, left out: RuntimeError: no display" in notes
    assert "no display" in capsys.readouterr().out


def test_the_loop_of_a_stream_is_told_before_it_begins(
    recipe: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = {"callbacks": None, "dataset": {"use": "./parts.py:Streamed"}}
    folder = RunFolder(run(recipe("trainer.max_epochs=1", **changes), root=tmp_path).folder)
    why = folder.read_json()["loop"]["why"]
    assert why == "the data does not say how many batches an epoch has"
    assert f"every step through Lightning, because {why}" in capsys.readouterr().out


def test_a_share_of_a_stream_is_refused_before_a_folder_is_made(recipe: Any, tmp_path: Path) -> None:
    stream = recipe("trainer.val_check_interval=0.5", dataset={"use": "./parts.py:Streamed"})
    with pytest.raises(RecipeError, match="val_check_interval: 0.5 is a share of an epoch"):
        run(stream, root=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()
