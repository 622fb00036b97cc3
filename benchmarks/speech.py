"""Speech: what a second of sound costs, in training and in hearing.

    python -m benchmarks.speech [--rounds 1] [--measurements 3] [--tiny]

Protocol. The network of the recipe ``speech/spoken-codes`` (40 mel bands every 20 ms, two convolutions, two
bidirectional LSTMs of 128, CTC) on codes composed of the recordings that toolkit-speech ships, 3 s each at 8 kHz; all
are in memory before anything is timed. One thread. Every variant of every round is a fresh process. See
`benchmarks.frame` for what is kept and what a ratio is.

Milliseconds of computing for a second of sound: a thousandth of that is the real-time factor, and 1,000 divided by it
the seconds of sound that are heard in a second. Less is better.

First table: the second epoch of two over 800 codes in batches of 16, from waveforms to the optimizer's step.

- *loop by hand*: the network and the loop written out in plain PyTorch, with torch's own modules (packed sequences for
  the LSTMs, batch normalisation that counts padding), batches of codes of similar length, fused AdamW, SpecAugment, the
  gradient's norm clipped; the loss read every 50 steps.
- *toolkit run*: the recipe, through `toolkit.run` with its bar, CSV and checkpoints.

Second table: from waveforms to characters, the most probable one of each frame, of 192 codes; the networks are as they
were initialised. *In chunks* is `StreamingLSTM.step`, the default network in one direction, with features every 10 ms,
given 0.1 s at a time.
"""

from __future__ import annotations

import functools

from benchmarks.frame import Settings, call, interleaved, main, repeated
from benchmarks.table import Against, Row, Table, table

ROUNDS = 1
CODES, HEARD = 800, 192
TRAINING = (Row("by_hand", "loop by hand"), Row("by_toolkit", "toolkit run"))
HEARING = (
    Row("by_hand", "by hand, 64 codes at once"),
    Row("together", "cnn_bilstm, 64 codes at once"),
    Row("alone", "cnn_bilstm, one code at a time"),
    Row("whole", "streaming_lstm, one code at a time"),
    Row("chunks", "streaming_lstm, in chunks of 0.1 s"),
)


def tables(settings: Settings) -> list[Table]:
    """Training and hearing."""
    codes, heard, fresh = (32, 4, False) if settings.tiny else (CODES, HEARD, True)
    variants = {
        f"{what}/{row.variant}": functools.partial(
            call, f"benchmarks.speech_loops:{what}", row.variant, count, fresh=fresh
        )
        for what, rows, count in (("training", TRAINING, codes), ("hearing", HEARING, heard))
        for row in rows
    }
    title = "Speech: milliseconds to learn from a second of sound, batches of 16, 1 thread"
    measured = repeated(lambda: interleaved(variants, settings.rounds_or(ROUNDS)), "training/by_hand", settings, title)
    return [
        table(heading, "ms", [row.of(what) for row in rows], measured, Against("x hand", f"{what}/by_hand"), digits=2)
        for heading, what, rows in (
            (title, "training", TRAINING),
            ("The same for hearing a second of sound, 1 thread", "hearing", HEARING),
        )
    ]


if __name__ == "__main__":
    main(__doc__, tables)
