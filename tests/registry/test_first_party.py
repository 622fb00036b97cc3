"""The table of first-party plugins says what their own ``pyproject.toml`` files say."""

from __future__ import annotations

import tomllib
from pathlib import Path

from toolkit.registry import KINDS, group
from toolkit.registry.first_party import FIRST_PARTY, how_to_install

PLUGINS = Path(__file__).parents[2] / "plugins"


def test_the_table_is_what_the_plugins_declare() -> None:
    declared = {}
    for file in PLUGINS.glob("*/pyproject.toml"):
        project = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
        groups = project.get("entry-points", {})
        declared[project["name"]] = {kind: set(groups[group(kind)]) for kind in KINDS if group(kind) in groups}

    assert "toolkit-vision" in declared, "found no first-party plugin"
    for name in declared:
        assert (PLUGINS / name / "pyproject.toml").is_file()
        assert how_to_install(name).endswith(f"pip install -e plugins/{name}")
    assert declared == {
        name: {kind: set(names) for kind, names in kinds.items()} for name, kinds in FIRST_PARTY.items()
    }
