"""BLEU and chrF are sacrebleu's, however the texts came in batches."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sacrebleu
import torch
from toolkit_text.bleu import BLEU
from toolkit_text.chrf import ChrF
from torchmetrics import Metric

REFERENCES = [
    "Das Gerät ist bereits konfiguriert.",
    "Gib deine „Abode“-Anmeldedaten ein, um fortzufahren.",
    "Feuchtigkeit",
    "Die Verbindung ist fehlgeschlagen, bitte versuche es in 3,5 Minuten noch einmal.",
    "CO₂-Kontrolle aktivieren",
    "Letzter ausgelöster Ereignistyp",
]
TRANSLATIONS = [
    "Das Gerät ist schon konfiguriert.",
    "Gib deine Abode-Anmeldedaten ein, um fortzufahren .",
    "Humidity",
    "Die Verbindung ist fehlgeschlagen, versuche es in 3,5 Minuten noch einmal.",
    "",
    "letzter ausgelöster Ereignistyp",
]
METRICS: dict[str, tuple[Callable[[], Metric], Callable[[list[str], list[str]], float]]] = {
    "bleu": (BLEU, lambda ours, theirs: sacrebleu.corpus_bleu(ours, [theirs]).score),
    "bleu of characters": (
        lambda: BLEU(tokenize="char", lowercase=True),
        lambda ours, theirs: sacrebleu.corpus_bleu(ours, [theirs], tokenize="char", lowercase=True).score,
    ),
    "bleu, smoothed": (
        lambda: BLEU(smooth_method="add-k"),
        lambda ours, theirs: sacrebleu.corpus_bleu(ours, [theirs], smooth_method="add-k").score,
    ),
    "chrf": (ChrF, lambda ours, theirs: sacrebleu.corpus_chrf(ours, [theirs]).score),
    "chrf++": (
        lambda: ChrF(word_order=2, lowercase=True),
        lambda ours, theirs: sacrebleu.metrics.CHRF(word_order=2, lowercase=True).corpus_score(ours, [theirs]).score,
    ),
}


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("size", [1, 4, 6])
def test_batches_add_up_to_the_score_of_the_corpus(name: str, size: int) -> None:
    make, expected = METRICS[name]
    metric = make()
    for ours, theirs in batches(size):
        metric.update(ours, theirs)
    value = metric.compute().item()
    assert 0 < value < 100
    assert value == pytest.approx(expected(TRANSLATIONS, REFERENCES), rel=1e-6)


@pytest.mark.parametrize("name", METRICS)
def test_processes_add_up_too(name: str) -> None:
    make, expected = METRICS[name]
    parts = [make(), make()]
    for number, (ours, theirs) in enumerate(batches(1)):
        parts[number % 2].update(ours, theirs)
    both: Any = make()
    # What torchmetrics does with states that are summed over processes.
    both.counts = torch.stack([part.counts for part in parts]).sum(0)  # type: ignore[arg-type, attr-defined]
    both._update_count = 1
    assert both.compute().item() == pytest.approx(expected(TRANSLATIONS, REFERENCES), rel=1e-6)


def test_random_texts() -> None:
    words = ["a", "an", "the", "and", "x", "of"]
    random.seed(0)
    for _ in range(20):
        ours, theirs = (
            [" ".join(random.choices(words, k=random.randint(0, 9))) for _ in range(random.randint(1, 5))]
            for _ in range(2)
        )
        theirs = [theirs[number % len(theirs)] or "a" for number in range(len(ours))]
        for make, expected in METRICS.values():
            metric = make()
            metric.update(ours, theirs)
            assert metric.compute().item() == pytest.approx(expected(ours, theirs), rel=1e-6)


def test_signatures_are_those_that_sacrebleu_gives() -> None:
    bleu, chrf = sacrebleu.metrics.BLEU(smooth_method="floor"), sacrebleu.metrics.CHRF(word_order=2)
    bleu.corpus_score(TRANSLATIONS, [REFERENCES])
    chrf.corpus_score(TRANSLATIONS, [REFERENCES])
    assert BLEU(smooth_method="floor").signature == str(bleu.get_signature())
    assert ChrF(word_order=2).signature == str(chrf.get_signature())
    assert BLEU().signature.startswith("nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:")


def test_as_many_references_as_translations() -> None:
    with pytest.raises(ValueError, match="zip"):
        BLEU().update(["a"], [])
    with pytest.raises(ValueError, match="word_order=-1"):
        ChrF(word_order=-1)


def batches(size: int) -> Iterator[tuple[list[str], list[str]]]:
    for begin in range(0, len(REFERENCES), size):
        yield TRANSLATIONS[begin : begin + size], REFERENCES[begin : begin + size]
