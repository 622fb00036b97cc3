"""Which samples make up which batch, alone and over processes."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from toolkit.data.order import Plan, Process, mixed_seed, shuffled
from toolkit.errors import RequestError


def batches(plan: Plan, order: torch.Tensor) -> list[list[int]]:
    share = plan.share(order).tolist()
    return [share[start:stop] for start, stop in plan.bounds()]


def test_an_epochs_order_depends_on_seed_and_epoch_only() -> None:
    torch.manual_seed(1)
    first = shuffled(100, seed=0, epoch=3)
    torch.manual_seed(2)
    assert torch.equal(first, shuffled(100, seed=0, epoch=3))
    assert not torch.equal(first, shuffled(100, seed=0, epoch=4))
    assert not torch.equal(first, shuffled(100, seed=1, epoch=3))
    assert sorted(first.tolist()) == list(range(100))


def test_a_shuffle_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    shuffled(10, seed=0, epoch=0)
    assert torch.equal(before, torch.get_rng_state())


def test_a_mixed_seed_is_the_same_on_every_machine() -> None:
    assert mixed_seed("order", 0, 0) == 8073061470549175911
    assert mixed_seed("order", 0, 1) != mixed_seed("order", 1, 0)


@given(
    samples=st.integers(1, 200),
    batch_size=st.integers(1, 40),
    world_size=st.integers(1, 5),
    drop_last=st.booleans(),
)
def test_no_sample_is_repeated_or_lost(samples: int, batch_size: int, world_size: int, drop_last: bool) -> None:
    if samples < world_size:
        return
    order = shuffled(samples, seed=0, epoch=0)
    plans = [Plan(samples, batch_size, drop_last, Process(rank, world_size)) for rank in range(world_size)]
    shares = [batches(plan, order) for plan in plans]
    assert {len(share) for share in shares} == {plans[0].steps}, "every process takes as many steps"
    seen = [sample for share in shares for batch in share for sample in batch]
    assert len(seen) == len(set(seen))
    if drop_last:
        assert all(len(batch) == batch_size for share in shares for batch in share)
        assert samples - len(seen) < batch_size * world_size
    else:
        assert sorted(seen) == list(range(samples))
        lengths = [len(batch) for share in shares for batch in share]
        assert min(lengths) >= 1
        assert max(lengths) <= batch_size + (world_size > 1)
        last = [len(share[-1]) for share in shares]
        assert max(last) - min(last) <= 1


@given(samples=st.integers(6, 100), batch_size=st.integers(1, 10))
def test_more_processes_train_on_the_same_samples_in_every_step(samples: int, batch_size: int) -> None:
    order = shuffled(samples, seed=5, epoch=2)
    one = batches(Plan(samples, 3 * batch_size, drop_last=True), order)
    three = [batches(Plan(samples, batch_size, True, Process(rank, 3)), order) for rank in range(3)]
    for step, alone in enumerate(one):
        together = [sample for share in three for sample in share[step]]
        assert sorted(together) == sorted(alone)


def test_left_over_samples_join_the_last_batch_when_there_are_fewer_than_processes() -> None:
    order = torch.arange(9)
    assert batches(Plan(9, 4, process=Process(0, 2)), order) == [[0, 2, 4, 6, 8]]
    assert batches(Plan(9, 4, process=Process(1, 2)), order) == [[1, 3, 5, 7]]


def test_too_few_samples_for_a_batch() -> None:
    with pytest.raises(RequestError) as error:
        Plan(50, 64, drop_last=True).check("train")
    assert str(error.value) == (
        "loader.batch_size: 64 is more than the 50 samples of the split 'train', and loader.drop_last drops the only "
        "batch; set loader.batch_size to at most 50, or loader.drop_last=false"
    )
    with pytest.raises(RequestError, match="64 x 2 processes is more than the 100 samples .* at most 50"):
        Plan(100, 64, True, Process(0, 2)).check("train")


def test_too_few_samples_for_the_processes() -> None:
    with pytest.raises(RequestError, match="split 'val' has 3 samples, too few for 4 processes"):
        Plan(3, 64, process=Process(0, 4)).check("val")
