"""Where a recipe's callbacks and loggers may write: nowhere outside the run's folder. Imports nothing heavy.

A recipe may be a stranger's. Who types a path on the command line knows where it leads.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from toolkit.check.blocks import Block, all_blocks
from toolkit.check.report import Report

_NAMES = re.compile(r"(.*_)?((log|out|run|save)?dir|directory|folder|(dir|file)?path|file|filename)")
"""Arguments of callbacks and loggers that say where to write: ``filename``, ``sub_dir``, ``exclude_batches_path``."""


def check_outputs(collections: Mapping[str, Mapping[str, Block]], report: Report) -> None:
    """Report paths of callbacks and loggers that a recipe's file leads out of the run's folder."""
    for block in all_blocks([collections["callbacks"], collections["loggers"]]):
        for name, value in block.arguments.items():
            path = (*block.path, name)
            in_a_file = report.recipe.place(*path).line is not None
            if in_a_file and isinstance(value, str) and _NAMES.fullmatch(name) and _leaves(value):
                written = report.recipe.written.get(path, value)
                report.at_value(
                    path,
                    f"{written!r} may lead out of the run's folder: name a place inside it, "
                    f"or give {block.key}.{name} on the command line",
                )


def _leaves(value: str) -> bool:
    """Whether a path may lead out of the folder that it is joined to.

    Any ``..`` is one too many: ModelCheckpoint fills in names of metrics, such as ``{val/loss}/../x``, after which
    nobody can say any more how deep it is.
    """
    path = Path(value)
    return path.is_absolute() or ".." in path.parts or value.startswith("~") or "://" in value
