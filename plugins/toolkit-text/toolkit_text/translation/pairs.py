"""Pairs of texts as batches of tokens. Imports torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset

from toolkit_text.ragged import Ragged
from toolkit_text.tokenizer import Tokenizer

IGNORED = -100
"""In `target_out`: padding, which torch's losses leave out unless they are told otherwise."""


class Pairs(Dataset[Any]):
    """Translations, as samples and whole batches of tokens.

    A batch is `((source, target_in), target_out)`, int64: `source` `(batch, m)` ends in eos and is padded with the
    padding token; `target_in` `(batch, n)` begins with bos, and is padded so too; `target_out` `(batch, n)` is what has
    to be said next, ends in eos, and holds -100 at padding. With `references` the targets are `(target_out, texts)`:
    what a translation is measured against is the text itself, not what a tokenizer gives back of it.

    Arguments:
        source: the tokens of each source text, eos at their ends.
        targets: the tokens of each target text, without.
        tokenizer: that they are of.
        references: the target texts, for splits on which translations are measured.
    """

    def __init__(
        self,
        source: Ragged,
        targets: Sequence[Sequence[int]],
        tokenizer: Tokenizer,
        references: Sequence[str] | None = None,
    ) -> None:
        self.pad_id = tokenizer.pad_id
        self.source = source
        self.target = Ragged([tokenizer.bos_id, *each, tokenizer.eos_id] for each in targets)
        self.references = references
        self.lengths = self.source.lengths + self.target.lengths
        """Of each pair the tokens on both sides, by which batches of similar ones are made."""

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, number: int) -> Any:
        """One pair, without padding."""
        target = self.target[number]
        wanted: Any = target[1:] if self.references is None else (target[1:], self.references[number])
        return (self.source[number], target[:-1]), wanted

    def __getitems__(self, numbers: Sequence[int]) -> Any:
        """A batch."""
        return batch_of(
            self.source.padded(numbers, self.pad_id),
            self.target.padded(numbers, self.pad_id),
            self.target.lengths[torch.as_tensor(numbers)],
            self.pad_id,
            None if self.references is None else [self.references[number] for number in numbers],
        )


def batch_of(
    source: Tensor, target: Tensor, lengths: Tensor, pad_id: int, references: Sequence[str] | None = None
) -> Any:
    """A batch as `Pairs` has it.

    Arguments:
        source: `(batch, m)`, padded.
        target: `(batch, n + 1)` from bos to eos, padded.
        lengths: of the targets, bos and eos counted, `(batch,)`.
        pad_id: the padding token.
        references: the target texts.
    """
    places = torch.arange(target.shape[1] - 1)
    behind = places >= (lengths - 1)[:, None]
    # The eos of a shorter target is no input: nothing comes after it.
    target_in = target[:, :-1].masked_fill(behind, pad_id)
    target_out = target[:, 1:].masked_fill(behind, IGNORED)
    return (source, target_in), target_out if references is None else (target_out, list(references))


def collated(pad_id: int) -> Callable[[Sequence[Any]], Any]:
    """What makes a batch of a list of samples, each `((source, target_in), target_out)` without padding."""
    # No function inside this one: a worker that is started afresh has to be sent it.
    return partial(_collate, pad_id)


def _collate(pad_id: int, samples: Sequence[Any]) -> Any:
    inputs, targets = zip(*samples, strict=True)
    sides = [pad_sequence(list(side), batch_first=True, padding_value=pad_id) for side in zip(*inputs, strict=True)]
    return tuple(sides), pad_sequence(list(targets), batch_first=True, padding_value=IGNORED)
