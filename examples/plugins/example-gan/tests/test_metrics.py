"""The two metrics, against what they must be of sets that are known."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor


@pytest.fixture
def images() -> Tensor:
    return torch.rand(400, 1, 3, 3, generator=torch.Generator().manual_seed(0))


def test_the_distance_of_a_set_to_itself_is_zero(images: Tensor) -> None:
    from example_gan.frechet_distance import FrechetDistance

    metric = FrechetDistance(1, [3, 3])
    metric.update(images, images.flip(0), torch.zeros(400))
    assert float(metric.compute()) == pytest.approx(0, abs=1e-6)


def test_a_shift_counts_with_its_square(images: Tensor) -> None:
    from example_gan.frechet_distance import FrechetDistance

    metric = FrechetDistance(1, [3, 3])
    metric.update(images + 0.5, images, torch.zeros(400))
    assert float(metric.compute()) == pytest.approx(9 * 0.25, rel=1e-5)


def test_it_is_the_formula_of_the_paper(images: Tensor) -> None:
    from example_gan.frechet_distance import FrechetDistance

    others = torch.rand(300, 1, 3, 3, generator=torch.Generator().manual_seed(1)).square()
    metric = FrechetDistance(1, [3, 3])
    for part in (slice(0, 100), slice(100, 300)):
        metric.update(images[part], others[part], torch.zeros(len(images[part])))
    one, other = images[:300].flatten(1).double(), others.flatten(1).double()
    # The root of the product itself, by its eigenvalues, which need not be a symmetric matrix's.
    both = torch.linalg.eigvals(one.T.cov() @ other.T.cov()).real.clamp_min(0).sqrt().sum()
    apart = (one.mean(0) - other.mean(0)).square().sum()
    expected = apart + one.T.cov().trace() + other.T.cov().trace() - 2 * both
    assert float(metric.compute()) == pytest.approx(float(expected), rel=1e-5)


def test_the_sums_of_two_processes_are_those_of_one(images: Tensor) -> None:
    from example_gan.frechet_distance import FrechetDistance

    one, first, second = (FrechetDistance(1, [3, 3]) for _ in range(3))
    others, labels = images.square(), torch.zeros(400)
    one.update(images, others, labels)
    first.update(images[:150], others[:150], labels[:150])
    second.update(images[150:], others[150:], labels[150:])
    for name, how in first._reductions.items():
        setattr(first, name, how(torch.stack([getattr(first, name), getattr(second, name)])))
    assert float(first.compute()) == pytest.approx(float(one.compute()), rel=1e-6)


def test_what_real_images_have_is_what_the_readme_says() -> None:
    from example_gan.frechet_distance import FrechetDistance
    from toolkit_vision.digits import digits

    data = digits()
    (train, labels), (test, test_labels) = (
        (images.float() / 255, targets) for images, targets in (data.train, data.test)
    )
    distance = FrechetDistance(1, [8, 8])
    distance.update(train[:360], test, test_labels)
    nearest = torch.cdist(train.flatten(1), test.flatten(1)).argmin(1)
    page = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    assert f"as many training images have {float(distance.compute()):.3f}" in page
    assert f"the training images {float((test_labels[nearest] == labels).float().mean()):.3f}" in page


def test_agreement_counts_samples_beside_images_of_their_class() -> None:
    from example_gan.class_agreement import ClassAgreement

    images = torch.tensor([0.0, 1.0, 2.0]).reshape(3, 1, 1, 1)
    metric = ClassAgreement()
    metric.update(images + 0.1, images, torch.tensor([0, 1, 2]))
    assert float(metric.compute()) == 1
    metric.reset()
    metric.update(torch.tensor([0.1, 2.2, 1.9]).reshape(3, 1, 1, 1), images, torch.tensor([0, 1, 2]))
    assert float(metric.compute()) == pytest.approx(2 / 3)
