"""``python -m toolkit_recsys.export RUN FOLDER``: the vectors of a run's users and items, for a search of neighbours.

For models whose scores are products of two vectors: `bpr`, `lightgcn`, `two_tower`. The folder gets ``items.npy``
``(num_items, width)`` and ``users.npy`` ``(num_users, width)``, float32, and ``ids.json`` with the ids of both in the
order of the rows. With ``--faiss`` also ``items.faiss``, an index of the items by inner product, which is exact: it
needs the extra `toolkit-recsys[faiss]`. What users have seen is among what is found: leave it out there.

Imports torch and Lightning.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from toolkit.errors import RequestError
from toolkit.runs.trained import BEST, trained
from toolkit.tracking.folder import find
from toolkit_recsys.ids import IDS_FILE


def export(run: str, folder: Path, *, faiss: bool = False, checkpoint: str = BEST, allow_code: bool = False) -> None:
    """Write what the module's docstring tells of.

    Args:
        run: a run's folder, its id, or ``last``.
        folder: made if it is not there; files in it that would be written over are an error.
        faiss: whether to write an index too.
        checkpoint: ``best``, ``last``, or the name of one in the run's folder.
        allow_code: whether code named directly in the recipe may be run.

    Raises:
        RequestError: there is no such run, its model has no vectors, a file is there already, or faiss is not
            installed.
    """
    names = ["items.npy", "users.npy", IDS_FILE, *(["items.faiss"] if faiss else [])]
    there = [name for name in names if (folder / name).exists()]
    if there:
        raise RequestError(f"{folder / there[0]}: this file exists; take another folder, or remove it")
    index = _index_maker() if faiss else None
    found = trained(find(run), checkpoint, registry=None, allow_code=allow_code)
    task: Any = found.rebuilt().task
    model = getattr(task, "model", None)
    if not hasattr(model, "vectors"):
        kind = type(model).__name__
        raise RequestError(f"the model {kind} is no product of two vectors; bpr, lightgcn and two_tower are")
    found.load(task)
    with torch.no_grad():
        users, items = (part.float().contiguous().numpy() for part in task.eval().model.vectors())
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "users.npy", users)
    np.save(folder / "items.npy", items)
    (folder / IDS_FILE).write_bytes(found.run_files[IDS_FILE])
    if index is not None:
        index(items, str(folder / "items.faiss"))
    print(f"{len(users):,} users and {len(items):,} items, {items.shape[1]} numbers each, in {folder}")


def _index_maker() -> Callable[[np.ndarray, str], None]:
    try:
        faiss = importlib.import_module("faiss")
    except ImportError as error:
        raise RequestError("--faiss needs faiss: pip install 'toolkit-recsys[faiss]'") from error

    def write(items: np.ndarray, file: str) -> None:
        index = faiss.IndexFlatIP(items.shape[1])
        index.add(items)
        faiss.write_index(index, file)

    return write


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m toolkit_recsys.export", description="Vectors of users and items.")
    parser.add_argument("run", metavar="RUN", help="a run's folder, its id, or `last`")
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="where the files go")
    parser.add_argument("--faiss", action="store_true", help="an index of the items too (toolkit-recsys[faiss])")
    parser.add_argument("--checkpoint", metavar="NAME", default=BEST, help="best, last, or the name of one")
    parser.add_argument("--allow-code", action="store_true", help="run code named directly in the recipe")
    given = parser.parse_args(arguments)
    try:
        export(given.run, given.folder, faiss=given.faiss, checkpoint=given.checkpoint, allow_code=given.allow_code)
    except RequestError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
