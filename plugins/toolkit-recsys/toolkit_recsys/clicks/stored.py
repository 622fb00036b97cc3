"""Encoded rows in memory, or in files from which a training reads them. Imports NumPy and torch."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import torch

from toolkit.data import OnDisk, cache_folder
from toolkit_recsys.clicks.division import SPLITS
from toolkit_recsys.clicks.learning import Asked, Learnt, Part, Piece, learn, pieces
from toolkit_recsys.clicks.schema import SCHEMA_FILE, Arrays, Schema, tensors
from toolkit_recsys.notes import note

FORMAT = 1
"""Of the files; another one is another folder."""
COUNTS_FILE = "rows.json"
TARGET = "target"


class Stored(NamedTuple):
    schema: Schema
    splits: dict[str, Any]
    """By name, those that have rows, as the toolkit takes them."""


def in_memory(parts: Sequence[Part], asked: Asked, learnt: Learnt) -> Stored:
    """All rows as tensors."""
    made: dict[str, list[Arrays]] = {name: [] for name in SPLITS}
    for piece in pieces(parts, asked):
        for name, arrays in _by_split(piece, learnt.schema):
            made[name].append(arrays)
    splits = {}
    for name, several in made.items():
        if several:
            whole = {key: np.concatenate([arrays[key] for arrays in several]) for key in several[0]}
            targets = torch.from_numpy(whole.pop(TARGET))
            splits[name] = (tensors(whole), targets)
    return Stored(learnt.schema, splits)


def on_disk(parts: Sequence[Part], asked: Asked, kept: bytes | None) -> Stored:
    """All rows as arrays in the cache folder, made once for tables that have not changed.

    They appear when they are complete. Several processes may ask for the same: one makes them, the others wait.

    Args:
        parts: the tables.
        asked: what is wanted of them.
        kept: the schema that a run has kept, which has to be used.
    """
    from filelock import FileLock

    root = cache_folder() / "click_tables"
    root.mkdir(parents=True, exist_ok=True)
    folder = root / _key(parts, asked)
    # What another schema made of the tables lies beside what their own makes.
    other = None if kept is None else folder.with_name(f"{folder.name}-{hashlib.sha256(kept).hexdigest()[:8]}")
    with FileLock(root / f".{folder.name}.lock"):
        if other is not None and (other.is_dir() or (folder.is_dir() and (folder / SCHEMA_FILE).read_bytes() != kept)):
            folder = other
        if not folder.is_dir():
            own = learn(parts, asked)
            learnt = own.keeping(kept, parts[0].table.path)
            if other is not None and learnt.schema != own.schema:
                folder = other
            note(f"{parts[0].table.path}: converting {sum(learnt.rows.values()):,} rows, once, to {folder}")
            _convert(parts, asked, learnt, folder)
    schema = Schema.from_bytes((folder / SCHEMA_FILE).read_bytes())
    rows: Mapping[str, int] = json.loads((folder / COUNTS_FILE).read_text())
    splits = {}
    for name, count in rows.items():
        if count:
            files = {each: folder / _file(name, each) for each in ("categorical", "numerical", "multi")}
            inputs = {each: path for each, path in files.items() if path.exists()}
            splits[name] = OnDisk(inputs, folder / _file(name, TARGET))
    return Stored(schema, splits)


def _key(parts: Sequence[Part], asked: Asked) -> str:
    """Names a conversion: other for another file, for one that has changed, and for whatever else is asked of it."""
    told: list[Any] = [FORMAT, repr(asked)]
    for table, division in parts:
        path = table.path.resolve()
        state = path.stat()
        told.append((str(path), state.st_size, state.st_mtime_ns, repr(division)))
    return hashlib.sha256(repr(told).encode()).hexdigest()[:24]


def _convert(parts: Sequence[Part], asked: Asked, learnt: Learnt, folder: Path) -> None:
    begun = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(begun, ignore_errors=True)  # of a process that was killed
    begun.mkdir()
    try:
        with ExitStack() as opened:
            files: dict[tuple[str, str], BinaryIO] = {}
            for piece in pieces(parts, asked):
                for name, arrays in _by_split(piece, learnt.schema):
                    for part, array in arrays.items():
                        if (name, part) not in files:
                            files[name, part] = file = opened.enter_context(open(begun / _file(name, part), "wb"))
                            header = {"descr": array.dtype.str, "fortran_order": False}
                            shape = (learnt.rows[name], *array.shape[1:])
                            np.lib.format.write_array_header_1_0(file, {**header, "shape": shape})
                        # Written and not mapped: pages of a map that was written to count as this process's memory.
                        files[name, part].write(np.ascontiguousarray(array).data)
        (begun / SCHEMA_FILE).write_bytes(learnt.schema.to_bytes())
        (begun / COUNTS_FILE).write_text(json.dumps(learnt.rows))
        os.replace(begun, folder)
    finally:
        shutil.rmtree(begun, ignore_errors=True)


def _by_split(piece: Piece, schema: Schema) -> Iterator[tuple[str, Arrays]]:
    """The encoded rows of a piece, by split."""
    arrays = {**schema.encode(piece.rows, piece.place), TARGET: piece.targets}
    for number, name in enumerate(SPLITS):
        chosen = np.flatnonzero(piece.splits == number)
        if len(chosen):
            yield name, {key: array[chosen] for key, array in arrays.items()}


def _file(split: str, part: str) -> str:
    return f"{split}-{part}.npy"
