"""The shapes of the learning-rate curves that the core adds to torch's."""

from __future__ import annotations

import io
import math

import pytest
import torch
from torch import nn

from toolkit.builtin.phases import lr_constant, lr_cosine, lr_exponential, lr_inverse_sqrt, lr_linear
from toolkit.builtin.schedulers import chain, linear_warmup_cosine


def sgd(*rates: float) -> torch.optim.SGD:
    return torch.optim.SGD([{"params": [nn.Parameter(torch.zeros(1))], "lr": rate} for rate in rates or (1.0,)])


def curve(scheduler: torch.optim.lr_scheduler.LRScheduler, steps: int) -> list[float]:
    """The learning rate that each of the first ``steps`` steps trains at."""
    rates = []
    for _ in range(steps):
        rates.append(scheduler.optimizer.param_groups[0]["lr"])
        scheduler.optimizer.step()
        scheduler.step()
    return rates


def test_warmup_rises_to_the_peak_and_the_cosine_falls_to_the_end():
    rates = curve(linear_warmup_cosine(sgd(2.0), total_steps=12, warmup=4, min_lr_ratio=0.1), 15)
    assert rates[:5] == pytest.approx([0.4, 0.8, 1.2, 1.6, 2.0])
    expected = [2.0 * (0.1 + 0.9 * (1 + math.cos(math.pi * done / 8)) / 2) for done in range(8)]
    assert rates[4:12] == pytest.approx(expected)
    assert rates[12:] == pytest.approx([0.2, 0.2, 0.2])


def test_no_step_is_spent_at_a_rate_of_zero():
    assert min(curve(linear_warmup_cosine(sgd(), total_steps=50, warmup=10), 50)) > 0


def test_without_warmup_the_first_step_is_at_the_peak():
    rates = curve(linear_warmup_cosine(sgd(), total_steps=4, warmup=0), 4)
    assert rates == pytest.approx([(1 + math.cos(math.pi * done / 4)) / 2 for done in range(4)])


def test_warmup_as_a_fraction_follows_the_length_of_the_run():
    for total in (10, 100):
        rates = curve(linear_warmup_cosine(sgd(), total_steps=total, warmup=0.1), total)
        assert rates.index(max(rates)) == total // 10


def test_a_warmup_of_the_whole_run_is_only_a_warmup():
    rates = curve(linear_warmup_cosine(sgd(), total_steps=3, warmup=3), 3)
    assert rates == pytest.approx([0.25, 0.5, 0.75])


@pytest.mark.parametrize(
    ("warmup", "message"),
    [
        (11, "warmup takes 11 steps, but the run has 10; a fraction, such as 0.1, follows its length"),
        (-1, "warmup is a whole number of steps, or a fraction of the run below 1, not -1"),
        (1.5, "warmup is a whole number of steps, or a fraction of the run below 1, not 1.5"),
        (math.nan, "warmup is a whole number of steps, or a fraction of the run below 1, not nan"),
    ],
)
def test_a_warmup_that_does_not_fit_is_refused(warmup, message):
    with pytest.raises(ValueError) as caught:
        linear_warmup_cosine(sgd(), total_steps=10, warmup=warmup)
    assert str(caught.value) == message


def test_a_chain_runs_its_phases_in_order_and_stays_at_its_end():
    scheduler = chain(
        sgd(10.0),
        {
            "warmup": lr_linear(start=0.0, end=1.0, steps=2),
            "stable": lr_constant(),
            "decay": lr_linear(start=1.0, end=0.5, steps=0.4),
        },
        total_steps=10,
    )
    assert curve(scheduler, 12) == pytest.approx([0, 5, 10, 10, 10, 10, 10, 8.75, 7.5, 6.25, 5, 5])


def test_every_phase_has_its_shape():
    def phase(made):
        return curve(chain(sgd(), {"only": made}, total_steps=4), 5)

    assert phase(lr_constant(0.5)) == pytest.approx([0.5] * 5)
    assert phase(lr_linear(1.0, 0.0)) == pytest.approx([1, 0.75, 0.5, 0.25, 0])
    assert phase(lr_cosine()) == pytest.approx([1, (1 + math.sqrt(0.5)) / 2, 0.5, (1 - math.sqrt(0.5)) / 2, 0])
    assert phase(lr_exponential(1.0, 0.0001)) == pytest.approx([1, 0.1, 0.01, 0.001, 0.0001])
    assert phase(lr_inverse_sqrt(timescale=2)) == pytest.approx([math.sqrt(2 / (2 + done)) for done in range(5)])


def test_the_inverse_square_root_with_warmup_is_the_curve_of_the_paper():
    """Vaswani et al., 2017, equation 3, where the model's width sets the peak."""
    warmup = 5
    phases = {"warmup": lr_linear(0.0, 1.0, steps=warmup), "decay": lr_inverse_sqrt(timescale=warmup)}
    paper = [math.sqrt(warmup) * min(step**-0.5, step * warmup**-1.5) for step in range(1, 20)]
    assert curve(chain(sgd(), phases, total_steps=20), 20)[1:] == pytest.approx(paper)


def test_phases_of_no_steps_are_skipped():
    phases = {"none": lr_constant(7.0, steps=0), "rest": lr_constant(2.0), "last": lr_linear(1.0, 3.0, steps=0)}
    assert curve(chain(sgd(), phases, total_steps=2), 3) == pytest.approx([2, 2, 3])


@pytest.mark.parametrize(
    ("phases", "message"),
    [
        ({}, "chain needs at least one phase"),
        (
            {"one": lr_constant(), "two": lr_constant()},
            "only one phase can leave out its steps, not one and two",
        ),
        (
            {"one": lr_constant(steps=8), "two": lr_constant(steps=0.5)},
            "the phases take 13 steps, but the run has 10; a fraction, such as 0.1, follows its length",
        ),
        (
            {"one": lr_constant(steps=-2)},
            "one.steps is a whole number of steps, or a fraction of the run below 1, not -2",
        ),
    ],
)
def test_phases_that_do_not_fit_are_refused(phases, message):
    with pytest.raises(ValueError) as caught:
        chain(sgd(), phases, total_steps=10)
    assert str(caught.value) == message


def test_arguments_of_phases_out_of_range_are_refused():
    with pytest.raises(ValueError, match="between factors above 0, not from 1.0 to 0.0"):
        lr_exponential(1.0, 0.0)
    with pytest.raises(ValueError, match="at least 1 step, not 0"):
        lr_inverse_sqrt(timescale=0)


def test_parameter_groups_keep_their_proportions():
    scheduler = linear_warmup_cosine(sgd(1.0, 0.1), total_steps=10, warmup=2)
    for _ in range(10):
        first, second = (group["lr"] for group in scheduler.optimizer.param_groups)
        assert second == pytest.approx(0.1 * first)
        scheduler.optimizer.step()
        scheduler.step()


def test_a_checkpoint_holds_plain_values_and_goes_on_where_it_was():
    straight = curve(linear_warmup_cosine(sgd(), total_steps=10, warmup=3), 10)
    first = linear_warmup_cosine(sgd(), total_steps=10, warmup=3)
    curve(first, 4)
    file = io.BytesIO()
    torch.save({"scheduler": first.state_dict(), "optimizer": first.optimizer.state_dict()}, file)
    file.seek(0)
    saved = torch.load(file, weights_only=True)
    second = linear_warmup_cosine(sgd(), total_steps=10, warmup=3)
    second.optimizer.load_state_dict(saved["optimizer"])
    second.load_state_dict(saved["scheduler"])
    assert curve(second, 6) == straight[4:]
