"""The handwritten digits: what they are, and how they are split."""

from __future__ import annotations

import torch
from toolkit_vision.digits import digits


def test_the_splits_are_what_the_docstring_says() -> None:
    data = digits()
    for split, samples in ((data.train, 1077), (data.val, 360), (data.test, 360)):
        assert split is not None
        images, targets = split
        assert images.shape == (samples, 1, 8, 8)
        assert images.dtype == torch.uint8
        assert int(images.max()) == 255
        assert targets.shape == (samples,)
        assert targets.dtype == torch.int64
        share = targets.bincount(minlength=10) / samples
        assert share.min() > 0.09
        assert share.max() < 0.11
    assert data.facts == {
        "task": "multiclass",
        "num_classes": 10,
        "class_names": ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
        "in_channels": 1,
        "image_size": [8, 8],
    }


def test_no_image_is_in_two_splits() -> None:
    data = digits()
    assert data.val is not None
    images = torch.cat([data.train[0], data.val[0], data.test[0]])
    assert len(images.flatten(1).unique(dim=0)) == len(images) == 1797


def test_the_same_seed_gives_the_same_splits() -> None:
    torch.manual_seed(1)
    first = digits()
    torch.manual_seed(2)
    again, other = digits(), digits(split_seed=1)
    assert torch.equal(first.test[0], again.test[0])
    assert not torch.equal(first.test[0], other.test[0])
