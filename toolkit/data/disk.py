"""Arrays on disk as a split: what lies where. Imports torch and NumPy, not Lightning."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from toolkit.data.layout import Layout, leaves
from toolkit.errors import RequestError


class ArrayFile:
    """An array in a file: a `.npy` file, or raw numbers in row-major order and this machine's byte order.

    Arguments:
        path: the file.
        shape: of the whole array, `(samples, ...)`; read from the header of a `.npy` file when None.
        dtype: of its numbers, such as `torch.uint8`; likewise.
        offset: bytes before the first number of a raw file.

    Raises:
        RequestError: the file is not there, is shorter than that, or its numbers are of a kind that torch does not
            have; the message names the file.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        shape: Sequence[int] | None = None,
        dtype: torch.dtype | None = None,
        offset: int = 0,
    ) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise RequestError(f"dataset: there is no file {self.path}")
        if shape is None and dtype is None and offset == 0:
            self.shape, self.dtype, self.offset = _header(self.path)
        elif shape is None or dtype is None or len(shape) == 0:
            raise RequestError(f"dataset: a raw file needs a shape (samples, ...) and a dtype: {self.path}")
        else:
            self.shape, self.dtype, self.offset = tuple(shape), dtype, offset
        size, needed = self.path.stat().st_size, self.offset + len(self) * self.sample_bytes
        if size < needed:
            raise RequestError(
                f"dataset: {self.path} has {size} bytes; {needed} are needed for the shape {self.shape} in "
                f"{self.dtype} after {self.offset} bytes"
            )

    def __len__(self) -> int:
        return int(self.shape[0])

    @property
    def sample_bytes(self) -> int:
        """Bytes of one sample."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize


Part: TypeAlias = "ArrayFile | Tensor"
Given: TypeAlias = "str | os.PathLike[str] | ArrayFile | Tensor"


class OnDisk:
    """A split whose arrays lie in files that may be larger than memory.

    `OnDisk("images.npy", "labels.npy")` gives batches that are tuples, `OnDisk(image="images.npy", label=labels)` such
    as are dicts. A part is the path of a `.npy` file, an `ArrayFile`, or a tensor for what fits into memory; by
    position it may be a dict of those too: `OnDisk({"user": "users.npy", "item": "items.npy"}, clicks)` gives pairs of
    a dict and a tensor. All have the same first dimension, the samples. How they are read:
    `toolkit.data.disk_loader.DiskLoader`.

    Raises:
        RequestError: the parts have unequal lengths, or one cannot be used; see `ArrayFile`.
    """

    def __init__(self, *parts: Given | Mapping[str, Given], **named: Given) -> None:
        if bool(parts) == bool(named):
            raise RequestError("dataset: OnDisk takes arrays by position, for tuples, or by name, for dicts")
        self.layout = Layout(named or parts)
        """Makes a batch of its parts."""
        self.parts: list[Part] = [
            part if isinstance(part, (ArrayFile, Tensor)) else ArrayFile(part) for _, part in leaves(named or parts)
        ]
        lengths = {len(part) for part in self.parts}
        if len(lengths) > 1:
            shapes = ", ".join(f"{_name(part)}: {tuple(part.shape)}" for part in self.parts)
            raise RequestError(f"dataset: OnDisk has arrays with unequal first dimensions ({shapes})")

    def __len__(self) -> int:
        return len(self.parts[0])

    @property
    def files(self) -> list[ArrayFile]:
        """The parts that are read from files."""
        return [part for part in self.parts if isinstance(part, ArrayFile)]

    @property
    def sample_bytes(self) -> int:
        """Bytes of one sample in all files together; at least 1."""
        return max(1, sum(part.sample_bytes for part in self.files))


def _name(part: Part) -> str:
    return part.path.name if isinstance(part, ArrayFile) else "tensor"


def _header(path: Path) -> tuple[tuple[int, ...], torch.dtype, int]:
    """Shape, dtype and offset of the array in a `.npy` file."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        if not isinstance(array, np.memmap) or array.ndim == 0:
            raise ValueError("it holds no array with a first dimension")
        if not array.flags.c_contiguous:
            raise ValueError("it is in column-major order; save it again after np.ascontiguousarray")
        dtype = torch.from_numpy(np.empty(0, array.dtype)).dtype
    except (ValueError, TypeError, EOFError) as error:
        raise RequestError(f"dataset: {path} cannot be read as a .npy file: {error}") from error
    return array.shape, dtype, int(array.offset)
