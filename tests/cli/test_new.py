"""``toolkit new``: what it writes, what it refuses, and what it says to type."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from toolkit.registry import KINDS, group
from toolkit.scaffold import CHOICES, NOBODY

WRITTEN = """\
acme-shapes/.github/workflows/test.yml
acme-shapes/.gitignore
acme-shapes/LICENSE
acme-shapes/README.md
acme-shapes/acme_shapes/__init__.py
acme-shapes/acme_shapes/bars.py
acme-shapes/acme_shapes/cases.py
acme-shapes/acme_shapes/mlp.py
acme-shapes/acme_shapes/py.typed
acme-shapes/acme_shapes/recipes/acme-shapes/bars.yaml
acme-shapes/pyproject.toml
acme-shapes/tests/test_contract.py
acme-shapes/tests/test_recipe.py
"""

NEXT = """\
Next:
  cd acme-shapes
  pip install -e ".[dev]"
  toolkit ls --plugin acme-shapes
  toolkit run acme-shapes/bars
  pytest
"""

ALL = [word for kind in CHOICES for word in ("--kind", kind)]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The folder that commands are carried out in, where git knows a name."""
    for number, (key, value) in enumerate({"user.name": 'Ada "Countess" Łove\\lace'}.items()):
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{number}", key)
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{number}", value)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    return tmp_path / "here"


def project(folder: Path) -> dict:
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_a_model_and_a_dataset_where_nothing_is_chosen(toolkit, here):
    answer = toolkit("new", "acme-shapes")
    assert (answer.code, answer.out, answer.err) == (0, WRITTEN, NEXT)
    found = {f"{path.relative_to(here)}\n" for path in here.rglob("*") if path.is_file()}
    assert found == set(WRITTEN.splitlines(keepends=True))
    written = project(here / "acme-shapes")
    assert written["name"] == "acme-shapes"
    assert written["authors"] == [{"name": 'Ada "Countess" Łove\\lace'}]
    assert written["dependencies"] == ["toolkit-core>=0.1,<0.2", "torch"]
    assert 'Ada "Countess" Łove\\lace\n' in (here / "acme-shapes" / "LICENSE").read_text(encoding="utf-8")


def test_each_kind_is_offered_and_used_by_the_recipe(toolkit, here):
    assert toolkit("new", "acme-shapes", *ALL).code == 0
    folder = here / "acme-shapes"
    offered = project(folder)["entry-points"]
    kinds = {kind: offered[group(kind)] for kind in KINDS}
    assert all(len(names) == 1 for names in kinds.values())
    recipe = (folder / "acme_shapes" / "recipes" / "acme-shapes" / "bars.yaml").read_text()
    cases = (folder / "acme_shapes" / "cases.py").read_text()
    for kind, ((name, value),) in {kind: tuple(names.items()) for kind, names in kinds.items()}.items():
        module, _, attribute = value.partition(":")
        tree = ast.parse((folder / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8"))
        assert attribute in {getattr(node, "name", None) for node in tree.body}
        assert name in recipe
        assert f'kind="{kind}",\n        use="{name}"' in cases
    assert set(offered) - {group(kind) for kind in KINDS} == {"toolkit.hooks", "toolkit.recipes", "toolkit.cases"}


@pytest.mark.parametrize("kind", CHOICES)
def test_one_kind_alone_names_what_its_recipe_needs(toolkit, here, kind):
    assert toolkit("new", "acme-shapes", "--kind", kind).code == 0
    written = project(here / "acme-shapes")
    offered = {name for name in written["entry-points"] if name not in ("toolkit.recipes", "toolkit.cases")}
    own = {"recipe": set(), "hook": {"toolkit.hooks"}, "part": {"toolkit.parts", "toolkit.models"}}
    assert offered == own.get(kind, {group(kind)})
    assert "toolkit-vision" in written["dependencies"]
    (page,) = (here / "acme-shapes").rglob("*.yaml")
    recipe = yaml.safe_load(page.read_text())
    assert (recipe["dataset"] == "digits") is (kind != "dataset")


def test_the_help_lists_what_a_plugin_can_begin_with(toolkit, here):
    told = " ".join(toolkit("new", "--help").out.split())
    assert f"{', '.join(CHOICES[:-1])} or {CHOICES[-1]}; may be repeated" in told


def test_kinds_are_taken_in_the_plural_as_ls_takes_them(toolkit, here):
    assert toolkit("new", "acme-shapes", "--kind", "losses", "--kind", "hooks", "--kind", "recipes").code == 0
    assert {"toolkit.losses", "toolkit.hooks"} < set(project(here / "acme-shapes")["entry-points"])


def test_what_is_written_is_clean(toolkit, here):
    toolkit("new", "acme-shapes", *ALL)
    toolkit("new", "acme-data")
    for kind in CHOICES:
        # Names of other lengths: what fits on a line must not depend on them.
        toolkit("new", f"x{kind[0]}", "--kind", kind)
        toolkit("new", f"acme-of-a-rather-long-name-for-a-{kind}", "--kind", kind)
    assert len(list(here.iterdir())) == 2 + len({kind[0] for kind in CHOICES}) + len(CHOICES)
    for file in here.rglob("*"):
        assert file.is_dir() or "{%" not in file.read_text(encoding="utf-8"), file
    for words in (["check"], ["format", "--check"]):
        done = subprocess.run([sys.executable, "-m", "ruff", *words, "."], cwd=here, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_continuous_integration_runs_the_commands_of_the_readme(toolkit, here):
    toolkit("new", "acme-shapes")
    readme = (here / "acme-shapes" / "README.md").read_text(encoding="utf-8")
    workflow = yaml.safe_load((here / "acme-shapes" / ".github" / "workflows" / "test.yml").read_text())
    clone, *commands = [step["run"] for step in workflow["jobs"]["test"]["steps"] if "run" in step]
    assert clone.startswith("git clone ")
    assert commands[:2] == ["pip install ../toolkit", 'pip install -e ".[dev]"']
    assert commands[2:] == re.search(r"(?s)## Test\n\n```\n(.*?)\n```", readme)[1].splitlines()
    assert all(f"```\n{command}\n" in readme for command in commands[:2])


def test_where_git_knows_no_name_a_placeholder_says_so(toolkit, here, monkeypatch):
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "0")
    answer = toolkit("new", "acme-shapes")
    assert answer.err == (
        f"git knows no name of yours: put it in place of {NOBODY} in LICENSE and pyproject.toml.\n" + NEXT
    )
    assert project(here / "acme-shapes")["authors"] == [{"name": NOBODY}]
    monkeypatch.setenv("PATH", "")
    assert toolkit("new", "acme-data").err.startswith("git knows no name of yours")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Acme_Nets", "a distribution cannot be called 'Acme_Nets': its name is small letters and digits, with - "),
        ("acme.nets", "a distribution cannot be called 'acme.nets': "),
        ("acme nets", "a distribution cannot be called 'acme nets': "),
        ("AcmeNets", "a distribution cannot be called 'AcmeNets': "),
        ("acme-nets-", "a distribution cannot be called 'acme-nets-': "),
        ("acme-nets/", "a distribution cannot be called 'acme-nets/': "),
        ("-", "a distribution cannot be called '-': "),
        ("3d-nets", "Python cannot import a package that is called '3d_nets'. Type: toolkit new nets-3d\n"),
        ("3", "Python cannot import a package that is called '3'. Type: toolkit new acme-3\n"),
        ("class", "Python cannot import a package that is called 'class'. Type: toolkit new class-plugin\n"),
    ],
)
def test_a_name_that_cannot_be(toolkit, here, name, told):
    answer = toolkit("new", "--", name)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith(told)
    advice = re.search(r"Type: (toolkit new ([a-z0-9-]+))\n$", answer.err)
    assert toolkit(*advice[1].split()[1:]).code == 0


def test_a_path_is_no_name(toolkit, here):
    answer = toolkit("new", "../plugins/acme-nets")
    assert (answer.code, answer.out, answer.err) == (
        2,
        "",
        "'../plugins/acme-nets' is a path, and a plugin is written into a folder of its name here: "
        "go to where it shall lie, then type: toolkit new acme-nets\n",
    )


def test_nothing_is_written_over(toolkit, here):
    (here / "acme-shapes").write_text("mine")
    answer = toolkit("new", "acme-shapes")
    assert (answer.code, answer.out, answer.err) == (
        2,
        "",
        "acme-shapes exists already, and nothing is written over. "
        "Remove it, or choose another name: toolkit new NAME\n",
    )
    assert (here / "acme-shapes").read_text() == "mine"


def test_a_folder_that_cannot_be_made(toolkit, here):
    name = "a" * 300
    answer = toolkit("new", name)
    assert (answer.code, answer.out, answer.err) == (2, "", f"{name} cannot be made: File name too long\n")


def test_what_is_installed_keeps_its_name(toolkit, here, install):
    install("acme-shapes", {"models": {"acme_data_mlp": "acme_shapes:Net"}}, {"acme_shapes/__init__.py": ""})
    install("acme-plain", {}, {"acme_plainly/__init__.py": ""})
    install("acme-pages", {"recipes": {"x": "acme_pages"}}, {"acme_pages/acme-loss/digits.yaml": "seed: 0\n"})
    advice = " Choose another name: toolkit new NAME\n"
    told = toolkit("new", "acme-shapes").err
    assert told.startswith("a plugin that is called acme-shapes 1.0 is installed already (")
    assert told.endswith(advice)
    assert toolkit("new", "acme-plain").err == (
        "a distribution that is called acme-plain 1.0 is installed already." + advice
    )
    assert toolkit("new", "acme-plainly").err.startswith("`import acme_plainly` finds another package already (")
    assert toolkit("new", "json").err.startswith("`import json` finds another package already (")
    assert toolkit("new", "acme-data").err == "acme-shapes offers the model 'acme_data_mlp' already." + advice
    assert toolkit("new", "acme-loss", "--kind", "loss").err == (
        "acme-pages ships a recipe 'acme-loss/digits' already." + advice
    )
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("modle", "--kind modle: there is no such kind. Did you mean 'model'?\n"),
        ("xyz", f"--kind xyz: there is no such kind. There are: {', '.join(CHOICES)}.\n"),
    ],
)
def test_a_kind_that_is_none(toolkit, here, kind, told):
    answer = toolkit("new", "acme-shapes", "--kind", "model", "--kind", kind)
    assert (answer.code, answer.out, answer.err) == (2, "", told)
    assert list(here.iterdir()) == []
