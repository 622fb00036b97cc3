"""docs/tutorial.md, done as it says from an empty folder: every command, every file, every edit, in their order.

What the page shows of an output is looked for in it: each line in its place, with any other lines between them, ``...``
for anything, and numbers with a point, times and ids of runs for any such.

The processor time that the commands take is printed at the end: `pytest -m slow -rP tests/test_tutorial.py`.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Block:
    """One code block of the page."""

    language: str
    text: str
    code: int
    """What its last command ends with, as a comment before it says."""


def blocks() -> list[Block]:
    found = re.findall(r"(?ms)(?:^<!-- exit (\d+) -->\n\n)?^```(\w+)\n(.*?)^```$", PAGE)
    return [Block(language, text, int(code or 0)) for code, language, text in found]


def assert_shown(shown: str, output: str) -> None:
    """Every line of ``shown`` stands in ``output``, in this order."""
    lines = [_spaced(line) for line in output.splitlines()]
    for line in filter(None, map(_spaced, shown.splitlines())):
        pattern = ".*".join(re.escape(part) for part in line.split("..."))
        at = next((number for number, each in enumerate(lines) if re.fullmatch(pattern, each)), None)
        assert at is not None, f"{line!r} is not in\n{output}"
        lines = lines[at + 1 :]


def _spaced(line: str) -> str:
    """A line without what differs from run to run: spaces of columns, measured numbers, times, ids of runs."""
    line = re.sub(r"\d{8}-\d{6}-[a-z]{4}", "ID", " ".join(line.split()))
    line = re.sub(r"(?<![\d.])(?<!>= )\d+\.\d+(?![\d.])", "NUMBER", line)
    return re.sub(r"NUMBER s\b|\d+ (s|min)$", "TIME", re.sub(r"epoch \d+, ", "epoch E, ", line))


def edited(text: str, edit: str) -> str:
    """``text`` after an edit, whose lines begin with ``-`` where they go, ``+`` where they come, else with a space."""
    lines = edit.splitlines(keepends=True)
    before = "".join(line[1:] for line in lines if line[0] in " -")
    after = "".join(line[1:] for line in lines if line[0] in " +")
    assert text.count(before) == 1, f"{before!r} stands {text.count(before)} times in\n{text}"
    return text.replace(before, after)


class Reader:
    """Who does what the page says, in one shell."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = environment
        self.state = folder.parent / "state"
        self.output = ""
        self.took: list[tuple[float, str]] = []
        """Seconds of processor time, and text, of every command."""

    def do(self, block: Block) -> None:
        """One block of the page."""
        if block.language == "text":
            assert_shown(block.text, self.output)
        elif block.language == "diff":
            name, edit = block.text.split("\n", 1)
            file = self.folder / name.removeprefix("--- ")
            file.write_text(edited(file.read_text(encoding="utf-8"), edit), encoding="utf-8")
        elif block.language == "python":
            name, text = block.text.split("\n", 1)
            (self.folder / name.removeprefix("# ")).write_text(text, encoding="utf-8")
        else:
            assert block.language == "sh"
            self.output = ""
            commands = block.text.splitlines()
            for number, command in enumerate(commands):
                self.type(command, block.code if number == len(commands) - 1 else 0)

    def type(self, command: str, code: int = 0) -> None:
        """One command, in the shell as the ones before have left it."""
        # The shell says afterwards where it is and what its variables are.
        before = processor_time()
        script = f"{command}\ncode=$?\npwd > {shlex.quote(str(self.state))}\nenv -0 >> {shlex.quote(str(self.state))}"
        done = subprocess.run(
            ["bash", "-c", f"{script}\nexit $code"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.took.append((processor_time() - before, command))
        self.output += done.stdout
        assert done.returncode == code, f"{command}\n{done.stdout}"
        place, _, variables = self.state.read_text(encoding="utf-8").partition("\n")
        self.folder = Path(place)
        self.environment = dict(each.split("=", 1) for each in variables.split("\0") if each)


def processor_time() -> float:
    """Seconds that the processes which this one has started, and waited for, have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


PROGRAMS = ("mypy", "pip", "pytest", "ruff")
"""Programs of packages that the new environment sees in another folder, where their commands are not."""


@pytest.fixture
def reader(tmp_path: Path, third_party: Path) -> Reader:
    """Somebody with an empty folder and no network, whose pip does not have to download 5 GB."""
    folder = tmp_path / "empty"
    folder.mkdir()
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "TOOLKIT_", "VIRTUAL_ENV", "WANDB_"))
    }
    offline = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_DEPS": "1"}
    known = {"user.name": "A Reader", "user.email": "reader@example.org", "commit.gpgsign": "false"}
    git = {
        f"GIT_CONFIG_{what}_{number}": text
        for number, pair in enumerate(known.items())
        for what, text in zip(("KEY", "VALUE"), pair, strict=True)
    }
    git["GIT_CONFIG_COUNT"] = str(len(known))
    return Reader(folder, {**inherited, **offline, **git, "PIP_DISABLE_PIP_VERSION_CHECK": "1"})


def install_commands(block: Block, reader: Reader, third_party: Path) -> Iterator[str]:
    """The commands of the page's first block, prepared so that nothing is downloaded."""
    clone, venv, activate, install = block.text.splitlines()
    assert clone == "git clone <this repository> toolkit"
    (reader.folder / "toolkit").symlink_to(ROOT)
    assert venv == "python3 -m venv .venv"
    yield f"{shlex.quote(sys.executable)} -m venv --without-pip .venv"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    environment = reader.folder / ".venv"
    (environment / "lib" / version / "site-packages" / "third-party.pth").write_text(f"{third_party}\n")
    for name in PROGRAMS:
        program = environment / "bin" / name
        # ruff is no Python: its program lies in the environment that the tests run in.
        python = sys.executable if name == "ruff" else environment / "bin" / "python"
        program.write_text(f'#!/bin/sh\nexec "{python}" -m {name} "$@"\n')
        program.chmod(0o755)
    yield from (activate, install)


YOURS = "pip install git+<your repository>"


def install_elsewhere(reader: Reader, environment: Any) -> None:
    """What others do with what the reader has published: the wheel, and the repository."""
    environment.install("--editable", ROOT)
    (wheel,) = (reader.folder / "dist").iterdir()
    for what in (str(wheel), YOURS.removeprefix("pip install ").replace("<your repository>", reader.folder.as_uri())):
        environment.install("--force-reinstall", what)
        done = environment.run("toolkit", "ls", "--plugin", "acme-shapes", "--json")
        assert done.returncode == 0, done.stderr
        listed = json.loads(done.stdout)
        assert [each["name"] for each in listed["components"]] == ["acme_shapes_conv", "acme_shapes_bars"]
        (recipe,) = listed["recipes"]
        assert (recipe["name"], recipe["problem"]) == ("acme-shapes/bars", "")
        done = environment.run("toolkit", "check", "--deep", "acme-shapes/bars")
        assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_page_can_be_followed(reader: Reader, third_party: Path, new_environment: Callable[[], Any]) -> None:
    install, *rest = blocks()
    for command in install_commands(install, reader, third_party):
        reader.type(command)
    assert reader.environment["VIRTUAL_ENV"] == str(reader.folder / ".venv")
    for block in rest:
        if block.text.strip() == YOURS:
            install_elsewhere(reader, new_environment())
        else:
            reader.do(block)
    reader.output = ""
    reader.type("git ls-files")
    kept = {f"acme-shapes/{name}" for name in reader.output.splitlines()}
    (written,) = (block.text.split() for block in rest if block.text.startswith("acme-shapes/.github"))
    assert kept == {name.replace("mlp.py", "conv.py") for name in written}
    assert len(rest) > 20
    reader.took.append((sum(seconds for seconds, _ in reader.took), "all commands"))
    print("\n".join(f"{seconds:6.1f} s  {command}" for seconds, command in reader.took))


def test_the_page_shows_and_edits_what_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same without an environment: what is shown of files stands in them, and the edits fit."""
    from toolkit.scaffold import check_name, chosen_examples, plan, write

    names = check_name("acme-shapes")
    folder = write(plan(names, chosen_examples(())), tmp_path)
    reader = Reader(folder, dict(os.environ))
    seen = 0
    for block in blocks():
        looks = block.language == "sh" and block.text.startswith(("cat ", "grep ", "mv "))
        if looks or block.language in ("python", "diff") or (block.language == "text" and reader.output):
            reader.do(block)
            seen += 1
        elif block.language == "sh":
            reader.output = ""
    assert seen == 11
    assert not (folder / "net.py").exists()
    for words in (["check"], ["format", "--check"]):
        done = subprocess.run([sys.executable, "-m", "ruff", *words, "."], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout
