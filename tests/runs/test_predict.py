"""Predictions of a run for raw inputs: rows, files, what cannot be read, and that the data need not be there."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import toolkit
from toolkit.cli import main
from toolkit.engine.checkpoints import list_saved
from toolkit.errors import RequestError
from toolkit.runs import predict, run
from toolkit.tasks.classification import Classification
from toolkit.tracking.folder import RunFolder

CHANGES: dict[str, Any] = {
    "dataset": {"use": "./parts.py:Named"},
    "callbacks": None,
    "loader": {"batch_size": 16, "eval_batch_size": 2},
    "transforms": {"eval": {"tenfold": {"use": "./parts.py:Tenfold"}}},
}


@pytest.fixture
def trained(recipe: Any, tmp_path: Path) -> RunFolder:
    """A run whose data is gone, and files to predict beside it."""
    folder = RunFolder(run(recipe(**CHANGES)).folder)
    (tmp_path / "gone").touch()
    (tmp_path / "inputs" / "further").mkdir(parents=True)
    lines = [" ".join(str(value) for value in row) for row in samples().tolist()]
    (tmp_path / "inputs" / "b.txt").write_text("\n".join(lines[:3]))
    (tmp_path / "inputs" / "further" / "a.TXT").write_text(lines[3])
    (tmp_path / "inputs" / ".hidden.txt").write_text("0")
    (tmp_path / "inputs" / "notes.md").write_text("nothing to see")
    return folder


def samples() -> torch.Tensor:
    return torch.randn(4, 8, generator=torch.Generator().manual_seed(1))


def expected(folder: RunFolder, checkpoint: Path) -> torch.Tensor:
    """The probabilities by hand: from the weights of a checkpoint, after the transform."""
    sys.path.insert(0, str(folder.path.parents[2]))
    import parts

    net = parts.Net()
    state = torch.load(checkpoint, weights_only=True)["state_dict"]
    weights = {name.removeprefix("model."): value for name, value in state.items() if name.startswith("model.")}
    net.load_state_dict(weights)
    with torch.no_grad():
        return net.eval()(samples() * 10).softmax(1)


def test_a_row_for_each_sample_by_the_best_checkpoint(trained: RunFolder) -> None:
    done = predict("last", ["inputs"], allow_code=True)
    best = trained.path / trained.read_json()["best"]["checkpoint"]
    assert done.checkpoint == best
    assert done.failed == {}
    assert done.count == 4
    probabilities = expected(trained, best)
    names = [f"inputs/b.txt:{number}" for number in (1, 2, 3)] + ["inputs/further/a.TXT:1"]
    assert [row["input"] for row in done.rows] == names
    for row, values in zip(done.rows, probabilities, strict=True):
        assert row["prediction"] == ("low", "middle", "high")[int(values.argmax())]
        assert row["probability"] == pytest.approx(float(values.max()), abs=1e-5)
        assert list(row["top"].values()) == pytest.approx(sorted(values.tolist(), reverse=True), abs=1e-5)
        assert set(row["top"]) == {"low", "middle", "high"}


def test_a_reader_tells_a_row_of_the_input_as_it_was_given(trained: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "counted").touch()
    done = predict("last", ["inputs"], allow_code=True)
    assert [row["line"] for row in done.rows] == [1, 2, 3, 1]
    assert all(row["prediction"] for row in done.rows)


def test_another_checkpoint(trained: RunFolder) -> None:
    saved = list_saved(trained.checkpoints)
    last = toolkit.predict(trained.path, ["inputs/b.txt"], checkpoint="last", allow_code=True)
    assert last.checkpoint == saved[-1].path
    values = expected(trained, saved[-1].path)[:3].max(1).values
    assert [row["probability"] for row in last.rows] == pytest.approx(values.tolist(), abs=1e-5)
    named = predict("last", ["inputs"], checkpoint=saved[0].path.name, allow_code=True)
    assert named.checkpoint == saved[0].path
    with pytest.raises(RequestError, match=rf"no such checkpoint\. .*It has: .*{saved[0].path.name}"):
        predict("last", ["inputs"], checkpoint="epoch-0099.ckpt", allow_code=True)


def test_lines_of_json_and_csv(trained: RunFolder, capsys: Any) -> None:
    assert main(["predict", "last", "inputs/b.txt", "--allow-code"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [list(row) for row in rows] == [["input", "prediction", "probability", "top"]] * 3
    for name in ("found.jsonl", "new/found.csv"):
        assert main(["predict", "last", "inputs/b.txt", "--output", name, "--allow-code"]) == 0
        printed = capsys.readouterr()
        assert printed.out == ""
        assert f"3 rows in {name}, by epoch-" in printed.err
    assert [json.loads(line) for line in Path("found.jsonl").read_text().splitlines()] == rows
    with Path("new/found.csv").open() as file:
        cells = list(csv.DictReader(file))
    assert [{**row, "probability": float(row["probability"]), "top": json.loads(row["top"])} for row in cells] == rows


def test_standard_input(trained: RunFolder, monkeypatch: Any, capsys: Any) -> None:
    text = Path("inputs/b.txt").read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    assert main(["predict", "last", "-", "--allow-code"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["input"] for row in rows] == ["-:1", "-:2", "-:3"]


def test_what_cannot_be_read_is_told_and_the_rest_is_predicted(trained: RunFolder, capsys: Any) -> None:
    Path("short.txt").write_text("1 2 3")
    Path("photo.bin").write_bytes(b"\xff\xfe")
    command = ["predict", "last", "short.txt", "inputs/b.txt", "photo.bin", "--output", "out.jsonl", "--allow-code"]
    assert main(command) == 2
    told = capsys.readouterr().err
    assert "short.txt: line 1 has 3 numbers, not 8" in told
    assert "photo.bin: " in told
    assert "2 inputs could not be read; 3 samples predicted." in told
    assert len(Path("out.jsonl").read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["absent.txt", "inputs", "empty"], "absent.txt: there is no such file or folder"),
        (["absent.txt", "inputs", "empty"], "empty: no file in this folder ends in .txt"),
        (["inputs", "--output", "found.xml"], "a name that ends in .jsonl or .csv"),
        (["inputs", "--output", "gone.csv"], "gone.csv: this file exists; take another name"),
        (["inputs", "--pictures", "drawn"], "the task classification draws no pictures"),
    ],
)
def test_what_is_asked_wrong_is_told_before_anything_is_computed(
    trained: RunFolder, capsys: Any, words: list[str], told: str
) -> None:
    Path("empty").mkdir()
    Path("gone.csv").touch()
    assert main(["predict", "last", *words, "--allow-code"]) == 2
    printed = capsys.readouterr()
    assert told in printed.err
    assert printed.out == ""


def test_a_dataset_that_cannot_read_inputs_says_so(recipe: Any, tmp_path: Path) -> None:
    run(recipe(callbacks=None, trainer={"max_epochs": 1}))
    with pytest.raises(RequestError, match=r"dataset: .*:Splits' .* it has no `reader`"):
        predict("last", [str(tmp_path / "parts.py")], allow_code=True)


@pytest.mark.parametrize(
    ("kind", "targets", "row"),
    [
        ("binary", lambda drawn: (drawn[:, 0] > 0).long(), {"input", "prediction", "probability", "top"}),
        ("multilabel", lambda drawn: (drawn[:, :3] > 0).long(), {"input", "prediction", "top"}),
    ],
)
def test_other_targets(kind: Any, targets: Any, row: set[str]) -> None:
    drawn = torch.randn(6, 8)
    net = torch.nn.Linear(8, targets(drawn).shape[1] if targets(drawn).dim() == 2 else 1)
    task = Classification(net, torch.nn.BCEWithLogitsLoss(), task=kind)
    rows = task.rows(task.unlabelled(drawn), {})
    assert {"input", *rows[0]} == row
    probabilities = net(drawn).sigmoid()
    for found, values in zip(rows, probabilities, strict=True):
        if kind == "binary":
            assert found["prediction"] == str(int(values > 0.5))
            assert found["probability"] == pytest.approx(max(float(values), 1 - float(values)), abs=1e-5)
        else:
            assert found["prediction"] == [str(number) for number, value in enumerate(values) if value > 0.5]
            assert found["top"] == {str(n): pytest.approx(float(v), abs=1e-5) for n, v in enumerate(values)}
