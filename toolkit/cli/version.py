"""``toolkit --version``: versions from package metadata; nothing is imported."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from toolkit.cli.output import say


def print_versions() -> None:
    """Print the versions that a report of a problem should name."""
    from toolkit.registry.api import API_VERSION

    for name in ("toolkit-core", "torch", "pytorch-lightning"):
        try:
            say(f"{name} {version(name)}")
        except PackageNotFoundError:
            say(f"{name} is not installed")
    say(f"plugin API {API_VERSION}")
    say(f"python {platform.python_version()} ({sys.executable})")
