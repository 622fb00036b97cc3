"""Language models of n-grams: what they learn, and what they read from ARPA files."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import pytest
from toolkit_speech.recognition.arpa import read_arpa
from toolkit_speech.recognition.language_models import Arpa
from toolkit_speech.recognition.ngram import END, UNKNOWN, learnt

SENTENCES = [list("abca"), list("ab"), list("cab"), list("a")]

ARPA = """a comment
\\data\\
ngram 1=4
ngram 2=2

\\1-grams:
-1.0 <s> -0.3
-0.5\tone\t-0.2
-0.7 two
-0.9 </s>

\\2-grams:
-0.1 <s> one
-0.4 one two

\\end\\
"""


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_probabilities_after_any_history_sum_to_one(order: int) -> None:
    model = learnt(SENTENCES, order)
    words = ["a", "b", "c", END, UNKNOWN]
    for history in ((), ("<s>",), ("a",), ("a", "b"), ("<s>", "c", "a"), ("c", "c"), ("never", "heard")):
        total = sum(math.exp(model.log_prob(history, word)) for word in words)
        assert total == pytest.approx(1.0), history


def test_what_was_seen_is_discounted_as_witten_and_bell_did() -> None:
    model = learnt([["a", "b"], ["a", "c"]], 2)
    # Unigrams: a a b c </s> </s>, 4 of a kind: the unknown one is a fifth.
    of_b = (1 + 4 / 5) / (6 + 4)
    assert math.exp(model.log_prob((), "b")) == pytest.approx(of_b)
    # After a: b and c, once each.
    assert math.exp(model.log_prob(("a",), "b")) == pytest.approx((1 + 2 * of_b) / (2 + 2))
    # Never after b: b.
    assert math.exp(model.log_prob(("b",), "b")) == pytest.approx(1 / (1 + 1) * of_b)


def test_longer_histories_than_the_order_are_cut() -> None:
    model = learnt(SENTENCES, 2)
    assert model.log_prob(("c", "a"), "b") == model.log_prob(("a",), "b")


def test_a_model_cannot_learn_from_nothing() -> None:
    with pytest.raises(ValueError, match="order=0"):
        learnt(SENTENCES, 0)
    with pytest.raises(ValueError, match="from no text"):
        learnt([], 2)


@pytest.mark.parametrize("suffix", [".arpa", ".arpa.gz"])
def test_an_arpa_file_is_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"model{suffix}"
    path.write_bytes(gzip.compress(ARPA.encode()) if suffix.endswith("gz") else ARPA.encode())
    model = read_arpa(path)
    assert model.order == 2
    assert model.log_prob(("<s>",), "one") == pytest.approx(-0.1 * math.log(10))
    assert model.log_prob(("one",), "one") == pytest.approx((-0.2 - 0.5) * math.log(10))
    assert model.log_prob(("two",), "one") == pytest.approx(-0.5 * math.log(10))
    assert model.log_prob(("two",), "three") < -50
    scorer = Arpa(path).fit(None)
    state, grown = scorer.said(scorer.said(scorer.begin(), "o")[0], "n")
    assert grown == 0
    assert scorer.ended(scorer.said(state, "e")[0]) == pytest.approx((-0.1 - 0.2 - 0.9) * math.log(10))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ARPA.replace("-0.7 two", "two -0.7"), r":9: no line of an ARPA file: 'two -0.7'"),
        (ARPA.replace("one two", "one"), r":14: no line of an ARPA file: '-0.4 one'"),
        (ARPA.replace("\\end\\", ""), "only a part of one"),
        ("nothing\n", "no ARPA file"),
        (ARPA.replace("\\2-grams", "\\x-grams"), ":12: no line of an ARPA file"),
    ],
)
def test_what_is_no_arpa_file_is_blamed_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "model.arpa"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_arpa(path)
