"""Runs of a task with two optimizers: what it logs and draws, killed and resumed, in two processes."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from toolkit.tracking.folder import RunFolder, list_runs

SMALL = [
    *("gan/digits", "model.generator.width=4", "model.discriminator.width=4", "loader.batch_size=256"),
    *("trainer.check_val_every_n_epoch=1", "trainer.accelerator=cpu"),
]
CALLBACK = '''
import os, signal
import torch
import pytorch_lightning as pl


class Watch(pl.Callback):
    """Ends the process in the second epoch where KILLED is set; keeps the last weights of every process."""

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if "KILLED" in os.environ and (trainer.current_epoch, batch_idx) == (1, 3):
            os.kill(os.getpid(), signal.SIGKILL)

    def on_train_end(self, trainer, pl_module):
        torch.save(pl_module.state_dict(), f"weights-{trainer.global_rank}.pt")
'''
WATCHED = ["callbacks.watch={use: ./watch.py:Watch}", "--allow-code"]


@pytest.fixture(autouse=True)
def watch(tmp_path: Path) -> None:
    (tmp_path / "watch.py").write_text(CALLBACK)


def state(run: RunFolder) -> dict[str, Any]:
    newest = max(run.checkpoints.glob("epoch-*.ckpt"))
    held = torch.load(newest, weights_only=True)
    averaged = [value for key, value in held["callbacks"].items() if key.startswith("AveragedWeights")]
    keys = ("state_dict", "optimizer_states", "epoch", "global_step")
    return {**{key: held[key] for key in keys}, "averaged": averaged, "rng": held["toolkit"]["rng"]}


def same(first: Any, second: Any) -> bool:
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, (list, tuple)):
        return len(first) == len(second) and all(map(same, first, second))
    return bool(first == second)


def test_the_commands_of_the_readme_run(toolkit: Any, readme: list[list[str]]) -> None:
    for command in readme:
        done = toolkit(*command)
        assert done.code == 0, done.out + done.err
    with Image.open(list_runs(Path("runs"))[0].path / "plots" / "samples.png") as picture:
        assert picture.size == (10 * 52 + 4, 8 * 52 + 4)


def test_a_killed_and_resumed_run_is_the_uninterrupted_one(program: Any) -> None:
    small = ["run", *SMALL, "trainer.max_epochs=2", "engine.save.steps=3", *WATCHED]
    killed = program("-m", "toolkit", *small, KILLED="1")
    assert killed.returncode == -signal.SIGKILL, killed.stdout + killed.stderr
    (half,) = list_runs(Path("runs"))
    assert (half.plots / "samples.png").is_file()  # of the validation after the first epoch
    done = program("-m", "toolkit", "resume", "last", "--allow-code")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "and 3 batches" in done.stdout
    assert program("-m", "toolkit", *small).returncode == 0
    whole, resumed = list_runs(Path("runs"))
    assert resumed.id == half.id
    assert state(whole)["global_step"] == 20  # a step of each optimizer in each of the 5 batches of an epoch
    assert len(state(whole)["optimizer_states"]) == 2
    assert state(whole)["averaged"]
    assert same(state(whole), state(resumed))
    assert whole.metrics_csv.read_text() == resumed.metrics_csv.read_text()


@pytest.mark.slow
def test_two_processes_train_one_pair(toolkit: Any) -> None:
    several = ["trainer.devices=2", "trainer.strategy=ddp_find_unused_parameters_true"]
    done = toolkit("run", *SMALL, "trainer.max_epochs=1", *several, *WATCHED)
    assert done.code == 0, done.out + done.err
    one, other = (torch.load(f"weights-{rank}.pt", weights_only=True) for rank in (0, 1))
    assert same(one, other)
    (run,) = list_runs(Path("runs"))
    assert state(run)["global_step"] == 6  # 3 batches of 256 in each process
    metrics = run.read_json()["metrics"]
    assert {"train/generator_loss", "train/discriminator_loss", "test/frechet", "test/agreement"} <= set(metrics)


def test_patterns_of_the_recipe_tell_the_two_optimizers_apart(toolkit: Any) -> None:
    groups = "optimizer.groups={discriminator: {lr: 0.004}, generator.classes: {lr: 0.002}}"
    done = toolkit("run", *SMALL, "trainer.max_epochs=1", groups)
    assert done.code == 0, done.out + done.err
    (run,) = list_runs(Path("runs"))
    generator, discriminator = state(run)["optimizer_states"]
    assert [group["lr"] for group in generator["param_groups"]] == [0.001, 0.002]
    assert [group["lr"] for group in discriminator["param_groups"]] == [0.004]
    wrong = toolkit("run", *SMALL, "optimizer.groups={critic: {lr: 0.004}}")
    assert wrong.code == 2
    assert "'critic' matches no parameter of the model" in wrong.err


def test_one_step_of_both_is_looked_at_before_anything_starts(toolkit: Any) -> None:
    done = toolkit("check", "gan/digits", "--deep")
    assert done.code == 0, done.out + done.err
    assert "outputs      (2, 1, 8, 8)" in done.out
    assert "unused       none" in done.out
    assert "not finite   none" in done.out


def test_what_the_task_cannot_use_is_named(toolkit: Any) -> None:
    done = toolkit("check", "gan/digits", "scheduler={use: cosine, interval: epoch}", "expect.val/loss=< 1")
    assert done.code == 2
    assert "the task 'gan' takes no scheduler; remove this block" in done.err
    assert "gan does not log 'val/loss'" in done.err
    done = toolkit("run", "gan/digits", "trainer.gradient_clip_val=1.0", "trainer.accumulate_grad_batches=2")
    assert done.code == 2
    for name in ("gradient_clip_val", "accumulate_grad_batches"):
        assert f"trainer.{name}: the task 'gan' takes its steps by hand" in done.err
    assert not Path("runs").exists()
