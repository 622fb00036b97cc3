"""Images and tokens a second on a GPU.

    python -m benchmarks.gpu [--rounds 15] [--measurements 3] [--tiny]

Protocol. One GPU, bf16 autocast, the data on the device from the start, SGD with momentum 0.9 (fused). In every round
every variant is built anew and trains two epochs; the second is measured, with all that belongs to its end, when the
device has done what it was told (`torch.cuda.synchronize`). One measurement is 15 rounds in one fresh process. See
`benchmarks.frame` for what is kept and what a ratio is. More is better.

*Images*: a convolutional network (104,000 parameters) on 49,152 pictures of 3x32x32, batch 512. *Tokens*: a transformer
of 4 layers and width 256 on 8,192 texts of 256 tokens, batch 64.

The loop by hand gathers each batch by index, sets ``grad = None``, calls the optimizer's step without torch's profiling
wrapper, and logs nothing. The toolkit's line is `toolkit.run` with its defaults and ``loader.resident``; for tokens
with a user's own task that calls ``self.log`` in every step. Lightning has whole batches on the device, the user's own
task and CSVLogger, no bar, no checkpoints.

Without a GPU nothing is measured; with --tiny the CPU is used.
"""

from __future__ import annotations

import functools
from dataclasses import asdict, dataclass

from benchmarks.frame import Settings, call, main, repeated
from benchmarks.table import Against, Row, Table, not_run, table

ROUNDS = 15
ROWS = (
    Row("by_hand", "loop by hand"),
    Row("by_toolkit", "toolkit run"),
    Row("by_lightning", "Lightning"),
)


@dataclass(frozen=True, slots=True)
class Size:
    """How much of a problem is trained on in an epoch."""

    problem: str
    samples: int
    batch: int
    length: int = 0
    """Tokens in a text; 0 for pictures."""


IMAGES, TINY_IMAGES = Size("images", 49_152, 512), Size("images", 32, 8)
TOKENS, TINY_TOKENS = Size("tokens", 8_192, 64, 256), Size("tokens", 16, 4, 16)


def tables(settings: Settings) -> list[Table]:
    """Images a second and tokens a second."""
    found = []
    for title, unit, size in (
        ("GPU: convolutional network on 3x32x32, batch 512", "images/s", TINY_IMAGES if settings.tiny else IMAGES),
        ("GPU: transformer, batch 64 x 256 tokens", "tokens/s", TINY_TOKENS if settings.tiny else TOKENS),
    ):
        if not (settings.tiny or has_gpu()):
            found.append(not_run(title, ROWS, "There is no GPU here."))
            continue
        device = "cuda" if has_gpu() else "cpu"
        arguments = (asdict(size), device, settings.rounds_or(ROUNDS))
        take = functools.partial(call, "benchmarks.gpu_loops:rounds", *arguments, fresh=not settings.tiny)
        measured = repeated(take, "by_hand", settings, title)
        columns = (Against("x hand", "by_hand"), Against("x Lightning", "by_lightning"))
        found.append(table(title, unit, ROWS, measured, *columns))
    return found


def has_gpu() -> bool:
    """Whether torch sees a CUDA device."""
    import torch

    return torch.cuda.is_available()


if __name__ == "__main__":
    main(__doc__, tables)
