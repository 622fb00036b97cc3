"""Installs plugins for a test: real metadata folders and real modules in a folder of their own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

Install = Callable[..., Path]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """An empty folder for installed packages; not on ``sys.path``."""
    folder = tmp_path / "site"
    folder.mkdir()
    return folder


@pytest.fixture
def install(site: Path) -> Install:
    """Write the metadata of a distribution, and its modules, as an installer would; returns the metadata folder."""

    def install(
        name: str,
        version: str = "1.0",
        entry_points: Mapping[str, Mapping[str, str]] | str | bytes = "",
        *,
        requires: tuple[str, ...] = (),
        metadata: str | bytes | None = "",
        modules: Mapping[str, str] | None = None,
        into: Path | None = None,
        suffix: str = "dist-info",
    ) -> Path:
        folder = (into or site) / f"{name.replace('-', '_')}-{version}.{suffix}"
        folder.mkdir(parents=True)
        if isinstance(entry_points, Mapping):
            lines = []
            for group, pairs in entry_points.items():
                lines += [f"[{group}]", *(f"{name} = {value}" for name, value in pairs.items()), ""]
            entry_points = "\n".join(lines)
        _write(folder / "entry_points.txt", entry_points)
        if metadata == "":
            headers = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
            headers += [f"Requires-Dist: {requirement}" for requirement in requires]
            metadata = "\n".join([*headers, "", f"# {name}", "Requires-Dist: toolkit-core>=99", ""])
        if metadata is not None:
            _write(folder / ("METADATA" if suffix == "dist-info" else "PKG-INFO"), metadata)
        for path, source in (modules or {}).items():
            file = (into or site) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            _write(file, source)
        return folder

    return install


@pytest.fixture
def importable(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """``site`` on ``sys.path``; what is imported during the test is forgotten after it."""
    before = dict(sys.modules)
    monkeypatch.setattr(sys, "path", [str(site), *sys.path])
    yield site
    for name in set(sys.modules) - set(before):
        file = getattr(sys.modules[name], "__file__", None) or ""
        if file.startswith(str(site.parent)):
            del sys.modules[name]


def _write(file: Path, content: str | bytes) -> None:
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
