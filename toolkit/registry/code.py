"""Code named directly in a recipe (``pkg.mod:Name``, ``./net.py:Net``): who may, and which entry it makes.

Imports none of that code.
"""

from __future__ import annotations

import os
from pathlib import Path

from toolkit.registry.entry import Entry
from toolkit.registry.errors import AbsentComponent, BadComponentName, CodeNotAllowed
from toolkit.registry.names import is_dotted


def code_entry(kind: str, use: str, *, allowed: bool, folder: Path | None) -> Entry:
    """The entry of ``pkg.mod:Name`` or of ``./net.py:Net`` (relative to ``folder``), without a distribution.

    Raises:
        CodeNotAllowed: unless ``allowed``.
        BadComponentName: if ``use`` has the form of neither.
        AbsentComponent: if the file does not exist.
    """
    if not allowed:
        raise CodeNotAllowed(
            f"{use!r} is code outside the installed plugins, and a recipe runs such code only when told to: "
            "a recipe from a stranger must not run a stranger's code.\n"
            "If you trust this recipe and that code, add --allow-code (in Python: allow_code=True)."
        )
    source, _, attribute = use.rpartition(":")
    if not is_dotted(attribute):
        raise BadComponentName(f"{use!r} does not end in :Name, the class or function that is meant. {_FORMS}")
    if source.startswith(("./", "/")):
        return Entry(kind, use, f"{_file(use, source, folder)}:{attribute}", "", "")
    if is_dotted(source) and not source.endswith(".py"):
        return Entry(kind, use, f"{source}:{attribute}", "", "")
    if "/" in source or source.endswith(".py"):
        raise BadComponentName(f"{use!r} is not an import string. Did you mean './{use}'? A file begins with ./ or /.")
    raise BadComponentName(f"{use!r} is not an import string. {_FORMS}")


_FORMS = "Write pkg.mod:Name for an installed module, ./net.py:Net for a file beside the recipe."


def _file(use: str, source: str, folder: Path | None) -> str:
    file = os.path.abspath(os.path.join(folder or Path.cwd(), source))
    # os.path, not Path: it answers False where Path.is_file raises (a name too long, a byte that cannot be encoded).
    if not os.path.isfile(file):
        raise AbsentComponent(f"{use!r}: there is no file {file}")
    if not file.endswith(".py"):
        raise BadComponentName(f"{use!r}: {os.path.basename(file)!r} is not a Python file (.py)")
    return file
