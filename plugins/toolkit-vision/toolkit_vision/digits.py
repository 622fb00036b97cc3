"""scikit-learn's handwritten digits: real data that needs no download. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from toolkit_vision.read_idx import read_pair
from toolkit_vision.reader import ImageReader
from toolkit_vision.splits import Splits, stratified, take

FOLDER = Path(__file__).parent / "data"
LARGEST = 16
"""The files hold the pixels as published, 0 to 16."""


def digits(split_seed: int = 0) -> Splits:
    """1797 handwritten digits, 8x8 pixels; shipped with this package.

    The test set of UCI's "Optical Recognition of Handwritten Digits", as scikit-learn's `load_digits` has it. It comes
    without splits, so that they are cut here, with the same share of every class: 1077 to train, 360 to validate, 360
    to test. Writers are not known, and the same hand can be in several splits.

    Images are `(samples, 1, 8, 8)` uint8, stretched from 0 to 16 to 0 to 255; targets are `(samples,)` int64.

    Facts: `task` multiclass, `num_classes` 10, `class_names` "0" to "9", `in_channels` 1, `image_size` [8, 8].

    Arguments:
        split_seed: which samples are in which split. Results with different ones cannot be compared.
    """
    images, targets = read_pair(
        FOLDER / "digits-images-idx3-ubyte.gz", FOLDER / "digits-labels-idx1-ubyte.gz", classes=10
    )
    data = ((images.int() * 255 + LARGEST // 2) // LARGEST).to(images.dtype), targets
    rest, test = stratified(targets, 360, split_seed)
    train, val = stratified(targets[rest], 360, split_seed)
    facts: dict[str, Any] = {
        "task": "multiclass",
        "num_classes": 10,
        "class_names": [str(digit) for digit in range(10)],
        "in_channels": 1,
        "image_size": [8, 8],
    }
    return Splits(take(data, rest[train]), take(data, rest[val]), take(data, test), facts)


# An attribute of the function: the toolkit looks for `reader` on whatever a recipe names as its dataset.
digits.reader = ImageReader  # type: ignore[attr-defined]
