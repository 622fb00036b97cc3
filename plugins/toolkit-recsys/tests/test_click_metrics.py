"""Metrics of clicks, held against what they are by definition."""

from __future__ import annotations

import math

import pytest
import torch
from toolkit_recsys.clicks.click_ratio import ClickRatio
from toolkit_recsys.clicks.generated import auc
from toolkit_recsys.clicks.log_loss import LogLoss
from torchmetrics.functional.classification import binary_auroc


def random_case(seed, samples=200):
    generator = torch.Generator().manual_seed(seed)
    preds = torch.rand(samples, generator=generator).mul(50).round() / 50  # many are alike
    return preds, (torch.rand(samples, generator=generator) < preds).long()


@pytest.mark.parametrize("seed", range(5))
def test_random_cases_in_batches(seed):
    preds, target = random_case(seed)
    log_loss, ratio = LogLoss(), ClickRatio()
    for part in torch.arange(200).split(64):
        log_loss.update(preds[part], target[part])
        ratio.update(preds[part], target[part])
    given = [p if t else 1 - p for p, t in zip(preds.double().tolist(), target.tolist(), strict=True)]
    assert float(log_loss.compute()) == pytest.approx(-sum(math.log(max(p, 1e-7)) for p in given) / 200, rel=1e-5)
    assert float(ratio.compute()) == pytest.approx(sum(preds.tolist()) / sum(target.tolist()), rel=1e-6)
    assert auc(preds.double(), target) == pytest.approx(float(binary_auroc(preds, target)), abs=1e-6)


def test_a_sure_mistake_costs_much_and_not_everything():
    log_loss = LogLoss()
    log_loss.update(torch.tensor([0.0, 1.0]), torch.tensor([1, 0]))
    assert float(log_loss.compute()) == pytest.approx(-math.log(1e-7), rel=1e-2)


def test_no_clicks_make_the_ratio_infinite():
    ratio = ClickRatio()
    ratio.update(torch.tensor([0.5]), torch.tensor([0]))
    assert float(ratio.compute()) == math.inf
