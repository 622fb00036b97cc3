"""Composed scenes: what is in them, exact boxes and masks, and splits that keep to themselves."""

from __future__ import annotations

import pytest
import torch
from toolkit_vision import scenes
from toolkit_vision.digits import digits
from toolkit_vision.scenes import digit_scenes
from torch import Tensor

SMALL = {"train_scenes": 60, "val_scenes": 20, "test_scenes": 30}


def bounds(pixels: Tensor) -> list[float]:
    """x1 y1 x2 y2 around the true pixels of `(height, width)`."""
    y, x = pixels.nonzero(as_tuple=True)
    return [float(x.min()), float(y.min()), float(x.max() + 1), float(y.max() + 1)]


@pytest.mark.parametrize(("size", "channels"), [(64, 1), (96, 3)])
def test_the_shapes_are_what_the_docstring_says(size: int, channels: int) -> None:
    data = digit_scenes(size=size, channels=channels, **SMALL)
    for split, count in ((data.train, 60), (data.val, 20), (data.test, 30)):
        assert isinstance(split, dict)
        assert split["images"].shape == (count, channels, size, size)
        assert split["images"].dtype is split["masks"].dtype is torch.uint8
        assert split["boxes"].shape == (count, 5, 4)
        assert split["labels"].shape == (count, 5)
        assert split["masks"].shape == (count, size, size)
    assert data.facts == {
        "num_classes": 10,
        "class_names": [str(digit) for digit in range(10)],
        "in_channels": channels,
        "image_size": [size, size],
    }


def test_with_masks_a_split_is_the_pair_of_the_same_scenes() -> None:
    boxes, masks = digit_scenes(**SMALL), digit_scenes(target="masks", **SMALL)
    assert isinstance(boxes.val, dict)
    images, truth = masks.val
    assert torch.equal(images, boxes.val["images"])
    assert torch.equal(truth, boxes.val["masks"])
    assert masks.facts["num_classes"] == 11
    assert masks.facts["class_names"][0] == "background"
    assert masks.facts["task"] == "multiclass"


def test_a_box_is_the_tightest_around_its_digit() -> None:
    scenes = digit_scenes(most=1, **SMALL).train
    assert isinstance(scenes, dict)
    for box, label, mask in zip(scenes["boxes"][:, 0], scenes["labels"][:, 0], scenes["masks"], strict=True):
        assert box.tolist() == bounds(mask > 0)
        assert mask.unique().tolist() == [0, int(label) + 1]


def test_boxes_and_masks_agree_with_several_digits() -> None:
    scenes = digit_scenes(**SMALL).train
    assert isinstance(scenes, dict)
    there = scenes["labels"] >= 0
    assert there[:, 0].all(), "padding comes last, and there is always a digit"
    assert there.sum(1).unique().tolist() == [1, 2, 3, 4, 5]
    boxes = scenes["boxes"]
    assert torch.equal(boxes[~there], torch.zeros_like(boxes[~there]))
    assert (boxes[there][:, :2] >= 0).all()
    assert (boxes[there][:, 2:] <= 64).all()
    for scene in range(len(boxes)):
        inside = torch.zeros(64, 64, dtype=torch.bool)
        for box in boxes[scene][there[scene]].int().tolist():
            inside[box[1] : box[3], box[0] : box[2]] = True
        mask = scenes["masks"][scene]
        assert not (mask[~inside] > 0).any()
        assert set(mask.unique().tolist()) <= {0, *(scenes["labels"][scene] + 1).tolist()}


def test_a_scene_shows_the_digits_of_its_own_split_only(monkeypatch: pytest.MonkeyPatch) -> None:
    given = []
    compose = scenes.compose

    def watched(images: Tensor, *rest: object) -> dict[str, Tensor]:
        given.append(images)
        return compose(images, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(scenes, "compose", watched)
    digit_scenes(**SMALL)
    source = digits()
    own = (source.train[0], source.val[0], source.test[0])
    assert all(torch.equal(one, other) for one, other in zip(given, own, strict=True))


def test_the_seed_alone_decides() -> None:
    torch.manual_seed(1)
    first = digit_scenes(**SMALL)
    torch.manual_seed(2)
    state = torch.get_rng_state()
    again, other = digit_scenes(**SMALL), digit_scenes(scene_seed=1, **SMALL)
    assert torch.equal(torch.get_rng_state(), state), "nothing is drawn from the run's own numbers"
    larger = digit_scenes(**{**SMALL, "train_scenes": 80})
    assert isinstance(first.test, dict)
    assert torch.equal(first.test["images"], again.test["images"])
    assert not torch.equal(first.test["images"], other.test["images"])
    assert torch.equal(first.test["images"], larger.test["images"])


@pytest.mark.parametrize("wrong", [{"channels": 2}, {"size": 16}, {"most": 0}, {"val_scenes": 0}])
def test_impossible_arguments_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError):
        digit_scenes(**wrong)
