"""What a run records of the code, on real git repositories."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from toolkit.registry import Registry
from toolkit.tracking import provenance


def git(folder: Path, *arguments: str) -> None:
    author = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *author, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-b", "main")
    (tmp_path / "net.py").write_text("width = 32\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    return tmp_path


def test_a_clean_repository(repository: Path) -> None:
    state = provenance.git_state(repository)
    assert state is not None
    assert len(state.commit) == 40
    assert state.branch == "main"
    assert (state.dirty, state.patch, state.untracked) == (False, "", ())


def test_a_changed_repository_has_a_patch_that_applies(repository: Path) -> None:
    (repository / "net.py").write_text("width = 64\n")
    (repository / "inner").mkdir()
    (repository / "inner" / "new.py").write_text("")
    state = provenance.git_state(repository / "inner")
    assert state is not None
    assert state.dirty
    assert state.untracked == ("inner/new.py",)
    patch = repository.parent / "the.patch"
    patch.write_text(state.patch)
    git(repository, "checkout", "net.py")
    git(repository, "apply", str(patch))
    assert (repository / "net.py").read_text() == "width = 64\n"


def test_a_huge_patch_is_cut(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "PATCH_BYTES", 100)
    (repository / "net.py").write_text("width = 64\n" * 1000)
    state = provenance.git_state(repository)
    assert state is not None
    assert "# cut here" in state.patch
    assert len(state.patch) < 200


def test_no_repository_and_no_commit(tmp_path: Path) -> None:
    assert provenance.git_state(tmp_path) is None
    git(tmp_path, "init")
    assert provenance.git_state(tmp_path) is None


def test_versions_of_the_packages_that_matter() -> None:
    found = provenance.packages(Registry.scan([]))
    assert {"torch", "pytorch-lightning"} <= found.keys()


def test_the_machine_in_one_line() -> None:
    found = provenance.machine()
    assert found["cores"] >= 1
    assert f"({found['processor']})" in provenance.hardware_line({**found, "accelerators": []})
    assert provenance.hardware_line({"cores": 1, "processor": "X"}) == "1 CPU core (X)"
    assert provenance.hardware_line({"cores": 2, "processor": "X"}) == "2 CPU cores (X)"
    assert provenance.hardware_line({"cores": 2, "threads": 2, "processor": "X"}) == "2 CPU cores (X)"
    assert provenance.hardware_line({"cores": 2, "threads": 1, "processor": "X"}) == "1 thread on 2 CPU cores (X)"
    assert provenance.hardware_line({"accelerators": ["A", "A", "B"]}) == "2 x A, 1 x B"
