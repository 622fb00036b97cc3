"""Similar pairs are found, and follow the texts to translate."""

from __future__ import annotations

import itertools
import math
import random
from pathlib import Path

import pytest
from toolkit_text.characters import Characters
from toolkit_text.reading import Reading
from toolkit_text.translation.memory import TranslationMemory
from toolkit_text.translation.pair_splits import TextPairs, pair_splits
from toolkit_text.translation.parallel_table import parallel_table
from toolkit_text.translation.source_encoder import SourceEncoder
from toolkit_text.translation.source_reader import SourceReader
from toolkit_text.translation.task import Seq2Seq
from toolkit_text.translation.transformer import TransformerSeq2Seq
from torch import nn

SOURCES = ["Turn off the light", "Turn off the fan", "Name of the device", "Name of the area", "Turn off the light"]
TARGETS = ["Licht aus", "Lüfter aus", "Name des Geräts", "Name des Bereichs", "Schalte das Licht aus"]
EOS = 3


def test_the_most_similar_texts_are_found() -> None:
    memory = TranslationMemory(SOURCES, TARGETS, count=2)
    texts = ["turn off a light", "Name of the devices", "Turn off the fan"]
    assert memory.nearest(texts) == [[0, 4], [2, 3], [1, 0]]
    assert [found[0] for found in memory.nearest(SOURCES, same=False)] == [1, 0, 3, 2, 1], "no other one is the same"
    assert memory.nearest(["Ω"]) == [[0, 1]], "nothing is alike: the first"


def test_none_of_the_same_group_is_found() -> None:
    groups = ["light", "fan", "device", "device", "light"]
    memory = TranslationMemory(SOURCES, TARGETS, count=1, groups=groups)
    for each in (memory, TranslationMemory.from_bytes(memory.to_bytes())):
        assert each.nearest(["Name of the device", "a light"], groups=["device", "light"]) == [[0], [1]]
        assert each.nearest(["Name of the device"], groups=["unknown"]) == [[2]]
        assert each.nearest(SOURCES[:1], same=False, groups=["fan"]) == [[2]]
    one = TranslationMemory(SOURCES, TARGETS, count=2, groups=["a"] * 5)
    assert one.nearest(SOURCES, groups=["a"] * 5) == [[]] * 5, "there are no others"


def test_likeness_is_bm25() -> None:
    random.seed(0)
    sources = [" ".join(random.choices("abcdefghi", k=random.randint(1, 6))) for _ in range(60)]

    def terms_of(text: str) -> list[str]:
        words = text.split()
        return [*words, *map(" ".join, itertools.pairwise(["", *words, ""]))]

    terms = list(map(terms_of, sources))
    mean = sum(map(len, terms)) / 60
    memory = TranslationMemory(sources, sources, count=5)
    for text in ("a b c", "i i h", "g"):
        scores = [
            sum(
                (1 + math.log(61 / (1 + sum(term in other for other in terms))))
                * own.count(term)
                / (own.count(term) + 1.2 * (0.25 + 0.75 * len(own) / mean))
                for term in terms_of(text)
            )
            for own in terms
        ]
        (found,) = memory.nearest([text])
        assert [scores[place] for place in found] == pytest.approx(sorted(scores, reverse=True)[:5])


def test_a_memory_is_the_same_from_its_file() -> None:
    memory = TranslationMemory(SOURCES, TARGETS, count=3)
    again = TranslationMemory.from_bytes(memory.to_bytes())
    assert (again.sources, again.targets) == (SOURCES, TARGETS)
    assert again.nearest(["turn the fan off"]) == memory.nearest(["turn the fan off"])


def test_translations_of_similar_texts_follow_a_source(tmp_path: Path) -> None:
    parts = {"train": TextPairs(SOURCES[:4], TARGETS[:4]), "val": TextPairs(SOURCES[:1], ["x"]), "test": None}
    data = pair_splits(parts, Characters(), Reading(64), None, memory=1)
    tokens = data.train[0][0][0].tolist()
    task = Seq2Seq(TransformerSeq2Seq(data.facts["vocab_size"], 0, 16), nn.CrossEntropyLoss(), run_files=data.run_files)
    first = tokens.index(EOS)
    assert task.tokenizer.decode(tokens[:first]) == "Turn off the light" == data.text_of(data.train[0][0])
    assert task.tokenizer.decode(tokens[first + 1 : -1]) == "Lüfter aus", "not its own"
    assert tokens[-1] == EOS
    assert task.tokenizer.decode(data.val[0][0][0].tolist()[first + 1 :]) == "Licht aus", "of all training pairs"
    lines = tmp_path / "lines.txt"
    lines.write_text("Name of the device\n")
    with lines.open("rb") as stream:
        ((_, read),) = SourceReader(data.facts, data.run_files).read("lines.txt", stream)
    assert task.tokenizer.decode(read.tolist()) == "Name of the deviceName des Geräts"


def test_a_training_text_is_not_given_what_its_page_says(tmp_path: Path) -> None:
    file = tmp_path / "help.tsv"
    pages = ["fan", "one", "two", "two", "one"]
    rows = zip(["train"] * 5, pages, SOURCES, TARGETS, strict=True)
    file.write_text("\n".join(map("\t".join, [*rows, ("test", "three", "Turn off the fan", "x")])))
    names = ["split", "page", "source", "target"]
    reading = {"columns": names, "tokenizer": Characters(), "memory": 1, "val_share": 0.0}
    for group, expected in ((None, "Name des Bereichs"), ("page", "Licht aus")):
        data = parallel_table(str(file), group=group, **reading)
        kept = SourceEncoder.from_files(data.run_files)
        assert kept.decode(data.train[2][0][0]) == "Name of the device" + expected
        assert kept.decode(data.test[0][0][0]) == "Turn off the fanLüfter aus"


@pytest.mark.parametrize("memory", [-1, 4])
def test_a_memory_of_too_many_is_refused(tmp_path: Path, memory: int) -> None:
    file = tmp_path / "a.tsv"
    file.write_text("\n".join(["source\ttarget", *("\t".join(pair) for pair in zip(SOURCES, TARGETS, strict=True))]))
    with pytest.raises(ValueError, match=f"memory={memory}: of 4 pairs, 1 to 3 others can be found"):
        parallel_table(train=str(file), val_share=0.2, memory=memory)
