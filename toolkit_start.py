"""The command ``toolkit``: looks whether ``import toolkit`` means this toolkit, and only then imports and runs it.

A module beside the package and not inside it, because an unrelated package called ``toolkit``, which is what ``pip
install toolkit`` installs, may come first on the path or overwrite files of ours. Imports the standard library only.
"""

from __future__ import annotations

import os
import sys

REMEDY = """`pip install toolkit` is somebody else's package; this toolkit is called toolkit-core. To put it right:
  pip uninstall toolkit
  pip install --force-reinstall --no-deps -e .     # in a checkout of this toolkit"""


def main() -> int:
    """Carry out the command line of this process and return its exit code."""
    try:
        wrong = intruder()
        if wrong:
            print(wrong, file=sys.stderr)
            return 2
        from toolkit.cli import main as carry_out

        return carry_out()
    except KeyboardInterrupt:  # before the command line could see to it itself
        print("interrupted", file=sys.stderr)
        return 130


def intruder() -> str:
    """What to tell a user whose ``toolkit`` is not ours, or not ours alone; empty where all is well."""
    # Imported here, where Ctrl-C is caught already.
    from importlib.util import find_spec

    found = find_spec("toolkit")
    file = (found and found.origin) or ""
    ours = os.path.join(os.path.dirname(os.path.abspath(__file__)), "toolkit", "__init__.py")
    if os.path.realpath(file) != os.path.realpath(ours):
        return f"`import toolkit` finds another package of that name before toolkit-core: {file}\n{REMEDY}"
    metadata = _metadata_beside(os.path.dirname(file))
    if metadata:
        return f"another package called 'toolkit' has overwritten files of toolkit-core: {metadata}\n{REMEDY}"
    return ""


def _metadata_beside(package: str) -> str:
    folder = os.path.dirname(package)
    try:
        names = os.listdir(folder)
    except OSError:  # imported from a zip file, which pip does not write into
        return ""
    for name in names:
        stem, _, suffix = name.rpartition(".")
        if suffix in ("dist-info", "egg-info") and stem.partition("-")[0].lower() == "toolkit":
            return os.path.join(folder, name)
    return ""
