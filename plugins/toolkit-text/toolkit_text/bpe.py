"""Byte-pair encoding over bytes."""

from __future__ import annotations

from collections.abc import Iterable

import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers

from toolkit_text.tokenizer import SPECIALS, Tokenizer, checked_size


class BPE:
    """Byte-pair encoding (Sennrich et al. 2016) over the bytes of words, as in GPT-2: nothing is unknown.

    Arguments:
        vocab_size: tokens, the 256 bytes and 4 special ones among them; fewer where the texts have no more pairs.
        min_count: a pair that occurs less often is not joined.

    Raises:
        ValueError: `vocab_size` is less than 260.
    """

    def __init__(self, vocab_size: int = 8000, min_count: int = 2) -> None:
        self.vocab_size = checked_size(vocab_size, 256 + len(SPECIALS))
        self.min_count = min_count

    def fit(self, texts: Iterable[str]) -> Tokenizer:
        inner = tokenizers.Tokenizer(models.BPE())
        inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        inner.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=self.vocab_size,
            min_frequency=self.min_count,
            special_tokens=list(SPECIALS),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        inner.train_from_iterator(texts, trainer)
        return Tokenizer(inner)
