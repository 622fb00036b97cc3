"""Prefix beam search, greedy decoding and alignments against what looking at every path says."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from toolkit_speech.recognition.alignment import Span, aligned, needed_frames
from toolkit_speech.recognition.greedy import greedy
from toolkit_speech.recognition.language_models import CharacterScorer, NGram, Scorer, WordScorer
from toolkit_speech.recognition.ngram import learnt
from toolkit_speech.recognition.prefix_beam import PrefixBeam
from torch import Tensor

CHARACTERS = ["", "a", "b", " "]
TEXTS = ["ab a", "b ab", "ba", "a a b"]


def log_probs(frames: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (2 * torch.randn(frames, len(CHARACTERS), generator=generator)).double().log_softmax(1)


def collapsed(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(token for token, _ in itertools.groupby(path) if token)


def of_every_path(frames: Tensor) -> dict[tuple[int, ...], float]:
    """The probability of every text, by looking at all paths."""
    found: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(frames.shape[1]), repeat=len(frames)):
        probability = math.exp(sum(frames[number, token].item() for number, token in enumerate(path)))
        found[collapsed(path)] = found.get(collapsed(path), 0.0) + probability
    return found


def text_log_prob(scorer: Scorer, tokens: tuple[int, ...]) -> float:
    state, total = scorer.begin(), 0.0
    for token in tokens:
        state, grown = scorer.said(state, CHARACTERS[token])
        total += grown
    return total + scorer.ended(state)


@pytest.mark.parametrize("seed", range(4))
def test_without_a_language_model_the_most_probable_text_is_found(seed: int) -> None:
    frames = log_probs(5, seed)
    everything = of_every_path(frames)
    assert sum(everything.values()) == pytest.approx(1.0)
    best = max(everything, key=everything.__getitem__)
    tokens, score = PrefixBeam(width=10_000, floor=0.0).fit(CHARACTERS, None).best(frames.tolist())
    assert tuple(tokens) == best
    assert score == pytest.approx(math.log(everything[best]))


@pytest.mark.parametrize("of", ["characters", "words"])
@pytest.mark.parametrize("seed", range(4))
def test_with_a_language_model_the_text_with_the_best_sum_is_found(seed: int, of: str) -> None:
    part = NGram(order=3, of=of)  # type: ignore[arg-type]
    scorer, frames = part.fit(TEXTS), log_probs(5, seed)
    options = PrefixBeam(width=10_000, language_model=part, weight=0.8, bonus=0.7, floor=0.0)
    scores = {
        tokens: math.log(probability) + 0.8 * text_log_prob(scorer, tokens) + 0.7 * len(tokens)
        for tokens, probability in of_every_path(frames).items()
    }
    best = max(scores, key=scores.__getitem__)
    tokens, score = options.fit(CHARACTERS, TEXTS).best(frames.tolist())
    assert tuple(tokens) == best
    assert score == pytest.approx(scores[best])


def test_the_sum_over_paths_beats_the_best_path() -> None:
    # The best path is blank, blank (0.36); "a" has 0.4 * 0.6 * 2 + 0.4 * 0.4 = 0.64.
    frames = torch.tensor([[0.6, 0.4], [0.6, 0.4]]).log()
    assert greedy(frames[None], torch.tensor([2])) == [[]]
    tokens, score = PrefixBeam(width=2).fit(["", "a"], None).best(frames.tolist())
    assert tokens == [1]
    assert score == pytest.approx(math.log(0.64), abs=1e-6)


def test_a_language_model_decides_between_what_sounds_the_same() -> None:
    frames = torch.tensor([[0.02, 0.49, 0.49]]).log()
    for text, token in (("a", 1), ("b", 2)):
        part = PrefixBeam(width=4, language_model=NGram(order=2))
        assert part.fit(["", "a", "b"], [text] * 5).best(frames.tolist())[0] == [token]


def test_a_narrow_beam_finds_nothing_better_than_a_wide_one() -> None:
    for seed in range(5):
        frames = log_probs(12, seed).tolist()
        narrow, wide = (PrefixBeam(width=width, floor=0.0).fit(CHARACTERS, None).best(frames)[1] for width in (2, 200))
        assert narrow <= wide + 1e-9


def test_only_the_frames_that_there_are_count() -> None:
    frames = torch.stack((log_probs(6, 0), log_probs(6, 1)))
    lengths = torch.tensor([6, 3])
    search = PrefixBeam(width=50).fit(CHARACTERS, None)
    for decode in (search, greedy):
        changed = frames.clone()
        changed[1, 3:] = log_probs(3, 7)
        assert decode(frames, lengths) == decode(changed, lengths)
        assert decode(frames, lengths)[1] == decode(frames[1:, :3], torch.tensor([3]))[0]
    assert search(frames, torch.tensor([6, 0]))[1] == []
    assert greedy(frames, torch.tensor([6, 0]))[1] == []


@pytest.mark.parametrize("seed", range(5))
def test_greedy_decoding_collapses_the_best_path(seed: int) -> None:
    frames = log_probs(9, seed)
    path = tuple(frames.argmax(1).tolist())
    assert greedy(frames[None], torch.tensor([9])) == [list(collapsed(path))]


def test_arguments_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="width=0"):
        PrefixBeam(width=0)
    with pytest.raises(ValueError, match="floor=1"):
        PrefixBeam(floor=1.0)
    with pytest.raises(ValueError, match="keeps no transcripts"):
        PrefixBeam(language_model=NGram()).fit(CHARACTERS, None)


@pytest.mark.parametrize(("tokens", "seed"), [([1], 0), ([1, 1], 1), ([2, 1, 2], 2), ([3, 3], 3), ([], 4)])
def test_an_alignment_is_the_best_path_of_the_text(tokens: list[int], seed: int) -> None:
    frames = log_probs(5, seed)
    paths = [path for path in itertools.product(range(len(CHARACTERS)), repeat=5) if collapsed(path) == tuple(tokens)]
    best = max(paths, key=lambda path: sum(frames[number, token].item() for number, token in enumerate(path)))
    runs = [(token, len(list(group))) for token, group in itertools.groupby(best)]
    ends = list(itertools.accumulate(length for _, length in runs))
    spans = [Span(end - length, end) for (token, length), end in zip(runs, ends, strict=True) if token]
    assert aligned(frames, tokens) == spans


def test_too_few_frames_are_refused() -> None:
    assert needed_frames([1, 1, 2, 2, 2]) == 8
    with pytest.raises(ValueError, match="2 frames cannot say 2 tokens: they need 3"):
        aligned(log_probs(2, 0), [1, 1])


def test_words_count_when_they_are_over() -> None:
    model = learnt([["ab", "c"], ["c"]], 2)
    scorer = WordScorer(model)
    state, total = scorer.begin(), 0.0
    for character in "ab  c ":
        state, grown = scorer.said(state, character)
        total += grown
    expected = [model.log_prob(history, word) for history, word in ((("<s>",), "ab"), (("ab",), "c"), (("c",), "</s>"))]
    assert total + scorer.ended(state) == pytest.approx(sum(expected))


def test_characters_count_at_once_and_a_space_is_one() -> None:
    model = learnt([["a", "<space>", "b"]], 3)
    scorer = CharacterScorer(model)
    state, first = scorer.said(scorer.begin(), "a")
    state, second = scorer.said(state, " ")
    assert first == model.log_prob(("<s>",), "a")
    assert second == model.log_prob(("<s>", "a"), "<space>")
    assert scorer.ended(state) == model.log_prob(("a", "<space>"), "</s>")
