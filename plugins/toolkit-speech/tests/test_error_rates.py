"""Error rates, what texts are made into before they are counted, and the words that were changed."""

from __future__ import annotations

import random

import pytest
from toolkit_speech.recognition.edits import Edit, edits, marked
from toolkit_speech.recognition.error_rates import CER, WER
from toolkit_speech.recognition.normaliser import normalised
from torchmetrics.functional.text import char_error_rate, edit_distance

EXAMPLE = "the [cat > bat] sat [- right] down [+ there]"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("That agent is  already logged on.", "that agent is already logged on"),
        ("Don't; can\N{RIGHT SINGLE QUOTATION MARK}t 'quote'", "don't can't quote"),
        ("\N{FULLWIDTH LATIN CAPITAL LETTER A} Stra\N{LATIN SMALL LETTER SHARP S}e-Ecke", "a strasse ecke"),
        ("5$ + 3%", "5 3"),
        ("rock 'n' roll at one o'clock, 5'3 and x'", "rock n roll at one o'clock 5 3 and x"),
        ("...", ""),
        ("'", ""),
    ],
)
def test_the_basic_normaliser(text: str, expected: str) -> None:
    assert normalised(text, "basic") == expected
    assert normalised(f"  {text} \n", "none") == " ".join(text.split())


def test_rates_are_those_of_all_texts_together() -> None:
    wer, cer = WER(), CER()
    wer.update(["the bat sat"], ["the cat sat down"])
    wer.update(["no"], ["no"])
    assert wer.compute().item() == pytest.approx(2 / 5)
    cer.update(["the bat", "xx"], ["the cat", "x"])
    assert cer.compute().item() == pytest.approx(2 / 8)
    assert not wer.higher_is_better
    wer.update([], [])
    assert wer.compute().item() == pytest.approx(2 / 5)


def test_what_a_normaliser_takes_out_does_not_count_and_the_signature_says_which() -> None:
    plain, basic = CER(), CER("basic")
    for metric in (plain, basic):
        metric.update(["the cat"], ["The cat."])
    assert plain.compute().item() == pytest.approx(2 / 8)
    assert basic.compute().item() == 0
    assert "normaliser:none" in plain.signature
    assert basic.signature.startswith("units:characters|normaliser:basic|torchmetrics:")
    assert WER().signature.startswith("units:words|")


def test_edits_are_the_fewest() -> None:
    generator = random.Random(0)
    for _ in range(50):
        meant, said = ("".join(generator.choices("abc", k=generator.randint(0, 7))) for _ in range(2))
        found = edits(meant, said)
        assert "".join(edit.meant or "" for edit in found) == meant
        assert "".join(edit.said or "" for edit in found) == said
        changes = sum(edit.meant != edit.said for edit in found)
        assert changes == int(edit_distance(said, meant, reduction="sum"))
        if meant:
            assert changes / len(meant) == pytest.approx(char_error_rate([said], [meant]).item())


def test_changes_are_marked() -> None:
    assert marked("the cat sat right down", "the bat sat down there") == EXAMPLE
    assert marked("", "") == ""
    assert edits([], ["a"]) == [Edit(None, "a")]
