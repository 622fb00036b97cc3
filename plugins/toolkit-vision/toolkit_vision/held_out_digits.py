"""Handwritten digits in clutter, for recognition: some to learn from, others to be told apart.

Imports torch, nothing of the toolkit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from toolkit_vision.digits import digits
from toolkit_vision.reader import ImageReader
from toolkit_vision.scenes import compose
from toolkit_vision.splits import Splits, Tensors

TURNS = 8
"""Ways in which an image can be turned by quarters, and mirrored or not."""


def held_out_digits(
    train: Sequence[int] = (2, 3, 4, 5, 7),
    val: Sequence[int] = (0, 1),
    test: Sequence[int] = (6, 8, 9),
    size: int = 32,
    train_scenes: int = 4000,
    val_scenes: int = 600,
    test_scenes: int = 600,
    scene_seed: int = 0,
) -> Splits:
    """Scenes with one handwritten digit each, other digits in every split: those of test are in no other.

    The images of `digits`, all 1797 of them, in scenes as `digit_scenes` composes them: of any size and place, on a
    background with a gradient, noise, and pieces of other digits of the same split. Images are
    `(scenes, 1, size, size)` uint8; targets are identities, `(scenes,)` int64.

    In the training split digits are turned by quarters and mirrored, and each of the eight ways of a digit is an
    identity of its own, 40 instead of 5, as Santoro et al. (2016) do it with Omniglot. The digits of the default have
    no symmetry, and 6 and 9, which are each other's, are in one split.

    Facts: `num_identities`, those of train; `class_names`, the digits in the order of their numbers, through train, val
    and test, `2 turned 1` to `2 turned 7` for the other ways; `in_channels` 1, `image_size`.

    Arguments:
        train: the digits to train on.
        val: the digits to validate on.
        test: the digits to test on.
        size: side of a scene in pixels.
        train_scenes: number of scenes to train on.
        val_scenes: number of scenes to validate on.
        test_scenes: number of scenes to test on.
        scene_seed: which scenes. Results with different ones cannot be compared.

    Raises:
        ValueError: a digit is in two splits or is none, a split has fewer than two, or scenes are too small.
    """
    split = {"train": list(train), "val": list(val), "test": list(test)}
    everyone = [digit for chosen in split.values() for digit in chosen]
    if sorted(set(everyone)) != sorted(everyone) or not set(everyone) <= set(range(10)):
        raise ValueError(f"{split}: digits are 0 to 9, and each is in one split only")
    if min(map(len, split.values())) < 2:
        raise ValueError(f"{split}: with fewer than two digits a split has nothing to tell apart")
    if size < 32 or min(train_scenes, val_scenes, test_scenes) < 1:
        raise ValueError("a scene has a side of at least 32 pixels, a split at least one scene")
    parts = digits()
    images, targets = (torch.cat(both) for both in zip(parts.train, parts.val, parts.test, strict=True))
    names: list[str] = []
    made: list[Tensors] = []
    for place, (chosen, ways, count) in enumerate(
        ((split["train"], TURNS, train_scenes), (split["val"], 1, val_scenes), (split["test"], 1, test_scenes))
    ):
        wanted = torch.isin(targets, torch.tensor(chosen))
        numbers = torch.tensor([chosen.index(digit) for digit in targets[wanted].tolist()])
        shown = torch.cat([_turned(images[wanted], way) for way in range(ways)])
        identities = torch.cat([numbers + len(chosen) * way for way in range(ways)])
        # A stream of its own for each split, so that the size of one does not change the scenes of another.
        generator = torch.Generator().manual_seed(4 * scene_seed + place)
        scenes = compose(shown, identities, count, size, 1, 1, generator)
        there = scenes["labels"][:, 0] >= 0
        made.append((scenes["images"][there], scenes["labels"][there, 0] + len(names)))
        names += [f"{digit} turned {way}" if way else str(digit) for way in range(ways) for digit in chosen]
    facts: dict[str, Any] = {
        "num_identities": TURNS * len(split["train"]),
        "class_names": names,
        "in_channels": 1,
        "image_size": [size, size],
    }
    learned, validated, tested = made
    return Splits(learned, validated, tested, facts=facts)


def _turned(images: Tensor, way: int) -> Tensor:
    """The images turned by `way` quarters; those from 4 on are mirrored first."""
    return (images.flip(3) if way >= TURNS // 2 else images).rot90(way % 4, (2, 3))


# An attribute of the function: the toolkit looks for `reader` on whatever a recipe names as its dataset.
held_out_digits.reader = ImageReader  # type: ignore[attr-defined]
