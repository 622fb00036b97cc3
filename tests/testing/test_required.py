"""A plugin is tried beside those that it requires, and beside no others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from toolkit.registry import CORE, Registry
from toolkit.testing.required import with_required


@pytest.mark.parametrize(
    ("requires", "names"),
    [
        ("", set()),
        ("Acme_Data>=1", {"acme-data", "acme-base"}),
        ('acme-data; extra == "dev"', set()),
        ('acme-data; python_version < "3"', set()),
        ("acme-data @@ nonsense", set()),
        ("not-here", {"not-here"}),
        ("acme-task", set()),
    ],
)
def test_required_plugins_are_those_that_are_installed_with_it(
    tmp_path: Path, install_plugin: Callable[..., Path], requires: str, names: set[str]
) -> None:
    for name, needs in (("acme-task", requires), ("acme-data", "acme-base"), ("acme-base", "acme-data")):
        module = name.replace("-", "_")
        install_plugin(tmp_path, name, {"losses": {module: f"{module}:it"}}, requires=needs)
    assert with_required("acme-task", Registry.scan((str(tmp_path),))) == {CORE, "acme-task", *names}
