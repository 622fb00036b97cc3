"""What all transforms of batches have in common: random for every sample, the same again with the same seed."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from toolkit_vision.transforms.crop import RandomCrop
from toolkit_vision.transforms.erase import RandomErasing
from toolkit_vision.transforms.flip import RandomFlip
from toolkit_vision.transforms.jitter import ColorJitter
from toolkit_vision.transforms.mix import CutMix, Mixup, MixupCutMix
from toolkit_vision.transforms.normalize import Normalize
from toolkit_vision.transforms.policy import RandAugment, TrivialAugment
from toolkit_vision.transforms.resized_crop import RandomResizedCrop
from torch import Tensor

KEEP_UINT8: dict[str, Any] = {
    "random_crop": RandomCrop(),
    "random_crop, mirrored": RandomCrop(mode="reflect"),
    "random_flip": RandomFlip(),
    "random_erasing": RandomErasing(p=1),
    "random_erasing, noise": RandomErasing(p=1, fill="noise"),
    "cutmix": CutMix(10),
}
MAKE_FLOATS: dict[str, Any] = {
    "random_resized_crop": RandomResizedCrop(),
    "color_jitter": ColorJitter(0.4, 0.4, 0.4, 0.1),
    "rand_augment": RandAugment(),
    "trivial_augment": TrivialAugment(),
    "mixup": Mixup(10, alpha=1),
    "mixup_cutmix": MixupCutMix(10, mixup_alpha=1),
}
RANDOM = {**KEEP_UINT8, **MAKE_FLOATS}


def batch(count: int = 32, channels: int = 3) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(5)
    images = torch.randint(0, 256, (count, channels, 18, 20), dtype=torch.uint8, generator=generator)
    return images, torch.randint(0, 10, (count,), generator=generator)


@pytest.mark.parametrize("name", RANDOM)
def test_equal_samples_get_parameters_of_their_own(name: str) -> None:
    images, targets = batch()
    images[:], targets[:] = images[:1].clone(), 0
    # What is mixed with its neighbour needs another one there.
    images[1::2], targets[1::2] = 255 - images[1::2], 1
    torch.manual_seed(0)
    after = RANDOM[name]((images, targets))[0]
    different = {tuple(image.flatten().tolist()) for image in after}
    assert len(different) >= (2 if name == "random_flip" else 8)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", RANDOM)
def test_the_same_seed_gives_the_same_batch(name: str, channels: int) -> None:
    images, targets = batch(channels=channels)
    kept = images.clone(), targets.clone()
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        found.append(RANDOM[name]((images, targets)))
    assert all(torch.equal(*pair) for pair in zip(found[0], found[1], strict=True))
    assert not torch.equal(found[0][0], found[2][0])
    assert torch.equal(images, kept[0])
    assert torch.equal(targets, kept[1])


@pytest.mark.parametrize("name", RANDOM)
def test_values_stay_in_their_range(name: str) -> None:
    images, targets = batch()
    for given in (images, images.float() / 255, (images.float() / 255).bfloat16()):
        torch.manual_seed(0)
        after = RANDOM[name]((given, targets))[0]
        assert after.shape == images.shape
        wanted = torch.float32 if name in MAKE_FLOATS and given is images else given.dtype
        assert after.dtype is wanted
        assert after.min() >= 0
        assert after.max() <= (255 if after.dtype is torch.uint8 else 1 + 1e-6)
        assert after.float().mean() > 0.1


@pytest.mark.parametrize("name", RANDOM)
@pytest.mark.parametrize("count", [1, 2])
def test_batches_of_one_and_two(name: str, count: int) -> None:
    images, targets = batch(count)
    assert len(RANDOM[name]((images, targets))[0]) == count


@pytest.mark.parametrize("name", ["random_erasing", "color_jitter"])
def test_boxes_and_masks_stay_where_nothing_moves(name: str) -> None:
    images, _ = batch(4)
    masks = torch.randint(0, 3, (4, 18, 20))
    boxes, labels = torch.rand(4, 2, 4), torch.zeros(4, 2, dtype=torch.int64)
    after = RANDOM[name]({"images": images, "boxes": boxes, "labels": labels, "masks": masks})
    assert not torch.equal(after["images"], images)
    assert after["boxes"] is boxes
    assert after["labels"] is labels
    assert after["masks"] is masks
    assert RANDOM[name]((images, masks))[1] is masks


def test_how_often_a_half_is() -> None:
    torch.manual_seed(0)
    images = torch.zeros(1000, 1, 6, 6, dtype=torch.uint8)
    images[..., 0] = 1
    mirrored = RandomFlip()((images, torch.zeros(1000)))[0][..., -1].any(2).any(1)
    assert 430 < mirrored.sum() < 570
    erased = (RandomErasing(p=0.25)((torch.ones(1000, 1, 16, 16), torch.zeros(1000)))[0] == 0).flatten(1).any(1)
    assert 190 < erased.sum() < 310


def test_every_place_of_a_crop_is_as_likely() -> None:
    torch.manual_seed(0)
    images = torch.arange(1, 37, dtype=torch.uint8).view(1, 1, 6, 6).expand(4000, -1, -1, -1)
    first = RandomCrop(padding=0, size=4)((images, torch.zeros(4000)))[0][:, 0, 0, 0]
    counts = torch.bincount(first.long(), minlength=37)
    assert (counts > 0).nonzero().flatten().tolist() == [1, 2, 3, 7, 8, 9, 13, 14, 15]
    assert counts[counts > 0].min() > 350


def test_resized_crops_have_the_areas_and_shapes_asked_for() -> None:
    from toolkit_vision.transforms.rectangles import random_rectangles, random_starts

    torch.manual_seed(0)
    heights, widths, found = random_rectangles(5000, (60, 80), (0.2, 0.6), (0.5, 2), torch.device("cpu"))
    assert found.all()
    share, ratio = heights * widths / (60 * 80), widths / heights
    assert 0.18 < share.min() < 0.21
    assert 0.59 < share.max() < 0.62
    assert 0.45 < ratio.min() < 0.55
    assert 1.8 < ratio.max() < 2.1
    tops = random_starts(heights, 60)
    assert tops.min() == 0
    assert (tops + heights).max() == 60


def test_where_no_piece_fits_the_largest_of_an_allowed_shape_is_taken() -> None:
    images = torch.zeros(3, 1, 10, 100, dtype=torch.uint8)
    images[..., 40:60] = 200
    after = RandomResizedCrop(size=10, scale=(1, 1), ratio=(0.5, 2))((images, torch.zeros(3)))[0]
    assert torch.allclose(after, torch.tensor(200 / 255))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RandomCrop(padding=-1), "padding=-1: expected a number of pixels from 0 up"),
        (lambda: RandomCrop(size=[3]), "size=[3]: expected a number of pixels, or [height, width]"),
        (lambda: RandomCrop(min_visibility=2), "min_visibility=2: expected a number from 0 to 1"),
        (lambda: RandomFlip(p=1.5), "p=1.5: expected a number from 0 to 1"),
        (
            lambda: RandomResizedCrop(scale=[0.5, 2]),
            "scale=[0.5, 2]: expected [least, most], both above 0 and at most 1",
        ),
        (lambda: RandomErasing(ratio=[2, 1]), "ratio=[2, 1]: expected [least, most], both above 0"),
        (lambda: ColorJitter(), "give at least one of brightness, contrast, saturation and hue"),
        (lambda: ColorJitter(hue=0.6), "hue=0.6: expected a number from 0 to 0.5"),
        (lambda: ColorJitter(contrast=-1), "contrast=-1: expected a number from 0 up"),
        (lambda: RandAugment(num_ops=0), "num_ops=0: expected a number from 1 up"),
        (lambda: RandAugment(magnitude=31), "magnitude=31: expected a number from 0 to 30"),
        (lambda: Mixup(10, alpha=0), "alpha=0: expected a number above 0"),
        (lambda: Normalize(0.5, [0.2, 0]), "std=0.0: expected a number above 0"),
    ],
)
def test_arguments_that_cannot_be(make: Any, message: str) -> None:
    with pytest.raises(ValueError) as error:
        make()
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("transform", "given", "message"),
    [
        (RandomFlip(), torch.zeros(3), "a batch of images is a pair (images, targets) or a dict with 'images', not a"),
        (RandomFlip(), {"pixels": torch.zeros(3)}, "not a dict"),
        (RandomFlip(), (torch.zeros(2, 8, 8), torch.zeros(2)), "these have [2, 8, 8] in float32"),
        (RandomFlip(), (torch.zeros(2, 1, 8, 8).int(), torch.zeros(2)), "these have [2, 1, 8, 8] in int32"),
        (RandomCrop(size=20), (torch.zeros(2, 1, 8, 9), torch.zeros(2)), "images of 8x9 with padding=4"),
        (RandomCrop(padding=8, mode="reflect"), (torch.zeros(2, 1, 8, 9), torch.zeros(2)), "cannot be mirrored"),
        (Normalize([0.5] * 3, 1), (torch.zeros(2, 1, 8, 9), torch.zeros(2)), "mean has 3 numbers, but images have 1"),
    ],
)
def test_batches_that_do_not_fit(transform: Any, given: Any, message: str) -> None:
    with pytest.raises(ValueError) as error:
        transform(given)
    assert message in str(error.value)
