"""Boxes and masks follow the images: a rectangle is drawn, moved, and looked for."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toolkit_vision.transforms.batches import moved
from toolkit_vision.transforms.crop import Crop, RandomCrop
from toolkit_vision.transforms.flip import Flip, RandomFlip
from toolkit_vision.transforms.operations import KINDS, MOVING, Operations, Reach
from toolkit_vision.transforms.policy import RandAugment, TrivialAugment
from toolkit_vision.transforms.resized_crop import RandomResizedCrop, ResizedCrop
from torch import Tensor

Rectangle = tuple[int, int, int, int]


def scene(rectangles: list[Rectangle], height: int, width: int, channels: int = 1) -> dict[str, Any]:
    """An image for each rectangle, x1 y1 x2 y2, which is drawn on it in white; a second place for a box stays free."""
    images = torch.zeros(len(rectangles), channels, height, width, dtype=torch.uint8)
    boxes, labels = torch.zeros(len(rectangles), 2, 4), torch.full((len(rectangles), 2), -1)
    masks = torch.zeros(len(rectangles), height, width, dtype=torch.int64)
    for index, (x1, y1, x2, y2) in enumerate(rectangles):
        images[index, :, y1:y2, x1:x2] = 255
        masks[index, y1:y2, x1:x2] = 7
        boxes[index, 0] = torch.tensor([x1, y1, x2, y2])
        labels[index, 0] = 3
    return {"images": images, "boxes": boxes, "labels": labels, "masks": masks, "names": ["a"] * len(rectangles)}


def extent(shown: Tensor) -> list[int] | None:
    """x1 y1 x2 y2 of what is true in `(height, width)`; None where nothing is."""
    rows, columns = shown.any(1).nonzero().flatten(), shown.any(0).nonzero().flatten()
    if not len(rows):
        return None
    return [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]


def assert_exact(batch: dict[str, Any]) -> None:
    """Each box is the extent of its rectangle, in the image and in the mask; a rectangle that is gone has no box."""
    for image, mask, boxes, labels in zip(*(batch[key] for key in ("images", "masks", "boxes", "labels")), strict=True):
        found = extent(image[0] > 0)
        assert extent(mask == 7) == found
        assert labels.tolist() == [-1 if found is None else 3, -1]
        assert boxes.tolist() == [found or [0] * 4, [0] * 4]


@st.composite
def rectangles(draw: st.DrawFn, height: int = 11, width: int = 14) -> Rectangle:
    x1, y1 = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    return x1, y1, draw(st.integers(x1 + 1, width)), draw(st.integers(y1 + 1, height))


@settings(max_examples=60, deadline=None)
@given(st.lists(rectangles(), min_size=1, max_size=5), st.integers(0, 12), st.integers(0, 2**20))
def test_boxes_follow_a_crop_exactly(drawn: list[Rectangle], padding: int, seed: int) -> None:
    torch.manual_seed(seed)
    batch = RandomCrop(padding=padding, size=[9, 10], min_visibility=0)(scene(drawn, 11, 14))
    assert batch["images"].shape[-2:] == (9, 10)
    assert batch["names"] == ["a"] * len(drawn)
    assert_exact(batch)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(rectangles(), min_size=1, max_size=5),
    st.sampled_from(["horizontal", "vertical"]),
    st.integers(0, 2**20),
)
def test_boxes_follow_a_flip_exactly(drawn: list[Rectangle], direction: Any, seed: int) -> None:
    torch.manual_seed(seed)
    before = scene(drawn, 11, 14)
    batch = RandomFlip(direction=direction)(before)
    assert_exact(batch)
    assert batch["images"].dtype is torch.uint8
    twice = RandomFlip(p=1, direction=direction)(RandomFlip(p=1, direction=direction)(before))
    assert all(torch.equal(twice[key], before[key]) for key in ("images", "boxes", "labels", "masks"))


@settings(max_examples=40, deadline=None)
@given(st.lists(rectangles(40, 60), min_size=1, max_size=4), st.integers(0, 2**20))
def test_boxes_follow_a_resized_crop_to_the_pixel(drawn: list[Rectangle], seed: int) -> None:
    torch.manual_seed(seed)
    batch = RandomResizedCrop(size=[50, 45], min_visibility=0)(scene(drawn, 40, 60))
    for image, mask, box, label in zip(
        batch["images"], batch["masks"], batch["boxes"][:, 0], batch["labels"][:, 0], strict=True
    ):
        assert not (mask == 255).any()
        inside = extent(mask == 7)
        if inside is None:  # no more than half of a pixel is left
            assert (box[2:] - box[:2]).min() <= 0.5 + 1e-3
            continue
        assert label == 3
        # A pixel of the mask belongs to what lies below its middle.
        assert (torch.tensor(inside) - box).abs().max() <= 0.5 + 1e-3
        # Interpolation spreads the border over the pixels beside it.
        half = extent(image[0] > 0.5)
        if half is not None and (box[2:] - box[:2]).min() >= 4:
            assert (torch.tensor(half) - box).abs().max() <= 1 + 1e-3


REACH = Reach(shear=0.4, translate=(9, 9), rotate=70, blend=0.9, posterize=4)


@pytest.mark.parametrize("sign", [-1.0, 1.0])
@pytest.mark.parametrize("kind", MOVING)
def test_boxes_follow_operations_that_move_pixels(kind: str, sign: float) -> None:
    before = scene([(20, 24, 40, 34), (24, 16, 33, 40)], 56, 64)
    strength = torch.tensor([1.0, 0.5])
    operations = Operations(
        torch.full((2,), KINDS.index(kind)), strength, torch.full((2,), sign), REACH, before["images"].shape[-2:]
    )
    after = moved(before, operations)
    assert not torch.equal(after["boxes"], before["boxes"])
    for image, mask, box in zip(after["images"], after["masks"], after["boxes"][:, 0], strict=True):
        for found in (extent(image[0] > 0.2), extent(mask == 7)):
            assert found is not None
            assert (torch.tensor(found) - box).abs().max() <= 1.5
    if kind.startswith("translate"):
        assert extent(after["images"][0, 0] > 0.5) == after["boxes"][0, 0].tolist()
    # What comes from outside of the image is black, and not looked at.
    assert (after["masks"] == 255).any()
    assert after["images"].transpose(0, 1)[0][after["masks"] == 255].max() <= 0.5 + 1e-3


@pytest.mark.parametrize("transform", [RandAugment(), TrivialAugment()])
def test_boxes_and_masks_follow_policies(transform: Any) -> None:
    torch.manual_seed(0)
    before = scene([(20, 24, 40, 34)] * 64, 56, 64, channels=3)
    after = transform(before)
    there = after["labels"][:, 0] == 3
    assert 40 < there.sum() <= 64
    for mask, box in zip(after["masks"][there], after["boxes"][there, 0], strict=True):
        found = extent(mask == 7)
        assert found is not None
        assert (torch.tensor(found) - box).abs().max() <= 2.5  # two operations may come one after the other
    still = (after["boxes"] == before["boxes"]).flatten(1).all(1)
    assert 5 < still.sum() < 60
    assert torch.equal(after["masks"][still], before["masks"][still])


@pytest.mark.parametrize(("least", "label"), [(0.0, 3), (0.49, 3), (0.5, 3), (0.51, -1), (1.0, -1)])
def test_a_box_of_which_little_is_left_is_dropped(least: float, label: int) -> None:
    half = Crop(torch.tensor([0]), torch.tensor([5]), 10, 10)
    after = moved(scene([(0, 2, 10, 6)], 10, 20), half, least)
    assert after["labels"].tolist() == [[label, -1]]
    assert after["boxes"][0, 0].tolist() == ([0, 2, 5, 6] if label == 3 else [0, 0, 0, 0])


def test_a_box_that_is_whole_stays_when_all_of_it_is_asked_for() -> None:
    whole = ResizedCrop(*(torch.tensor([value]) for value in (0.0, 0.0, 10.0, 20.0)), size=(13, 17))
    assert moved(scene([(0, 2, 20, 6)], 10, 20), whole, 1.0)["labels"].tolist() == [[3, -1]]


@pytest.mark.parametrize(
    "transform", [RandomCrop(), RandomFlip(), RandomResizedCrop(size=12), RandAugment(), TrivialAugment()]
)
def test_masks_of_a_segmentation_follow(transform: Any) -> None:
    images = torch.zeros(32, 3, 16, 16, dtype=torch.uint8)
    images[:, :, 4:12, 2:9] = 255
    for dtype in (torch.int64, torch.uint8):
        torch.manual_seed(3)
        after, masks = transform((images, (images[:, 0] > 0).to(dtype)))
        assert masks.dtype is dtype
        assert masks.shape == after[:, 0].shape
        assert set(masks.unique().tolist()) <= {0, 1, 255}
        if isinstance(transform, (RandomCrop, RandomFlip)):
            assert torch.equal(masks == 1, after[:, 0] > 0)


def test_the_mirrored_border_of_a_crop_is_not_looked_at() -> None:
    images = torch.full((4, 1, 8, 8), 9, dtype=torch.uint8)
    torch.manual_seed(0)
    after, masks = RandomCrop(padding=4, mode="reflect")((images, torch.zeros(4, 8, 8, dtype=torch.int64)))
    assert torch.equal(after, images)
    assert (masks == 255).any()


def test_flips_of_some() -> None:
    batch = scene([(1, 2, 4, 5), (1, 2, 4, 5)], 8, 10)
    after = moved(batch, Flip(torch.tensor([False, True]), horizontal=True, length=10))
    assert after["boxes"][:, 0].tolist() == [[1, 2, 4, 5], [6, 2, 9, 5]]


def test_masks_of_another_size_than_the_images() -> None:
    with pytest.raises(ValueError, match="the masks are 4x5, but the images 8x10"):
        RandomFlip()((torch.zeros(2, 3, 8, 10), torch.zeros(2, 4, 5, dtype=torch.int64)))
