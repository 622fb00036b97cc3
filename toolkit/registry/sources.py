"""Where a plugin's sources lie that was installed from them (`pip install -e`), and what they offer by now.

Imports no plugin and nothing heavy.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from urllib.parse import unquote, urlsplit

from toolkit.registry.entry import group
from toolkit.registry.plugin import Plugin


def project_of(metadata: Path) -> Path | None:
    """The folder of the project that an editable installation leads to (PEP 610); None for one that was copied.

    Without a record of installed files (metadata that no installer wrote) it is the folder around the metadata.

    Args:
        metadata: the folder of the plugin's metadata.
    """
    try:
        told = json.loads((metadata / "direct_url.json").read_bytes())
        url, editable = urlsplit(told["url"]), told["dir_info"]["editable"]
    except (OSError, ValueError, KeyError, TypeError):
        return None if (metadata / "RECORD").exists() else metadata.parent.resolve()
    return Path(unquote(url.path)).resolve() if editable and url.scheme == "file" else None


def named_since(plugin: Plugin, kind: str, name: str) -> Path | None:
    """The project whose pyproject.toml offers a component that its installation does not know; None for any other.

    Its author has added the line, and has not installed it since.
    """
    project = project_of(plugin.location)
    if project is None or any((entry.kind, entry.name) == (kind, name) for entry in plugin.entries):
        return None
    try:
        told = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
        return project if name in told["project"]["entry-points"][group(kind)] else None
    except (OSError, ValueError, KeyError, TypeError):  # there is none, or it is not finished
        return None
