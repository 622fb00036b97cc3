"""Every character is a token."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import tokenizers
from tokenizers import decoders, models, pre_tokenizers

from toolkit_text.tokenizer import SPECIALS, UNK, Tokenizer


class Characters:
    """A token for every character (Unicode code point) of the training texts; others are unknown.

    Arguments:
        min_count: a character that occurs less often is unknown.
    """

    def __init__(self, min_count: int = 1) -> None:
        if min_count < 1:
            raise ValueError(f"min_count={min_count}: a number of occurrences from 1 up")
        self.min_count = min_count

    def fit(self, texts: Iterable[str]) -> Tokenizer:
        counts = Counter[str]()
        for text in texts:
            counts.update(text)
        kept = sorted(character for character, count in counts.items() if count >= self.min_count)
        vocabulary = {token: number for number, token in enumerate([*SPECIALS, *kept])}
        inner = tokenizers.Tokenizer(models.WordLevel(vocabulary, unk_token=UNK))
        # In this library's regular expressions (Oniguruma's) m lets the dot match a line break.
        inner.pre_tokenizer = pre_tokenizers.Split(tokenizers.Regex("(?m)."), behavior="isolated")
        inner.decoder = decoders.Fuse()
        inner.add_special_tokens(list(SPECIALS))
        return Tokenizer(inner)
