"""Search for the most probable text that a CTC model says, with a language model. Imports torch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from toolkit_speech.recognition.greedy import BLANK
from toolkit_speech.recognition.language_models import LanguageModel, Scorer

NEVER = -math.inf


class PrefixBeam:
    """Prefix beam search ("First-Pass Large Vocabulary Continuous Speech Recognition using Bi-Directional Recurrent
    DNNs", Hannun et al., 2014), as a recipe names it.

    A beginning of a text gathers the probability of all paths that say it. Beginnings, and at the end texts, are
    compared by `log p(text | sound) + weight * log p(text) + bonus * characters`.

    Arguments:
        width: how many beginnings are kept after every frame.
        language_model: gives p(text), such as `{use: ngram, order: 6}`.
        weight: of the language model.
        bonus: for every character of the text, against a language model's liking for short ones.
        floor: a character that is less probable in a frame is not tried there.

    Raises:
        ValueError: `width` is no number from 1 up, or `floor` is not from 0 to below 1.
    """

    def __init__(
        self,
        width: int = 16,
        language_model: LanguageModel | None = None,
        weight: float = 0.5,
        bonus: float = 0.0,
        floor: float = 1e-4,
    ) -> None:
        if width < 1:
            raise ValueError(f"width={width}: a number of beginnings from 1 up")
        if not 0 <= floor < 1:
            raise ValueError(f"floor={floor}: a probability from 0 to below 1")
        self.width = width
        self.language_model = language_model
        self.weight = weight
        self.bonus = bonus
        self.floor = floor

    def fit(self, characters: Sequence[str], transcripts: Iterable[str] | None) -> PrefixBeamSearch:
        """The search of a run.

        Arguments:
            characters: what each token says; that of the blank is not looked at.
            transcripts: what a language model learns from; None where there are none.
        """
        scorer = None if self.language_model is None else self.language_model.fit(transcripts)
        return PrefixBeamSearch(self, characters, scorer)


class PrefixBeamSearch:
    """Finds texts; see `PrefixBeam`.

    Arguments:
        options: as the recipe has them.
        characters: what each token says.
        scorer: of the language model.
    """

    def __init__(self, options: PrefixBeam, characters: Sequence[str], scorer: Scorer | None) -> None:
        self.options = options
        self.characters = list(characters)
        self.scorer = scorer

    def __call__(self, log_probs: Tensor, lengths: Tensor) -> list[list[int]]:
        """The tokens of each utterance.

        Arguments:
            log_probs: `(batch, frames, vocab_size)`.
            lengths: frames of each, `(batch,)`.
        """
        return [
            self.best(frames[:length].tolist())[0]
            for frames, length in zip(log_probs.cpu(), lengths.tolist(), strict=True)
        ]

    def best(self, frames: Sequence[Sequence[float]]) -> tuple[list[int], float]:
        """The best text of one utterance, as tokens, and what it is compared by; 0 tokens where there is no frame."""
        floor = math.log(self.options.floor) if self.options.floor else NEVER
        state = None if self.scorer is None else self.scorer.begin()
        beam = [_Reached(_Prefix(BLANK, None, state, 0.0), 0.0, NEVER)]
        for frame in frames:
            tried = [token for token, log_prob in enumerate(frame) if token != BLANK and log_prob > floor]
            beam = self._after(beam, frame, tried)
        found, score = max(((each.prefix, self._at_end(each)) for each in beam), key=lambda pair: pair[1])
        return found.tokens(), score

    def _after(self, beam: list[_Reached], frame: Sequence[float], tried: list[int]) -> list[_Reached]:
        reached: dict[_Prefix, list[float]] = {}
        for prefix, by_blank, by_token in beam:
            both = _sum(by_blank, by_token)
            same = reached.setdefault(prefix, [NEVER, NEVER])
            same[0] = _sum(same[0], both + frame[BLANK])
            for token in tried:
                log_prob = frame[token]
                if token == prefix.token:
                    # Said on, unless a blank was between: then it is said again.
                    same[1] = _sum(same[1], by_token + log_prob)
                    grown = by_blank + log_prob
                else:
                    grown = both + log_prob
                if grown > NEVER:
                    longer = reached.setdefault(self._longer(prefix, token), [NEVER, NEVER])
                    longer[1] = _sum(longer[1], grown)
        found = [_Reached(prefix, *values) for prefix, values in reached.items()]
        if len(found) > self.options.width:
            found.sort(key=self._score, reverse=True)
            del found[self.options.width :]
        return found

    def _longer(self, prefix: _Prefix, token: int) -> _Prefix:
        known = prefix.longer.get(token)
        if known is None:
            state, score = prefix.state, prefix.score
            if self.scorer is not None:
                state, grown = self.scorer.said(state, self.characters[token])
                score += self.options.weight * grown
            known = _Prefix(token, prefix, state, score + self.options.bonus)
            prefix.longer[token] = known
        return known

    def _score(self, reached: _Reached) -> float:
        return _sum(reached.by_blank, reached.by_token) + reached.prefix.score

    def _at_end(self, reached: _Reached) -> float:
        end = 0.0 if self.scorer is None else self.options.weight * self.scorer.ended(reached.prefix.state)
        return self._score(reached) + end


class _Prefix:
    """A beginning of a text; there is one object for each, so that it is its own key."""

    __slots__ = ("before", "longer", "score", "state", "token")

    def __init__(self, token: int, before: _Prefix | None, state: Any, score: float) -> None:
        self.token = token
        self.before = before
        self.state = state
        self.score = score
        self.longer: dict[int, _Prefix] = {}

    def tokens(self) -> list[int]:
        found: list[int] = []
        prefix: _Prefix | None = self
        while prefix is not None and prefix.before is not None:
            found.append(prefix.token)
            prefix = prefix.before
        return found[::-1]


class _Reached(NamedTuple):
    """A beginning with the logarithms of the probabilities of its paths: those that end in a blank, and the others."""

    prefix: _Prefix
    by_blank: float
    by_token: float


def _sum(first: float, second: float) -> float:
    """The logarithm of a sum of two probabilities, from their logarithms."""
    if first < second:
        first, second = second, first
    return first if second == NEVER else first + math.log1p(math.exp(second - first))
