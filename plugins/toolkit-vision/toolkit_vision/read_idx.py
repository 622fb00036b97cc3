"""The IDX file format of MNIST and its relatives. Imports torch, nothing of the toolkit."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import torch
from torch import Tensor

UNSIGNED_BYTE = 0x08


def read_idx(path: Path) -> Tensor:
    """The tensor in an IDX file of unsigned bytes, in the shape that the file states; uint8.

    A file whose name ends in `.gz` is decompressed.

    Raises:
        ValueError: the file is damaged or no such file; the message begins with its path and tells why.
    """
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: damaged gzip file: {error}") from error
    if len(content) < 4:
        raise ValueError(f"{path}: {len(content)} bytes, shorter than the header of an IDX file")
    zeros, kind, dimensions = struct.unpack(">HBB", content[:4])
    if zeros != 0 or dimensions == 0:
        raise ValueError(f"{path}: not an IDX file: it begins with the bytes {content[:4].hex(' ')}")
    if kind != UNSIGNED_BYTE:
        raise ValueError(f"{path}: its values are of IDX type 0x{kind:02x}; only unsigned bytes (0x08) are read")
    start = 4 + 4 * dimensions
    if len(content) < start:
        raise ValueError(f"{path}: ends inside its header, after {len(content)} of {start} bytes")
    shape = struct.unpack(f">{dimensions}I", content[4:start])
    found, stated = len(content) - start, math.prod(shape)
    if found != stated:
        size = "x".join(str(length) for length in shape)
        raise ValueError(f"{path}: holds {found} values, but its header states {size} = {stated}")
    if stated == 0:
        raise ValueError(f"{path}: holds no values")
    # A bytearray: torch warns about memory that cannot be written to.
    return torch.frombuffer(bytearray(memoryview(content)[start:]), dtype=torch.uint8).reshape(shape)


def read_pair(images_path: Path, labels_path: Path, classes: int) -> tuple[Tensor, Tensor]:
    """Grey images and their classes from two IDX files.

    Returns:
        Images `(samples, 1, height, width)` uint8 and targets `(samples,)` int64.

    Raises:
        ValueError: a file is damaged, or the two do not belong together; the message begins with a path.
    """
    images, labels = read_idx(images_path), read_idx(labels_path)
    if images.dim() != 3:
        raise ValueError(f"{images_path}: holds {images.dim()} dimensions; images have 3 (samples, height, width)")
    if labels.dim() != 1:
        raise ValueError(f"{labels_path}: holds {labels.dim()} dimensions; labels have 1 (samples)")
    if len(images) != len(labels):
        raise ValueError(f"{labels_path}: {len(labels)} labels for the {len(images)} images of {images_path.name}")
    wrong = (labels >= classes).nonzero().flatten()
    if len(wrong):
        first = int(wrong[0])
        raise ValueError(
            f"{labels_path}: sample {first} has the label {int(labels[first])}; there are 0 to {classes - 1}"
        )
    return images.unsqueeze(1), labels.long()
