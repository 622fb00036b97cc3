"""What a mistake in the command itself leads to: a short text that says what to type, and code 2."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["rnu"], "there is no command 'rnu'. Did you mean 'run'?\n"),
        (["plugin"], "there is no command 'plugin'. Did you mean 'plugins'?\n"),
        (
            ["check", "x", "--depe"],
            "`toolkit check` has no option '--depe'. Did you mean '--deep'?\n`toolkit check --help` tells more.\n",
        ),
        (
            ["run"],
            "RECIPE is missing. Usage: toolkit run RECIPE [KEY=VALUE]\n"
            "`toolkit ls recipes` lists the recipes.\n"
            "`toolkit run --help` tells more.\n",
        ),
        (
            ["resume"],
            "RUN is missing. Usage: toolkit resume RUN [KEY=VALUE]\n"
            "`toolkit runs` lists the runs; `last` is the newest.\n"
            "`toolkit resume --help` tells more.\n",
        ),
        (["new"], "PLUGIN is missing. Usage: toolkit new PLUGIN\n`toolkit new --help` tells more.\n"),
        (["xyz"], "there is no command 'xyz'. `toolkit --help` lists the commands.\n"),
        (["ls", "-x"], "`toolkit ls` has no option '-x'.\n`toolkit ls --help` tells more.\n"),
        (["ls", "--plugin"], "Option '--plugin' requires an argument.\n"),
        (["run", "vision/digit"], "no recipe is called 'vision/digit'. Did you mean 'vision/digits'?\n"),
    ],
)
def test_what_is_wrong_and_what_to_type(toolkit, words, told):
    answer = toolkit(*words)
    assert (answer.code, answer.out, answer.err) == (2, "", told)


def test_a_run_that_is_not_there(toolkit, tmp_path):
    where = f"{tmp_path}/here/runs (TOOLKIT_RUNS is not set)"
    assert toolkit("resume", "last").err == f"there is no run yet in {where}. Start one: toolkit run RECIPE\n"
    (tmp_path / "here" / "runs" / "small" / "20260101-100000-aaaa").mkdir(parents=True)
    assert toolkit("resume", "2027").err == (
        f"there is no run '2027' in {where}. `toolkit runs` lists those that are there; `last` is the newest.\n"
    )


def test_a_word_too_many(toolkit):
    answer = toolkit("cp", "a", "b", "c")
    assert (answer.code, answer.out) == (2, "")
    # The first line is Typer's, which words it differently from version to version.
    assert answer.err.startswith("Got unexpected extra argument")
    assert answer.err.endswith("(c)\n`toolkit cp --help` tells more.\n")


def test_without_a_command_help_is_printed(toolkit):
    answer = toolkit()
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("Usage: toolkit [OPTIONS] COMMAND [ARGS]...\n")


def test_versions(toolkit):
    lines = toolkit("--version").out.splitlines()
    assert [line.split()[0] for line in lines] == ["toolkit-core", "torch", "pytorch-lightning", "plugin", "python"]
