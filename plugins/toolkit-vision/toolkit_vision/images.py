"""Image files as uint8 tensors of a wanted size. Imports Pillow and torch, nothing of the toolkit.

Pillow, which torchvision needs anyway: torchvision's own decoders are deprecated since its 0.29.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
"""What is decoded, whatever a file is called. Pillow knows more; for EPS it would start another program."""

SUFFIXES = frozenset(
    {".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)
"""What the names of those files end in, lower case."""

UNREAD = frozenset({".avif", ".heic", ".heif", ".jp2", ".jxl"})
"""What the names of photographs end in that are not decoded: files that would be missed."""

_ORIENTATION = 0x0112
_TURNED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""How a picture is turned upright, by the orientation that its EXIF data states."""


def read_image(path: str | Path, size: tuple[int, int] | None = None) -> Tensor:
    """The picture in a file in RGB, upright, as uint8 `(3, height, width)`; of several in one file the first.

    Grey pictures get three equal channels; transparency is dropped.

    Arguments:
        path: the file.
        size: height and width to resize and centre-crop it to (see `covering`); as it is when None.

    Raises:
        ValueError: the file cannot be read, or is no whole image; the message begins with its path.
    """
    content = read_bytes(path)
    try:
        image = rgb(opened(content, smallest=max(size) if size else None))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return to_tensor(covering(image, size) if size else image)


def read_bytes(path: str | Path) -> bytes:
    """The content of a file; raises ValueError with a message that begins with its path."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}") from error


def opened(content: bytes, *, smallest: int | None = None, upright: bool = True) -> Image.Image:
    """The picture in a file's content, decoded to its end.

    Arguments:
        content: of the file.
        smallest: a side in pixels, where only a picture with sides of this length is needed: a JPEG of at least four
            times that size is decoded at a half, a quarter or an eighth of its own, in a fraction of the time.
        upright: whether the picture is turned as its EXIF data says.

    Raises:
        ValueError: it is no whole image of a kind in `FORMATS`.
    """
    try:
        image: Image.Image = Image.open(BytesIO(content), formats=FORMATS)
        if smallest is not None:
            # Twice the size: what is left of the resizing is antialiased, the JPEG's own halving is coarse.
            image.draft(None, (2 * smallest, 2 * smallest))
        image.load()
        turned = _TURNED.get(_orientation(image)) if upright else None
        return image if turned is None else image.transpose(turned)
    except UnidentifiedImageError as error:
        raise ValueError(f"not an image that can be read ({len(content)} bytes)") from error
    except MemoryError:
        raise
    except Exception as error:  # Pillow's decoders raise all kinds: OSError, SyntaxError, struct.error, IndexError...
        raise ValueError(f"a damaged image: {error}") from error


def rgb(image: Image.Image) -> Image.Image:
    """The picture with three channels of 8 bits.

    Raises:
        ValueError: it has more than 8 bits a channel; Pillow would cut the values off at 255.
    """
    if image.mode.startswith(("I", "F")):
        raise ValueError(f"an image of more than 8 bits a channel (mode {image.mode}); convert it to 8 bits")
    return image if image.mode == "RGB" else image.convert("RGB")


def covering(
    image: Image.Image, size: tuple[int, int], resample: Image.Resampling = Image.Resampling.BILINEAR
) -> Image.Image:
    """The picture scaled to cover `size`, height and width, and what then stands out cut off evenly on both sides.

    Scaling down is antialiased, unless `resample` is NEAREST, as it must be for masks.
    """
    height, width = size
    scale = min(image.width / width, image.height / height)
    left, top = (image.width - width * scale) / 2, (image.height - height * scale) / 2
    box = (left, top, min(left + width * scale, image.width), min(top + height * scale, image.height))
    return image.resize((width, height), resample, box=box)


def to_tensor(image: Image.Image) -> Tensor:
    """A picture of 8 bits a channel as uint8 `(channels, height, width)`."""
    # A bytearray: torch warns about memory that cannot be written to.
    flat = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
    return flat.reshape(image.height, image.width, -1).permute(2, 0, 1).contiguous()


def checked_size(image_size: Sequence[int]) -> tuple[int, int]:
    """Height and width as a dataset was given them.

    Raises:
        ValueError: they are not two numbers of pixels.
    """
    if len(image_size) != 2 or min(image_size) < 1:
        raise ValueError(f"image_size is [height, width] in pixels, not {list(image_size)}")
    return image_size[0], image_size[1]


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except (SyntaxError, ValueError, TypeError, KeyError, IndexError, OSError, struct.error):
        # EXIF data that is damaged says nothing of how the picture lies; some photographs of ImageNet have such.
        return 1
