"""Other pieces for the same word, drawn by chance, so that a model sees what its words consist of."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence

from toolkit_text.tokenizer import Tokenizer

VARIANTS = 16
"""In so many ways a word is cut, at most: they are found once and remembered."""


class BPEDropout:
    """BPE-dropout (Provilkov et al., 2020): while a word is put together, each possible merge is left out by chance.

    Arguments:
        tokenizer: a trained `bpe`.
        probability: with which a merge is left out.

    Raises:
        ValueError: the tokenizer is none that merges, or the probability is none.
    """

    def __init__(self, tokenizer: Tokenizer, probability: float) -> None:
        file = json.loads(tokenizer.to_bytes())
        if file["model"]["type"] != "BPE" or not file["model"]["merges"] or file["normalizer"] is not None:
            raise ValueError("bpe_dropout is for the tokenizer bpe, which merges pairs")
        if not 0 < probability < 1:
            raise ValueError(f"bpe_dropout={probability}: a probability between 0 and 1")
        self.probability = probability
        self._tokenizer = tokenizer
        self._numbers: dict[str, int] = file["model"]["vocab"]
        self._ranks = {tuple(pair): rank for rank, pair in enumerate(file["model"]["merges"])}
        self._cut: dict[tuple[str, int], list[int]] = {}

    def encode(self, words: Sequence[str]) -> list[int]:
        """The tokens of a text's words, as `Tokenizer.words` gives them, cut anew by Python's global generator."""
        tokens = list[int]()
        for word in words:
            # Which of its ways a word is cut in depends on the generator, and what they are on the word alone: so a
            # run that goes on need not remember them.
            way = (word, random.randrange(VARIANTS))
            if way not in self._cut:
                self._cut[way] = self._merged(*way)
            tokens += self._cut[way]
        return tokens

    def _merged(self, word: str, variant: int) -> list[int]:
        drawn = random.Random(f"{variant} {word}")
        pieces = list(word)
        while len(pieces) > 1:
            pairs = ((pieces[place], pieces[place + 1]) for place in range(len(pieces) - 1))
            possible = [
                (self._ranks[pair], place)
                for place, pair in enumerate(pairs)
                if pair in self._ranks and drawn.random() >= self.probability
            ]
            if not possible:
                break
            _, place = min(possible)
            pieces[place : place + 2] = [pieces[place] + pieces[place + 1]]
        return [self._numbers[piece] for piece in pieces]
