"""From texts to the tokens that a model which translates is given. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from toolkit_text.reading import READING_FILE, Reading
from toolkit_text.texts import Encoded, Encoder
from toolkit_text.tokenizer import Tokenizer
from toolkit_text.translation.memory import FILE, TranslationMemory


class SourceEncoder(Encoder):
    """The tokens of texts to translate, each with eos at its end.

    With a memory the translations of the most similar texts follow, each with eos too ("Neural Fuzzy Repair", Bulté and
    Tezcan, 2019).

    Arguments:
        tokenizer: of the run.
        max_length: tokens of a text at most, eos not counted; what comes after is cut off.
        memory: where similar texts are looked for.
    """

    def __init__(self, tokenizer: Tokenizer, max_length: int, memory: TranslationMemory | None = None) -> None:
        super().__init__(tokenizer, max_length, ends=False)
        self.memory = memory
        self._remembered = self._cut(memory.targets) if memory is not None else []

    @classmethod
    def from_files(cls, run_files: Mapping[str, bytes]) -> SourceEncoder:
        """From what a run has kept."""
        memory = TranslationMemory.from_bytes(run_files[FILE]) if FILE in run_files else None
        return cls(Tokenizer.from_files(run_files), Reading.from_bytes(run_files[READING_FILE]).max_length, memory)

    def encode(self, texts: Sequence[str], *, same: bool = True, groups: Sequence[str] | None = None) -> Encoded:
        """The tokens of texts.

        Arguments:
            texts: to translate.
            same: whether the text itself may be found in the memory.
            groups: of each text, of which nothing may be found there.
        """
        eos = self.tokenizer.eos_id
        after = [[eos] for _ in texts]
        if self.memory is not None:
            for following, places in zip(after, self.memory.nearest(texts, same=same, groups=groups), strict=True):
                for place in places:
                    following += [*self._remembered[place], eos]
        return self._between([], texts, after, self.max_length)

    def _cut(self, texts: Iterable[str]) -> list[list[int]]:
        return [ids[: self.max_length] for ids in self.tokenizer.encode_all(texts)]


def text_of_source(tokens: Sequence[int], tokenizer: Tokenizer) -> str:
    """The text to translate, without what follows it."""
    return tokenizer.decode(tokens[: tokens.index(tokenizer.eos_id)] if tokenizer.eos_id in tokens else tokens)
