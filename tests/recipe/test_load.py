"""Loading by name and by file: parents, defaults, overrides, places."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from toolkit.errors import RecipeError
from toolkit.recipe import RecipeNotFound, find_recipe, list_recipes, load, to_yaml
from toolkit.registry import Registry

CHILD = "# A child.\n# More.\nextends: ./parent.yaml\nmodel: {width: 8}\n"
PARENT = "seed: 5\nmodel: {use: net, width: 4, depth: 2}\nexpect: {test/accuracy: '>= 0.9'}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "child.yaml").write_text(CHILD)
    (tmp_path / "parent.yaml").write_text(PARENT)
    return tmp_path


@pytest.fixture(scope="module")
def empty() -> Registry:
    return Registry.scan(path=[])


def test_a_child_is_laid_over_its_parent(folder: Path, empty: Registry) -> None:
    recipe = load("child.yaml", ["model.depth=3"], registry=empty, given_in="command line")
    assert recipe.plain()["model"] == {"use": "net", "width": 8, "depth": 3}
    assert recipe.get("seed") == 5
    assert recipe.get("expect") is None, "what a parent expects is not inherited"
    assert (recipe.name, recipe.title, recipe.extends) == ("child", "A child.", ("parent.yaml",))
    assert str(recipe.place("model", "width")) == "child.yaml:4:16"
    assert str(recipe.place("seed")) == "parent.yaml:1:7"
    assert recipe.place("seed").via == "extends in child.yaml:3"
    assert str(recipe.place("model", "depth")) == "command line: model.depth=3"
    assert str(recipe.place("trainer", "devices")) == "toolkit default"
    assert recipe.get("loggers", "csv", "use") == "csv"


@pytest.mark.parametrize(
    ("comment", "title"),
    [
        ("# One line.\n# More of it.\n", "One line."),
        ("# Digits: 0.99 in 20\n# seconds. More.\n", "Digits: 0.99 in 20 seconds. More."),
        ("# No sentence\n# at all\n", "No sentence"),
        ("# No sentence\n#\n# Another paragraph.\n", "No sentence"),
        ("", ""),
    ],
)
def test_a_title_is_a_whole_sentence(tmp_path: Path, comment: str, title: str) -> None:
    (tmp_path / "mine.yaml").write_text(f"{comment}seed: 1\n")
    assert load(str(tmp_path / "mine.yaml")).title == title


def test_the_values_are_frozen(folder: Path, empty: Registry) -> None:
    recipe = load("parent.yaml", ["model.sizes=[1, 2]"], registry=empty)
    with pytest.raises(TypeError):
        recipe.values["model"]["use"] = "other"  # type: ignore[index]
    assert recipe.get("model", "sizes") == (1, 2)
    assert recipe.plain()["model"]["sizes"] == [1, 2]


@pytest.mark.parametrize(
    ("parent", "message"),
    [
        (
            "./paren.yaml",
            "child.yaml:1:10   extends: there is no file paren.yaml. Did you mean 'parent.yaml'?",
        ),
        ("./child.yaml", "child.yaml:1:10   extends: ./child.yaml extends itself, by way of its parents"),
        ("[a, b]", "child.yaml:1:10   extends: the name of one recipe is expected, such as vision/digits"),
        ("nowhere/x", "child.yaml:1:10   extends: no recipe is called 'nowhere/x'."),
    ],
)
def test_wrong_parents(folder: Path, empty: Registry, parent: str, message: str) -> None:
    (folder / "child.yaml").write_text(f"extends: {parent}\n")
    with pytest.raises(RecipeError) as caught:
        load("./child.yaml", registry=empty)
    assert message in str(caught.value)


def test_wrong_overrides_are_kept_for_the_check(folder: Path, empty: Registry) -> None:
    overrides = ["=3", "seed", "a..b=1", "model.a=&x 1", "extends=x", "metrics.gone=null", "seed=\udcff"]
    recipe = load("parent.yaml", overrides, registry=empty)
    assert [str(problem) for problem in recipe.problems] == [
        "overrides[0]: =3   '' is not a key: write names with dots between them",
        "overrides[1]: seed   an override is written key=value, such as seed=1",
        "overrides[2]: a..b=1   'a..b' is not a key: write names with dots between them",
        "overrides[3]: model.a=&x 1   `&x` is a YAML anchor; recipes refer to values as `${key}`",
        "overrides[4]: extends=x   extends: a parent is named in the recipe's file, not in an override",
        "overrides[5]: metrics.gone=null   metrics.gone: there is no metric 'gone' to remove.",
        "overrides[6]: seed=\udcff   an override must be Unicode text",
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("parent", "For the file, write ./parent.yaml"),
        ("./none.yaml", "there is no file none.yaml."),
        ("./", "is a folder; name the .yaml file in it"),
        ("vision/digit", "Did you mean 'vision/digits'?"),
        ("digits", "Did you mean 'vision/digits'?"),
        ("unheard/of", "`toolkit ls recipes` lists them."),
    ],
)
def test_recipes_that_are_not_there(folder: Path, name: str, message: str) -> None:
    with pytest.raises(RecipeNotFound) as caught:
        load(name)
    assert message in str(caught.value)


def test_recipes_of_plugins_are_found_without_importing_them(
    tmp_path: Path, install_plugin: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, recipe in (("acme_nets", "demo/net"), ("other_nets", "demo/net"), ("third_nets", "vision/digits")):
        files = {
            f"{name}/recipes/{recipe}.yaml": "# Shipped.\nseed: 1\n",
            f"{name}/__init__.py": "raise RuntimeError\n",
        }
        install_plugin(tmp_path, name.replace("_", "-"), {"recipes": {name: f"{name}.recipes"}}, files)
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = Registry.scan(path=[str(tmp_path)])
    assert "acme-nets:demo/net" in [recipe.full_name for recipe in list_recipes(registry)]
    assert load("acme-nets:demo/net", registry=registry).distribution == "acme-nets"
    assert find_recipe("vision/digits", registry).distribution == "toolkit-core", "core's names are reserved"
    with pytest.raises(RecipeNotFound, match="2 installed plugins offer the recipe 'demo/net'"):
        load("demo/net", registry=registry)


def test_a_page_written_out_loads_as_the_same_values(folder: Path, empty: Registry) -> None:
    recipe = load("child.yaml", ["optimizer={use: sgd, lr: 1e-3}"], registry=empty)
    comments = {path: str(place) for path, place in recipe.places.items()}
    (folder / "written.yaml").write_text(to_yaml(recipe.values, comments))
    assert load("written.yaml", registry=empty).plain() == recipe.plain()


def test_loading_imports_nothing_heavy() -> None:
    code = (
        "import sys, toolkit.recipe as r; r.load('vision/digits');"
        "print([m for m in ('torch', 'pydantic', 'typer') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
