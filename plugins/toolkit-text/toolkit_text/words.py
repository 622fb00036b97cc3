"""Every word is a token."""

from __future__ import annotations

from collections.abc import Iterable

import tokenizers
from tokenizers import models, normalizers, pre_tokenizers, trainers

from toolkit_text.tokenizer import SPECIALS, UNK, Tokenizer, checked_size


class Words:
    r"""Words and signs, `\w+` and `[^\w\s]+`, those that are most frequent in the training texts; others are unknown.

    Decoded words stand one space apart: how a text was spaced is lost.

    Arguments:
        vocab_size: tokens, 4 special ones among them; fewer where the texts have no more words.
        min_count: a word that occurs less often is unknown.
        lowercase: whether capital letters are made small.

    Raises:
        ValueError: `vocab_size` is less than 5.
    """

    def __init__(self, vocab_size: int = 30000, min_count: int = 2, lowercase: bool = True) -> None:
        self.vocab_size = checked_size(vocab_size, len(SPECIALS) + 1)
        self.min_count = min_count
        self.lowercase = lowercase

    def fit(self, texts: Iterable[str]) -> Tokenizer:
        inner = tokenizers.Tokenizer(models.WordLevel(unk_token=UNK))
        if self.lowercase:
            inner.normalizer = normalizers.Lowercase()
        inner.pre_tokenizer = pre_tokenizers.Whitespace()
        trainer = trainers.WordLevelTrainer(
            vocab_size=self.vocab_size,
            min_frequency=self.min_count,
            special_tokens=list(SPECIALS),
            show_progress=False,
        )
        inner.train_from_iterator(texts, trainer)
        return Tokenizer(inner)
