"""A run's model as a program: that plain torch runs it, that it is the model, and what cannot be exported."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import toolkit
from toolkit.cli import main
from toolkit.errors import RequestError, RunError
from toolkit.runs import predict, run
from toolkit.tracking.folder import RunFolder

CODE = r'''
import json
import os

import torch
from parts import Net, Own, Splits
from torch import nn


class Tenfold:
    def __call__(self, batch):
        inputs, targets = batch
        return inputs * 10, targets


class Remembering(Tenfold):
    """Keeps a tensor from its first batch."""

    factor = None

    def __call__(self, batch):
        if self.factor is None:
            self.factor = torch.full((8,), 10.0)
        return batch[0] * self.factor, batch[1]


class Words(Splits):
    def __init__(self, run_files=None):
        if os.path.exists("gone"):
            raise FileNotFoundError("no such data")
        super().__init__()
        self.facts = {**self.facts, "class_names": ["low", "middle", "high"]}
        self.run_files = run_files or {"words.json": json.dumps(["low", "high"]).encode()}

    @staticmethod
    def reader(facts):
        from parts import Lines

        return Lines()


class Parts(Splits):
    """Inputs in a dict."""

    def __init__(self):
        super().__init__()
        for name in ("train", "val", "test"):
            inputs, targets = getattr(self, name)
            setattr(self, name, ({"numbers": inputs, "category": targets}, targets))


class OfParts(nn.Module):
    def __init__(self):
        super().__init__()
        self.net, self.categories = Net(), nn.Embedding(3, 3)

    def forward(self, inputs):
        return self.net(inputs["numbers"]) + self.categories(inputs["category"])


class Deciding(Net):
    def forward(self, inputs):
        outputs = super().forward(inputs)
        return outputs if self.training or outputs.sum() > 0 else outputs * 2


class OfOneSize(Net):
    def forward(self, inputs):
        return super().forward(inputs) + torch.zeros(len(inputs), 1)


class Drawing(Net):
    def forward(self, inputs):
        return super().forward(inputs) + (0 if self.training else torch.rand(3))


class Few(Words):
    def __init__(self):
        super().__init__()
        self.val = tuple(part[:2] for part in self.val)


class Lengthy:
    def __init__(self, lengths):
        self.lengths = lengths

    def __len__(self):
        return len(self.lengths)

    def __getitem__(self, number):
        return torch.full((self.lengths[number],), number % 3), number % 3


class Texts(Splits):
    """Half of the texts to validate are of one token."""

    def __init__(self):
        super().__init__()
        self.train = self.val = self.test = Lengthy([1] * 20 + list(range(2, 22)))

    @staticmethod
    def collate(samples):
        inputs, targets = zip(*samples)
        return nn.utils.rnn.pad_sequence(inputs, batch_first=True), torch.tensor(targets)


class OfTexts(nn.Module):
    def __init__(self):
        super().__init__()
        self.vectors = nn.Embedding(3, 3)

    def forward(self, inputs):
        return self.vectors(inputs).mean(1)


class OwnThatChanges(Own):
    def on_after_batch_transfer(self, batch, dataloader_idx):
        return batch[0] / 10, batch[1]


class Torn(Net):
    def forward(self, inputs):
        if not torch.is_grad_enabled() and os.path.exists("torn"):
            raise ValueError("the net is torn")
        return super().forward(inputs)
'''
SERVE = """
import json, sys
import torch

program = torch.export.load("served/model.pt2").module()
with torch.no_grad():
    outputs = program(torch.tensor(json.load(sys.stdin)))
assert not any(name.partition(".")[0] in ("toolkit", "parts", "exported", "pytorch_lightning") for name in sys.modules)
print(json.dumps(outputs.softmax(1).max(1).values.tolist()))
"""
"""A program that has torch and nothing else of what trained the model."""


@pytest.fixture
def exportable(recipe: Any, tmp_path: Path) -> Any:
    (tmp_path / "exported.py").write_text(CODE)

    def trained(**changes: Any) -> RunFolder:
        short = {"callbacks": None, "trainer": {"max_epochs": 1}, "dataset": {"use": "./exported.py:Words"}}
        return RunFolder(run(recipe(**{**short, **changes})).folder)

    return trained


def samples() -> torch.Tensor:
    return torch.randn(5, 8, generator=torch.Generator().manual_seed(1))


def test_plain_torch_runs_what_is_exported(exportable: Any, tmp_path: Path, capsys: Any) -> None:
    folder = exportable(transforms={"eval": {"tenfold": {"use": "./exported.py:Tenfold"}}})
    assert main(["export", "last", "--output", "served", "--allow-code"]) == 0
    printed = capsys.readouterr().out
    assert "float32 (batch, 8)" in printed
    assert "float32 (batch, 3)" in printed
    assert 'torch.export.load("served/model.pt2").module()(inputs)' in printed
    best = Path(folder.read_json()["best"]["checkpoint"]).name
    assert f"{folder.id}: exported {best} to served" in printed

    (tmp_path / "inputs.txt").write_text("\n".join(" ".join(map(str, row)) for row in samples().tolist()))
    rows = predict("last", ["inputs.txt"], allow_code=True).rows
    command = [sys.executable, "-c", SERVE]
    served = subprocess.run(command, input=json.dumps(samples().tolist()), text=True, capture_output=True, check=True)
    assert json.loads(served.stdout) == pytest.approx([row["probability"] for row in rows], abs=1e-5)

    assert {path.name for path in Path("served").iterdir()} == {"model.pt2", "export.json", "words.json"}
    assert json.loads(Path("served/words.json").read_text()) == ["low", "high"]
    described = json.loads(Path("served/export.json").read_text())
    assert described["run"] == folder.id
    assert described["checkpoint"] == best
    assert described["inputs"] == "float32 (batch, 8)"
    assert described["facts"]["class_names"] == ["low", "middle", "high"]


def test_json_and_the_folder_that_is_taken_by_default(exportable: Any, capsys: Any) -> None:
    folder = exportable()
    capsys.readouterr()
    assert main(["export", "last", "--allow-code", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    section = (
        (Path(__file__).parents[2] / "docs" / "cli.md").read_text().split("## toolkit export")[1].split("\n## ")[0]
    )
    documented = section.split("`--json`")[1]
    assert all(f"`{key}`" in documented for key in printed)
    assert printed["files"] == ["model.pt2", "export.json", "words.json"]
    assert printed["folder"] == str(folder.path / "export")
    assert printed["inputs"] == "float32 (batch, 8)"
    assert printed["difference"] < 1e-6
    # A second time nothing is written over.
    before = (folder.path / "export" / "model.pt2").read_bytes()
    assert main(["export", "last", "--allow-code"]) == 2
    assert "is there already: name another folder with --output, or remove it" in capsys.readouterr().err
    assert (folder.path / "export" / "model.pt2").read_bytes() == before


def test_dicts_go_in_and_what_a_transform_keeps_is_of_real_numbers(exportable: Any) -> None:
    exportable(dataset={"use": "./exported.py:Parts"}, model={"use": "./exported.py:OfParts"})
    done = toolkit.export("last", "parts", allow_code=True)
    assert done.inputs == {"numbers": "float32 (batch, 8)", "category": "int64 (batch)"}
    program = torch.export.load("parts/model.pt2").module()
    assert program({"numbers": samples(), "category": torch.zeros(5, dtype=torch.int64)}).shape == (5, 3)

    outputs = []
    for transform in ("Tenfold", "Remembering"):
        exportable(transforms={"eval": {"tenfold": {"use": f"./exported.py:{transform}"}}})
        toolkit.export("last", transform, allow_code=True)
        outputs.append(torch.export.load(f"{transform}/model.pt2").module()(samples()))
    assert torch.equal(*outputs)


def test_lengths_are_left_open_and_no_sample_is_in_the_file(exportable: Any) -> None:
    exportable(dataset={"use": "./exported.py:Texts"}, model={"use": "./exported.py:OfTexts"})
    done = toolkit.export("last", "texts", allow_code=True)
    assert done.inputs == "int64 (batch, n1)"
    program = torch.export.load("texts/model.pt2")
    assert program.module()(torch.ones(2, 5, dtype=torch.int64)).shape == (2, 3)
    assert program.example_inputs is None
    # Nor where the model's code lies on this machine.
    assert b"/exported.py" not in Path("texts/model.pt2").read_bytes()


def test_a_datamodule_of_ones_own(exportable: Any) -> None:
    exportable(dataset={"use": "./parts.py:Own"}, loader=None)
    assert toolkit.export("last", "own", allow_code=True).inputs == "float32 (batch, 8)"
    exportable(dataset={"use": "./exported.py:OwnThatChanges"}, loader=None)
    with pytest.raises(RequestError, match=r"OwnThatChanges changes batches in `on_after_batch_transfer`"):
        toolkit.export("last", "changed", allow_code=True)


def test_what_cannot_be_exported_is_told_and_leaves_nothing(exportable: Any, tmp_path: Path, capsys: Any) -> None:
    for changes, told in (
        ({"model": "Torn"}, r"exported.py:Torn.* raised ValueError: the net is torn"),
        ({"model": "Deciding"}, r"exported.py:Deciding.* raised GuardOnDataDependent"),
        ({"model": "OfOneSize"}, r"the program would take batches of one shape alone .* tensor.shape"),
        ({"model": "Drawing"}, r"the program's outputs differ from the model's by .* without random numbers"),
        ({"dataset": "Few"}, r"a batch of val needs 3 samples"),
    ):
        exportable(**{block: {"use": f"./exported.py:{name}"} for block, name in changes.items()})
        (tmp_path / "torn").touch()
        before = sorted(path.name for path in tmp_path.iterdir())
        capsys.readouterr()
        with pytest.raises((RequestError, RunError), match=rf"small cannot be exported: .*{told}"):
            toolkit.export("last", "served", allow_code=True)
        assert sorted(path.name for path in tmp_path.iterdir()) == before
        # The error says it; torch would print a page besides.
        assert capsys.readouterr() == ("", "")
        (tmp_path / "torn").unlink()
    exportable()
    (tmp_path / "gone").touch()
    with pytest.raises(RequestError, match="no such data"):
        toolkit.export("last", "served", allow_code=True)
    assert not Path("served").exists()
