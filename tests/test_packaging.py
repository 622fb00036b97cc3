"""What is built and installed: wheels, source distributions, editable installs, bounds and tested versions."""

from __future__ import annotations

import ast
import json
import shlex
import shutil
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent

RECIPES = {path.relative_to(ROOT / "recipes").with_suffix("").as_posix() for path in ROOT.glob("recipes/**/*.yaml")}

WHERE = """
import json, toolkit
from toolkit.recipe import list_recipes
from toolkit.registry import CORE, Registry
registry = Registry.scan()
print(json.dumps({
    "package": toolkit.__path__[0],
    "recipes": {recipe.name: str(recipe.path) for recipe in list_recipes(registry) if recipe.distribution == CORE},
    "plugins": [plugin.distribution for plugin in registry.plugins],
}))
"""


def projects() -> dict[str, dict[str, Any]]:
    found = {
        path.parent: tomllib.loads(path.read_text())
        for path in [ROOT / "pyproject.toml", *ROOT.glob("plugins/*/pyproject.toml")]
    }
    assert len(found) >= 2
    return {content["project"]["name"]: content for content in found.values()}


def constraints() -> dict[str, Version]:
    pins = [Requirement(line) for line in (ROOT / "constraints.txt").read_text().splitlines() if line[0] != "#"]
    assert len(pins) > 50
    found = {}
    for pin in pins:
        (specifier,) = pin.specifier
        assert specifier.operator == "==", pin
        found[canonicalize_name(pin.name)] = Version(specifier.version)
    return found


def files_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def where(environment: Any) -> dict[str, Any]:
    done = environment.run("python", "-c", WHERE)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_wheel_of_the_core_holds_the_package_and_the_recipes_only(distributions):
    files = files_in(distributions["toolkit-core"]["wheel"])
    assert {name.partition("/")[0] for name in files} == {"toolkit", "toolkit_start.py", "toolkit_core-0.1.0.dist-info"}
    assert "toolkit/py.typed" in files
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in files)
    modules = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("toolkit/**/*.py")}
    assert {"toolkit/errors.py", "toolkit/registry/__init__.py"} <= modules <= files
    assert {name for name in files if name.endswith(".yaml")} == {f"toolkit/_recipes/{name}.yaml" for name in RECIPES}


def test_the_wheel_of_a_plugin_holds_its_package_only(distributions):
    for name, built in distributions.items():
        if name != "toolkit-core":
            package = name.replace("-", "_")
            tops = {file.partition("/")[0] for file in files_in(built["wheel"])}
            assert tops == {package, f"{package}-0.1.0.dist-info"}


def test_the_source_distribution_holds_no_plugin_and_no_run(distributions):
    with tarfile.open(distributions["toolkit-core"]["sdist"]) as archive:
        tops = {name.split("/")[1] for name in archive.getnames() if "/" in name}
    assert {"toolkit", "toolkit_start.py", "recipes", "tests", "pyproject.toml", "LICENSE", "constraints.txt"} <= tops
    assert tops.isdisjoint({"plugins", "runs", "wandb", ".venv", "dist", "build", "benchmarks"})


def test_a_wheel_finds_its_recipes_inside_itself(distributions, new_environment):
    environment = new_environment()
    environment.install(distributions["toolkit-core"]["wheel"])
    found = where(environment)
    assert Path(found["package"]) == environment.packages / "toolkit"
    assert set(found["recipes"]) == RECIPES
    assert RECIPES
    inside = environment.packages / "toolkit" / "_recipes"
    assert all(Path(path).is_relative_to(inside) for path in found["recipes"].values())
    assert found["plugins"] == ["toolkit-core"]


def test_an_editable_install_finds_the_recipes_of_the_checkout(new_environment):
    environment = new_environment()
    environment.install("--editable", ROOT)
    found = where(environment)
    assert Path(found["package"]) == ROOT / "toolkit"
    assert set(found["recipes"]) == RECIPES
    assert all(Path(path).is_relative_to(ROOT / "recipes") for path in found["recipes"].values())


def test_the_commands_work_from_wheels(distributions, new_environment):
    environment = new_environment()
    environment.install(distributions["toolkit-core"]["wheel"])
    for command in (["toolkit"], ["python", "-m", "toolkit"]):
        done = environment.run(*command, "ls", "recipes")
        assert done.returncode == 0, done.stderr
        assert "vision/digits" in done.stdout
        assert "needs toolkit-vision" in done.stdout
    assert environment.run("toolkit", "check", "vision/digits").returncode == 2
    foreign = environment.work / "foreign" / "toolkit"
    foreign.mkdir(parents=True)
    (foreign / "__init__.py").touch()
    done = environment.run("toolkit", "ls", PYTHONPATH=str(foreign.parent))
    assert done.returncode == 2
    assert "finds another package of that name before toolkit-core" in done.stderr

    environment.install(distributions["toolkit-vision"]["wheel"])
    done = environment.run("toolkit", "ls", "recipes")
    assert "needs toolkit-vision" not in done.stdout
    done = environment.run("toolkit", "check", "vision/digits")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_a_recipe_trains_from_wheels(distributions, new_environment):
    environment = new_environment()
    environment.install(*(built["wheel"] for built in distributions.values()))
    done = environment.run("toolkit", "run", "vision/digits", "trainer.max_epochs=1", WANDB_MODE="offline")
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(environment.work.glob("runs/vision/digits/*/run.json"))


@pytest.mark.slow
@pytest.mark.parametrize("plugin", sorted(path.parent.name for path in ROOT.glob("plugins/*/pyproject.toml")))
def test_the_tests_of_a_plugin_pass_with_its_wheel_and_the_core_s_alone(plugin, distributions, new_environment):
    environment = new_environment()
    environment.install(distributions["toolkit-core"]["wheel"], distributions[plugin]["wheel"])
    shutil.copytree(ROOT / "plugins" / plugin / "tests", environment.work / "tests")
    shutil.copy(ROOT / "plugins" / plugin / "README.md", environment.work)
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    marks = "\n  ".join(["", *settings["markers"]])
    (environment.work / "pytest.ini").write_text(
        f"[pytest]\naddopts = {shlex.join(settings['addopts'])}\nmarkers ={marks}\n"
    )
    done = environment.run("python", "-m", "pytest", "-q", "tests")
    assert done.returncode == 0, done.stdout[-5000:]


DISTRIBUTIONS = {
    "PIL": "pillow",
    "lightning_fabric": "pytorch-lightning",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
"""By the name that is imported, the distribution it comes from, where the two differ."""


def imported(folder: Path) -> set[str]:
    """The top-level names that the modules below ``folder`` import, the standard library's left out."""
    names = set()
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(str(node.module).partition(".")[0])
    return names - set(sys.stdlib_module_names) - {"annotationlib"}  # Python 3.14's


def test_what_is_imported_is_asked_for():
    packages = {"toolkit-core": ROOT / "toolkit"}
    packages |= {path.parent.name: path.parent for path in ROOT.glob("plugins/*/pyproject.toml")}
    for name, folder in packages.items():
        if name != "toolkit-core":
            folder /= name.replace("-", "_")
        used = {DISTRIBUTIONS.get(module, module.replace("_", "-")) for module in imported(folder)}
        asked = {canonicalize_name(Requirement(text).name) for text in projects()[name]["project"]["dependencies"]}
        own = {name, folder.name, "toolkit", "toolkit-start"}
        if name == "toolkit-core":
            own.add("pytest")  # by `toolkit.testing.parametrize_checks`, which a test calls
        assert "torch" in used
        assert used - own <= asked


def test_every_bound_is_a_lower_one_and_says_why():
    text = (ROOT / "pyproject.toml").read_text()
    for requirement in projects()["toolkit-core"]["project"]["dependencies"]:
        assert [specifier.operator for specifier in Requirement(requirement).specifier] == [">="], requirement
        line = next(line for line in text.splitlines() if f'"{requirement}",' in line)
        assert "# " in line, f"{requirement} has no reason"


def test_lightning_is_none_of_the_releases_that_harm():
    found = [Requirement(text) for text in projects()["toolkit-core"]["project"]["dependencies"]]
    lightning = next(requirement for requirement in found if requirement.name == "pytorch-lightning")
    assert [version for version in ("2.6.1", "2.6.2", "2.6.3", "2.6.5") if version in lightning.specifier] == []
    assert "2.6.6" in lightning.specifier


def test_the_tested_versions_cover_and_satisfy_what_is_asked_for():
    pins = constraints()
    asked = []
    for content in projects().values():
        project = content["project"]
        asked += project["dependencies"] + content["build-system"]["requires"]
        asked += [text for extra in project.get("optional-dependencies", {}).values() for text in extra]
    assert len(asked) > 20
    for requirement in map(Requirement, asked):
        name = canonicalize_name(requirement.name)
        if name not in projects():
            assert name in pins, f"constraints.txt has no version of {name}"
            assert pins[name] in requirement.specifier, f"{name} {pins[name]} is not {requirement.specifier}"


def test_no_tested_version_is_tied_to_one_machine():
    for name, version in constraints().items():
        assert version.local is None, f"{name} {version}: pip finds a local version only where it was built"
        assert name not in projects()


def test_plugins_ask_for_this_core():
    version = projects()["toolkit-core"]["project"]["version"]
    plugins = {name: content for name, content in projects().items() if name != "toolkit-core"}
    assert plugins
    for name, content in plugins.items():
        requirements = map(Requirement, content["project"]["dependencies"])
        core = [requirement for requirement in requirements if requirement.name == "toolkit-core"]
        assert core, f"{name} does not say which core it is for"
        assert version in core[0].specifier
