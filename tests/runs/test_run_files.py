"""What a dataset makes of its data and a run keeps: given back whenever the run is used again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import toolkit
from toolkit.cli import main
from toolkit.errors import RequestError
from toolkit.recipe import Recipe, load
from toolkit.runs import resume, retest, run
from toolkit.tracking.folder import RunFolder

CODE = '''
import json
import os

import torch
from torch import nn
from toolkit.tasks.classification import Classification


def learnt():
    """Another vocabulary in every process that has to learn one: what the data looks like is up to the shell."""
    words = os.environ.get("WORDS", "a b c").split()
    return json.dumps({word: number for number, word in enumerate(words)}).encode()


class Words:
    """Notes whether it was given its vocabulary or had to learn it."""

    def __init__(self, run_files=None):
        with open("built.txt", "a") as file:
            file.write(f"{os.environ.get('RANK', 'alone')} {sorted(run_files) if run_files is not None else None}\\n")
        kept = (run_files or {}).get("words.json")
        self.run_files = {"words.json": kept if kept is not None else learnt()}
        size = len(json.loads(self.run_files["words.json"]))
        tokens = torch.arange(60).reshape(30, 2) % size
        self.train = (tokens[:20], tokens[:20, 0])
        self.val = self.test = (tokens[20:], tokens[20:, 0])
        self.facts = {"vocab_size": size, "num_classes": size, "task": "multiclass"}

    @staticmethod
    def reader(facts, run_files):
        return Lines(json.loads(run_files["words.json"]))


class Lines:
    suffixes = (".txt",)

    def __init__(self, words):
        self.words = words

    def read(self, name, stream):
        yield name, torch.tensor([self.words[word] for word in stream.read().decode().split()])


class Deaf(Words):
    """Does not take what the run keeps."""

    def __init__(self):
        super().__init__()


class Wrong(Words):
    def __init__(self, how: str):
        super().__init__()
        self.run_files = {
            "name": {"../words.json": b""}, "hidden": {".words": b""}, "text": {"words.json": "a"}, "list": [b"a"],
        }[how]


class Net(nn.Module):
    def __init__(self, vocab_size, num_classes, run_files):
        super().__init__()
        self.words = sorted(json.loads(run_files["words.json"]))
        self.layers = nn.Sequential(nn.Embedding(vocab_size, 4), nn.Flatten(), nn.Linear(8, num_classes))

    def forward(self, inputs):
        return self.layers(inputs)


class Named(Classification):
    def __init__(self, *, model, loss, optimizer=None, run_files=None):
        super().__init__(model, loss, optimizer=optimizer)
        self.words = sorted(json.loads(run_files["words.json"]))

    def rows(self, batch, facts):
        return [{**row, "words": self.words + self.model.words} for row in super().rows(batch, facts)]
'''

RECIPE = """
task: ./words.py:Named
dataset: ./words.py:Words
loader: {batch_size: 5}
model: ./words.py:Net
loss: cross_entropy
optimizer: {use: sgd, lr: 0.1}
trainer: {max_epochs: 1, accelerator: cpu}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Callable[..., Recipe]:
    (tmp_path / "words.py").write_text(CODE)
    (tmp_path / "words.yaml").write_text(RECIPE)
    return lambda *overrides: load(str(tmp_path / "words.yaml"), overrides, allow_code=True)


def built() -> list[str]:
    """Who built the dataset since the last look, and with which files."""
    path = Path("built.txt")
    lines = path.read_text().splitlines()
    path.unlink()
    return lines


def test_they_are_learnt_once_and_given_back(recipe: Any, monkeypatch: Any) -> None:
    folder = RunFolder(run(recipe()).folder)
    assert built() == ["alone None"]
    words = folder.files / "words.json"
    assert json.loads(words.read_bytes()) == {"a": 0, "b": 1, "c": 2}
    assert list(folder.read_json()["files"]) == ["words.json"]

    monkeypatch.setenv("WORDS", "z y x w")  # the data is another by now
    resume(folder, ["trainer.max_epochs=2"], allow_code=True)
    retest(folder, allow_code=True)
    assert built() == ["alone ['words.json']"] * 2
    Path("some.txt").write_text("c a")
    (row,) = toolkit.predict(folder.path, ["some.txt"], allow_code=True).rows
    assert row["words"] == ["a", "b", "c"] * 2, "of the task and of the model"
    assert not Path("built.txt").exists()
    assert json.loads(words.read_bytes()) == {"a": 0, "b": 1, "c": 2}

    again = RunFolder(run(recipe()).folder)
    assert built() == ["alone None"]
    assert json.loads((again.files / "words.json").read_bytes()) == {"z": 0, "y": 1, "x": 2, "w": 3}


@pytest.mark.usefixtures("forked_ranks")
def test_every_process_takes_those_that_the_first_has_made(recipe: Any) -> None:
    folder = RunFolder(run(recipe("trainer.devices=2")).folder)
    first, *ranks = built()
    assert first == "alone None"
    assert sorted(ranks) == ["0 ['words.json']", "1 ['words.json']"]
    assert json.loads((folder.files / "words.json").read_bytes()) == {"a": 0, "b": 1, "c": 2}


def test_a_run_does_not_go_on_without_them(recipe: Any, capsys: Any) -> None:
    folder = RunFolder(run(recipe()).folder)
    kept = folder.files / "words.json"
    Path("some.txt").write_text("c a")
    kept.write_bytes(kept.read_bytes().replace(b"a", b"q"))
    with pytest.raises(RequestError, match=rf"words.json is not what the run wrote: .* when run {folder.id} began"):
        retest(folder, allow_code=True)
    shutil.rmtree(folder.files)
    for words in (["resume", "last", "trainer.max_epochs=2"], ["test", "last"], ["predict", "last", "some.txt"]):
        assert main([*words, "--allow-code"]) == 2
        assert "files/words.json is missing: the dataset made it" in capsys.readouterr().err


def test_a_dataset_that_does_not_take_them_may_not_make_others(recipe: Any, monkeypatch: Any) -> None:
    folder = run(recipe("dataset=./words.py:Deaf")).folder
    resume(folder, ["trainer.max_epochs=2"], allow_code=True)
    monkeypatch.setenv("WORDS", "z y x")
    with pytest.raises(RequestError, match=r"Deaf' .* makes another words.json than the run keeps"):
        resume(folder, ["trainer.max_epochs=3"], allow_code=True)


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("name", "calls one of its `run_files` '../words.json'; they are bytes by the plain name of a file"),
        ("hidden", "calls one of its `run_files` '.words'"),
        ("text", "gives str for the run file 'words.json'"),
        ("list", "has `run_files` that are a list"),
    ],
)
def test_what_is_no_file_is_refused_before_there_is_a_run(recipe: Any, runs: Path, how: str, told: str) -> None:
    with pytest.raises(RequestError) as caught:
        run(recipe(f"dataset={{use: './words.py:Wrong', how: {how}}}"))
    assert told in str(caught.value)
    assert not runs.exists()


def test_a_recipe_cannot_set_them(recipe: Any) -> None:
    for block in ("dataset", "model", "task"):
        with pytest.raises(RequestError, match=r"is given 'run_files' by the toolkit; leave it out"):
            run(recipe(f"{block}.run_files=1"))
