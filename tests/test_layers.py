"""Who may import whom: the one direction of the core, and the seam between the core and its plugins.

Read from the syntax tree, so that an import inside a function counts too; what stays light is tried in a new process.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

LAYERS = (
    ("errors",),
    ("checksum",),
    ("registry",),
    ("recipe",),
    ("check",),
    ("hooks",),
    ("build",),
    ("engine", "data", "tasks", "tracking"),
    ("runs",),
    ("testing",),
    ("schema",),
    ("scaffold",),
    ("cli",),
)
"""Left of the page may not import right; those in one layer may import each other."""

RANKS = {name: rank for rank, names in enumerate(LAYERS) for name in names}

APART = {
    "__init__": "the public API: fetches each name when it is first used",
    "__main__": "runs the command line",
    "builtin": "components like a plugin's: imports nothing of the core, and nothing of the core imports it",
}
"""Modules of the core that stand in no layer, each with its reason."""

LIGHT = ("errors", "checksum", "registry", "recipe")
"""What may not import torch, nor anything as heavy."""

HEAVY = ("torch", "torchvision", "torchmetrics", "pytorch_lightning", "wandb", "matplotlib", "pydantic")


def imports(file: Path, package: str) -> Iterator[tuple[int, str]]:
    """Line and full name of every module or name that ``file``, a module of ``package``, imports anywhere in it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), str(file))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                yield node.lineno, f"{origin}.{alias.name}"
        elif isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "__import__") and node.args and isinstance(node.args[0], ast.Constant):
                yield node.lineno, str(node.args[0].value)


def modules(package: Path) -> list[tuple[Path, str]]:
    """Every file of a package, with the full name of the package it is in."""
    return [(file, ".".join(file.parent.relative_to(package.parent).parts)) for file in sorted(package.rglob("*.py"))]


def top(file: Path, package: Path) -> str:
    """The first part of a module's name inside its package: ``build`` for ``toolkit/build/construct.py``."""
    return file.relative_to(package).parts[0].removesuffix(".py")


def wrong_imports(core: Path) -> list[str]:
    """Every import in the core package at ``core`` that goes against the direction, one line each."""
    found = []
    for file, package in modules(core):
        importer = top(file, core)
        for line, name in imports(file, package):
            parts = name.split(".")
            if parts[0] != core.name:
                continue
            imported = parts[1] if len(parts) > 1 and (parts[1] in RANKS or parts[1] in APART) else "__init__"
            if imported == importer or (importer in APART and importer != "builtin"):
                continue
            if imported in APART or importer in APART or RANKS[imported] > RANKS[importer]:
                found.append(f"{file.relative_to(core.parent)}:{line}: {importer} imports {name}")
    return found


def plugin_packages() -> dict[str, list[Path]]:
    """The packages of each first-party plugin, by the name of its folder."""
    plugins = {
        project.parent.name: [
            project.parent / package
            for package in tomllib.loads(project.read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
        ]
        for project in sorted(ROOT.glob("plugins/*/pyproject.toml"))
    }
    assert "toolkit-vision" in plugins
    return plugins


def test_the_core_imports_in_one_direction():
    core = ROOT / "toolkit"
    seen = {top(file, core) for file, _ in modules(core)}
    assert seen == {*RANKS, *APART}, "a new top-level module of the core needs a place in LAYERS"
    assert wrong_imports(core) == []


@pytest.mark.parametrize(
    ("module", "line", "wrong"),
    [
        ("registry/scan.py", "from toolkit.recipe import load", True),
        ("registry/scan.py", "import toolkit.cli.main", True),
        ("registry/scan.py", "from toolkit import run", True),
        ("registry/scan.py", "import toolkit", True),
        ("registry/scan.py", "from ..check import resolve", True),
        ("registry/scan.py", "from .. import check", True),
        ("registry/scan.py", "def later():\n    from toolkit.build import build", True),
        ("registry/scan.py", "import importlib\nimportlib.import_module('toolkit.check')", True),
        ("build/construct.py", "from toolkit.builtin.phases import Phase", True),
        ("builtin/schedulers.py", "from toolkit.errors import RequestError", True),
        ("registry/scan.py", "from .entry import Entry", False),
        ("registry/scan.py", "from . import entry", False),
        ("recipe/load.py", "from toolkit.registry.entry import Entry", False),
        ("data/module.py", "from toolkit.engine import seed", False),
        ("errors.py", "import toolkits_of_somebody_else", False),
        ("__init__.py", "from toolkit.runs import run", False),
    ],
)
def test_a_wrong_import_is_seen(tmp_path, module, line, wrong):
    file = tmp_path / "toolkit" / module
    file.parent.mkdir(parents=True)
    file.write_text(line)
    assert bool(wrong_imports(tmp_path / "toolkit")) is wrong


def test_the_core_imports_no_plugin_and_plugins_do_not_import_each_other():
    packages = plugin_packages()
    names = {package.name: plugin for plugin, folders in packages.items() for package in folders}
    sources = [
        ("toolkit-core", ROOT / "toolkit"),
        *((p, folder) for p, folders in packages.items() for folder in folders),
    ]
    wrong = []
    for owner, folder in sources:
        found = modules(folder)
        assert found, f"{folder} holds no module"
        for file, package in found:
            for line, name in imports(file, package):
                if names.get(name.partition(".")[0], owner) != owner:
                    wrong.append(f"{file.relative_to(ROOT)}:{line}: {owner} imports {name}")
    assert wrong == []


def loaded(statement: str) -> set[str]:
    """The top-level names of all modules that a new process has loaded after ``statement``."""
    script = (
        f"{statement}\nimport json, sys\nprint(json.dumps(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("module", ["toolkit", *(f"toolkit.{name}" for name in LIGHT), "toolkit.hooks", "toolkit.cli"])
def test_what_stays_light_loads_nothing_heavy(module):
    names = loaded(f"import {module}")
    assert "toolkit" in names
    assert names.isdisjoint(HEAVY)


def test_the_light_layers_import_nothing_heavy_inside_functions_either():
    core = ROOT / "toolkit"
    wrong, seen = [], set()
    for file, package in modules(core):
        if top(file, core) in LIGHT:
            seen.add(top(file, core))
            for line, name in imports(file, package):
                if name.partition(".")[0] in HEAVY:
                    wrong.append(f"{file.relative_to(ROOT)}:{line}: imports {name}")
    assert seen == set(LIGHT)
    assert wrong == []
