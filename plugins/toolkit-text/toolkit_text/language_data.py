"""What the datasets for language models have in common: from texts to splits, facts and files.

Imports torch, nothing of the toolkit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from toolkit_text.notes import counted, unknown_tokens
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
    check_context(context)
    made = fitted(tokenizer, texts["train"], run_files)
    train = packed(texts["train"], made)
    windows = TrainingWindows(train.tokens, context)
    return replace(evaluation_splits(texts, made, context, train), train=windows)


def evaluation_splits(
    texts: Mapping[str, Sequence[str]], tokenizer: Tokenizer, context: int, train: Row | None = None
) -> Splits:
    """The splits `val` and `test` of texts, those that have some, with the facts and files of a run.

    Arguments:
        texts: by split.
        tokenizer: of the run.
        context: tokens of a window.
        train: what is trained on, for the facts; None for a stream.

    Raises:
        ValueError: a split has nothing to predict.
    """
    rows = {split: packed(texts[split], tokenizer) for split in ("val", "test") if texts.get(split)}
    empty = [split for split, row in rows.items() if len(row.tokens) < 2]
    if empty:
        raise ValueError(f"the text of the split {empty[0]!r} has no tokens: give a text, or no such split")
    windows = {split: EvaluationWindows(row.tokens, context, tokenizer.pad_id) for split, row in rows.items()}
    return Splits(
        train=None,
        val=windows.get("val"),
        test=windows.get("test"),
        facts=_facts(tokenizer, rows if train is None else {"train": train, **rows}),
        run_files=tokenizer.to_files(),
        text_of=_text_of(tokenizer),
    )


def check_context(context: int) -> None:
    """Raises ValueError unless `context` is a number of tokens."""
    if context < 1:
        raise ValueError(f"context={context}: a number of tokens from 1 up")


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


def _facts(tokenizer: Tokenizer, rows: Mapping[str, Row]) -> dict[str, Any]:
    """What a model and a task have to know; tells the user of tokens that the tokenizer does not know."""
    for split, row in rows.items():
        unknown_tokens(row.unknown, len(row.tokens), f"the split {split!r}")
    return {
        **tokenizer.facts,
        "characters_per_token": {split: row.characters_per_token for split, row in rows.items()},
    }


def _text_of(tokenizer: Tokenizer) -> Callable[[Tensor], str]:
    def read(tokens: Tensor) -> str:
        return tokenizer.decode(tokens.tolist())

    return read


def _divided(texts: Sequence[str], characters: int) -> tuple[list[str], list[str]]:
    """The first characters of texts, and the others."""
    first, others = list[str](), list[str]()
    for text in texts:
        head, tail = text[:characters], text[characters:]
        characters -= len(head)
        first += [head] if head else []
        others += [tail] if tail else []
    return first, others
