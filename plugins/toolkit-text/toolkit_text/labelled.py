"""From texts and the names of their classes to splits of tokens. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from toolkit_text.notes import counted, note
from toolkit_text.reading import READING_FILE, Reading
from toolkit_text.splits import Splits
from toolkit_text.texts import Encoder, LabelledTexts
from toolkit_text.tokenizer import Tokenizer, TokenizerPart, fitted
from toolkit_text.words import Words

SPLITS = ("train", "val", "test")


@dataclass
class Labelled:
    """Texts of a split and their classes."""

    texts: list[str]
    targets: Tensor
    """Int64 `(samples,)`."""

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, int]]) -> Labelled:
        """Of texts, each with its class."""
        texts, targets = zip(*pairs, strict=True)
        return cls(list(texts), torch.tensor(targets))

    def take(self, index: Tensor) -> Labelled:
        return Labelled([self.texts[each] for each in index.tolist()], self.targets[index])


def labelled_splits(
    parts: Mapping[str, Labelled | None],
    class_names: Sequence[str],
    tokenizer: TokenizerPart,
    reading: Reading,
    run_files: Mapping[str, bytes] | None,
) -> Splits:
    """Splits of tokens; the tokenizer learns from the texts of `train` alone.

    Texts that were cut, and those of no tokens, are counted and told of in a note.

    Arguments:
        parts: by the names of splits; `train` is one.
        class_names: of the targets' numbers.
        tokenizer: as the recipe has it.
        reading: how texts are read.
        run_files: what the run has kept; None in a new one.
    """
    train = parts["train"]
    assert train is not None, "whoever made the parts has seen to it"
    return encoded_splits(parts, class_names, fitted(tokenizer, train.texts, run_files), reading)


def encoded_splits(
    parts: Mapping[str, Labelled | None], class_names: Sequence[str], tokenizer: Tokenizer, reading: Reading
) -> Splits:
    """Splits of the tokens of a tokenizer that has learnt already; see `labelled_splits`."""
    encoder = Encoder(tokenizer, reading.max_length, reading.ends)
    made: dict[str, LabelledTexts | None] = dict.fromkeys(SPLITS)
    cut, empty = dict[str, int](), dict[str, int]()
    for name, part in parts.items():
        if part is not None:
            encoded = encoder.encode(part.texts)
            made[name] = LabelledTexts(encoded, part.targets, tokenizer.pad_id)
            cut[name], empty[name] = encoded.cut, encoded.empty
    if any(cut.values()):
        note(f"{_listed(cut)} longer than max_length={reading.max_length} tokens: the rest of each is left out")
    if any(empty.values()):
        note(f"{_listed(empty)} without tokens: each is one unknown token")
    return Splits(
        made["train"],
        made["val"],
        made["test"],
        facts={**class_facts(class_names), **tokenizer.facts},
        run_files={**tokenizer.to_files(), READING_FILE: reading.to_bytes()},
        text_of=encoder.decode,
    )


def class_facts(class_names: Sequence[str]) -> dict[str, Any]:
    """What a dataset of texts, each of one class, knows of these."""
    return {"task": "multiclass", "num_classes": len(class_names), "class_names": list(class_names)}


def stratified(targets: Tensor, size: int, seed: int) -> tuple[Tensor, Tensor]:
    """Cut `size` samples off, of every class the same share.

    Arguments:
        targets: class of every sample, shape `(samples,)`.
        size: number of samples to cut off.
        seed: which samples; the same seed gives the same ones on every machine.

    Returns:
        Indices of the samples that are left, shape `(samples - size,)`, and of those cut off, shape `(size,)`; both in
        rising order.
    """
    order = torch.randperm(len(targets), generator=torch.Generator().manual_seed(seed))
    # Every sample's place in its class as a share of the class: the smallest shares of all classes together are `size`
    # samples exactly, and as many of each class as its share demands, to within one.
    share = torch.empty(len(targets), dtype=torch.float64)
    for target in sorted(set(targets.tolist())):
        members = order[targets[order] == target]
        share[members] = (torch.arange(len(members), dtype=torch.float64) + 0.5) / len(members)
    ranked = share.argsort(stable=True)
    return ranked[size:].sort().values, ranked[:size].sort().values


def cut_off(part: Labelled, share: float, name: str, seed: int) -> tuple[Labelled, Labelled | None]:
    """A part without a share of its texts, of every class as many as its share demands, and those; None for 0.

    Raises:
        ValueError: the share, an argument called `name`, is none, or leaves no text.
    """
    samples = len(part.texts)
    size = max(1, round(share * samples)) if share else 0
    if not 0 <= share < 1 or size >= samples:
        raise ValueError(f"{name}={share}: a share of {counted(samples, 'text')}, from 0 to below 1, that leaves one")
    if not size:
        return part, None
    rest, cut = stratified(part.targets, size, seed)
    return part.take(rest), part.take(cut)


def stand_in(class_names: Sequence[str], seed: int) -> Splits:
    """A few texts of random tokens in place of a dataset of classes that is not on this machine."""
    generator = torch.Generator().manual_seed(seed)
    words = [f"word{number}" for number in range(200)]

    def texts(count: int) -> Labelled:
        lengths = torch.randint(3, 20, (count,), generator=generator).tolist()
        drawn = [torch.randint(len(words), (length,), generator=generator).tolist() for length in lengths]
        targets = torch.randint(len(class_names), (count,), generator=generator)
        return Labelled([" ".join(words[each] for each in text) for text in drawn], targets)

    parts = {"train": texts(32), "val": texts(16), "test": texts(16)}
    return labelled_splits(parts, class_names, Words(min_count=1), Reading(max_length=64), None)


def _listed(counts: Mapping[str, int]) -> str:
    """`3 texts (train 2, test 1)`."""
    where = ", ".join(f"{name} {count:,}" for name, count in counts.items() if count)
    return f"{counted(sum(counts.values()), 'text')} ({where})"
