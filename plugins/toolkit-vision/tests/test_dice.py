"""The Dice loss, by hand and at its ends."""

from __future__ import annotations

import pytest
import torch
from toolkit_vision.dice import Dice, DiceCrossEntropy
from torch import Tensor
from torch.nn import functional as F


def certain(masks: Tensor, classes: int) -> Tensor:
    """Logits that leave no doubt about the masks."""
    return F.one_hot(masks, classes).movedim(-1, 1).float() * 200


def test_what_is_all_right_costs_nothing_and_what_is_all_wrong_costs_one() -> None:
    masks = torch.randint(3, (2, 5, 6), generator=torch.Generator().manual_seed(0))
    assert Dice()(certain(masks, 4), masks).item() == pytest.approx(0, abs=1e-6)
    assert Dice()(certain((masks + 1) % 3, 4), masks).item() == pytest.approx(1, abs=1e-6)


def test_by_hand() -> None:
    # Two pixels of class 0 and one of class 1, over two images.
    probabilities = torch.tensor([[[[0.5, 0.8]], [[0.5, 0.2]]], [[[0.4, 0.1]], [[0.6, 0.9]]]])
    masks = torch.tensor([[[0, 0]], [[1, -100]]])
    first = 2 * (0.5 + 0.8) / ((0.5 + 0.8 + 0.4) + 2)
    second = 2 * 0.6 / ((0.5 + 0.2 + 0.6) + 1)
    loss = Dice()(probabilities.log(), masks)
    assert loss.item() == pytest.approx(((1 - first) + (1 - second)) / 2)


def test_a_class_that_the_truth_lacks_does_not_count() -> None:
    generator = torch.Generator().manual_seed(1)
    outputs = torch.randn(2, 3, 4, 4, generator=generator)
    masks = torch.randint(2, (2, 4, 4), generator=generator)
    overlaps = []
    probabilities = outputs.softmax(1)
    for number in range(2):
        truth = (masks == number).float()
        both = (probabilities[:, number] * truth).sum()
        overlaps.append(1 - 2 * both / (probabilities[:, number].sum() + truth.sum()))
    assert Dice()(outputs, masks).item() == pytest.approx(torch.stack(overlaps).mean().item())


def test_pixels_that_do_not_count_change_nothing() -> None:
    generator = torch.Generator().manual_seed(2)
    outputs = torch.randn(2, 3, 4, 4, generator=generator)
    masks = torch.randint(3, (2, 4, 4), generator=generator)
    masks[:, 2:] = -100
    for loss in (Dice(), DiceCrossEntropy()):
        changed = outputs.clone()
        changed[:, :, 2:] = 7 * torch.randn(2, 3, 2, 4, generator=generator)
        assert torch.equal(loss(outputs, masks), loss(changed, masks))
        assert torch.allclose(loss(outputs, masks), loss(outputs[:, :, :2], masks[:, :2]))


def test_nothing_that_counts_is_no_loss_and_a_gradient() -> None:
    outputs = torch.randn(2, 3, 4, 4, requires_grad=True)
    loss = Dice()(outputs, torch.full((2, 4, 4), -100))
    loss.backward()
    assert loss.item() == 0
    assert outputs.grad is not None
    assert not outputs.grad.any()


def test_its_weights_add_both() -> None:
    outputs, masks = torch.randn(2, 3, 4, 4), torch.randint(3, (2, 4, 4))
    both = DiceCrossEntropy(dice=0.5, cross_entropy=2.0, label_smoothing=0.1)(outputs, masks)
    expected = 0.5 * Dice()(outputs, masks) + 2 * F.cross_entropy(outputs, masks, label_smoothing=0.1)
    assert torch.allclose(both, expected)


def test_it_teaches() -> None:
    torch.manual_seed(0)
    outputs = torch.zeros(1, 2, 4, 4, requires_grad=True)
    masks = torch.randint(2, (1, 4, 4))
    for _ in range(50):
        (gradient,) = torch.autograd.grad(Dice()(outputs, masks), outputs)
        outputs = (outputs - 20 * gradient).detach().requires_grad_()
    assert torch.equal(outputs.argmax(1), masks)
