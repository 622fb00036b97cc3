"""A unigram language model over pieces of words."""

from __future__ import annotations

from collections.abc import Iterable

import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

from toolkit_text.tokenizer import SPECIALS, UNK, Tokenizer, checked_size


class Unigram:
    """Pieces of words of a unigram language model (Kudo 2018), as in SentencePiece, after Unicode's NFKC.

    Arguments:
        vocab_size: tokens, 4 special ones among them; fewer where the texts have no more pieces.

    Raises:
        ValueError: `vocab_size` is less than 5.
    """

    def __init__(self, vocab_size: int = 8000) -> None:
        self.vocab_size = checked_size(vocab_size, len(SPECIALS) + 1)

    def fit(self, texts: Iterable[str]) -> Tokenizer:
        inner = tokenizers.Tokenizer(models.Unigram())
        inner.normalizer = normalizers.NFKC()
        inner.pre_tokenizer = pre_tokenizers.Metaspace()
        inner.decoder = decoders.Metaspace()
        trainer = trainers.UnigramTrainer(
            vocab_size=self.vocab_size, special_tokens=list(SPECIALS), unk_token=UNK, show_progress=False
        )
        inner.train_from_iterator(texts, trainer)
        return Tokenizer(inner)
