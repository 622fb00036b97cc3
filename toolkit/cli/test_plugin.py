"""``toolkit test-plugin``: which promises of the plugin contract a plugin's components keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from toolkit.cli import completion
from toolkit.cli.arguments import Json, examples
from toolkit.errors import RequestError, VerifyError

if TYPE_CHECKING:
    from toolkit.testing.check import Outcome

EXAMPLES = examples(
    "toolkit test-plugin toolkit-vision",
    "toolkit test-plugin toolkit-vision -k model-mlp",
    "toolkit test-plugin toolkit-vision -k every_parameter_gets_a_gradient",
)


def run_checks(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="The plugin's name, as `toolkit plugins` lists it.",
            autocompletion=completion.plugin,
            show_default=False,
        ),
    ],
    wanted: Annotated[
        str,
        typer.Option("-k", metavar="TEXT", help="Only checks whose name holds this text.", show_default=False),
    ] = "",
    as_json: Json = False,
) -> None:
    """Test whether a plugin's components keep what they promise.

    With the cases that the plugin offers in its entry-point group `toolkit.cases`; the same checks run under pytest.
    """
    from toolkit.cli.output import print_json, say
    from toolkit.testing.suite import cases_of, checks_of

    checks = [check for check in checks_of(name, cases_of(name)) if wanted in check.id]
    if not checks:
        raise RequestError(f"no check of {name} has {wanted!r} in its name; without -k they are listed as they run")
    if as_json:
        outcomes = _all(checks, lambda outcome: None)
        print_json({"plugin": checks[0].distribution, "checks": [_as_json(each) for each in outcomes]})
    else:
        width = max(len(check.label) for check in checks)
        # As they come: the first one waits for torch, and some start processes.
        outcomes = _all(checks, lambda outcome: say(_line(outcome, width)))
        say()
        for each in outcomes:
            if each.status == "fails":
                say(f"{each.check.id}\n  promised: {each.check.promise}\n  found:    {_indented(each.reason)}\n")
        say(_counts(outcomes))
    failed = sum(not each.ok for each in outcomes)
    if failed:
        do_not = "does not" if failed == 1 else "do not"
        raise VerifyError(f"{failed} of {len(outcomes)} promises of {checks[0].distribution} {do_not} hold")


def _all(checks: list[Any], told: Any) -> list[Outcome]:
    """The outcome of every check; what the tested code prints goes to stderr, and its warnings nowhere."""
    import contextlib
    import sys
    import warnings

    from toolkit.testing.check import outcome

    outcomes = []
    for check in checks:
        with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            outcomes.append(outcome(check))
        told(outcomes[-1])
    return outcomes


def _line(outcome: Outcome, width: int) -> str:
    line = f"{outcome.status:<15}  {outcome.check.label:<{width}}  {outcome.check.name}"
    # Why something fails is told below, where there is room for it.
    return line if outcome.status in ("holds", "fails") else f"{line}: {' '.join(outcome.reason.split())}"


def _indented(reason: str) -> str:
    return reason.replace("\n", "\n            ")


def _counts(outcomes: list[Outcome]) -> str:
    words = {"holds": "hold", "fails": "fail", "known failure": "known to fail", "does not apply": "do not apply"}
    one = {**{status: status for status in words}, "known failure": "known to fail"}
    counts = {status: sum(each.status == status for each in outcomes) for status in words}
    return ", ".join(f"{n} {(one if n == 1 else words)[status]}" for status, n in counts.items() if n)


def _as_json(outcome: Outcome) -> dict[str, Any]:
    check = outcome.check
    return {
        "id": check.id,
        "kind": check.case.kind,
        "component": check.case.use,
        "check": check.name,
        "promise": check.promise,
        "status": outcome.status,
        "reason": outcome.reason,
        "seconds": outcome.seconds,
    }
