"""Translations of tokens are learnt from pairs, and suggested to the decoder."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from toolkit_text.reading import Reading
from toolkit_text.translation.lexicon import FILE, LONGEST, Lexicon
from toolkit_text.translation.pair_splits import TextPairs, pair_splits
from toolkit_text.translation.suggestions import Suggestions
from toolkit_text.translation.transformer import TransformerSeq2Seq
from toolkit_text.words import Words

PAD, UNK, BOS, EOS = range(4)
VOCAB = 30


def drawn(count: int, *, seed: int = 0) -> tuple[list[list[int]], list[list[int]]]:
    """Texts of tokens 4 to 13, each of which 10 more translates; two neighbours of a translation may change places."""
    generator = random.Random(seed)
    sources = [[generator.randint(4, 13) for _ in range(generator.randint(2, 9))] for _ in range(count)]
    targets = []
    for source in sources:
        target = [token + 10 for token in source]
        place = generator.randrange(len(target) - 1)
        target[place : place + 2] = reversed(target[place : place + 2])
        targets.append(target)
    return sources, targets


def test_a_lexicon_learns_which_token_translates_which() -> None:
    lexicon = Lexicon.learnt(*drawn(300), VOCAB, 3)
    assert np.shape(lexicon.tokens) == np.shape(lexicon.probabilities) == (VOCAB, 3)
    assert [row[0] for row in lexicon.tokens[4:14]] == list(range(14, 24))
    assert min(row[0] for row in lexicon.probabilities[4:14]) > 0.9
    np.testing.assert_allclose(np.sum(lexicon.probabilities, axis=1), 1, atol=1e-3)
    assert [row[0] for row in lexicon.tokens[14:]] == list(range(14, VOCAB)), "never seen: they stand for themselves"


def test_one_round_is_what_the_method_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolkit_text.translation.lexicon.ROUNDS", 1)
    monkeypatch.setattr("toolkit_text.translation.lexicon.LEAST", 0.0)
    lexicon = Lexicon.learnt([[4, 5]], [[6, 7]], 8, 2)
    near, far = np.exp(0), np.exp(-4 * 0.5)
    same = near / (near + far)
    assert lexicon.tokens[4] == [6, 7]
    assert lexicon.probabilities[4] == pytest.approx([same, 1 - same], abs=1e-4)
    assert lexicon.tokens[5] == [7, 6]


def test_pairs_without_tokens_or_with_too_many_are_left_out() -> None:
    sources, targets = drawn(50)
    more = [[4] * (LONGEST + 1), [], [5]]
    lexicon = Lexicon.learnt([*sources, *more], [*targets, [9] * 3, [9], []], VOCAB, 2)
    assert lexicon.tokens == Lexicon.learnt(sources, targets, VOCAB, 2).tokens
    nothing = Lexicon.learnt(more, [[9] * 3, [9], []], VOCAB, 2)
    assert [row[0] for row in nothing.tokens] == list(range(VOCAB))


def test_a_lexicon_is_kept_by_the_run_and_given_back() -> None:
    parts = {"train": TextPairs(["a b", "b c", "c a", "a"], ["x y", "y z", "z x", "x"])}
    words = Words(min_count=1)
    data = pair_splits(parts, words, Reading(16), None, lexicon=2)
    kept = Lexicon.from_bytes(data.run_files[FILE])
    tokens = words.fit(["a b c x y z"])
    assert len(kept.tokens) == tokens.vocab_size
    other = {"train": TextPairs(["a"] * 3, ["z"] * 3)}
    again = pair_splits(other, words, Reading(16), data.run_files, lexicon=2)
    assert again.run_files[FILE] == data.run_files[FILE]
    assert FILE not in pair_splits(parts, words, Reading(16), None).run_files
    with pytest.raises(ValueError, match="lexicon=-1: a number of translations"):
        pair_splits(parts, words, Reading(16), None, lexicon=-1)
    model = TransformerSeq2Seq(tokens.vocab_size, PAD, 16, 1, 1, 2, copy=True, run_files=data.run_files)
    assert model.suggestions is not None
    assert model.suggestions.translations.tolist() == kept.tokens


SOURCE = torch.tensor([[4, 5, EOS, 14, 20, EOS], [6, EOS, PAD, PAD, PAD, PAD]])


@pytest.fixture
def suggestions() -> Suggestions:
    torch.manual_seed(0)
    tokens = [[token, 0] for token in range(VOCAB)]
    probabilities = [[1.0, 0.0] for _ in range(VOCAB)]
    tokens[4], probabilities[4] = [14, 15], [0.75, 0.25]
    return Suggestions(VOCAB, 8, PAD, BOS, EOS, Lexicon(tokens, probabilities))


def said(suggestions: Suggestions, last: int, *, gate: float, copied: float = 0.0) -> torch.Tensor:
    """The probabilities of what follows a token, where the decoder itself has no opinion."""
    with torch.no_grad():
        suggestions.gate.bias.fill_(gate)
        suggestions.copied.bias.fill_(copied)
        suggested = suggestions.of(SOURCE, torch.zeros(2, 6, 8))
        before = torch.tensor([[[last, UNK]]] * 2)
        return suggestions(torch.zeros(2, 1, 8), torch.zeros(2, 1, VOCAB), before, suggested).softmax(2)[:, 0]


def test_suggestions_are_a_prior(suggestions: Suggestions) -> None:
    told = said(suggestions, 29, gate=0.0)
    assert told.sum(1).tolist() == pytest.approx([1, 1])
    # Every place is looked at alike: six in the first source.
    gate, elsewhere = 0.5, 0.5 / VOCAB
    assert told[0, 20].item() == pytest.approx(elsewhere + gate / 6)
    assert told[0, 4].item() == pytest.approx(elsewhere + gate * 0.5 / 6)
    assert told[0, 15].item() == pytest.approx(elsewhere + gate * 0.5 * 0.25 / 6)
    assert told[0, 14].item() == pytest.approx(elsewhere + gate * (0.5 * 0.75 + 1) / 6)
    assert told[0, 29].item() == pytest.approx(elsewhere)
    assert told[1, [6, EOS]].tolist() == pytest.approx([elsewhere + gate / 2] * 2)


def test_a_closed_gate_leaves_the_decoder_alone(suggestions: Suggestions) -> None:
    assert said(suggestions, 29, gate=-30.0)[0].tolist() == pytest.approx([1 / VOCAB] * VOCAB)


def test_what_follows_the_last_token_is_read_on(suggestions: Suggestions) -> None:
    told = said(suggestions, 14, gate=20.0)[0]
    assert told.argmax().item() == 20
    told = said(suggestions, BOS, gate=20.0, copied=30.0)[0]
    assert sorted(told.topk(2).indices.tolist()) == [4, 14], "a beginning follows bos"
    with torch.no_grad():
        suggested = suggestions.of(SOURCE, torch.zeros(2, 6, 8))
        written, logits = torch.zeros(2, 1, 8), torch.zeros(2, 1, VOCAB)
        ways = [suggestions(written, logits, torch.tensor([[[20, last]]] * 2), suggested) for last in (14, 15)]
    assert ways[0][0, 0, EOS] > ways[1][0, 0, EOS], "two that were said before are more than one"


def test_it_is_told_what_the_memory_covers(suggestions: Suggestions) -> None:
    with torch.no_grad():
        suggestions.kinds.weight.copy_(torch.arange(4.0)[:, None].expand(4, 8))
    kinds = suggestions.kind(SOURCE)[:, :, 0]
    assert kinds[0].tolist() == [1, 0, 0, 3, 2, 2], "14 translates 4, and nothing is said of 5 and by 20"
    assert kinds[1, :2].tolist() == [0, 0], "there is no memory"
