"""What a measurement was made on: the machine, the versions, the date, as lines of Markdown. Imports torch."""

from __future__ import annotations

import importlib.metadata
from datetime import UTC, datetime

from benchmarks.frame import ROOT
from benchmarks.table import ABSENT
from toolkit.tracking.provenance import git_state, machine

PACKAGES = (
    "toolkit-core",
    "torch",
    "torchvision",
    "pytorch-lightning",
    "torchmetrics",
    "numpy",
    "pillow",
    "accelerate",
    "transformers",
)


def description() -> str:
    """A table of two columns."""
    found = machine()
    git = git_state(ROOT)
    rows = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": "unknown" if git is None else git.commit[:12] + (", with changes" if git.dirty else ""),
        "processor": f"{found['processor']}, {found['cores']} cores",
        "memory": f"{found['memory_gib']} GiB" if "memory_gib" in found else "unknown",
        "GPU": ", ".join(found.get("accelerators", ())) or "none",
        "system": found["os"],
        "Python": found["python"],
        **{package: _version(package) for package in PACKAGES},
    }
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())])


def in_a_line(threads: int) -> str:
    """When, of which commit, on how many threads of what."""
    found, git = machine(), git_state(ROOT)
    commit = "unknown" if git is None else git.commit[:7] + ("+" if git.dirty else "")
    date = datetime.now(UTC).strftime("%Y-%m-%d")
    return f"{date}, commit {commit}, {found['processor']}, {threads} of {found['cores']} cores."


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ABSENT
