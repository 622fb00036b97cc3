"""A classifier of texts of unequal length, straight through: batches by length, and a table of its worst mistakes."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from toolkit.recipe import load
from toolkit.runs import run

CODE = '''
import torch
from toolkit.data import Splits
from torch import nn
from torch.nn.utils.rnn import pad_sequence

WORDS = ["<pad>", "good", "bad", "film", "day"]


class Texts:
    """Good or bad; one in ten says the opposite of what it is."""

    def __init__(self, samples):
        drawn = torch.Generator().manual_seed(samples)
        self.targets = torch.arange(samples) % 2
        said = torch.where(torch.arange(samples) % 10 == 0, 1 - self.targets, self.targets)
        lengths = torch.randint(1, 30, (samples,), generator=drawn).tolist()
        rest = [torch.randint(3, 5, (length,), generator=drawn) for length in lengths]
        self.texts = [torch.cat((each[None], more)) for each, more in zip(1 + said, rest)]
        self.lengths = [len(text) for text in self.texts]

    def __len__(self):
        return len(self.texts)

    def __getitem__(self, index):
        return self.texts[index], self.targets[index]

    def __getitems__(self, indices):
        return pad_sequence([self.texts[index] for index in indices], batch_first=True), self.targets[indices]


def texts():
    test = Texts(50)
    with open("test.csv", "w") as file:
        print("true,text", file=file)
        for tokens, target in zip(test.texts, test.targets.tolist()):
            print(WORDS[1 + target] + "," + " ".join(WORDS[token] for token in tokens), file=file)
    facts = {"vocab_size": 5, "pad_id": 0, "num_classes": 2, "class_names": ["good", "bad"], "task": "multiclass"}
    return Splits(
        train=Texts(200), val=None, test=test, facts=facts,
        text_of=lambda tokens: " ".join(WORDS[token] for token in tokens),
    )


class Bag(nn.Module):
    def __init__(self, vocab_size, num_classes, pad_id):
        super().__init__()
        self.embed = nn.EmbeddingBag(vocab_size, num_classes, mode="sum", padding_idx=pad_id)

    def forward(self, tokens):
        return self.embed(tokens)
'''

RECIPE = """
task: {use: classification, worst: 3}
dataset: ./texts.py:texts
loader: {batch_size: 8}
model: ./texts.py:Bag
loss: cross_entropy
optimizer: {use: adam, lr: 0.1}
metrics: {accuracy: {}}
trainer: {max_epochs: 2, accelerator: cpu}
"""


@pytest.mark.usefixtures("drawn")
def test_a_classifier_of_texts(tmp_path: Path) -> None:
    (tmp_path / "texts.py").write_text(CODE)
    (tmp_path / "texts.yaml").write_text(RECIPE)
    result = run(load(str(tmp_path / "texts.yaml"), allow_code=True))
    assert not (result.folder / "plots" / "worst_mistakes.png").exists()
    with (result.folder / "plots" / "worst_mistakes.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3
    known = {(row["true"], row["text"]) for row in csv.DictReader((tmp_path / "test.csv").open())}
    assert len(known) > 40
    for row in rows:
        assert (row["true"], row["text"]) in known
        assert {row["true"], row["predicted"]} == {"good", "bad"}
        assert 0.5 < float(row["probability"]) <= 1
    assert [row["probability"] for row in rows] == sorted((row["probability"] for row in rows), reverse=True)
