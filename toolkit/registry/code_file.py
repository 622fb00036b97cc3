"""Imports a single Python file (``./net.py:Net``) as a module of its own name.

The file's folder is put at the end of ``sys.path``: so ``import helpers`` finds ``helpers.py`` beside it, as in a
script, but no file beside a recipe can take the place of an installed package. The module is called like its file, so
that its classes can be pickled and worker processes, which inherit ``sys.path``, find them again. Where that name
already means another module (``random.py``, or a second ``net.py`` from another folder) the file gets a name made from
its path; such classes can be pickled for this process and its forks, not for workers started afresh (``spawn``).
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sys
from types import ModuleType


def load_file(file: str) -> ModuleType:
    """The module of a Python file given by its absolute path; executed once, however often it is asked for."""
    folder, base = os.path.split(file)
    stem = base.removesuffix(".py")
    if folder not in sys.path:
        sys.path.append(folder)
        # The import system may have listed a folder before this file was written to it.
        importlib.invalidate_caches()
    if _names(stem, file):
        return importlib.import_module(stem)
    name = f"{stem}_{hashlib.sha256(file.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is not a Python file", path=file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        # As the import statement does: a module that failed must not be found half made by the next attempt.
        del sys.modules[name]
        raise
    return module


def _names(stem: str, file: str) -> bool:
    """Whether ``import stem`` means this file."""
    if not stem.isidentifier() or stem == "__init__":
        return False
    if stem in sys.modules:
        origin = getattr(sys.modules[stem], "__file__", None)
    else:
        spec = importlib.util.find_spec(stem)
        origin = spec.origin if spec else None
    return origin is not None and os.path.realpath(origin) == os.path.realpath(file)
