"""Every operation, at given parameters, is what torchvision does to one image after the other."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from toolkit_vision.transforms import colour, resized_crop
from toolkit_vision.transforms.crop import Crop
from toolkit_vision.transforms.normalize import Normalize
from toolkit_vision.transforms.operations import KINDS, Operations
from toolkit_vision.transforms.policy import RandAugment, TrivialAugment
from toolkit_vision.transforms.resized_crop import ResizedCrop
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as one

FACTORS = torch.tensor([0.0, 0.3, 1.0, 1.7, 1.99])


def pictures(count: int = 5, channels: int = 3, height: int = 23, width: int = 30) -> Tensor:
    """uint8 images: smooth ones with noise on them, one that is a single colour, one of few levels."""
    generator = torch.Generator().manual_seed(1)
    smooth = torch.nn.functional.interpolate(
        torch.rand(count, channels, 4, 4, generator=generator), (height, width), mode="bicubic"
    )
    images = ((smooth + 0.1 * torch.randn(smooth.shape, generator=generator)) * 255).clamp(0, 255).to(torch.uint8)
    images[1] = 77
    images[2] = images[2] // 64 * 64
    return images


def floats(images: Tensor) -> Tensor:
    return images.float() / 255


def each(call: Callable[[Tensor, Any], Tensor], images: Tensor, values: list[Any]) -> Tensor:
    return torch.stack([call(image, value) for image, value in zip(images, values, strict=True)])


def assert_close(found: Tensor, wanted: Tensor, tolerance: float = 2e-5) -> None:
    assert found.dtype == wanted.dtype
    assert found.shape == wanted.shape
    assert (found - wanted).abs().max() <= tolerance


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (colour.brightness, one.adjust_brightness),
        (colour.contrast, one.adjust_contrast),
        (colour.saturation, one.adjust_saturation),
        (colour.sharpness, one.adjust_sharpness),
    ],
)
def test_factors(ours: Any, theirs: Any, channels: int) -> None:
    images = floats(pictures(channels=channels))
    before = images.clone()
    assert_close(ours(images, FACTORS), each(theirs, images, FACTORS.tolist()))
    assert torch.equal(images, before), "a batch may be the data's own"


@pytest.mark.parametrize("channels", [1, 3])
def test_hue(channels: int) -> None:
    images, turns = floats(pictures(channels=channels)), torch.tensor([-0.5, -0.2, 0.0, 0.31, 0.5])
    assert_close(colour.hue(images, turns), each(one.adjust_hue, images, turns.tolist()))


def test_solarize() -> None:
    images, thresholds = floats(pictures()), torch.tensor([0.0, 0.301, 0.5, 0.77, 1.0])
    assert_close(colour.solarize(images, thresholds), each(one.solarize, images, thresholds.tolist()))


@pytest.mark.parametrize("channels", [1, 3])
def test_posterize_autocontrast_and_equalize(channels: int) -> None:
    images, bits = pictures(channels=channels), [1, 2, 4, 7, 8]
    assert_close(
        colour.posterize(floats(images), torch.tensor(bits).float()), floats(each(one.posterize, images, bits))
    )
    assert_close(colour.equalize(floats(images)), floats(one.equalize(images)))
    assert_close(colour.autocontrast(floats(images)), one.autocontrast(floats(images)))


@pytest.mark.parametrize("size", [(2, 2), (1, 9), (3, 3)])
def test_images_of_a_few_pixels(size: tuple[int, int]) -> None:
    images = floats(torch.arange(5 * 3 * size[0] * size[1]).view(5, 3, *size).to(torch.uint8))
    assert_close(colour.sharpness(images, FACTORS), each(one.adjust_sharpness, images, FACTORS.tolist()))
    assert_close(colour.equalize(images), floats(one.equalize((images * 255).round().to(torch.uint8))))


def test_colours_of_other_images_are_refused() -> None:
    with pytest.raises(ValueError, match="images of 1 or 3 channels; these have 4"):
        colour.contrast(torch.zeros(2, 4, 5, 5), torch.ones(2))


def affine(image: Tensor, **changed: Any) -> Tensor:
    arguments = {"angle": 0.0, "translate": [0, 0], "scale": 1.0, "shear": [0.0, 0.0], **changed}
    return one.affine(image, interpolation=InterpolationMode.BILINEAR, **arguments)


def shear(image: Tensor, x: float, y: float) -> Tensor:
    return affine(image, shear=[math.degrees(math.atan(x)), math.degrees(math.atan(y))], center=[0, 0])


# By the names that torchvision's policies have for them, as these call them.
THEIRS: dict[str, Callable[[Tensor, float], Tensor]] = {
    "shear_x": lambda image, value: shear(image, value, 0),
    "shear_y": lambda image, value: shear(image, 0, value),
    "translate_x": lambda image, value: affine(image, translate=[int(value), 0]),
    "translate_y": lambda image, value: affine(image, translate=[0, int(value)]),
    "rotate": lambda image, value: one.rotate(image, value, interpolation=InterpolationMode.BILINEAR),
    "identity": lambda image, value: image,
    "brightness": lambda image, value: one.adjust_brightness(image, 1 + value),
    "color": lambda image, value: one.adjust_saturation(image, 1 + value),
    "contrast": lambda image, value: one.adjust_contrast(image, 1 + value),
    "sharpness": lambda image, value: one.adjust_sharpness(image, 1 + value),
    "posterize": lambda image, value: floats(one.posterize((image * 255).round().to(torch.uint8), int(value))),
    "solarize": one.solarize,
    "autocontrast": lambda image, value: one.autocontrast(image),
    "equalize": lambda image, value: one.equalize(image),
}


def magnitude(policy: str, kind: str, step: int) -> float:
    """What torchvision's policy gives to an operation at a step of 0 to 30."""
    from torchvision.transforms import v2

    names = {"autocontrast": "AutoContrast"}
    name = names.get(kind, "".join(word.capitalize() for word in kind.split("_")))
    space = (v2.RandAugment if policy == "rand" else v2.TrivialAugmentWide)._AUGMENTATION_SPACE
    values = space[name][0](31, 23, 30)
    return 0.0 if values is None else float(values[step])


@pytest.mark.parametrize("policy", ["rand", "trivial"])
@pytest.mark.parametrize("kind", KINDS)
def test_operations_of_the_policies(policy: str, kind: str) -> None:
    """The whole way from a strength to an image, for both published spaces; half of a batch has other operations."""
    images, steps = pictures(), [0, 7, 9, 20, 30]
    signs = [1, -1, 1, -1, 1] if kind in KINDS[:10] and kind != "identity" else [1] * 5
    reach = TrivialAugment.reach if policy == "trivial" else RandAugment.reach_of(23, 30)
    other = (KINDS.index(kind) + 4) % len(KINDS)
    kinds = torch.tensor([KINDS.index(kind)] * 5 + [other] * 5)[torch.arange(10).view(2, 5).T.flatten()]
    strength, sign = ((torch.tensor(values).float().repeat_interleave(2)) for values in (steps, signs))
    operations = Operations(kinds, strength / 30, sign, reach, (23, 30))
    found = operations.images(images.repeat_interleave(2, 0))[::2]
    values = [magnitude(policy, kind, step) * sign for step, sign in zip(steps, signs, strict=True)]
    wanted = each(THEIRS[kind], floats(images), values)
    if kind in ("shear_x", "shear_y", "rotate"):
        # Pixels at the very border may be taken for outside by one and not by the other.
        assert ((found - wanted).abs() > 1e-3).float().mean() < 1e-3
    elif kind == "solarize":
        # A threshold may be one of the 256 values, and above or below it once both are rounded.
        assert ((found - wanted).abs() > 1e-3).float().mean() < 0.02
    else:
        assert_close(found, wanted, 1e-4)


def test_crops() -> None:
    images, top, left = pictures(), [-3, 0, 5, 18, -12], [4, -9, 0, 25, 11]
    crop = Crop(torch.tensor(top), torch.tensor(left), 12, 15)
    places = list(zip(top, left, strict=True))
    wanted = each(lambda image, place: one.crop(image, *place, 12, 15), images, places)
    assert torch.equal(crop.images(images), wanted)
    mirrored = Crop(torch.tensor(top), torch.tensor(left), 12, 15, mirrored=True)
    padded = one.pad(floats(images), [14] * 4, padding_mode="reflect")
    wanted = each(lambda image, place: one.crop(image, place[0] + 14, place[1] + 14, 12, 15), padded, places)
    assert torch.equal(floats(mirrored.images(images)), wanted)


@pytest.mark.parametrize("way", ["for the whole batch", "one image after the other"])
@pytest.mark.parametrize("size", [(12, 15), (40, 33), (23, 30), (1, 2)])
def test_resized_crops(size: tuple[int, int], way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resized_crop, "SMALL", 0 if way.startswith("one") else 10**9)
    images, where = pictures(), [(0, 0, 23, 30), (3, 4, 12, 15), (22, 29, 1, 1), (5, 0, 9, 30), (0, 20, 20, 3)]
    top, left, height, width = (torch.tensor(values).float() for values in zip(*where, strict=True))
    crop = ResizedCrop(top, left, height, width, size)
    wanted = each(lambda image, at: one.resized_crop(image, *at, list(size), antialias=True), floats(images), where)
    assert_close(crop.images(images), wanted)
    halves = crop.images(floats(images).half())
    assert halves.dtype is torch.half
    assert (halves.float() - wanted).abs().max() < 2e-3
    masks = images[:, 0]
    nearest = InterpolationMode.NEAREST_EXACT
    wanted = each(
        lambda mask, at: one.resize(mask[:, at[0] : at[0] + at[2], at[1] : at[1] + at[3]], list(size), nearest),
        masks.unsqueeze(1),
        where,
    )
    assert torch.equal(crop.masks(masks), wanted.squeeze(1))


def test_normalize() -> None:
    images, mean, std = pictures(), [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    found, targets = Normalize(mean, std)((images, torch.arange(5)))
    assert_close(found, one.normalize(floats(images), mean, std))
    assert torch.equal(targets, torch.arange(5))
    assert_close(Normalize(0.5, 0.25)((images, targets))[0], (floats(images) - 0.5) / 0.25)
