"""`toolkit test-plugin`: what it prints, what it ends with, and what it says where there is nothing to test."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from toolkit.cli import main

Printed = pytest.CaptureFixture[str]
CLI_PAGE = Path(__file__).parents[2] / "docs" / "cli.md"


def test_what_holds_is_listed_and_ends_with_0(plugins: Path, capsys: Printed) -> None:
    assert main(["test-plugin", "good-plugin", "-k", "loss-masked"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "holds            loss-masked  construction_has_no_side_effects"
    assert lines[-1] == "5 hold"


def test_what_fails_is_told_with_its_promise_and_ends_with_4(plugins: Path, capsys: Printed) -> None:
    assert main(["test-plugin", "Bad_Plugin", "-k", "loss-each_row-is_a_finite"]) == 4
    printed = capsys.readouterr()
    assert printed.out == (
        "fails            loss-each_row  is_a_finite_scalar_with_gradient\n"
        "\n"
        "loss-each_row-is_a_finite_scalar_with_gradient\n"
        "  promised: The loss of the case's outputs and targets is one finite number, and its gradient reaches the "
        "outputs, finite.\n"
        "  found:    it returns a tensor of [3]; a loss is one number\n"
        "\n"
        "1 fails\n"
    )
    assert printed.err == "1 of 1 promises of bad-plugin does not hold\n"


def test_json_has_the_documented_keys(plugins: Path, capsys: Printed) -> None:
    assert main(["test-plugin", "bad-plugin", "-k", "loss-each_row", "--json"]) == 4
    told = json.loads(capsys.readouterr().out)
    assert (told["plugin"], len(told["checks"])) == ("bad-plugin", 5)
    by_name = {each["check"]: each["status"] for each in told["checks"]}
    assert by_name["is_a_finite_scalar_with_gradient"] == "fails"
    assert by_name["is_right_under_masks"] == "does not apply"
    section = CLI_PAGE.read_text(encoding="utf-8").split("\n## toolkit test-plugin\n")[1].split("\n## ")[0]
    keys = {
        key
        for row in section.splitlines()
        if row.startswith("| `")
        for key in re.findall(r"`(\w+)`", row.split("|")[1])
    }
    assert set(told["checks"][0]) == keys


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["good-plugni"], "no installed plugin is called 'good-plugni'. Did you mean 'good-plugin'?"),
        (["no-cases"], "no-cases 1.0 offers no cases to test it with."),
        (
            ["broken-cases"],
            "cases 'it' (broken-cases 1.0, acme_broken:CASES) could not be imported: "
            "ModuleNotFoundError: No module named 'nowhere'\n",
        ),
        (["wrong-cases"], "acme_wrong:CASES of wrong-cases 1.0 is to be a list of toolkit.testing.Case; it holds 1"),
        (["good-plugin", "-k", "no_such"], "no check of good-plugin has 'no_such' in its name"),
    ],
)
def test_nothing_to_test_is_told(
    words: list[str],
    told: str,
    plugins: Path,
    install_plugin: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Printed,
) -> None:
    install_plugin(tmp_path, "no-cases", {"losses": {"it": "acme_wrong:CASES"}})
    install_plugin(
        tmp_path, "broken-cases", {"cases": {"it": "acme_broken:CASES"}}, {"acme_broken.py": "import nowhere\n"}
    )
    install_plugin(tmp_path, "wrong-cases", {"cases": {"it": "acme_wrong:CASES"}}, {"acme_wrong.py": "CASES = [1]\n"})
    monkeypatch.syspath_prepend(tmp_path)
    assert main(["test-plugin", *words]) == 2
    printed = capsys.readouterr().err
    assert told in printed
    assert "recipes" not in printed
