"""What training in two processes costs: a step's overhead, and what is gained over one process.

    python -m benchmarks.ddp [--rounds 5] [--measurements 3] [--tiny]

Protocol. On the CPU with gloo. Every variant of every round runs in fresh processes of its own, one thread each, and
trains two epochs; measured is the second, on the first process, with all that belongs to its end. Data are random and
in memory; SGD with momentum 0.9, fused. One measurement is 5 rounds; see `benchmarks.frame` for what is kept and what a
ratio is.

First table: the 784-128-10 network, 60,000 samples, batch 64 in each process, so that communication and the loop weigh
most.

- *DDP by hand*: torch's DistributedDataParallel as it is, each process gathers its share by index, ``grad = None``,
  the optimizer's step unwrapped, nothing logged. This is 1.00.
- *toolkit run, trainer.devices=2*: `toolkit.run` with its defaults: CSV, epoch lines, accuracy, checkpoints.
- *Lightning, devices=2*: `self.log` in every step, CSVLogger, no bar, no checkpoints, batches in memory.

Second table: a convolutional network on 3x32x32, 128 samples in a step of all processes together: one process with
one thread and with two (by hand; the latter is 1.00), and two processes of one thread each. The baseline by whose
spread a measurement is discarded is the loop by hand in two processes.
"""

from __future__ import annotations

import functools
from typing import Any

from benchmarks.frame import Settings, call, flat, interleaved, main, repeated
from benchmarks.table import Against, Row, Table, table

ROUNDS = 5
SAMPLES = {"net": (60_000, 256), "conv": (2_560, 32)}
"""By problem the samples of an epoch, and those of a tiny one."""
STEP = 128
"""Samples of a step, of all processes together."""

IN_ONE = (Row("one", "by hand, one process, one thread"), Row("two", "by hand, one process, two threads"))
IN_TWO = (
    Row("hand", "DDP by hand"),
    Row("toolkit", "toolkit run, trainer.devices=2"),
    Row("lightning", "Lightning, devices=2"),
)


def tables(settings: Settings) -> list[Table]:
    """The overhead of a step, and the gain over one process."""
    samples = {problem: counts[settings.tiny] for problem, counts in SAMPLES.items()}
    fresh = not settings.tiny
    variants = {
        "one": functools.partial(_call, "by_hand", samples, fresh=fresh),
        "two": functools.partial(_call, "by_hand", samples, 2, threads=2, fresh=fresh),
        "hand": functools.partial(_call, "by_hand", samples, processes=2),
        # Starting processes that import Lightning takes the longest: a tiny measurement does it once.
        "toolkit": functools.partial(_call, "by_toolkit", samples, {"net": 2, "conv": 2 if fresh else 1}, fresh=fresh),
        "lightning": functools.partial(_call, "by_lightning", samples, processes=2 if fresh else 1, fresh=fresh),
    }
    measured = repeated(
        lambda: flat(interleaved(variants, settings.rounds_or(ROUNDS))), "net/hand", settings, "Two processes"
    )
    return [
        table(
            "Two processes: step of the 784-128-10 network, batch 64 in each",
            "us a step",
            [row.of("net") for row in IN_TWO],
            measured,
            Against("x hand", "net/hand"),
            Against("x Lightning", "net/lightning"),
            scale=1e6,
        ),
        table(
            "Two processes: step of a convolutional network on 3x32x32, 128 samples",
            "ms a step",
            [row.of("conv") for row in (*IN_ONE, *IN_TWO)],
            measured,
            Against("x 2 thr.", "conv/two"),
            Against("x Lightning", "conv/lightning"),
            scale=1e3,
            digits=1,
        ),
    ]


def _call(loop: str, *arguments: Any, **how: Any) -> dict[str, float]:
    found: dict[str, float] = call(f"benchmarks.ddp_loops:{loop}", *arguments, **how)
    return found


if __name__ == "__main__":
    main(__doc__, tables)
