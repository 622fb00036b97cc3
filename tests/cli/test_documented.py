"""Help, documentation and commands say the same; every example in them can be typed."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from toolkit.cli.app import app

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
COMMANDS = get_command(app).commands
DOCUMENTED = re.findall(r"(?m)^## toolkit ([\w-]+)$", PAGE)


def examples() -> list[str]:
    """Every command line in the documentation of the command line and in the help pages."""
    blocks = re.findall(r"(?ms)^```\n(.*?)^```", PAGE)
    lines = [line for block in blocks for line in block.splitlines()]
    lines += [line.strip() for command in COMMANDS.values() for line in (command.epilog or "").splitlines()]
    return sorted({line for line in lines if line.startswith("toolkit ")})


def test_every_command_is_documented_and_every_documented_command_is_there():
    assert sorted(DOCUMENTED) == sorted(COMMANDS)
    assert sorted(re.findall(r"\| \[`toolkit ([\w-]+)`\]\(#toolkit-\1\)", PAGE)) == sorted(COMMANDS)


@pytest.mark.parametrize("line", examples())
def test_an_example_can_be_typed(line):
    words = shlex.split(line)[1:]
    command = COMMANDS[words[0]]
    assert command.make_context(words[0], words[1:]).command is command


def test_there_are_examples_of_every_command():
    for name in COMMANDS:
        assert sum(line.split()[1] == name for line in examples()) >= 1, name
        assert f"toolkit {name} " in COMMANDS[name].epilog or f"toolkit {name}\n" in COMMANDS[name].epilog


def test_every_help_text_is_a_sentence():
    for name, command in COMMANDS.items():
        assert re.match(r"[A-Z].*\.$", command.help, re.DOTALL), name
        assert len(command.help.split(". ")[0].split("\n")[0]) <= 62, f"{name}: cut short in the list of commands"
        for parameter in command.params:
            assert re.match(r"[`A-Z].*\.$", parameter.help, re.DOTALL), f"{name} {parameter.name}"


def test_help_names_every_option(toolkit):
    for name, command in COMMANDS.items():
        answer = toolkit(name, "--help")
        assert answer.code == 0
        for parameter in command.params:
            assert parameter.metavar in answer.out if parameter.metavar else parameter.opts[0] in answer.out


def documented_keys(title: str, heading: str) -> set[str]:
    """The keys in the table below a heading of the section on one command."""
    section = PAGE.split(f"\n## toolkit {title}\n")[1].split("\n## ")[0]
    table = section.split(heading)[1].split("\n\n")[1]
    return {key for row in table.splitlines() for key in re.findall(r"`(\w+)`", row.split("|")[1])}


def test_json_keys_are_the_documented_ones(toolkit):
    listed = json.loads(toolkit("ls", "--json").out)
    assert set(listed) == {"recipes", "components"}
    recipes, components = "`components`, one of them", "| `file` | where it lies |"
    assert set(listed["recipes"][0]) == documented_keys("ls", recipes)
    assert set(listed["components"][0]) == documented_keys("ls", components)
    (plugin, *_) = json.loads(toolkit("plugins", "--json").out)
    assert {*plugin, "imports"} == documented_keys("plugins", "`--json`: a list of objects.")
    recipe = json.loads(toolkit("show", "vision/digits", "--json").out)
    assert set(recipe) == documented_keys("show", "`--json` of a recipe:")
    component = json.loads(toolkit("show", "--kind", "part", "lr_linear", "--json").out)
    assert set(component) == documented_keys("show", "`--json` of a component:")
