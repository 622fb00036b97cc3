"""Which entries are found to name a module that is not there."""

from __future__ import annotations

import sys

import pytest

from toolkit.registry import Entry, Registry
from toolkit.registry.presence import absent_modules


def is_absent(module: str) -> bool:
    return absent_modules([Entry("model", "net", f"{module}:Net", "acme-nets", "1.0")]) != ()


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("acme_nets", False),
        ("acme_nets.big", False),
        ("acme_nets.deep.er", False),
        ("acme_space.deep.er", False),
        ("os.path", False),
        ("acme_absent", True),
        ("acme_nets.absent", True),
        ("acme_nets.big.absent", True),
        ("acme_nets.deep.absent", True),
        ("acme_space.deep.absent", True),
    ],
)
def test_a_module_is_looked_for_and_not_imported(install, importable, tmp_path, module, absent) -> None:
    marker = tmp_path / "imported"
    files = ["acme_nets/__init__.py", "acme_nets/big.py", "acme_nets/deep/__init__.py", "acme_nets/deep/er.py"]
    files += ["acme_space/deep/er.py"]
    install("acme-nets", "1.0", modules={file: f"open({str(marker)!r}, 'w')" for file in files})

    assert is_absent(module) is absent
    assert not marker.exists()


def test_a_finder_that_fails_leaves_it_open(monkeypatch) -> None:
    class Finder:
        @staticmethod
        def find_spec(*_):
            raise OSError("a finder of somebody else's")

    monkeypatch.setattr(sys, "meta_path", [Finder, *sys.meta_path])

    assert not is_absent("acme_absent")


def test_each_entry_of_the_absent_module_is_named() -> None:
    entries = [
        Entry("model", name, f"{module}:Net", "acme-nets", "1.0") for name, module in [("a", "x_absent"), ("b", "os")]
    ]
    entries.append(Entry("loss", "c", "x_absent:Loss", "acme-nets", "1.0"))

    assert [entry.name for entry in absent_modules(entries)] == ["a", "c"]


def test_all_built_ins_are_there() -> None:
    entries = [entry for entry in Registry.scan().entries() if entry.distribution == "toolkit-core"]

    assert len(entries) > 100, "toolkit-core is not installed here, and this test saw nothing"
    assert absent_modules(entries) == ()
