"""What parts promise: what goes inside another component, and may be anything. Imports torch."""

from __future__ import annotations

import pickle
from typing import Any

from toolkit.testing.check import DoesNotApply
from toolkit.testing.rows import ATOL, RTOL, assert_same
from toolkit.testing.settings import seed_all
from toolkit.testing.subject import SEED, Subject, made


def same_seed_gives_the_same_result(subject: Subject) -> None:
    """Two that are built after the same seed was set, and called with the case's batch after it was set again,
    give the same."""
    assert_same(
        _called(subject, subject.build()), _called(subject, subject.build()), "a second one gives something else"
    )


def pickles(subject: Subject) -> None:
    """It can be pickled, as worker processes that read data do, and gives the same afterwards."""
    part = subject.build()
    again = pickle.loads(pickle.dumps(part))
    if subject.case.batch is None:
        return
    assert_same(_called(subject, again), _called(subject, part), "after pickling it differs", rtol=RTOL, atol=ATOL)


CHECKS = (same_seed_gives_the_same_result, pickles)


def _called(subject: Subject, part: Any) -> Any:
    if subject.case.batch is None:
        raise DoesNotApply("the case has no `batch` to call it with")
    if hasattr(part, "eval"):
        part.eval()
    batch = made(subject.case.batch)
    seed_all(SEED)
    return part(*batch) if isinstance(batch, tuple) else part(batch)
