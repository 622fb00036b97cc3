"""Pixels taken from each image at rows and columns of its own. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from torch import Tensor


def gathered(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """The pixels where some rows of each image cross some of its columns.

    Arguments:
        images: `(batch, channels, height, width)` or `(batch, height, width)`, of any dtype.
        rows: `(batch, out_height)` int64, each in the image.
        columns: `(batch, out_width)` int64, each in the image.

    Returns:
        `(batch, channels, out_height, out_width)`, or without channels where the images have none.
    """
    index = (rows.unsqueeze(2) * images.shape[-1] + columns.unsqueeze(1)).flatten(1)
    if images.dim() == 4:
        index = index.unsqueeze(1).expand(-1, images.shape[1], -1)
    return images.flatten(-2).gather(-1, index).view(*images.shape[:-2], rows.shape[1], columns.shape[1])
