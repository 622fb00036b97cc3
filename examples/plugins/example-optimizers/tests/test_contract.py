"""The library's optimizers keep what optimizers promise. The cases are here: the distribution holds no Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from toolkit.testing import Case, parametrize_checks


def _case(use: str, known_failures: dict[str, str] | None = None, **args: Any) -> Case:
    return Case(kind="optimizer", use=use, args=args, known_failures=known_failures or {})


CASES = [
    *(_case(use, lr=0.05) for use in ("adabelief", "adan", "ademamix", "came", "lamb", "mars", "stable_adamw")),
    # A step by the sign is as long as the learning rate says.
    *(_case(use, lr=0.01) for use in ("lion", "tiger")),
    _case("adopt", {"arguments_are_plain_yaml": "the library's default of `clip_lambda` is a function"}, lr=0.05),
    # Its estimate of the distance starts at 1e-6, too little for a hundred steps.
    _case("prodigy", d0=0.01),
    # So often that the basis is renewed before the state is saved, and after.
    _case("soap", lr=0.05, precondition_frequency=2),
]


@parametrize_checks("example-optimizers", CASES)
def test_contract(check: Callable[[], None]) -> None:
    check()
