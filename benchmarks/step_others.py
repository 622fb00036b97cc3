"""The step of `benchmarks.step` in other trainers, with a row for every step, and as whole steps in one graph.

    python -m benchmarks.step_others [--rounds 15] [--measurements 3] [--tiny]

Protocol. That of `benchmarks.step`, in measurements of their own, because a machine changes its speed in the minutes
that they take; the tight loop and the toolkit's defaults are among them. With one thread, and what two threads change
with two.

Others:

- *Lightning, batches in memory*: the user's module under `pytorch_lightning.Trainer`, whole batches gathered by index,
  CSVLogger with its row every 50 steps, no bar, no checkpoints: the best that it offers for this.
- *Lightning, DataLoader and bar*: Trainer's defaults (bar, checkpoints, CSVLogger) over the tutorial's DataLoader,
  unfused optimizer.
- *Fabric*, *accelerate*: their documented loops over batches in memory; nothing is logged.
- *HF Trainer*: whole batches by ``__getitems__``, logging every 50 steps, no bar, no clipping, no checkpoints, no check
  for NaN.
- *tutorial loop*: a DataLoader that makes a PIL image of every sample and a tensor of that (ToTensor), unfused SGD,
  ``zero_grad()``, ``loss.item()`` in every step.

Every loss to CSV: the loss of every step written as a row (``log_every_n_steps=1`` of toolkit and Lightning).

Whole steps in one graph, one thread: the defaults with ``engine.compile: step``, eight steps at a time in one compiled
graph; 5 rounds, because every round compiles. That lies in the epoch before the one that is measured.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.frame import Settings, main
from benchmarks.step import ROUNDS, Group, group_table, measured_group, title
from benchmarks.table import Against, Table

GRAPH_ROUNDS = 5
PEERS: Group = (
    ("loops:tight", "tight loop by hand"),
    ("with_toolkit:defaults", "toolkit run, its defaults"),
    ("with_lightning:plain", "Lightning, batches in memory"),
    ("with_lightning:defaults", "Lightning, DataLoader and bar"),
    ("peers:fabric", "Fabric"),
    ("peers:accelerate", "accelerate"),
    ("peers:hf_trainer", "HF Trainer"),
    ("loops:tutorial", "tutorial loop"),
)
ROWS: Group = (
    ("loops:every_row", "by hand, a row every step"),
    ("with_toolkit:every_row", "toolkit run, a row every step"),
    ("with_lightning:every_row", "Lightning, a row every step"),
)
GRAPH: Group = (
    ("loops:tight", "tight loop by hand"),
    ("with_toolkit:defaults", "toolkit run, its defaults"),
    ("with_toolkit:graph", "toolkit run, engine.compile: step"),
)


def tables(settings: Settings) -> Iterator[Table]:
    """Each table when it is measured."""
    for threads in (1,) if settings.tiny else (1, 2):
        for end, count, group, other in (
            ("others", ROUNDS, PEERS, Against("x Lightning", "with_lightning:plain")),
            ("every loss to CSV", ROUNDS, ROWS, Against("x Lightning", "with_lightning:every_row")),
            ("whole steps in one graph", GRAPH_ROUNDS, GRAPH, Against("x run", "with_toolkit:defaults")),
        ):
            if group is not GRAPH or threads == 1:
                what = f"{title(threads)}; {end}"
                yield group_table(what, group, measured_group(settings, threads, count, group, what), other)


if __name__ == "__main__":
    main(__doc__, tables)
