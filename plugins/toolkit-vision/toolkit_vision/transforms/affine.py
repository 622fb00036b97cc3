"""Images moved by matrices, each by its own, in one call for a batch. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from toolkit_vision.transforms.batches import IGNORED, as_floats


@dataclass(frozen=True)
class Affine:
    """Rotations, shears, translations: each image by a matrix of its own."""

    matrices: Tensor
    """`(batch, 2, 3)` floats: where a point (x, y, 1) of the image goes, in pixels from its upper left corner."""

    def images(self, images: Tensor) -> Tensor:
        floats = as_floats(images)
        # Coordinates in half precision are off by pixels.
        found = grid_sample(floats.float(), self._grid(images), "bilinear", "zeros", align_corners=False)
        return found.to(floats.dtype)

    def masks(self, masks: Tensor) -> Tensor:
        # Outside, grid_sample gives 0, and only that.
        classes = masks.float().unsqueeze(1) - IGNORED
        found = grid_sample(classes, self._grid(classes), "nearest", "zeros", align_corners=False)
        return (found.squeeze(1) + IGNORED).to(masks.dtype)

    def boxes(self, boxes: Tensor) -> Tensor:
        """The smallest upright boxes around the moved ones."""
        x1, y1, x2, y2 = boxes.unbind(-1)
        corners = torch.stack((torch.stack((x1, x2, x1, x2), -1), torch.stack((y1, y1, y2, y2), -1)), dim=-1)
        turned, shift = self.matrices[:, None, :, :2], self.matrices[:, None, None, :, 2]
        there = corners @ turned.transpose(-1, -2) + shift
        return torch.cat((there.amin(-2), there.amax(-2)), dim=-1)

    def _grid(self, images: Tensor) -> Tensor:
        """Where each pixel of the result comes from, as grid_sample wants it: -1 to 1 from border to border."""
        height, width = images.shape[-2:]
        (a, b, x), (c, d, y) = (row.unbind(-1) for row in self.matrices.unbind(1))
        determinant = a * d - b * c
        a, b, c, d = d / determinant, -b / determinant, -c / determinant, a / determinant
        x, y = -(a * x + b * y), -(c * x + d * y)
        tall, wide = height / width, width / height
        rows = (
            torch.stack((a, b * tall, a + b * tall + 2 * x / width - 1), dim=-1),
            torch.stack((c * wide, d, c * wide + d + 2 * y / height - 1), dim=-1),
        )
        return affine_grid(torch.stack(rows, dim=1), [len(images), 1, height, width], align_corners=False)
