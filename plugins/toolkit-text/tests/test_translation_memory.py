"""Similar pairs are found, follow the texts to translate, and can be copied."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch
from toolkit_text.characters import Characters
from toolkit_text.labelled import Reading
from toolkit_text.translation import memory as memory_module
from toolkit_text.translation.memory import TranslationMemory
from toolkit_text.translation.pair_splits import TextPairs, pair_splits
from toolkit_text.translation.parallel_table import parallel_table
from toolkit_text.translation.pointer import Pointer
from toolkit_text.translation.source_reader import SourceReader
from toolkit_text.translation.task import Seq2Seq
from toolkit_text.translation.transformer import TransformerSeq2Seq
from torch import nn

SOURCES = ["Turn off the light", "Turn off the fan", "Name of the device", "Name of the area", "Turn off the light"]
TARGETS = ["Licht aus", "Lüfter aus", "Name des Geräts", "Name des Bereichs", "Schalte das Licht aus"]
EOS = 3


def test_the_most_similar_texts_are_found() -> None:
    memory = TranslationMemory(SOURCES, TARGETS, count=2)
    texts = ["turn off the lights", "Name of the devices", "Turn off the fan"]
    assert memory.nearest(texts) == [[0, 4], [2, 3], [1, 0]]
    assert [found[0] for found in memory.nearest(SOURCES, same=False)] == [1, 0, 3, 2, 1], "no other one is the same"
    assert memory.nearest(["Ω"]) == [[0, 1]], "nothing is alike: the first"


def test_a_search_is_the_cosine_of_the_pieces_that_are_not_common(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_module, "ALWAYS", 5)
    random.seed(0)
    words = ["light", "fan", "door", "open", "close", "the", "of", "value", "sensor"]
    sources = [" ".join(random.choices(words, k=random.randint(1, 5))) for _ in range(60)]
    memory = TranslationMemory(sources, sources)
    weights = [dict(memory._weights(memory_module._pieces(text))) for text in sources]
    looked_up = set(memory._looked_up)
    assert 0 < len(looked_up) < len(memory._rarity)
    for text in ("open the door", "sensor value", "fan"):
        asked = dict(memory._weights(memory_module._pieces(text)))
        cosines = [sum(asked[p] * own[p] for p in asked.keys() & own.keys() & looked_up) for own in weights]
        (found,) = memory.nearest([text])[0]
        assert cosines[found] == pytest.approx(max(cosines))


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


@pytest.mark.parametrize("memory", [-1, 4])
def test_a_memory_of_too_many_is_refused(tmp_path: Path, memory: int) -> None:
    file = tmp_path / "a.tsv"
    file.write_text("\n".join(["source\ttarget", *("\t".join(pair) for pair in zip(SOURCES, TARGETS, strict=True))]))
    with pytest.raises(ValueError, match=f"memory={memory}: of 4 pairs, 1 to 3 others can be found"):
        parallel_table(train=str(file), val_share=0.2, memory=memory)


def test_a_pointer_gives_probabilities_and_copies_what_the_gate_lets_through() -> None:
    torch.manual_seed(0)
    pointer = Pointer(8)
    source = torch.tensor([[4, 5, 4, EOS, 0], [6, EOS, 0, 0, 0]])
    written, encoded, logits = torch.randn(2, 3, 8), torch.randn(2, 5, 8), torch.randn(2, 3, 9)
    there = source != 0
    mixed = pointer(written, logits, source, pointer.keys(encoded), there)
    torch.testing.assert_close(mixed.exp().sum(2), torch.ones(2, 3), atol=1e-6, rtol=1e-6)
    with torch.no_grad():
        pointer.gate.bias.fill_(-100)
    copied = pointer(written, logits, source, pointer.keys(encoded), there).exp()
    assert copied[0, :, [4, 5, EOS]].sum(1).tolist() == pytest.approx([1, 1, 1], abs=1e-6)
    assert copied[1, :, [6, EOS]].sum(1).tolist() == pytest.approx([1, 1, 1], abs=1e-6)
    with torch.no_grad():
        pointer.gate.bias.fill_(100)
    said = pointer(written, logits, source, pointer.keys(encoded), there)
    torch.testing.assert_close(said, logits.log_softmax(2), atol=1e-4, rtol=1e-4)
