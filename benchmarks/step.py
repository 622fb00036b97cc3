"""What a training loop costs per step: the 784-128-10 network, where the arithmetic is small beside the loop.

    python -m benchmarks.step [--rounds 15] [--measurements 3] [--tiny]

Protocol. 60,000 samples of 784 uint8 (random, seeded), batch 64, cross-entropy, SGD with momentum 0.9 (fused unless
said otherwise), on the CPU. In every round every variant is built anew and trained for a warm-up and one epoch of 938
steps; the table has the microseconds of a step of that epoch, start-up excluded. The warm-up is one epoch for trainers,
100 steps for loops. What is slow, the tutorial's DataLoader and a row for every step, gets 15,000 of the samples,
235 steps an epoch, so that a round does not take minutes. One measurement is 15 rounds in one fresh process on a
pseudo-terminal (bars are drawn as for somebody who looks on), with one thread; `benchmarks.step_two_threads` is the
same with two, and `benchmarks.step_others` has other trainers. See `benchmarks.frame` for what is kept and what a ratio
is.

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
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.frame import Measured, Rounds, Settings, call, called, installed, interleaved, main, repeated
from benchmarks.table import ABSENT, Against, Row, Table, table

ROUNDS = 15
SAMPLES, TINY_SAMPLES = 60_000, 640

Group = tuple[tuple[str, str], ...]
"""Variants (``module:function``) and what a table calls them."""
PLAIN: Group = (
    ("loops:tight", "tight loop by hand"),
    ("loops:keeping", "the same, with what a run keeps"),
    ("with_toolkit:defaults", "toolkit run, its defaults"),
    ("with_toolkit:logging", "toolkit run, self.log every step"),
)
CLIPPING: Group = (
    ("loops:clipping", "by hand, clipping and scheduler"),
    ("with_toolkit:clipping", "toolkit run, clipping and scheduler"),
    ("with_lightning:clipping", "Lightning, clipping and scheduler"),
)
SLOW = (
    "with_lightning:defaults",
    "loops:tutorial",
    "loops:every_row",
    "with_toolkit:every_row",
    "with_lightning:every_row",
)
SHARE = 4
"""Slow variants get so small a part of the samples."""
NEEDED = {"peers:accelerate": "accelerate", "peers:hf_trainer": "transformers"}
"""The package without which a variant cannot be measured."""


def tables(settings: Settings) -> Iterator[Table]:
    """Both tables, with one thread."""
    yield from with_threads(settings, 1)


def with_threads(settings: Settings, threads: int) -> Iterator[Table]:
    """The step as it is, and with clipping and a scheduler: one measurement for both tables."""
    what = title(threads)
    measured = measured_group(settings, threads, ROUNDS, (*PLAIN, *CLIPPING), what)
    yield group_table(what, PLAIN, measured, Against("x keeping", "loops:keeping"))
    of_clipping = Against("x Lightning", "with_lightning:clipping")
    yield group_table(f"{what}; clipping and a scheduler", CLIPPING, measured, of_clipping)


def title(threads: int) -> str:
    return f"Step of the 784-128-10 network, batch 64, {threads} thread{'s' * (threads > 1)}"


def measured_group(settings: Settings, threads: int, count: int, group: Group, what: str) -> Measured:
    """Measurements of the variants of a group, those whose package is there."""
    variants = [variant for variant, _ in group if not _missing(variant)]
    arguments = (threads, settings.rounds_or(count), TINY_SAMPLES if settings.tiny else SAMPLES, variants)

    def measure() -> Rounds:
        return dict(call("benchmarks.step:rounds", *arguments, threads=threads, fresh=not settings.tiny))

    return repeated(measure, group[0][0], settings, what)


def group_table(what: str, group: Group, measured: Measured, other: Against) -> Table:
    """The table of a group, with what another variant than the tight loop is compared with."""
    rows = [Row(variant, label, _missing(variant)) for variant, label in group]
    return table(what, "us a step", rows, measured, Against("x hand", group[0][0]), other, scale=1e6)


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
