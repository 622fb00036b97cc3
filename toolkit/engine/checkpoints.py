"""The checkpoints of a run as files: which there are, whether one is whole, which is the best.

Beside ``epoch-0003.ckpt`` lies ``epoch-0003.ckpt.json``, with its checksum and what is known of it, so that none of
this needs torch, and none is imported.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from toolkit.checksum import DamagedCheckpoint, check_whole, sidecar
from toolkit.tracking.files import sync_folder

Mode = Literal["min", "max"]


@dataclass(frozen=True, slots=True)
class Saved:
    """One checkpoint and what is known of it."""

    path: Path
    sha256: str
    epoch: int
    """Epochs finished when it was saved."""
    batch: int
    """Batches of the next epoch that were over; 0 for a checkpoint between two epochs."""
    processes: int
    """How many trained when it was saved."""
    step: int
    """Optimizer steps taken when it was saved."""
    score: float | None
    """The monitored metric; None when it was not measured since the checkpoint before."""
    resumable: bool
    """Whether a run can go on from it; not so when it was saved in the middle of a step."""
    next_logged_step: int
    """The step under which the next metrics are logged."""
    metrics: Mapping[str, float]
    """The last value of every metric when it was saved."""

    @property
    def moment(self) -> str:
        """When it was saved: ``2 epochs``, or ``2 epochs and 17 batches``."""
        epochs = f"{self.epoch} epoch{'' if self.epoch == 1 else 's'}"
        return f"{epochs} and {self.batch} batch{'' if self.batch == 1 else 'es'}" if self.batch else epochs


def describe(path: Path, *, sha256: str, about: Mapping[str, Any]) -> str:
    """The text of a checkpoint's `sidecar`."""
    return json.dumps({"file": path.name, "sha256": sha256, **about}, indent=2) + "\n"


def list_saved(folder: Path) -> list[Saved]:
    """The checkpoints that the core has saved in ``folder``, oldest first; a callback's own are not among them."""
    found = []
    for path in folder.glob("*.ckpt"):
        try:
            about = json.loads(sidecar(path).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if "epoch" in about and "step" in about:
            score = about.get("score")
            found.append(
                Saved(
                    path=path,
                    sha256=str(about.get("sha256", "")),
                    epoch=int(about["epoch"]),
                    batch=int(about.get("batch", 0)),
                    processes=int(about.get("processes", 1)),
                    step=int(about["step"]),
                    score=None if score is None else float(score),
                    resumable=bool(about.get("resumable")),
                    next_logged_step=int(about.get("next_logged_step", about["step"])),
                    metrics={name: float(value) for name, value in about.get("metrics", {}).items()},
                )
            )
    return sorted(found, key=lambda saved: (saved.step, saved.epoch))


def best_of(saved: Iterable[Saved], mode: Mode, count: int = 1) -> list[Saved]:
    """The ``count`` checkpoints with the best scores, best first; of equal ones the earlier. NaN is never best."""
    scored = [one for one in saved if one.score is not None and not math.isnan(one.score)]
    sign = 1 if mode == "min" else -1
    return sorted(scored, key=lambda one: (sign * (one.score or 0.0), one.step))[:count]


def best_record(folder: Path, metric: str, mode: Mode) -> dict[str, Any] | None:
    """The best checkpoint in a folder as ``run.json`` has it; None where none has a score."""
    found = best_of(list_saved(folder), mode)
    if not found:
        return None
    (saved,) = found
    return {
        "metric": metric,
        "mode": mode,
        "value": saved.score,
        "epoch": saved.epoch,
        "step": saved.step,
        "checkpoint": f"checkpoints/{saved.path.name}",
    }


def newest_whole(folder: Path, *, processes: int | None = None) -> tuple[Saved | None, list[Saved]]:
    """The newest checkpoint that a run can go on from and that is whole, and the newer ones that are damaged.

    Args:
        folder: of the checkpoints.
        processes: how many will go on; None for as many as before. Others cannot go on inside an epoch.
    """
    damaged = []
    for saved in reversed(list_saved(folder)):
        if not saved.resumable or (saved.batch and processes not in (None, saved.processes)):
            continue
        try:
            check_whole(saved.path)
        except DamagedCheckpoint:
            damaged.append(saved)
            continue
        return saved, damaged
    return None, damaged


def remove(paths: Iterable[Path]) -> None:
    """Removes checkpoints with what describes them."""
    for path in paths:
        path.unlink(missing_ok=True)
        sidecar(path).unlink(missing_ok=True)
        sync_folder(path.parent)
