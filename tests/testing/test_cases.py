"""What a case may say, and what comes of a known failure."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from toolkit.errors import RequestError
from toolkit.testing import Case
from toolkit.testing.check import outcome
from toolkit.testing.suite import checks_of


def losses(use: str, **known: str) -> Case:
    pair = (torch.rand(3, 2), torch.rand(3, 2))
    return Case(kind="loss", use=use, batch=pair, known_failures=known)


def only(plugin: str, case: Case, name: str):
    (check,) = (each for each in checks_of(plugin, [case]) if each.name == name)
    return check


def test_a_known_failure_is_told_with_its_reason(plugins: Path) -> None:
    case = losses("each_row", is_a_finite_scalar_with_gradient="a loss for each row is what it is for")
    found = outcome(only("bad-plugin", case, "is_a_finite_scalar_with_gradient"))
    assert (found.status, found.reason, found.ok) == ("known failure", "a loss for each row is what it is for", True)


def test_a_known_failure_that_holds_is_a_failure(plugins: Path) -> None:
    case = losses("each_row", construction_has_no_side_effects="it once did")
    found = outcome(only("bad-plugin", case, "construction_has_no_side_effects"))
    assert (found.status, found.ok) == ("fails", False)
    assert found.reason.startswith("it holds, and is declared as a known failure (it once did)")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Case(kind="modle", use="net"), "'modle' is not a kind of component. Did you mean 'model'?"),
        (lambda: losses("each_row", pickles=" "), "the known failure 'pickles' of loss 'each_row' needs a reason"),
        (
            lambda: checks_of("bad-plugin", [losses("each_row", is_right_under_mask="why")]),
            "is no check of a loss. Did you mean 'is_right_under_masks'?",
        ),
        (lambda: checks_of("bed-plugin", []), "no installed plugin is called 'bed-plugin'. Did you mean 'bad-plugin'?"),
    ],
)
def test_a_case_that_cannot_be_is_refused(make, message: str, plugins: Path) -> None:
    with pytest.raises(RequestError) as refused:
        make()
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("case", "check", "message"),
    [
        (Case(kind="model", use="net"), "pickles", "net needs the arguments 'num_classes' and 'in_features'"),
        (
            Case(kind="model", use="net", args={"num_classes": 3, "in_features": 4, "with": 1}, batch=torch.rand(2, 4)),
            "pickles",
            "net has no argument 'with'",
        ),
        (
            Case(kind="model", use="net", args={"num_classes": 3, "in_features": 4}),
            "every_parameter_gets_a_gradient",
            "the case has no `batch`, which a model is called with",
        ),
        (
            Case(kind="model", use="net", args={"num_classes": (3,), "in_features": object()}),
            "arguments_are_plain_yaml",
            "the arguments of the case cannot be written in a recipe",
        ),
        (Case(kind="task", use="learning"), "trains_one_step", "the case of a task needs `recipe`"),
        (Case(kind="loss", use="masked", batch=(torch.rand(2), torch.rand(2))), "is_right_under_masks", "ignore_index"),
        (Case(kind="model", use="nett"), "pickles", "good-plugin 1.0 offers no model 'nett'. Did you mean"),
    ],
)
def test_what_a_case_lacks_is_told(case: Case, check: str, message: str, plugins: Path) -> None:
    found = outcome(only("good-plugin", case, check))
    assert found.status == "fails"
    assert message in found.reason


def test_cases_of_one_component_have_names_of_their_own(plugins: Path) -> None:
    cases = [losses("each_row"), losses("each_row"), Case(kind="loss", use="each_row", label="wide")]
    assert {check.label for check in checks_of("bad-plugin", cases) if check.case.kind == "loss"} == {
        "loss-each_row",
        "loss-each_row-2",
        "loss-each_row-wide",
    }


def test_what_is_global_is_put_back(plugins: Path) -> None:
    case = Case(kind="model", use="changes_a_setting", batch=torch.rand(2, 4))
    before = torch.are_deterministic_algorithms_enabled(), torch.get_rng_state()
    assert outcome(only("bad-plugin", case, "construction_has_no_side_effects")).status == "fails"
    # The second time too, though the setting has been made once.
    assert outcome(only("bad-plugin", case, "construction_has_no_side_effects")).status == "fails"
    assert torch.are_deterministic_algorithms_enabled() == before[0]
    assert torch.equal(torch.get_rng_state(), before[1])
