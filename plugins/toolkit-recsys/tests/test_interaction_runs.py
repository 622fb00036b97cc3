"""Interactions from a user's table, by the commands: trained, gone on with, predicted without the table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from toolkit.cli import main
from toolkit.recipe import load
from toolkit.runs import export, resume, run

RECIPE = """
# Who likes what.
seed: 1
task: {use: item_recommendation, negatives: {use: uniform}}
dataset: {use: interactions, file: log.csv, items: titles.csv, min_value: 3, split: {use: leave_one_out}}
loader: {batch_size: 16}
model: {use: bpr, width: 4}
loss: bpr
optimizer: {use: adam, lr: 0.05}
metrics: {ndcg: {k: 5}}
trainer: {max_epochs: 1, accelerator: cpu}
"""


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    rows = [f"u{user},i{(user + step) % 12},{3 + step % 3},{step}" for user in range(10) for step in range(6)]
    Path("log.csv").write_text("\n".join(["user_id,item_id,rating,timestamp", *rows, "u0,i0,1,9", ""]))
    Path("titles.csv").write_text("\n".join(["item_id,title", *(f"i{n},Film {n}" for n in range(12)), ""]))
    Path("likes.yaml").write_text(RECIPE)
    return "likes.yaml"


def test_a_run_recommends_by_outside_ids_when_the_table_is_gone(
    recipe: str, capsys: pytest.CaptureFixture[str]
) -> None:
    result = run(load(recipe))
    assert 0 <= result.metrics["test/ndcg"] <= 1
    assert "1 interaction of a user with an item of earlier or later rows" in capsys.readouterr().err
    exported = export("last", "served")
    Path("log.csv").unlink()
    assert main(["predict", "last", "--users", "u3", "top=4"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["input"] for row in rows] == ["u3"] * 4
    # u3 has had i3 to i8, validation and test among them; the last of these was kept back.
    assert not {row["item"] for row in rows} & {f"i{number}" for number in range(3, 8)}
    assert all(row["title"] == f"Film {row['item'][1:]}" for row in rows)
    # The program that is exported has the same scores, for users by their numbers.
    assert (exported.inputs, exported.outputs) == ("int64 (batch)", "float32 (batch, 12)")
    ids = json.loads(Path("served/ids.json").read_text())
    program = torch.export.load("served/model.pt2").module()
    scores = program(torch.tensor([ids["users"].index("u3"), 0]))[0].tolist()
    by_id = dict(zip(ids["items"], scores, strict=True))
    assert [by_id[row["item"]] for row in rows] == pytest.approx([row["score"] for row in rows], abs=1e-3)


def test_a_run_goes_on_with_the_same_interactions_and_no_others(recipe: str) -> None:
    folder = run(load(recipe)).folder
    assert resume(folder, ["trainer.max_epochs=2"]).metrics["test/ndcg"] >= 0
    Path("log.csv").write_text(Path("log.csv").read_text() + "u9,i0,5,99\n")
    with pytest.raises(Exception, match=r"makes another interactions.npz than the run keeps"):
        resume(folder, ["trainer.max_epochs=3"])
