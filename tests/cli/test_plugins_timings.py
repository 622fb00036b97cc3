"""``toolkit plugins --timings``: what importing plugins costs, measured in a child process."""

from __future__ import annotations

import json
import sys

import pytest

from toolkit.cli import plugins_timings
from toolkit.registry import Registry
from toolkit.registry.first_party import FIRST_PARTY
from toolkit.registry.import_check import check_imports


@pytest.fixture
def light(acme, install, monkeypatch):
    """acme-nets alone, beside a core that offers nothing; in place of torch, modules that take no time."""
    for name in ("toolkit-core", *FIRST_PARTY):
        install(name, version="0.1.0")
    monkeypatch.setattr(plugins_timings, "EVERY_RUN", ("wave", "no_such_library"))
    install(
        "slow-nets",
        {
            "models": {"slow": "slow_nets:Net", "same": "slow_nets:Net", "other": "slow_nets.other:Net"},
            "hooks": {"a": "slow_nets"},
        },
        {
            # wave is there before, and so is none of this plugin's cost.
            "slow_nets/__init__.py": "import sys, time\nassert 'wave' in sys.modules\n"
            "began = time.perf_counter()\nwhile time.perf_counter() - began < 0.03: pass\nclass Net: pass\n",
            "slow_nets/other.py": "class Net: pass\n",
        },
    )


@pytest.mark.usefixtures("light")
def test_the_table(toolkit, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    answer = toolkit("plugins", "--timings")
    assert answer.code == 0
    assert answer.err.splitlines() == ["importing acme-nets", "importing slow-nets"]
    lines = answer.out.splitlines()
    assert max(map(len, lines)) <= 80
    head, *rows = [line.split() for line in lines if line.strip()]
    assert head[:3] == ["own", "cumulative", "kind"]
    names = [row[-1] for row in rows]
    assert "acme-nets" in names
    # The first entry bears what its package imports, and the others are counted.
    slow = names.index("slow-nets")
    own, cumulative, kind, name = rows[slow + 1]
    assert (kind, name) == ("model", "other")
    assert float(own) >= 0.03
    assert float(own) <= float(cumulative) <= float(rows[slow][1])
    assert rows[slow + 2][:2] == ["3", "more,"]
    # One that cannot be imported is told with the reason.
    assert any("broken:" in line and "acme_wave" in line for line in lines)
    assert "slow_nets" not in sys.modules


@pytest.mark.usefixtures("light")
def test_json(toolkit):
    listed = {each["plugin"]: each for each in json.loads(toolkit("plugins", "--timings", "--json").out)}
    told = listed["slow-nets"]["timings"]
    assert set(told) == {"before", "own", "entries"}
    assert set(told["before"]) == {"wave"}
    assert [(each["kind"], each["name"], each["value"], each["ok"]) for each in told["entries"]] == [
        ("model", "other", "slow_nets.other:Net", True),
        ("model", "same", "slow_nets:Net", True),
        ("model", "slow", "slow_nets:Net", True),
        ("hook", "a", "slow_nets", True),
    ]
    passed = [each["cumulative"] for each in told["entries"]]
    assert passed == sorted(passed)
    assert told["own"] == pytest.approx(sum(each["own"] for each in told["entries"]), abs=0.003)
    broken = [each["name"] for each in listed["acme-nets"]["timings"]["entries"] if not each["ok"]]
    assert broken == ["acme_wave"]


@pytest.mark.usefixtures("light")
def test_what_ends_the_child_keeps_nothing_else_from_being_measured(site, install):
    (site / "ends_it.py").write_text("import os\nos._exit(3)\n")
    install("ends-nets", {"models": {"a": "ends_it:Net", "b": "json:JSONDecoder", "c": "ends_it:Net"}})
    plugin = Registry.scan().plugin("ends-nets")
    results = list(check_imports(plugin, before=("wave", "ends_it", "plistlib")))
    assert [(each.name, each.ok) for each in results] == [
        ("wave", True),
        ("ends_it", False),
        ("a", False),
        ("c", False),
        ("plistlib", True),
        ("b", True),
    ]
