"""What a training loop costs per step: the 784-128-10 network, where the arithmetic is small beside the loop.

    python -m benchmarks.step [--rounds 15] [--measurements 3] [--tiny]

Protocol. 60,000 samples of 784 uint8 (random, seeded), batch 64, cross-entropy, SGD with momentum 0.9 (fused unless
said otherwise), on the CPU. In every round every variant is built anew and trained for a warm-up and one epoch of 938
steps; the table has the microseconds of a step of that epoch, start-up excluded. The warm-up is one epoch for trainers,
100 steps for loops. What is slow, the tutorial's DataLoader and a row for every step, gets 15,000 of the samples,
235 steps an epoch, so that a round does not take minutes. One measurement is 15 rounds in one fresh process on a
pseudo-terminal (bars are drawn as for somebody who looks on), with one thread or with two. See `benchmarks.frame` for
what is kept and what a ratio is.

A hand loop has its data in memory, gathers each batch by index, sets ``grad = None``, and calls the fused optimizer's
``step`` without torch's profiling wrapper.

The toolkit and loops by hand, nothing else in the step:

- *tight loop by hand*: as above, and nothing is logged. This is 1.00.
- *the same, with what a run keeps*: loss and accuracy summed, a CSV row every 50 steps, one checkpoint (torch.save).
- *toolkit run, its defaults*: through `toolkit.load` and `toolkit.run`: the progress bar and epoch lines, CSV with a
  row every 50 steps and the epoch's means, one metric (accuracy, every batch), a checkpoint with fsync and checksum.
  One checkpoint, one epoch line and the CSV rows lie inside the measured epoch. There is no validation split.
- *toolkit run, self.log every step*: a user's own LightningModule that calls ``self.log(on_step=True, on_epoch=True)``
  in every step, and no metric; the rest as before.

Clipping and a scheduler, measured together with these: the gradient's norm clipped to 1.0 and OneCycleLR stepped after
every batch.

Others, in measurements of their own beside the tight loop and the toolkit, because a machine changes its speed in the
minutes that they take:

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

import functools
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.frame import Measured, Rounds, Settings, call, called, installed, interleaved, main, repeated
from benchmarks.table import ABSENT, Against, Row, Table, table

ROUNDS, GRAPH_ROUNDS = 15, 5
SAMPLES, TINY_SAMPLES = 60_000, 640

Group = tuple[tuple[str, str], ...]
"""Variants (``module:function``) and what a table calls them."""
PLAIN: Group = (
    ("loops:tight", "tight loop by hand"),
    ("loops:keeping", "the same, with what a run keeps"),
    ("with_toolkit:defaults", "toolkit run, its defaults"),
    ("with_toolkit:logging", "toolkit run, self.log every step"),
)
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
CLIPPING: Group = (
    ("loops:clipping", "by hand, clipping and scheduler"),
    ("with_toolkit:clipping", "toolkit run, clipping and scheduler"),
    ("with_lightning:clipping", "Lightning, clipping and scheduler"),
)
GRAPH: Group = (
    ("loops:tight", "tight loop by hand"),
    ("with_toolkit:defaults", "toolkit run, its defaults"),
    ("with_toolkit:graph", "toolkit run, engine.compile: step"),
)
SLOW = {"with_lightning:defaults", "loops:tutorial", *(variant for variant, _ in ROWS)}
SHARE = 4
"""Slow variants get so small a part of the samples."""
NEEDED = {"peers:accelerate": "accelerate", "peers:hf_trainer": "transformers"}
"""The package without which a variant cannot be measured."""


def tables(settings: Settings) -> Iterator[Table]:
    """Each table when it is measured: all with one thread, then those that two threads change with two."""
    for threads in (1,) if settings.tiny else (1, 2):
        what = f"Step of the 784-128-10 network, batch 64, {threads} thread{'s' * (threads > 1)}"
        measured = _measured(settings, threads, ROUNDS, (*PLAIN, *CLIPPING), what)
        yield _table(what, PLAIN, measured, Against("x keeping", "loops:keeping"))
        of_clipping = Against("x Lightning", "with_lightning:clipping")
        yield _table(f"{what}; clipping and a scheduler", CLIPPING, measured, of_clipping)
        for title, count, group, other in (
            (f"{what}; others", ROUNDS, PEERS, Against("x Lightning", "with_lightning:plain")),
            (f"{what}; every loss to CSV", ROUNDS, ROWS, Against("x Lightning", "with_lightning:every_row")),
            (f"{what}; whole steps in one graph", GRAPH_ROUNDS, GRAPH, Against("x run", "with_toolkit:defaults")),
        ):
            if group is not GRAPH or threads == 1:
                yield _table(title, group, _measured(settings, threads, count, group, title), other)


def _measured(settings: Settings, threads: int, count: int, group: Group, what: str) -> Measured:
    variants = [variant for variant, _ in group if not _missing(variant)]
    arguments = (threads, settings.rounds_or(count), TINY_SAMPLES if settings.tiny else SAMPLES, variants)

    def measure() -> Rounds:
        return dict(call("benchmarks.step:rounds", *arguments, threads=threads, fresh=not settings.tiny))

    return repeated(measure, group[0][0], settings, what)


def _table(title: str, group: Group, measured: Measured, other: Against) -> Table:
    rows = [Row(variant, label, _missing(variant)) for variant, label in group]
    return table(title, "us a step", rows, measured, Against("x hand", group[0][0]), other, scale=1e6)


def rounds(threads: int, count: int, samples: int, variants: list[str]) -> Rounds:
    """One measurement, in this process: seconds of a step by variant (``module:function``) and round."""
    import torch

    torch.set_num_threads(threads)

    def timed(variant: str) -> float:
        with tempfile.TemporaryDirectory() as folder:
            part = samples // SHARE if variant in SLOW else samples
            seconds = called(f"benchmarks.{variant}", part, Path(folder))
        if torch.get_num_threads() != threads:
            raise RuntimeError(f"{variant} changed the number of threads to {torch.get_num_threads()}")
        return float(seconds)

    return interleaved({variant: functools.partial(timed, variant) for variant in variants}, count)


def _missing(variant: str) -> str:
    return ABSENT if variant in NEEDED and not installed(NEEDED[variant]) else ""


if __name__ == "__main__":
    main(__doc__, tables)
