"""Single spoken symbols that need no download. Imports torch, nothing of the toolkit."""

from __future__ import annotations

import torch

from toolkit_speech.reader import AudioReader
from toolkit_speech.samples import Labelled
from toolkit_speech.splits import Splits, class_facts
from toolkit_speech.symbols import SAMPLE_RATE, SYMBOLS, Composed, planned

GAP_S = (0.0, 0.3)
"""Of silence before and behind a symbol."""


def spoken_symbols(train_each: int = 60, val_each: int = 10, test_each: int = 20, sound_seed: int = 0) -> Splits:
    """Spoken letters and digits, one at a time, at 8 kHz; made of 36 recordings shipped with this package.

    Every sound is one of the recordings at another speed and loudness (0.85 to 1.15, -9 to 3 dB), with silence of up to
    0.3 s before and behind it, noise, and other symbols backwards in the background; all drawn once from the seed. The
    recordings are the same in all splits: **this says nothing of other voices**.

    A batch is `((waveforms, lengths), classes)`, as `toolkit_speech.samples.Labelled` has it, of sounds of similar
    length.

    Facts: `task` multiclass, `num_classes` 36, `class_names` "0" to "9" and "A" to "Z", `sample_rate` 8000.

    Arguments:
        train_each: sounds of each symbol to train on.
        val_each: to validate on.
        test_each: to test on.
        sound_seed: how they sound. Results with different ones cannot be compared.

    Raises:
        ValueError: a split has no sounds.
    """
    counts = {"train": train_each, "val": val_each, "test": test_each}
    if min(counts.values()) < 1:
        raise ValueError(f"{counts}: a split has at least one sound of each symbol")
    made = {}
    for place, (split, count) in enumerate(counts.items()):
        # A stream of its own for each split, so that the size of one does not change how another sounds.
        generator = torch.Generator().manual_seed(4 * sound_seed + place)
        targets = torch.arange(len(SYMBOLS)).repeat(count)
        made[split] = Labelled(Composed([planned([each], GAP_S, generator) for each in targets.tolist()]), targets)
    return Splits(made["train"], made["val"], made["test"], class_facts(list(SYMBOLS), SAMPLE_RATE))


# An attribute of the function: the toolkit looks for `reader` on whatever a recipe names as its dataset.
spoken_symbols.reader = AudioReader  # type: ignore[attr-defined]
