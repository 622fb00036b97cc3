"""Image files as tensors: sizes, orientation, channels, and what is said of files that are no whole images."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch
from PIL import Image
from toolkit_vision.images import checked_size, covering, opened, read_image, to_tensor
from torch import Tensor


def gradient(height: int, width: int) -> Tensor:
    """A picture no two of whose rows or columns are alike, uint8 `(3, height, width)`."""
    rows = torch.linspace(0, 255, height)[:, None].expand(height, width)
    columns = torch.linspace(0, 255, width).expand(height, width)
    return torch.stack((rows, columns, (rows + columns) / 2)).to(torch.uint8)


def saved(path: Path, pixels: Tensor, **options: object) -> Path:
    Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy()).save(path, **options)
    return path


def test_pixels_are_what_was_saved(tmp_path: Path) -> None:
    pixels = torch.randint(0, 256, (3, 5, 7), dtype=torch.uint8)
    for name in ("a.png", "a.bmp", "a.ppm", "a.tiff"):
        assert torch.equal(read_image(saved(tmp_path / name, pixels)), pixels)
    # Whatever it is called.
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.png").read_bytes())
    assert torch.equal(read_image(tmp_path / "a.jpg"), pixels)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK"])
def test_every_kind_of_pixel_becomes_rgb(tmp_path: Path, mode: str) -> None:
    Image.new(mode, (6, 4)).save(tmp_path / "a.tiff")
    found = read_image(tmp_path / "a.tiff")
    assert found.shape == (3, 4, 6)
    assert found.dtype is torch.uint8


def test_sixteen_bits_are_refused_and_not_cut_off(tmp_path: Path) -> None:
    Image.new("I;16", (6, 4), 40000).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="more than 8 bits a channel") as error:
        read_image(tmp_path / "a.png")
    assert str(error.value).startswith(f"{tmp_path / 'a.png'}: ")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_turned_upright(tmp_path: Path, orientation: int) -> None:
    """The orientations of the EXIF standard: how each is stored, from where its first row and column are."""
    upright = gradient(6, 9)
    stored = {
        1: upright,
        2: upright.flip(2),
        3: upright.flip(1, 2),
        4: upright.flip(1),
        5: upright.transpose(1, 2),
        6: upright.transpose(1, 2).flip(1),
        7: upright.transpose(1, 2).flip(1, 2),
        8: upright.transpose(1, 2).flip(2),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path / "a.png", stored, exif=exif)
    assert torch.equal(read_image(path), upright)
    assert torch.equal(to_tensor(opened(path.read_bytes(), upright=False)), stored)


def test_damaged_exif_data_leaves_the_picture_as_it_is(tmp_path: Path) -> None:
    pixels = gradient(16, 16)
    path = saved(tmp_path / "a.png", pixels, exif=b"Exif\x00\x00nonsense")
    assert torch.equal(read_image(path), pixels)


@pytest.mark.parametrize("size", [(8, 8), (5, 20), (20, 5), (64, 64)])
def test_it_is_scaled_to_cover_and_cropped_in_the_middle(tmp_path: Path, size: tuple[int, int]) -> None:
    path = saved(tmp_path / "a.png", gradient(30, 40))
    found = read_image(path, size)
    assert found.shape == (3, *size)
    # Both gradients keep their middles where they were.
    assert abs(found[0].float().mean() - 127.5) < 2
    assert abs(found[1].float().mean() - 127.5) < 2


def test_the_middle_is_kept_and_not_squeezed() -> None:
    image = Image.new("RGB", (30, 10))
    image.paste((255, 255, 255), (10, 0, 20, 10))
    assert to_tensor(covering(image, (10, 10))).eq(255).all()


def test_a_large_jpeg_is_decoded_smaller_and_looks_the_same(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.jpg", gradient(800, 1000), quality=95)
    assert opened(path.read_bytes(), smallest=100).size == (250, 200)
    small = read_image(path, (100, 100)).float()
    whole = to_tensor(covering(opened(path.read_bytes()), (100, 100))).float()
    assert (small - whole).abs().max() <= 4


def test_what_is_no_whole_image_is_named_with_the_reason(tmp_path: Path) -> None:
    whole = saved(tmp_path / "whole.jpg", torch.randint(0, 256, (3, 64, 64), dtype=torch.uint8)).read_bytes()
    png = saved(tmp_path / "whole.png", torch.randint(0, 256, (3, 64, 64), dtype=torch.uint8)).read_bytes()
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"
    cases = {
        "half.jpg": (whole[: len(whole) // 2], "a damaged image: "),
        "half.png": (png[: len(png) // 2], "a damaged image: "),
        "changed.png": (png[:300] + bytes(20) + png[320:], "a damaged image: "),
        "text.jpg": (b"<html></html>", "not an image that can be read (13 bytes)"),
        "empty.jpg": (b"", "not an image that can be read (0 bytes)"),
        "program.jpg": (postscript, "not an image that can be read"),
    }
    for name, (content, reason) in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError) as error:  # the beginning is compared
            read_image(tmp_path / name, (8, 8))
        assert str(error.value).startswith(f"{tmp_path / name}: {reason}")
    with pytest.raises(ValueError, match="No such file") as error:
        read_image(tmp_path / "absent.jpg")
    assert str(error.value).startswith(f"{tmp_path / 'absent.jpg'}: ")


def test_of_several_pictures_the_first_is_taken(tmp_path: Path) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(stream, "TIFF", save_all=True, append_images=[Image.new("RGB", (4, 4))])
    (tmp_path / "a.tif").write_bytes(stream.getvalue())
    assert read_image(tmp_path / "a.tif")[0].eq(255).all()


@pytest.mark.parametrize("size", [[], [8], [8, 0], [8, 8, 3]])
def test_a_size_is_two_numbers_of_pixels(size: list[int]) -> None:
    with pytest.raises(ValueError, match="image_size is \\[height, width\\] in pixels, not"):
        checked_size(size)
