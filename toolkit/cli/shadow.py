"""Notices the unrelated package that ``pip install toolkit`` installs: it overwrites files of ours.

Imports the standard library only; one listing of one folder.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

OURS = Path(__file__).absolute().parent.parent
"""The folder of the package ``toolkit`` that this file belongs to."""

REMEDY = """This toolkit is called toolkit-core on package indexes. To put it right:
  pip uninstall toolkit
  pip install --force-reinstall --no-deps toolkit-core"""


def intruder(package: Path = OURS, imported: str | None = None) -> str:
    """What to tell a user whose ``toolkit`` is not ours, or not ours alone; empty where all is well.

    Args:
        package: the folder of our package.
        imported: the file that ``import toolkit`` runs; asked of Python when left out.
    """
    found = _metadata_beside(package)
    if found:
        return f"another package called 'toolkit' has overwritten files of toolkit-core: {found}\n{REMEDY}"
    file = _imported() if imported is None else imported
    if file and Path(file).absolute().parent != package:
        return f"`import toolkit` finds another package of that name before toolkit-core: {file}\n{REMEDY}"
    return ""


def _metadata_beside(package: Path) -> str:
    try:
        names = os.listdir(package.parent)
    except OSError:  # imported from a zip file, which pip does not write into
        return ""
    for name in names:
        stem, _, suffix = name.rpartition(".")
        if suffix in ("dist-info", "egg-info") and stem.partition("-")[0].lower() == "toolkit":
            return str(package.parent / name)
    return ""


def _imported() -> str:
    return getattr(sys.modules.get("toolkit"), "__file__", None) or ""
