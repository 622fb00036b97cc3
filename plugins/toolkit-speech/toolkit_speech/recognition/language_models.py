"""Language models as a recipe names them, and what a search asks of them, character by character.

Imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from toolkit_speech.recognition.arpa import read_arpa
from toolkit_speech.recognition.ngram import BEGIN, END, NGramModel, Words, learnt

State = Any
SPACE = "<space>"
"""What an n-gram of characters calls the space: in an ARPA file spaces are between the words."""
Unit = Literal["characters", "words"]


class Scorer(Protocol):
    """What a search asks of a language model. A shape, not a base class."""

    def begin(self) -> State:
        """Of a text that nothing is said of yet."""
        ...

    def said(self, state: State, character: str) -> tuple[State, float]:
        """The state after one more character, and by how much the logarithm of the text's probability grows."""
        ...

    def ended(self, state: State) -> float:
        """By how much it grows when the text ends."""
        ...


class LanguageModel(Protocol):
    """A language model as a recipe names it. A shape, not a base class."""

    def fit(self, transcripts: Iterable[str] | None) -> Scorer:
        """For a search, after it has learnt from transcripts what it learns; None where there are none.

        Raises:
            ValueError: it needs them.
        """
        ...


class NGram:
    """N-grams of the training transcripts.

    Arguments:
        order: characters or words of the longest.
        of: characters, of which a search is told at every one; or words, of which it is told when one is over.

    Raises:
        ValueError: `order` is no number from 1 up.
    """

    def __init__(self, order: int = 5, of: Unit = "characters") -> None:
        if order < 1:
            raise ValueError(f"order={order}: a number of {of} from 1 up")
        self.order = order
        self.of: Unit = of

    def fit(self, transcripts: Iterable[str] | None) -> Scorer:
        if transcripts is None:
            raise ValueError("the dataset keeps no transcripts that an n-gram could learn from; name a file with arpa")
        return scorer(learnt((units(text, self.of) for text in transcripts), self.order), self.of)


class Arpa:
    """A language model in an ARPA file, as SRILM, KenLM and others write it.

    Arguments:
        file: `.arpa` or `.arpa.gz`; it has to be there whenever the run is used.
        of: whether its n-grams are of words, or of characters, where `<space>` is the space.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is none; the message begins with the file.
    """

    def __init__(self, file: Path, of: Unit = "words") -> None:
        self.model = read_arpa(Path(file).expanduser())
        self.of: Unit = of

    def fit(self, transcripts: Iterable[str] | None) -> Scorer:
        return scorer(self.model, self.of)


def units(text: str, of: Unit) -> Sequence[str]:
    """The words of a text, or its characters."""
    return text.split() if of == "words" else [SPACE if character == " " else character for character in text]


def scorer(model: NGramModel, of: Unit) -> Scorer:
    """What a search asks n-grams of words or characters through."""
    return WordScorer(model) if of == "words" else CharacterScorer(model)


class CharacterScorer:
    """N-grams of characters; a state is the last ones."""

    def __init__(self, model: NGramModel) -> None:
        self.model = model

    def begin(self) -> Words:
        return (BEGIN,)

    def said(self, state: Words, character: str) -> tuple[Words, float]:
        unit = SPACE if character == " " else character
        return self._after(state, unit), self.model.log_prob(state, unit)

    def ended(self, state: Words) -> float:
        return self.model.log_prob(state, END)

    def _after(self, state: Words, unit: str) -> Words:
        return (*state, unit)[-max(1, self.model.order - 1) :]


class WordScorer:
    """N-grams of words; a state is the last ones and what has been said of the one that is not over.

    A word counts when the space behind it is said, or at the end.
    """

    def __init__(self, model: NGramModel) -> None:
        self.model = model

    def begin(self) -> tuple[Words, str]:
        return (BEGIN,), ""

    def said(self, state: tuple[Words, str], character: str) -> tuple[tuple[Words, str], float]:
        words, begun = state
        if character != " ":
            return (words, begun + character), 0.0
        if not begun:
            return state, 0.0
        after = (*words, begun)[-max(1, self.model.order - 1) :]
        return (after, ""), self.model.log_prob(words, begun)

    def ended(self, state: tuple[Words, str]) -> float:
        (words, _), grown = self.said(state, " ")
        return grown + self.model.log_prob(words, END)
