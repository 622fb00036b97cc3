"""A language model of characters: what 2,000 small steps reach, and how fast they are taken.

    python -m benchmarks.language_model [--rounds 1] [--measurements 3] [--tiny]

Protocol. The novel that toolkit-text ships, *Pride and Prejudice*, its last tenth for validation. nanoGPT's
configuration for CPUs: 4 blocks, 4 heads, width 128, learnt positions, windows of 64 characters that begin anywhere,
batch 12, 2,000 steps, AdamW (0.9, 0.99) with 0.1 of weight decay on matrices, 100 steps of warm-up to 1e-3 and a cosine
to 1e-4, the gradient's norm clipped to 1.0. One thread. Every variant of every round is a fresh process; a measurement
is one round, some minutes long. See `benchmarks.frame` for what is kept and what a ratio is.

First table: characters a second in training, evaluation and start-up excluded; more is better. Second table: the loss
on the validation text after the last step, the mean over all its characters, each predicted once from those before it
in its window of 64; less is better. Both are of the same runs.

- *loop by hand*: the model, the batches and the loop written out in plain PyTorch, the text in memory as one tensor,
  fused AdamW, the loss read every 50 steps, no checkpoint.
- *toolkit run*: a recipe of toolkit-text's components (`austen`, `gpt`, `language_modeling`), through `toolkit.run`
  with its defaults: bar, CSV, checkpoints.
"""

from __future__ import annotations

import functools

from benchmarks.frame import Settings, call, flat, interleaved, main, repeated
from benchmarks.table import Against, Row, Table, table

ROUNDS = 1
STEPS = 2_000
ROWS = (Row("by_hand", "loop by hand"), Row("by_toolkit", "toolkit run"))


def tables(settings: Settings) -> list[Table]:
    """Speed and loss."""
    steps, batches, fresh = (2, 1, False) if settings.tiny else (STEPS, None, True)
    variants = {
        row.variant: functools.partial(call, f"benchmarks.language_loops:{row.variant}", steps, batches, fresh=fresh)
        for row in ROWS
    }
    title = f"Characters: GPT of 4 blocks, width 128, batch 12 x 64, {steps:,} steps, 1 thread"
    measured = repeated(
        lambda: flat(interleaved(variants, settings.rounds_or(ROUNDS))), "speed/by_hand", settings, title
    )
    return [
        table(title, "chars/s", [row.of("speed") for row in ROWS], measured, Against("x hand", "speed/by_hand")),
        table(
            "The same runs: loss on the validation text, in nats a character",
            "nats",
            [row.of("loss") for row in ROWS],
            measured,
            Against("x hand", "loss/by_hand"),
            digits=3,
        ),
    ]


if __name__ == "__main__":
    main(__doc__, tables)
