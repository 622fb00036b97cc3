"""How much memory a run takes.

    python -m benchmarks.memory [--rounds 1] [--measurements 3] [--tiny]

Protocol. The largest resident size of a process (VmHWM), which counts the libraries it has loaded, on one thread. Every
variant of every round is a fresh process, which trains two epochs, or one for data in a file. One measurement is one
round: memory hardly varies. See `benchmarks.frame` for what is kept and what a ratio is. Less is better.

First table: the 784-128-10 network on 60,000 samples (47 MB), the variants of `benchmarks.step` under the same names,
and processes that only import.

The others: a linear network on pictures of 3x32x32 uint8 in files of 154 MB and of 614 MB, batch 64. *Read whole* loads
the file into memory; *memory map* gathers each batch at random from an `np.memmap`, whose pages count as long as they
are held; *OnDisk* is `toolkit.data.OnDisk` in a recipe.
"""

from __future__ import annotations

import functools
import importlib
import tempfile
from pathlib import Path

from benchmarks.frame import NO_STATUS, STATUS, Settings, call, called, installed, interleaved, main, repeated
from benchmarks.table import ABSENT, Against, Row, Table, not_run, table

ROUNDS = 1
RUN = (
    Row("import torch", "import torch"),
    Row("import pytorch_lightning", "import pytorch_lightning"),
    Row("loops:keeping", "loop by hand"),
    Row("loops:tutorial", "tutorial loop"),
    Row("with_toolkit:defaults", "toolkit run, its defaults"),
    Row("with_lightning:plain", "Lightning, batches in memory"),
    Row("peers:fabric", "Fabric"),
    Row("peers:accelerate", "accelerate", "" if installed("accelerate") else ABSENT),
    Row("peers:hf_trainer", "HF Trainer", "" if installed("transformers") else ABSENT),
)
LARGE = (
    Row("whole", "by hand, read whole"),
    Row("mapped", "by hand, memory map at random"),
    Row("toolkit_whole", "toolkit run, read whole"),
    Row("toolkit_on_disk", "toolkit run, OnDisk"),
)


def tables(settings: Settings) -> list[Table]:
    """Of a run, and of runs on data in files of two sizes."""
    title = "Largest resident memory of a run, 47 MB of data"
    if not STATUS.exists():
        return [not_run(title, RUN, NO_STATUS)]
    samples = 640 if settings.tiny else 60_000
    fresh = not settings.tiny
    runs = {
        row.variant: functools.partial(call, "benchmarks.memory:peak", row.variant, samples, fresh=fresh)
        for row in RUN
        if not row.missing
    }
    rounds = settings.rounds_or(ROUNDS)
    measured = repeated(lambda: interleaved(runs, rounds), "loops:keeping", settings, title)
    columns = (Against("x hand", "loops:keeping"), Against("x Lightning", "with_lightning:plain"))
    found = [table(title, "MB", RUN, measured, *columns)]
    for megabytes, pictures in ((154, 50_000), (614, 200_000)):
        title = f"Largest resident memory of a run on a file of {megabytes} MB"
        with tempfile.TemporaryDirectory() as folder:
            called("benchmarks.large:write", folder, 1_000 if settings.tiny else pictures)
            runs = {
                row.variant: functools.partial(call, "benchmarks.large:train", row.variant, folder, fresh=fresh)
                for row in LARGE
            }
            take = functools.partial(interleaved, runs, rounds)
            measured = repeated(take, "whole", settings, title)
        found.append(table(title, "MB", LARGE, measured, Against("x hand", "whole")))
    return found


def peak(variant: str, samples: int) -> float:
    """The largest memory, in MB, of this process after it has imported or run something."""
    if variant.startswith("import "):
        importlib.import_module(variant.removeprefix("import "))
    else:
        with tempfile.TemporaryDirectory() as folder:
            called(f"benchmarks.{variant}", samples, Path(folder))
    from benchmarks.large import peak_megabytes

    return peak_megabytes()


if __name__ == "__main__":
    main(__doc__, tables)
