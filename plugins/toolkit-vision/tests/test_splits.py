"""Cutting off a share of the samples, the same of every class."""

from __future__ import annotations

import pytest
import torch
from toolkit_vision.splits import stratified


@pytest.mark.parametrize("size", [0, 1, 7, 50, 99])
def test_sizes_are_exact_and_no_sample_is_in_both(size: int) -> None:
    targets = torch.arange(100) % 3
    rest, cut = stratified(targets, size, seed=0)
    assert (len(rest), len(cut)) == (100 - size, size)
    assert torch.equal(torch.cat([rest, cut]).sort().values, torch.arange(100))


def test_every_class_gives_its_share() -> None:
    targets = torch.tensor([0] * 600 + [1] * 300 + [2] * 100)
    _, cut = stratified(targets, 100, seed=0)
    assert targets[cut].bincount().tolist() == [60, 30, 10]


def test_the_seed_says_which_samples() -> None:
    targets = torch.zeros(100, dtype=torch.long)
    first, again, other = (stratified(targets, 10, seed)[1].tolist() for seed in (0, 0, 1))
    assert first == again != other
    assert first == sorted(first)
