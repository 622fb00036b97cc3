"""Every byte of a text in UTF-8 is a token."""

from __future__ import annotations

from collections.abc import Iterable

import tokenizers
from tokenizers import decoders, models, pre_tokenizers

from toolkit_text.tokenizer import SPECIALS, Tokenizer


class Bytes:
    """A token for each of the 256 bytes: nothing is learnt, and nothing is unknown."""

    def fit(self, texts: Iterable[str]) -> Tokenizer:
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        vocabulary = {token: number for number, token in enumerate([*SPECIALS, *alphabet])}
        inner = tokenizers.Tokenizer(models.BPE(vocabulary, merges=[]))
        inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        inner.decoder = decoders.ByteLevel()
        inner.add_special_tokens(list(SPECIALS))
        return Tokenizer(inner)
