"""What the datasets for language models have in common: from texts to splits, facts and files.

Imports torch, nothing of the toolkit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from toolkit_text.notes import counted, note
from toolkit_text.splits import Splits
from toolkit_text.tokenizer import Tokenizer, TokenizerPart, fitted
from toolkit_text.windows import EvaluationWindows, Row, TrainingWindows, packed


def language_splits(
    texts: Mapping[str, Sequence[str]],
    tokenizer: TokenizerPart,
    context: int,
    run_files: Mapping[str, bytes] | None,
) -> Splits:
    """Splits of windows, with the tokenizer that learns from the texts to train on.

    Facts: `vocab_size`, `pad_id`, `bos_id`, `eos_id`, and `characters_per_token` by split.

    Arguments:
        texts: of the splits `train`, `val` and `test`; one without texts is none.
        tokenizer: as the recipe has it.
        context: tokens of a window.
        run_files: what the run has kept.

    Raises:
        ValueError: `context` is less than 1, or a split is too short for it.
    """
    checked_context(context)
    made = fitted(tokenizer, texts["train"], run_files)
    rows = {split: packed(of_split, made) for split, of_split in texts.items() if of_split}
    return Splits(
        train=TrainingWindows(rows["train"].tokens, context),
        val=_evaluation(rows, "val", context, made),
        test=_evaluation(rows, "test", context, made),
        facts=language_facts(made, rows),
        run_files=made.to_files(),
        text_of=text_of(made),
    )


def checked_context(context: int) -> int:
    """`context`.

    Raises:
        ValueError: it is no number of tokens.
    """
    if context < 1:
        raise ValueError(f"context={context}: a number of tokens from 1 up")
    return context


def language_facts(tokenizer: Tokenizer, rows: Mapping[str, Row]) -> dict[str, Any]:
    """What a model and a task have to know; tells the user of tokens that the tokenizer does not know."""
    for split, row in rows.items():
        if row.unknown:
            of = counted(len(row.tokens), "token")
            note(f"{row.unknown:,} of {of} of the split {split!r} are unknown to the tokenizer")
    ratios = {split: row.characters_per_token for split, row in rows.items() if len(row.tokens) > 1}
    return {**tokenizer.facts, "characters_per_token": ratios}


def text_of(tokenizer: Tokenizer) -> Any:
    """How the inputs of a window read."""

    def read(tokens: Tensor) -> str:
        return tokenizer.decode(tokens.tolist())

    return read


def evaluation_windows(row: Row, split: str, context: int, pad_id: int) -> EvaluationWindows:
    """The windows of a split to evaluate on.

    Raises:
        ValueError: it has nothing to predict.
    """
    if len(row.tokens) < 2:
        raise ValueError(f"the text of the split {split!r} has no tokens: give a text, or no such split")
    return EvaluationWindows(row.tokens, context, pad_id)


def cut(texts: Sequence[str], shares: Mapping[str, float]) -> dict[str, list[str]]:
    """Texts without the last shares of their characters, as `train`, and those shares by split, in this order.

    A text may be cut in two. A share of 0 gives no texts.

    Raises:
        ValueError: a share, an argument called `val_share` or `test_share`, is none, or nothing is left before them.
    """
    total = sum(map(len, texts))
    sizes = {split: max(1, round(share * total)) if share else 0 for split, share in shares.items()}
    for split, share in shares.items():
        if not 0 <= share < 1:
            raise ValueError(f"{split}_share={share}: a share of the text, from 0 to below 1")
    left = total - sum(sizes.values())
    if left <= 0:
        named = ", ".join(f"{split}_share={share}" for split, share in shares.items())
        raise ValueError(f"{named}: nothing of {counted(total, 'character')} is left to train on")
    remaining, found = list(texts), dict[str, list[str]]()
    for split, size in {"train": left, **sizes}.items():
        found[split], remaining = _divided(remaining, size)
    return found


def stand_in(vocab_size: int, context: int, seed: int) -> Splits:
    """Windows of random tokens in place of a dataset, with facts of the same names."""
    drawn = torch.Generator().manual_seed(seed)
    tokens = torch.randint(4, vocab_size, (8 * context,), generator=drawn, dtype=torch.int32)
    splits = ("train", "val", "test")
    facts = {"vocab_size": vocab_size, "pad_id": 0, "bos_id": 2, "eos_id": 3}
    return Splits(
        TrainingWindows(tokens, context),
        EvaluationWindows(tokens, context, 0),
        EvaluationWindows(tokens, context, 0),
        {**facts, "characters_per_token": dict.fromkeys(splits, 1.0)},
    )


def _evaluation(rows: Mapping[str, Row], split: str, context: int, tokenizer: Tokenizer) -> EvaluationWindows | None:
    row = rows.get(split)
    return None if row is None else evaluation_windows(row, split, context, tokenizer.pad_id)


def _divided(texts: Sequence[str], characters: int) -> tuple[list[str], list[str]]:
    """The first characters of texts, and the others."""
    first, others = list[str](), list[str]()
    for text in texts:
        head, tail = text[:characters], text[characters:]
        characters -= len(head)
        first += [head] if head else []
        others += [tail] if tail else []
    return first, others
