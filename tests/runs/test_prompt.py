"""Texts given on the command line: what a task goes on with, piece by piece, and rows where it does not."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from toolkit.cli import main
from toolkit.errors import RequestError
from toolkit.runs import predict_prompts, run
from toolkit.tracking.folder import RunFolder

CODE = '''
import os
import signal
from typing import Literal

import torch
from toolkit.tasks.classification import Classification


class Counts(Classification):
    """Goes on with numbers."""

    def continued(self, prompts, facts, *, max_tokens: int = 3, first: float = 0.0,
                  order: Literal["up", "down"] = "up", stop: list[str] | None = None):
        assert facts["num_classes"] == 3
        assert not torch.is_grad_enabled() and not self.training
        for step in range(max_tokens):
            for number, prompt in enumerate(prompts):
                text = f" {first + (step if order == 'up' else -step):g}"
                if stop and text.strip() in stop:
                    return
                yield number, text
            if step == 0 and "GATE" in os.environ:
                open(os.environ["GATE"]).read()
            if step == 0 and "SENDS" in os.environ:
                os.kill(os.getpid(), getattr(signal, os.environ["SENDS"]))


class Lost(Counts):
    def continued(self, prompts, facts):
        yield len(prompts), "nobody's"


class Broken(Counts):
    def continued(self, prompts, facts, *, much: int):
        yield 0, "some"
        raise OSError("the dictionary burnt")
'''


@pytest.fixture
def trained(recipe: Any, tmp_path: Path, capsys: Any) -> Callable[..., RunFolder]:
    """A run of a task, whose data is gone afterwards."""

    def make(task: str) -> RunFolder:
        (tmp_path / "tasks.py").write_text(CODE)
        (tmp_path / "gone").unlink(missing_ok=True)
        task = task if task == "classification" else f"./tasks.py:{task}"
        changes = {"callbacks": None, "trainer": {"max_epochs": 1, "accelerator": "cpu"}, "scheduler": None}
        folder = RunFolder(run(recipe(**changes, task=task, dataset={"use": "./parts.py:Named"})).folder)
        (tmp_path / "gone").touch()
        capsys.readouterr()
        return folder

    return make


def test_one_text_is_printed_as_it_is_gone_on_with(trained: Any, capsys: Any) -> None:
    trained("Counts")
    assert main(["predict", "last", "--prompt", "one", "--allow-code"]) == 0
    assert capsys.readouterr().out == " 0 1 2\n"
    arguments = ["max_tokens=5", "first=-2", "order=down", "stop=['-5']"]
    assert main(["predict", "last", *arguments, "--prompt", "one", "--allow-code"]) == 0
    assert capsys.readouterr().out == " -2 -3 -4\n"


def test_several_texts_are_rows_and_so_is_one_in_a_file(trained: Any, capsys: Any) -> None:
    folder = trained("Counts")
    two = ["predict", "last", "--prompt", "one", "--prompt", "two", "max_tokens=2", "--allow-code"]
    rows = [{"input": "one", "text": " 0 1"}, {"input": "two", "text": " 0 1"}]
    assert main(two) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == rows
    assert main([*two, "--output", "found.csv"]) == 0
    with Path("found.csv").open() as file:
        assert list(csv.DictReader(file)) == rows
    assert main(["predict", "last", "--prompt", "two", "max_tokens=1", "--output", "one.jsonl", "--allow-code"]) == 0
    assert json.loads(Path("one.jsonl").read_text()) == {"input": "two", "text": " 0"}
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "1 row in one.jsonl, by epoch-0001.ckpt" in printed.err
    done = predict_prompts(folder, ["one", "two"], ["max_tokens=2"], allow_code=True)
    assert (done.rows, done.count) == (rows, 2)


WRONG: list[tuple[list[str], str]] = [
    (["max_tokes=5"], "tasks.py:Counts goes on with a text by no argument 'max_tokes'. Did you mean 'max_tokens'?"),
    (["x=5"], "no argument 'x'. There are: max_tokens, first, order, stop"),
    (["max_tokens.a=5"], "no argument 'max_tokens.a'"),
    (["max_tokens=many"], "max_tokens=many   max_tokens: expected a whole number, got the text 'many'"),
    (["max_tokens=1.5"], "expected a whole number, got 1.5"),
    (["order=u"], "order: expected one of 'up', 'down', got the text 'u'"),
    (["stop=[a, 1]"], "stop.1: expected text, got 1; write '1'"),
    (["max_tokens", "=", "5"], "write max_tokens=5 without spaces around `=`"),
    (["a.txt", "max_tokens=5"], "--prompt takes the place of files: leave out a.txt, or --prompt"),
    (["-"], "--prompt takes the place of files: leave out -, or --prompt"),
    (["--pictures", "drawn"], "tasks.py:Counts goes on with texts, of which there are no pictures"),
]


def test_what_is_asked_wrong_is_told(trained: Any, capsys: Any) -> None:
    trained("Counts")
    for words, told in WRONG:
        assert main(["predict", "last", "--prompt", "one", *words, "--allow-code"]) == 2, words
        printed = capsys.readouterr()
        assert told in printed.err
        assert printed.out == ""


def test_all_wrong_arguments_are_told_at_once(trained: Any, capsys: Any) -> None:
    trained("Counts")
    with pytest.raises(RequestError) as caught:
        predict_prompts("last", ["one"], ["max_tokes=5", "first=high"], allow_code=True)
    first, second = str(caught.value).splitlines()
    assert first.startswith("arguments[0]: max_tokes=5   ")
    assert first.endswith("goes on with a text by no argument 'max_tokes'. Did you mean 'max_tokens'?")
    assert second == "arguments[1]: first=high   first: expected a number, got the text 'high'"
    assert main(["predict", "last", "--allow-code"]) == 2
    assert "INPUT... is missing: name files, folders or -, or give a text with --prompt" in capsys.readouterr().err


def test_a_task_that_goes_wrong_is_blamed(trained: Any, capsys: Any) -> None:
    trained("Broken")
    assert main(["predict", "last", "--prompt", "one", "--allow-code"]) == 2
    assert "tasks.py:Broken needs much=VALUE to go on with a text" in capsys.readouterr().err
    assert main(["predict", "last", "--prompt", "one", "much=1", "--allow-code"]) == 3
    printed = capsys.readouterr()
    assert printed.out == "some\n"
    assert "the prediction failed: task " in printed.err
    assert "tasks.py:Broken) raised OSError: the dictionary burnt" in printed.err
    trained("Lost")
    assert main(["predict", "last", "--prompt", "one", "--allow-code"]) == 3
    assert "tasks.py:Lost went on with text 1, of 1 counted from 0" in capsys.readouterr().err


def test_other_tasks_read_a_text_as_a_file_of_it(trained: Any, capsys: Any) -> None:
    trained("classification")
    one, two = "1 2 3 4 5 6 7 8", "8 7 6 5 4 3 2 1"
    Path("two.txt").write_text(f"{one}\n{two}\n")
    assert main(["predict", "last", "two.txt", "--allow-code"]) == 0
    of_files = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert main(["predict", "last", "--prompt", one, "--prompt", two, "--allow-code"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert rows == [{**row, "input": text} for row, text in zip(of_files, (one, two), strict=True)]
    assert main(["predict", "last", "--prompt", f"{one}\n{two}", "--allow-code"]) == 0
    both = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert both == [{**row, "input": f"{one}\n{two}:{n}"} for n, row in enumerate(of_files, 1)]

    assert main(["predict", "last", "--prompt", "1 2", "--allow-code"]) == 2
    assert (
        "1 2: line 1 has 2 numbers, not 8\n1 input could not be read; 0 samples predicted." in capsys.readouterr().err
    )
    assert main(["predict", "last", "--prompt", one, "max_tokens=5", "--allow-code"]) == 2
    assert "the task classification goes on with no text and takes no arguments" in capsys.readouterr().err


@pytest.fixture
def begun(tmp_path: Path, forks: Any) -> Callable[..., tuple[Any, Callable[[], tuple[int, str]]]]:
    """Begins a command in a process of its own: a pipe from its output, and a function that waits for its end."""

    def begin(*words: str, **environment: str) -> tuple[Any, Callable[[], tuple[int, str]]]:
        errors = tmp_path / ".errors"
        with errors.open("w") as file:
            command = [sys.executable, "-m", "toolkit", *words]
            process = forks.Forked(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=file)
        return process.stdout, lambda: (process.wait(), errors.read_text())

    return begin


def test_a_piece_is_seen_before_the_next_is_there_and_a_broken_pipe_ends_it(
    trained: Any, begun: Any, tmp_path: Path
) -> None:
    trained("Counts")
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    words = ("predict", "last", "--prompt", "one", "--allow-code")
    pipe, end = begun(*words, GATE=str(gate))
    assert pipe.read(100) == b" 0"
    gate.write_text("go on")
    assert pipe.read(2) + pipe.read(100) + pipe.read(100) == b" 1 2\n"
    pipe.close()
    assert end() == (0, "")

    pipe, end = begun(*words, GATE=str(gate))
    assert pipe.read(100) == b" 0"
    pipe.close()
    gate.write_text("go on")
    assert end() == (141, "")


@pytest.mark.parametrize(("name", "code", "told"), [("SIGINT", 130, "interrupted\n"), ("SIGTERM", 143, "")])
def test_stopped_while_it_goes_on(trained: Any, begun: Any, name: str, code: int, told: str) -> None:
    trained("Counts")
    pipe, end = begun("predict", "last", "--prompt", "one", "--allow-code", SENDS=name)
    assert end() == (code, told)
    assert pipe.read(100) == b" 0\n"
