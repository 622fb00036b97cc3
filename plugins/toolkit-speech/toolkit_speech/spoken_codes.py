"""Spoken codes of letters and digits that need no download. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from toolkit_speech.reader import AudioReader
from toolkit_speech.splits import Splits
from toolkit_speech.symbols import SAMPLE_RATE, SYMBOLS, Composed, planned
from toolkit_speech.transcripts import Utterances, transcribed_splits

GAP_S = (0.02, 0.2)
"""Of silence between two symbols."""


def spoken_codes(
    train_codes: int = 4000,
    val_codes: int = 400,
    test_codes: int = 400,
    symbols: Sequence[int] = (3, 6),
    code_seed: int = 0,
    run_files: Mapping[str, bytes] | None = None,
) -> Splits:
    """Codes such as `7KQ2`, spoken symbol by symbol at 8 kHz; composed of 36 recordings shipped with this package.

    Every code is in one split only, so that what is tested is codes that were never heard. The recordings of the
    symbols are the same in all splits: **this says nothing of other voices**. Each symbol of each code has a speed and
    a loudness of its own (0.85 to 1.15, -9 to 3 dB), there are 0.02 to 0.2 s of silence between them, noise, and other
    symbols backwards in the background; all drawn once from the seed, so that a code sounds the same in every epoch.

    A batch is `((waveforms, lengths), characters)`, as `toolkit_speech.samples.Transcribed` has it, of codes of similar
    length.

    Facts: `sample_rate` 8000, `vocab_size` 37, `pad_id` 0, which is CTC's blank.

    Arguments:
        train_codes: number of codes to train on.
        val_codes: number to validate on.
        test_codes: number to test on.
        symbols: of a code, at least and at most.
        code_seed: which codes, and how they sound. Results with different ones cannot be compared.
        run_files: given by the toolkit.

    Raises:
        ValueError: there are not as many codes, or `symbols` or a number of codes cannot be.
    """
    counts = {"train": train_codes, "val": val_codes, "test": test_codes}
    if len(symbols) != 2 or not 1 <= symbols[0] <= symbols[1]:
        raise ValueError(f"symbols={list(symbols)}: expected [least, most], both from 1 up")
    least, most = symbols
    if min(counts.values()) < 1 or 2 * sum(counts.values()) > len(SYMBOLS) ** least:
        possible = len(SYMBOLS) ** least // 2
        raise ValueError(
            f"{sum(counts.values())} codes: a split has at least one, and with symbols={list(symbols)} there are "
            f"{possible} at most"
        )
    codes = _codes(sum(counts.values()), least, most, code_seed)
    parts: dict[str, Utterances | None] = {}
    begin = 0
    for place, (split, count) in enumerate(counts.items()):
        # A stream of its own for each split, so that the size of one does not change how another sounds.
        generator = torch.Generator().manual_seed(4 * code_seed + place + 1)
        chosen = codes[begin : begin + count]
        begin += count
        sounds = Composed([planned(code, GAP_S, generator) for code in chosen])
        parts[split] = Utterances(sounds, ["".join(SYMBOLS[symbol] for symbol in code) for code in chosen])
    return transcribed_splits(parts, SAMPLE_RATE, SYMBOLS, "none", run_files)


def _codes(count: int, least: int, most: int, seed: int) -> list[tuple[int, ...]]:
    """Different codes of every length alike."""
    generator = torch.Generator().manual_seed(4 * seed)
    found: dict[tuple[int, ...], None] = {}
    while len(found) < count:
        length = int(torch.randint(least, most + 1, (), generator=generator))
        found[tuple(torch.randint(len(SYMBOLS), (length,), generator=generator).tolist())] = None
    return list(found)


# An attribute of the function: the toolkit looks for `reader` on whatever a recipe names as its dataset.
spoken_codes.reader = AudioReader  # type: ignore[attr-defined]
