"""The codes that commands end with, and what stands on stderr."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from toolkit.errors import RequestError, RunError, ToolkitError, VerifyError
from toolkit.registry import Registry


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (ToolkitError("why"), 2, "why\n"),
        (RequestError("why\nand what to do"), 2, "why\nand what to do\n"),
        (RunError("why"), 3, "why\n"),
        (VerifyError("why"), 4, "why\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
    ],
)
def test_an_error_becomes_its_code(toolkit, monkeypatch, error, code, told):
    monkeypatch.setattr(Registry, "scan", _raising(error))
    answer = toolkit("plugins")
    assert (answer.code, answer.out, answer.err) == (code, "", told)


def test_a_mistake_of_ours_keeps_its_traceback(toolkit, monkeypatch):
    monkeypatch.setattr(Registry, "scan", _raising(ZeroDivisionError("ours")))
    with pytest.raises(ZeroDivisionError, match="ours"):
        toolkit("plugins")


@pytest.mark.parametrize("words", [["--help"], ["ls", "metrics", "--json"]])
def test_a_reader_that_goes_away_is_no_error_of_ours(tmp_path, words):
    nobody_reads, output = os.pipe()
    os.close(nobody_reads)
    done = subprocess.run(
        [sys.executable, "-m", "toolkit", *words], stdout=output, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    )
    os.close(output)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_locale_that_cannot_write_a_character_does_not_end_a_command(tmp_path):
    (tmp_path / "recipe.yaml").write_text("# Ziffern für alle — ≥ 0.98\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "toolkit", "show", "recipe.yaml"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PYTHONIOENCODING": "ascii", "PATH": "", "PYTHONPATH": ":".join(sys.path)},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("# Ziffern f\\xfcr alle \\u2014 \\u2265 0.98\n")


def _raising(error):
    def raises(*_arguments):
        raise error

    return raises
