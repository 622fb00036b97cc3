"""How fast samples come out of the core's loaders, beside PIL and torch's DataLoader sample by sample.

    python -m benchmarks.loading [--rounds 5] [--measurements 3] [--tiny]

Protocol. One pass over the data in batches of 64 in random order, nothing trained: samples a second until the last
batch is there as float32 from 0 to 1. One thread (and worker processes where a line says so). Every variant is built
anew in every round. See `benchmarks.frame` for what is kept and what a ratio is. More is better.

Like MNIST: 60,000 pictures of 28x28 uint8 in memory. *PIL* makes an image of every sample and a tensor of that
(ToTensor), as the tutorials do. *DataLoader, TensorDataset* is torch's own for tensors: indexed sample by sample,
collated; what Lightning does with tensors. *By hand* gathers each batch by index. The toolkit's lines are its
DataModule over the tensors themselves; over a map-style dataset that hands out whole batches (``__getitems__``); and
over one that hands out samples.

Like CIFAR: 20,000 pictures of 3x32x32 uint8, each padded by 4, cropped at a place of its own and flipped with a chance
of a half. *PIL* uses torchvision's RandomCrop, RandomHorizontalFlip and ToTensor on every image; *by hand* and the
toolkit's line crop and flip a batch at once, every sample with its own parameters (`benchmarks.passes.crop_and_flip`).

One measurement is 5 rounds, of data in a file 3.

Larger than memory: 200,000 pictures of 3072 uint8 in a file of 614 MB, which is dropped from the system's cache before
each pass (posix_fadvise). Each pass of each round runs in a fresh process, so that its memory can be told: the second
table has its largest resident size (VmHWM, which counts pages of a memory map that are held), beside those of processes
that only import torch, or Lightning, which the core's DataModule is made with. *Memory map* gathers each batch from an
`np.memmap` at random; *read whole* reads the file into memory first; the toolkit's lines are `toolkit.data.OnDisk`, and
a map-style dataset over the memory map.
"""

from __future__ import annotations

import functools
import tempfile

from benchmarks.frame import NO_STATUS, STATUS, Settings, call, called, flat, interleaved, main, repeated
from benchmarks.table import Against, Row, Table, not_run, table

ROUNDS, LARGE_ROUNDS = 5, 3
MNIST_LIKE = (
    Row("pil", "PIL, DataLoader"),
    Row("pil_workers", "PIL, DataLoader, 2 workers"),
    Row("tensor_dataset", "DataLoader, TensorDataset"),
    Row("by_hand", "by hand: batches by index"),
    Row("tensors", "toolkit, tensors"),
    Row("whole_batches", "toolkit, map-style, whole batches"),
    Row("samples", "toolkit, map-style, samples"),
)
CIFAR_LIKE = (
    Row("pil", "PIL, crop and flip, DataLoader"),
    Row("pil_workers", "the same, 2 workers"),
    Row("by_hand", "by hand: a batch at once"),
    Row("tensors", "toolkit, tensors and a transform"),
)
LARGE = (
    Row("by_hand", "by hand, memory map at random"),
    Row("whole", "by hand, read whole"),
    Row("on_disk", "toolkit, OnDisk"),
    Row("mapped", "toolkit, map-style, memory map"),
)
IMPORTS = (Row("bare", "import torch"), Row("lightning", "import pytorch_lightning"))


def tables(settings: Settings) -> list[Table]:
    """Like MNIST, like CIFAR, and larger than memory: its speed and the memory it takes."""
    rounds, tiny = settings.rounds_or(ROUNDS), settings.tiny
    found = []
    for title, kind, rows, samples in (
        ("Loading 28x28 uint8, batch 64", "mnist", MNIST_LIKE, 640 if tiny else 60_000),
        ("Loading 3x32x32 uint8 with crop and flip, batch 64", "cifar", CIFAR_LIKE, 320 if tiny else 20_000),
    ):
        arguments = (kind, samples, [row.variant for row in rows], rounds)
        take = functools.partial(call, "benchmarks.passes:rounds", *arguments, fresh=not tiny)
        measured = repeated(take, "by_hand", settings, title)
        columns = (Against("x PIL", "pil"), Against("x hand", "by_hand"))
        found.append(table(title, "samples/s", rows, measured, *columns))
    return [*found, *_large(settings)]


def _large(settings: Settings) -> list[Table]:
    title = "Loading 3x32x32 uint8 from a file of 614 MB, batch 64"
    if not STATUS.exists():
        return [not_run(title, LARGE, NO_STATUS)]
    variants = [row.variant for row in (*IMPORTS, *LARGE)]
    with tempfile.TemporaryDirectory() as folder:
        called("benchmarks.large:write", folder, 2_000 if settings.tiny else 200_000)
        passes = {
            variant: functools.partial(call, "benchmarks.large:read", variant, folder, fresh=not settings.tiny)
            for variant in variants
        }
        measured = repeated(
            lambda: flat(interleaved(passes, settings.rounds_or(LARGE_ROUNDS))),
            "rate/by_hand",
            settings,
            title,
        )
    return [
        table(
            title,
            "samples/s",
            [row.of("rate") for row in LARGE],
            measured,
            Against("x hand", "rate/by_hand"),
        ),
        table(
            "The same: largest resident memory of the process",
            "MB",
            [row.of("memory") for row in (*IMPORTS, *LARGE)],
            measured,
            Against("x hand", "memory/by_hand"),
            Against("x bare", "memory/bare"),
        ),
    ]


if __name__ == "__main__":
    main(__doc__, tables)
