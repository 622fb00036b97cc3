"""The version of the plugin API, which is toolkit-core's ``major.minor``: what a plugin's ``Requires-Dist`` asks for.

Imports ``importlib.metadata`` and ``packaging``, and so is imported only where the version is told.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from packaging.version import Version

from toolkit.registry.entry import CORE


def api_version(core_version: str) -> str:
    """``0.1`` for toolkit-core ``0.1.3``."""
    found = Version(core_version)
    return f"{found.major}.{found.minor}"


def asking_for(api: str) -> str:
    """What a plugin that goes with a version of the API writes among its dependencies: ``toolkit-core>=0.1,<0.2``."""
    found = Version(api)
    return f"{CORE}>={api},<{found.major}.{found.minor + 1}"


def _installed() -> str:
    try:
        return api_version(version(CORE))
    except PackageNotFoundError:  # a folder on sys.path that nobody has installed
        return ""


API_VERSION = _installed()
"""That of the installed toolkit-core; empty where there is no metadata of it."""
