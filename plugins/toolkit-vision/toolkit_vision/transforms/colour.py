"""Changes of colour, with a strength of its own for every image. Imports torch, nothing of the toolkit.

Images are floats from 0 to 1, `(batch, channels, height, width)`, with one channel or red, green and blue; they stay in
that range. What a second argument is given for, `(batch,)` floats, is said where it is not a factor: at 1 a factor
changes nothing, at 0 it takes all away.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from toolkit_vision.transforms.batches import each


def brightness(images: Tensor, factor: Tensor) -> Tensor:
    """Darker or lighter."""
    return (images * each(factor)).clamp(0, 1)


def contrast(images: Tensor, factor: Tensor) -> Tensor:
    """Away from, or towards, the image's mean grey."""
    return _blend(images, _grey(images).mean((1, 2, 3), keepdim=True), factor)


def saturation(images: Tensor, factor: Tensor) -> Tensor:
    """Away from, or towards, the pixels' greys; images of one channel stay as they are."""
    return images if images.shape[1] == 1 else _blend(images, _grey(images), factor)


def hue(images: Tensor, turn: Tensor) -> Tensor:
    """Every colour turned around the wheel by `turn` of it, -0.5 to 0.5; images of one channel stay as they are."""
    if images.shape[1] == 1:
        return images
    _check_channels(images)
    red, green, blue = images.unbind(1)
    low, high = images.amin(1), images.amax(1)
    chroma = high - low
    safe = torch.where(chroma > 0, chroma, 1)
    place = torch.where(
        high == red,
        (green - blue) / safe,
        torch.where(high == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    place = place + 6 * turn.view(-1, 1, 1)

    def channel(offset: int) -> Tensor:
        around = (place + offset) % 6
        return high - chroma * torch.minimum(around, 4 - around).clamp(0, 1)

    return torch.stack((channel(5), channel(3), channel(1)), dim=1)


def sharpness(images: Tensor, factor: Tensor) -> Tensor:
    """Sharper, or smoothed: the mean of nine pixels in which the middle counts five times. The border stays."""
    if min(images.shape[-2:]) < 3:
        return images
    middle = images[..., 1:-1, 1:-1]
    smooth = (9 * avg_pool2d(images, 3, stride=1) + 4 * middle) / 13
    return _blend(images, images + pad(smooth - middle, [1] * 4), factor)


def posterize(images: Tensor, bits: Tensor) -> Tensor:
    """Only the upper `bits` of the eight bits of every value."""
    step = torch.exp2(8 - each(bits))
    return (_levels(images) / step).floor() * step / 255


def solarize(images: Tensor, threshold: Tensor) -> Tensor:
    """Every value from `threshold` up inverted."""
    return torch.where(images >= each(threshold), 1 - images, images)


def autocontrast(images: Tensor) -> Tensor:
    """Each channel stretched to the whole range."""
    low, high = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    stretched = (images - low) / torch.where(high > low, high - low, 1)
    return torch.where(high > low, stretched, images)


def equalize(images: Tensor) -> Tensor:
    """Each channel with as many pixels at every level as can be; by PIL's rule, on 256 levels."""
    levels = _levels(images).long().flatten(2)
    pixels = levels.shape[2]
    counts = levels.new_zeros(*levels.shape[:2], 256).scatter_add_(2, levels, torch.ones_like(levels))
    below = counts.cumsum(2)
    # The pixels of the highest level are not counted: `below` first reaches its largest value there.
    highest = counts.gather(2, below.argmax(2, keepdim=True))
    step = (pixels - highest) // 255
    table = ((below - counts + step // 2) // step.clamp(min=1)).clamp(max=255)
    equalized = table.gather(2, levels).to(images.dtype).view_as(images) / 255
    return torch.where(step.unsqueeze(3) > 0, equalized, images)


def _grey(images: Tensor) -> Tensor:
    """ITU-R 601 luma, `(batch, 1, height, width)`."""
    if images.shape[1] == 1:
        return images
    _check_channels(images)
    red, green, blue = images.unbind(1)
    return (0.2989 * red + 0.587 * green + 0.114 * blue).unsqueeze(1)


def _check_channels(images: Tensor) -> None:
    if images.shape[1] != 3:
        raise ValueError(f"colours can be changed in images of 1 or 3 channels; these have {images.shape[1]}")


def _blend(images: Tensor, others: Tensor, factor: Tensor) -> Tensor:
    return (images * each(factor) + others * (1 - each(factor))).clamp(0, 1)


def _levels(images: Tensor) -> Tensor:
    return (images * 255).round()
