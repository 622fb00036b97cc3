"""Every shipped recipe, killed at random moments and resumed, in one process and two: as if it had never been stopped.
Trained for one step, its model is exported.

One kill is anywhere, the next while a checkpoint is written. The moment of the first is drawn in seconds of processor
time, so that it is random in the run and not in the machine's load.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import toolkit
from toolkit.engine.checkpoints import list_saved, newest_whole
from toolkit.errors import EXIT_RUN, RequestError, RunError
from toolkit.recipe.locate import list_recipes
from toolkit.registry import Registry
from toolkit.tracking.folder import FINISHED, RunFolder, list_runs

IN_GREY = ["dataset=digits", "transforms.train.normalize=null", "transforms.eval.normalize=null"]
SCENES = ["dataset.train_scenes=320", "dataset.val_scenes=40", "dataset.test_scenes=40"]
SMALL = ["loader.batch_size=32", "loader.workers=0", "trainer.precision=32-true"]
NARROW = ["model.width=32", "model.depth=1"]
WRITTEN = ["task.sample_tokens=20", "trainer.limit_train_batches=60", "trainer.limit_val_batches=2"]
FEW_TEXTS = ["trainer.limit_train_batches=30", "trainer.max_epochs=4"]
TEXTS = ["model.width=8", "model.buckets=4096", *FEW_TEXTS]
ONE_BLOCK = "num_hidden_layers: 1, num_attention_heads: 2"
TINY_BERT = [
    "model.name_or_path=null",
    f"model.config={{model_type: bert, hidden_size: 16, {ONE_BLOCK}}}",
]
TRANSLATIONS = [
    *("trainer.limit_train_batches=30", "trainer.limit_val_batches=2", "trainer.limit_test_batches=2"),
    *("trainer.max_epochs=4", "trainer.check_val_every_n_epoch=1"),
]


def _translators(*places: str) -> list[str]:
    sizes = ("width=16", "hidden=32", "encoder_depth=1", "decoder_depth=1")
    return [*(f"{place}.{size}" for place in places for size in sizes), *TRANSLATIONS]


def _ensemble(*names: str) -> list[str]:
    small = [f"model.model.{name}.{size}" for name in names for size in ("width=8", "buckets=4096")]
    return [*small, *FEW_TEXTS, "trainer.check_val_every_n_epoch=1"]


FEWER = ["dataset.users=400", "dataset.items=200", "loader.batch_size=256"]
CLICKS = "dataset={use: generated_clicks, rows: 6000, users: 50, items: 50}"
CODES = "dataset={use: spoken_codes, train_codes: 320, val_codes: 20, test_codes: 20}"
NARROW_EARS = ["model.width=16", "model.channels=2", "model.depth=1", "loader.batch_size=16", "trainer.max_epochs=4"]
OFFLINE: dict[str, list[str]] = {
    "recsys/bpr": [*FEWER, "trainer.max_epochs=12"],
    "recsys/criteo-dcnv2": [
        *(CLICKS, "loader.batch_size=128", "model.width=4", "model.hidden=[32]"),
        *("trainer.strategy=auto", "trainer.precision=32-true", "trainer.max_epochs=4"),
    ],
    "recsys/ctr-deepfm": [CLICKS, "loader.batch_size=128", "trainer.max_epochs=4"],
    "recsys/lightgcn": [*FEWER, "trainer.max_epochs=8"],
    "recsys/sasrec": [*FEWER, "loader.batch_size=16", "trainer.max_epochs=4"],
    "recsys/two-tower": [*FEWER, "trainer.max_epochs=12"],
    "speech/asterisk": [CODES, *NARROW_EARS, "task.decoder=null"],
    "speech/keywords": [
        *("dataset.train_each=12", "dataset.val_each=2", "dataset.test_each=2"),
        *("loader.batch_size=16", "trainer.max_epochs=6"),
    ],
    "speech/librispeech-conformer": [
        *(CODES, "loader.batch_size=16", "loader.workers=0", "model.width=16", "model.depth=1"),
        *("trainer.strategy=auto", "trainer.precision=32-true", "trainer.max_epochs=4"),
    ],
    "speech/spoken-codes": [CODES, *NARROW_EARS],
    "text/char-lm": [*NARROW, *WRITTEN, "trainer.max_epochs=4"],
    "text/char-lm-lstm": [*NARROW, *WRITTEN, "trainer.max_epochs=4"],
    "text/finetune-bert": [
        "dataset={use: movie_sentiment, ends: true}",
        *TINY_BERT,
        *("trainer.precision=32-true", "trainer.limit_train_batches=60", "trainer.max_epochs=3"),
    ],
    "text/finetune-llm-lora": [
        "dataset={use: austen, tokenizer: {use: characters}, context: 32}",
        "model.name_or_path=null",
        f"model.config={{model_type: llama, vocab_size: 128, hidden_size: 16, intermediate_size: 32, {ONE_BLOCK}}}",
        "model.config.num_key_value_heads=2",
        *(*WRITTEN, "trainer.precision=32-true", "trainer.max_epochs=3"),
    ],
    "text/gpt2-small": [
        "dataset={use: austen, tokenizer: {use: characters}, context: 32}",
        *(*NARROW, *WRITTEN, "model.heads=2", "loader.workers=0", "engine.compile=false"),
        *("trainer.strategy=auto", "trainer.precision=32-true", "trainer.max_epochs=3"),
    ],
    "text/language-id": _ensemble("mean", "peaks", "cnn", "mid", "far"),
    "text/sentiment": _ensemble("near", "far"),
    "text/topics": ["dataset={use: movie_sentiment, tokenizer: {use: words}}", *TEXTS],
    "text/translate-en-de": _translators("model.model.one", "model.model.other"),
    "text/translate-help": ["dataset={use: interface_strings, memory: 1, lexicon: 3}", *_translators("model")],
    "vision/cifar10": [*IN_GREY, *SMALL, "model.model.depth=20", "trainer.max_epochs=15"],
    "vision/digit-detection": [*SCENES, "trainer.max_epochs=4"],
    "vision/digit-recognition": [*SCENES, "trainer.max_epochs=12"],
    "vision/digit-segmentation": [*SCENES, "trainer.max_epochs=4"],
    "vision/digits": [],
    "vision/fashion-mnist": ["dataset=digits", *SMALL, "trainer.max_epochs=25"],
    "vision/fashion-mnist-long": ["dataset=digits", *SMALL, "trainer.max_epochs=10"],
    "vision/finetune": ["dataset=digits", *SMALL, "model.arch=resnet18", "model.weights=null", "trainer.max_epochs=3"],
    "vision/imagenet-resnet50": [
        *(*IN_GREY, *SMALL, "model.depth=18", "transforms.train.random_resized_crop.size=32"),
        *(
            "trainer.strategy=auto",
            "trainer.limit_train_batches=12",
            "trainer.limit_val_batches=2",
            "trainer.max_epochs=3",
        ),
    ],
    "vision/lfw-recognition": ["dataset=held_out_digits", *SCENES, *SMALL, "trainer.max_epochs=3"],
    "vision/mnist-mlp": ["dataset=digits", "trainer.max_epochs=150"],
    "vision/pets-segmentation": [
        "dataset={use: digit_scenes, target: masks, channels: 3}",
        *(*SCENES, *SMALL, "model.weights=null", "trainer.max_epochs=3"),
    ],
    "vision/tree-crowns": [
        "dataset={use: digit_scenes, channels: 3}",
        *(*SCENES, "transforms.train.random_resized_crop.size=64", "trainer.max_epochs=4"),
        "trainer.check_val_every_n_epoch=1",
    ],
}
"""The recipes that are shipped, with what makes each train without a download, and for long enough to be killed."""
REFUSED = {
    "speech/asterisk": "batches of one shape alone",
    "speech/spoken-codes": "batches of one shape alone",
    "vision/digit-detection": "a batch is a pair",
    "vision/tree-crowns": "a batch is a pair",
}
"""The recipes whose models cannot be exported. Of a recurrent network torch writes out every step; a detector's batch
holds boxes, and its model gives as many as it finds."""
ONE_STEP = [
    *("trainer.max_epochs=1", "trainer.limit_train_batches=1", "trainer.limit_val_batches=1"),
    *("trainer.limit_test_batches=1", "trainer.devices=1", "trainer.accelerator=cpu", "loggers.wandb=null"),
]
PROCESSES = (1, 2)
ENDS = """
import os, resource, signal
if os.environ.get("RANK", "0") == os.environ.get("KILLED_RANK"):
    if "KILLED_AFTER" in os.environ:
        # At the hard limit the kernel sends SIGKILL, whatever the process is doing.
        resource.setrlimit(resource.RLIMIT_CPU, (int(os.environ["KILLED_AFTER"]),) * 2)
    if "KILLED_WRITING" in os.environ:
        fsync, left = os.fsync, [int(os.environ["KILLED_WRITING"])]

        def counted(file):
            if ".ckpt." in os.readlink(f"/proc/self/fd/{file}"):
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
            fsync(file)

        os.fsync = counted
"""

pytestmark = pytest.mark.slow


def test_every_shipped_recipe_is_here() -> None:
    assert {recipe.name for recipe in list_recipes(Registry.scan())} == set(OFFLINE)
    assert len(OFFLINE) * len(PROCESSES) >= 20, "each of these is killed at least once"


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Calls the toolkit, and returns the exit code and the seconds of processor time."""
    (tmp_path / "sitecustomize.py").write_text(ENDS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("WANDB_MODE", "disabled")

    def called(*arguments: str, root: Path, **killed: int) -> tuple[int, float]:
        environment = {**os.environ, "TOOLKIT_RUNS": str(root), **{key: str(value) for key, value in killed.items()}}
        command = [sys.executable, "-m", "toolkit", *arguments]
        before = os.times()
        ended = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=900)
        assert ended.returncode == 0 or killed, ended.stderr
        after = os.times()
        taken = after.children_user - before.children_user + after.children_system - before.children_system
        return ended.returncode, taken

    return called


@pytest.mark.parametrize("processes", PROCESSES)
@pytest.mark.parametrize("name", OFFLINE)
def test_killed_at_random_moments(name: str, processes: int, call: Any, tmp_path: Path) -> None:
    overrides = [*OFFLINE[name], f"trainer.devices={processes}", "trainer.accelerator=cpu", "engine.save.steps=7"]
    _, seconds = call("run", name, *overrides, root=tmp_path / "whole")
    (whole,) = list_runs(tmp_path / "whole")
    assert whole.read_json()["loop"]["path"] == "fast"
    # Of one process, at most: several have a supervisor, and all start small programs.
    length = seconds / (processes if processes == 1 else processes + 1)
    root, moments = tmp_path / "killed", random.Random()
    # Most of the first seconds are spent on imports. Only rank 0 writes checkpoints.
    anywhere = {"KILLED_AFTER": round(moments.uniform(0.4, 0.8) * length), "KILLED_RANK": moments.randrange(processes)}
    writing = {"KILLED_WRITING": moments.randrange(1, 4), "KILLED_RANK": 0}
    kills = 0
    for killed in (anywhere, writing, {}):
        runs = list_runs(root) if root.exists() else []
        # A run may be killed when it has just said that it is finished.
        if runs and runs[0].read_json()["status"] == FINISHED:
            break
        begun = bool(runs) and newest_whole(runs[0].checkpoints)[0] is not None
        code, _ = call(*(["resume", "last"] if begun else ["run", name, *overrides]), root=root, **killed)
        if code != 0:
            # One process is just gone; a supervisor lives to tell of a rank, unless it was killed itself.
            told = code == EXIT_RUN and "(SIGKILL" in list_runs(root)[0].read_json()["reason"]
            assert code == -signal.SIGKILL or told, code
            kills += 1
    assert kills
    assert_equal(list_runs(root)[0], whole)


def assert_equal(folder: RunFolder, whole: RunFolder) -> None:
    assert folder.metrics_csv.read_bytes() == whole.metrics_csv.read_bytes()
    assert folder.read_json()["metrics"] == whole.read_json()["metrics"]
    ends = [list_saved(run.checkpoints)[-1].path for run in (folder, whole)]
    assert ends[0].name == ends[1].name
    one, other = (torch.load(path, weights_only=True)["state_dict"] for path in ends)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("name", OFFLINE)
def test_its_model_is_exported(name: str) -> None:
    toolkit.run(toolkit.load(name, [*OFFLINE[name], *ONE_STEP]))
    if name in REFUSED:
        with pytest.raises((RequestError, RunError), match=REFUSED[name]):
            toolkit.export("last", "served")
        assert not Path("served").exists()
    else:
        done = toolkit.export("last", "served")
        assert "(batch" in str(done.inputs)
        assert "batch" in str(done.outputs)
        # Texts and sounds of any length; a recurrent network is traced step by step.
        if name.startswith(("text/", "speech/")) and name != "text/char-lm-lstm":
            assert "n1" in str(done.inputs)
