"""What a built dataset gives its run to keep: files such as a tokenizer that was trained on the data.

Imports Lightning by way of the errors of construction.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from toolkit.build.construct import problem_at
from toolkit.check import Block
from toolkit.recipe import Recipe

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
"""Plain names: nothing that leads to another folder, and no hidden file, as half-written ones are."""


def read_run_files(block: Block, recipe: Recipe, data: Any, kept: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of a run: those that it has kept already, and the attribute ``run_files`` of its dataset.

    Args:
        block: the dataset.
        recipe: where it was written, for messages.
        data: what it returned.
        kept: what the run has kept. A dataset with a parameter ``run_files`` was given them.

    Raises:
        BuildError: the attribute is no mapping from plain file names to bytes; or a dataset that was not given the
            files of the run has made others, which its model has not learnt with.
    """
    files = getattr(data, "run_files", None)
    if files is None:
        return dict(kept)
    if not isinstance(files, Mapping):
        raise problem_at(block, recipe, f"has `run_files` that are a {type(files).__name__}; {_EXPECTED}")
    for name, content in files.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise problem_at(block, recipe, f"calls one of its `run_files` {name!r}; {_EXPECTED}")
        if not isinstance(content, bytes):
            raise problem_at(block, recipe, f"gives {type(content).__name__} for the run file {name!r}; {_EXPECTED}")
    changed = [name for name in files if kept.get(name, files[name]) != files[name]]
    if changed and "run_files" not in block.signature.parameters:
        raise problem_at(block, recipe, f"makes another {changed[0]} than the run keeps, which its model was made for")
    return {**files, **kept}


_EXPECTED = "they are bytes by the plain name of a file, such as 'tokenizer.json'"
