"""Mixup and CutMix: images and classes are mixed in the same shares."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from toolkit_vision.transforms.mix import CutMix, Mixup, MixupCutMix
from torch import Tensor

ALL: dict[str, Any] = {
    "mixup": Mixup(7, alpha=1.0),
    "cutmix": CutMix(7),
    "mixup_cutmix": MixupCutMix(7, mixup_alpha=1.0),
}


def numbered(count: int = 63, size: int = 12) -> tuple[Tensor, Tensor]:
    """Images of the class i have the value 30 * i everywhere; classes follow one another, so neighbours differ."""
    targets = torch.arange(count) % 7
    return (30 * targets).to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, size, size).contiguous(), targets


@pytest.mark.parametrize("name", ALL)
def test_shares_tell_what_an_image_is_made_of(name: str) -> None:
    torch.manual_seed(0)
    images, targets = numbered()
    mixed, shares = ALL[name]((images, targets))
    assert shares.shape == (63, 7)
    assert torch.allclose(shares.sum(1), torch.ones(63))
    assert shares.min() >= 0
    assert ((shares > 0).sum(1) <= 2).all()
    # The class before a class is the one whose image came before it.
    neighbours = torch.stack((targets, targets.roll(1)))
    assert torch.allclose(shares.gather(1, neighbours.T).sum(1), torch.ones(63))
    values = mixed.float().mean((1, 2, 3)) / (1 if mixed.dtype is torch.uint8 else 1 / 255)
    assert torch.allclose(values, shares @ (30.0 * torch.arange(7)), atol=1e-2)
    own = shares.gather(1, targets.unsqueeze(1))
    assert own.unique().numel() > 20


def test_cutmix_pastes_one_rectangle() -> None:
    torch.manual_seed(1)
    images, targets = numbered()
    mixed, shares = CutMix(7)((images, targets))
    for image, before, own, part in zip(
        mixed, images.roll(1, 0), images, shares.gather(1, targets[:, None]), strict=True
    ):
        pasted = (image == before).all(0)
        assert torch.equal(image[:, ~pasted], own[:, ~pasted])
        rows, columns = pasted.any(1), pasted.any(0)
        assert torch.equal(pasted, rows.unsqueeze(1) & columns.unsqueeze(0))
        assert part.item() == pytest.approx(1 - pasted.float().mean().item())


@pytest.mark.parametrize("name", ALL)
def test_some_are_left_as_they_are(name: str) -> None:
    torch.manual_seed(0)
    images, targets = numbered(700)
    some = type(ALL[name])(7, p=0.5)
    shares = some((images, targets))[1]
    whole = (shares.gather(1, targets[:, None]) == 1).sum()
    assert 290 < whole < 480
    none = type(ALL[name])(7, p=0)
    mixed, shares = none((images, targets))
    assert torch.equal(shares.argmax(1), targets)
    assert torch.equal((mixed.float() * (1 if mixed.dtype is torch.uint8 else 255)).round().to(torch.uint8), images)


def test_half_of_the_images_are_cut_and_half_are_blended() -> None:
    torch.manual_seed(0)
    images, targets = numbered(700)
    mixed, _ = MixupCutMix(7, mixup_alpha=1.0)((images, targets))
    uniform = mixed.flatten(1).amax(1) - mixed.flatten(1).amin(1) < 1e-6
    assert 330 < uniform.sum() < 480  # also where no pixel, or every one, was cut


def test_one_mixture_after_the_other() -> None:
    torch.manual_seed(0)
    images, targets = numbered()
    shares = CutMix(7)(Mixup(7, alpha=1.0)((images, targets)))[1]
    assert torch.allclose(shares.sum(1), torch.ones(63))
    assert ((shares > 0).sum(1) == 3).any()


@pytest.mark.parametrize("name", ALL)
def test_boxes_masks_and_other_targets_are_refused(name: str) -> None:
    images = torch.zeros(2, 3, 8, 8)
    with pytest.raises(ValueError, match=f"{name} mixes the classes of whole images, but these come with boxes"):
        ALL[name]({"images": images, "boxes": torch.zeros(2, 1, 4), "labels": torch.zeros(2, 1)})
    with pytest.raises(ValueError, match=f"come with masks; remove {name}"):
        ALL[name]((images, torch.zeros(2, 8, 8, dtype=torch.int64)))
    with pytest.raises(ValueError, match=r"class numbers, or \[2, 7\], shares; these have \[2, 5\]"):
        ALL[name]((images, torch.zeros(2, 5)))
