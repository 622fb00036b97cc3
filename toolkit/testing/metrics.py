"""What metrics promise. Imports torch and torchmetrics."""

from __future__ import annotations

import warnings
from typing import Any

from toolkit.testing.check import Broken
from toolkit.testing.pair import in_two_processes
from toolkit.testing.rows import ATOL, RTOL, assert_same, count, leaves, take, tensors
from toolkit.testing.subject import Subject


def distributed_sum_equals_single_process(subject: Subject) -> None:
    """Two processes (gloo) that have each seen half of the rows compute what one process computes of all of them."""
    batch = _updates(subject)
    expected = _computed(subject.build(), batch)
    for rank, value in enumerate(in_two_processes("toolkit.testing.pair_jobs:updated", subject, batch)):
        assert_same(value, expected, f"process {rank} computes something else", rtol=RTOL, atol=ATOL)


def several_updates_equal_one(subject: Subject) -> None:
    """Rows that are given in several batches give the same value as all at once."""
    batch = _updates(subject)
    expected = _computed(subject.build(), batch)
    metric, rows = subject.build(), count(batch)
    for start, stop in ((0, 1), (1, rows)):
        metric.update(*take(batch, slice(start, stop), rows))
    assert_same(_quietly(metric), expected, "in two batches the value is another", rtol=RTOL, atol=ATOL)


def reset_forgets_everything(subject: Subject) -> None:
    """After `reset` it computes what a new one computes: nothing of an epoch is left in the next."""
    batch = _updates(subject)
    expected = _computed(subject.build(), batch)
    metric = subject.build()
    metric.update(*_fewer(batch))
    _quietly(metric)
    metric.reset()
    assert_same(_computed(metric, batch), expected, "after reset the value is another", rtol=RTOL, atol=ATOL)


CHECKS = (distributed_sum_equals_single_process, several_updates_equal_one, reset_forgets_everything)


def _updates(subject: Subject) -> tuple[Any, ...]:
    batch = subject.batch
    if not isinstance(batch, tuple):
        raise Broken("the case's `batch` of a metric is a tuple of what `update` gets, such as (preds, targets)")
    if count(batch) < 2:
        raise Broken(f"the case's batch has {count(batch)} rows; this needs at least two")
    return batch


def _computed(metric: Any, batch: tuple[Any, ...]) -> Any:
    metric.update(*batch)
    value = _quietly(metric)
    found = [leaf for _, leaf in leaves(value)]
    if not tensors(value) and not any(isinstance(leaf, (int, float)) for leaf in found):
        raise Broken(f"it computes {value!r}, in which there is no number")
    return value


def _quietly(metric: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return metric.compute()


def _fewer(batch: tuple[Any, ...]) -> tuple[Any, ...]:
    """Some of the rows, so that it has seen something else."""
    rows = count(batch)
    taken: tuple[Any, ...] = take(batch, slice(0, rows // 2), rows)
    return taken
