"""From pairs of texts to splits of tokens. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import compress

import torch

from toolkit_text.bpe import BPE
from toolkit_text.labelled import SPLITS
from toolkit_text.notes import counted, note
from toolkit_text.reading import READING_FILE, Reading
from toolkit_text.splits import Splits
from toolkit_text.tokenizer import Tokenizer, TokenizerPart, fitted
from toolkit_text.translation.lexicon import FILE as LEXICON_FILE
from toolkit_text.translation.lexicon import Lexicon
from toolkit_text.translation.memory import FILE as MEMORY_FILE
from toolkit_text.translation.memory import TranslationMemory
from toolkit_text.translation.pairs import Pairs
from toolkit_text.translation.source_encoder import SourceEncoder, text_of_source


@dataclass
class TextPairs:
    """Texts of a split and their translations."""

    sources: Sequence[str]
    targets: Sequence[str]
    name: str = ""
    """What they are called in messages: a file."""
    groups: Sequence[str] | None = None
    """What each pair belongs to, such as a page."""
    empty: int = field(default=0, init=False)
    """Pairs that were left out because a side of theirs is empty."""

    def __post_init__(self) -> None:
        filled = [place for place, pair in enumerate(zip(self.sources, self.targets, strict=True)) if _filled(pair)]
        self.empty = len(self.sources) - len(filled)
        if not filled:
            raise ValueError(f"{self.name}: no pair has a text on both sides")
        if self.empty:
            self._keep(filled)

    def cut(self, share: float, argument: str, seed: int) -> TextPairs | None:
        """Takes a share of the pairs out, and returns it; None for 0.

        Raises:
            ValueError: the share, an argument called so, is none, or leaves no pair.
        """
        size = max(1, round(share * len(self.sources))) if share else 0
        if not 0 <= share < 1 or size >= len(self.sources):
            pairs = counted(len(self.sources), "pair")
            raise ValueError(f"{argument}={share}: a share of {pairs}, from 0 to below 1, that leaves one")
        if not size:
            return None
        order = torch.randperm(len(self.sources), generator=torch.Generator().manual_seed(seed)).tolist()
        taken = sorted(order[:size])
        part = TextPairs(self.sources, self.targets, self.name, self.groups)
        part._keep(taken)
        self._keep(sorted(order[size:]))
        return part

    def _keep(self, places: Sequence[int]) -> None:
        self.sources = [self.sources[place] for place in places]
        self.targets = [self.targets[place] for place in places]
        if self.groups is not None:
            self.groups = [self.groups[place] for place in places]


def pair_splits(
    parts: Mapping[str, TextPairs | None],
    tokenizer: TokenizerPart | None,
    reading: Reading,
    run_files: Mapping[str, bytes] | None,
    memory: int = 0,
    lexicon: int = 0,
) -> Splits:
    """Splits of tokens; one tokenizer learns from both sides of `train` alone.

    A pair with an empty side is left out, and in `train` one that has more tokens than may be on a side; elsewhere what
    is too much is cut off, of the tokens, not of the text that a translation is measured against. Notes say how many.

    Arguments:
        parts: by the names of splits; `train` is one.
        tokenizer: as the recipe has it; `bpe` when None.
        reading: how texts are read.
        run_files: what the run has kept; None in a new one.
        memory: the translations of so many similar texts of `train` follow each source.
        lexicon: so many translations of each token are learnt from `train`, and kept for the model.

    Raises:
        ValueError: no pair is left to train on, there is no such memory, or `lexicon` is negative.
    """
    if lexicon < 0:
        raise ValueError(f"lexicon={lexicon}: a number of translations, from 0 up")
    train = parts["train"]
    assert train is not None, "whoever made the parts has seen to it"
    trained = fitted(tokenizer or BPE(), [*train.sources, *train.targets], run_files)
    kept, learnt, remembered = run_files or {}, dict[str, bytes](), None
    if memory:
        if MEMORY_FILE in kept:
            remembered = TranslationMemory.from_bytes(kept[MEMORY_FILE])
        else:
            remembered = TranslationMemory(train.sources, train.targets, memory, train.groups)
        learnt[MEMORY_FILE] = kept.get(MEMORY_FILE) or remembered.to_bytes()
    if lexicon:
        learnt[LEXICON_FILE] = kept.get(LEXICON_FILE) or _lexicon(train, trained, lexicon).to_bytes()
    splits = encoded_splits(parts, SourceEncoder(trained, reading.max_length, remembered), reading)
    return replace(splits, run_files={**splits.run_files, **learnt})


def encoded_splits(parts: Mapping[str, TextPairs | None], encoder: SourceEncoder, reading: Reading) -> Splits:
    """Splits of the tokens of a tokenizer that has learnt already; see `pair_splits`."""
    most, tokenizer = reading.max_length, encoder.tokenizer
    made: dict[str, Pairs | None] = dict.fromkeys(SPLITS)
    over = dict[str, int]()
    for name, part in parts.items():
        if part is None:
            continue
        pairs = list(zip(part.sources, tokenizer.encode_all(part.targets), strict=True))
        lengths = zip(tokenizer.encode_all(part.sources), pairs, strict=True)
        fits = [len(source) <= most and len(target) <= most for source, (_, target) in lengths]
        over[name] = fits.count(False)
        groups = None
        if name == "train":
            pairs = list(compress(pairs, fits))
            if not pairs:
                raise ValueError(f"max_length={most}: every pair to train on has more tokens on a side")
            groups = None if part.groups is None else list(compress(part.groups, fits))
        # What is trained on would always be found itself.
        source = encoder.encode([text for text, _ in pairs], same=name != "train", groups=groups)
        targets = [tokens[:most] for _, tokens in pairs]
        made[name] = Pairs(source, targets, tokenizer, None if name == "train" else part.targets)
    empty = {name: part.empty for name, part in parts.items() if part is not None}
    if any(empty.values()):
        note(f"{_listed(empty)} with an empty side left out")
    left_out, long = over.pop("train", 0), f"with more than max_length={most} tokens on a side"
    if left_out:
        note(f"{counted(left_out, 'pair')} of train {long}: left out")
    if any(over.values()):
        note(f"{_listed(over)} {long}: the rest is cut off, and counts where translations are measured")
    return Splits(
        made["train"],
        made["val"],
        made["test"],
        facts=tokenizer.facts,
        run_files={**tokenizer.to_files(), READING_FILE: reading.to_bytes()},
        text_of=lambda inputs: text_of_source(inputs[0].tolist(), tokenizer),
    )


def stand_in(seed: int) -> Splits:
    """A few pairs of random words in place of data that is not on this machine; words are said backwards."""
    generator = torch.Generator().manual_seed(seed)

    def pairs(count: int) -> TextPairs:
        lengths = torch.randint(1, 12, (count,), generator=generator).tolist()
        drawn = [torch.randint(200, (length,), generator=generator).tolist() for length in lengths]
        sources = [" ".join(f"word{each}" for each in text) for text in drawn]
        return TextPairs(sources, [" ".join(reversed(source.split())) for source in sources])

    return pair_splits({"train": pairs(32), "val": pairs(16), "test": pairs(16)}, BPE(300), Reading(64), None)


def _lexicon(pairs: TextPairs, tokenizer: Tokenizer, count: int) -> Lexicon:
    sources, targets = (tokenizer.encode_all(texts) for texts in (pairs.sources, pairs.targets))
    return Lexicon.learnt(sources, targets, tokenizer.vocab_size, count)


def _filled(pair: tuple[str, str]) -> bool:
    return all(text.strip() for text in pair)


def _listed(counts: Mapping[str, int]) -> str:
    """`3 pairs (train 2, test 1)`."""
    where = ", ".join(f"{name} {count:,}" for name, count in counts.items() if count)
    return f"{counted(sum(counts.values()), 'pair')} ({where})"
