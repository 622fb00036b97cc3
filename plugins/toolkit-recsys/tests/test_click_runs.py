"""Clicks and ratings by the commands: trained, resumed, and rows of files predicted."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import pytest
import torch
from toolkit_recsys.clicks.generated import FIELDS, World, as_table, auc

from toolkit.cli import main
from toolkit.recipe import load
from toolkit.runs import resume, run
from toolkit.tracking.folder import RunFolder

RECIPE = """
# Clicks of a small table.
seed: 1
task: classification
dataset:
  use: click_table
  file: clicks.csv
  target: click
  categorical: [user, item, device]
  numerical: [price]
  multi: {tags: "|"}
loader: {batch_size: 64}
model: {use: deepfm, width: 4, hidden: [16]}
loss: bce_with_logits
optimizer: {use: adam, lr: 1e-2}
metrics: {auroc: {}, log_loss: {}, calibration_error: {}, click_ratio: {}}
trainer: {max_epochs: 3, accelerator: cpu}
engine: {save: {steps: 5}}
"""


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path / "cache"))
    lines = ["user,item,device,price,tags,click"]
    for row in range(1500):
        click = int((row * 7 % 11 > 5) == (row % 3 == 0))
        lines.append(f"u{row % 11},i{row % 13},d{row % 3},{row % 17 / 4},t{row % 5}|t{row * 7 % 11},{click}")
    Path("clicks.csv").write_text("\n".join(lines))
    Path("clicks.yaml").write_text(RECIPE)
    return "clicks.yaml"


def test_a_run_predicts_rows_of_files_without_its_data(recipe, capsys, monkeypatch):
    result = run(load(recipe, ["trainer.max_epochs=12"]))
    assert result.metrics["test/auroc"] > 0.95
    assert result.metrics["test/log_loss"] == pytest.approx(result.metrics["test/loss"], rel=1e-3)
    assert {"test/calibration_error", "test/click_ratio"} <= set(result.metrics)
    Path("clicks.csv").unlink()
    header = "user,item,device,price,tags"
    rows = ["u1,i1,d0,1.5,t1|t2", "u1,i1,d1,1.5,t1|t2", "u77,i1,d1,,t99"]
    Path("more.csv").write_text("\n".join([header, *rows]) + "\n")
    objects = [dict(zip(header.split(","), row.split(","), strict=True)) for row in rows]
    objects[0]["price"] = 1.5
    objects = [{**each, "tags": each["tags"].split("|")} for each in objects]
    Path("more.jsonl").write_text("".join(json.dumps(each) + "\n" for each in objects))
    capsys.readouterr()
    assert main(["predict", "last", "more.csv", "more.jsonl"]) == 0
    told = capsys.readouterr()
    found = [json.loads(line) for line in told.out.splitlines()]
    assert [row["input"] for row in found] == [f"more.{kind}:{n}" for kind in ("csv", "jsonl") for n in (1, 2, 3)]
    assert [row["top"] for row in found[:3]] == [row["top"] for row in found[3:]]
    assert all(row["top"].keys() == {"0", "1"} for row in found)
    assert "more.csv: 1 value of 'user' missing, or not seen in training" in told.err
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(Path("more.csv").read_bytes())))
    assert main(["predict", "last", "-"]) == 0
    told = capsys.readouterr()
    assert [json.loads(line)["top"] for line in told.out.splitlines()] == [row["top"] for row in found[:3]]
    Path("bad.csv").write_text(f"{header}\nu1,i1,d0,cheap,t1\n")
    assert main(["predict", "last", "bad.csv"]) == 2
    assert "bad.csv:2: 'price' is 'cheap', which is not a number" in capsys.readouterr().err
    Path("short.csv").write_text("user,item\nu1,i1\n")
    assert main(["predict", "last", "short.csv"]) == 2
    assert "no column 'device' and no 'tags' and no 'price'. Columns: user, item" in capsys.readouterr().err


@pytest.mark.parametrize("on_disk", [False, True])
def test_a_run_that_was_stopped_inside_an_epoch_goes_on_exactly(recipe, tmp_path, on_disk):
    overrides = [f"dataset.on_disk={str(on_disk).lower()}"]
    whole = RunFolder(run(load(recipe, overrides), root=tmp_path / "whole").folder)
    part = run(load(recipe, [*overrides, "trainer.max_steps=25"]), root=tmp_path / "part").folder
    again = RunFolder(resume(str(part), ["trainer.max_steps=-1"]).folder)
    assert again.read_json()["metrics"] == whole.read_json()["metrics"]
    files = [each.checkpoints / "epoch-0003.ckpt" for each in (whole, again)]
    saved = [torch.load(file, weights_only=True)["state_dict"] for file in files]
    assert saved[0].keys() == saved[1].keys()
    assert all(torch.equal(value, saved[1][name]) for name, value in saved[0].items())


def test_ratings_are_predicted_as_numbers(recipe, capsys):
    lines = ["user,item,rating"]
    lines += [f"u{row % 19},i{row % 23},{1 + (row % 19) / 9 + (row % 23) / 11}" for row in range(2000)]
    Path("ratings.csv").write_text("\n".join(lines))
    overrides = [
        "task=regression",
        *("dataset.file=ratings.csv", "dataset.target=rating", "dataset.kind=number"),
        *("dataset.categorical=[user, item]", "dataset.numerical=[]", "dataset.multi=null"),
        "loss=mse",
        *(f"metrics.{label}=null" for label in ("auroc", "log_loss", "calibration_error", "click_ratio")),
        "metrics.rmse={use: mean_squared_error, squared: false}",
        "trainer.max_epochs=20",
    ]
    for model in ("biases", "{use: rating_mf, width: 2}"):
        result = run(load(recipe, [*overrides, f"model={model}"]))
        assert result.metrics["test/rmse"] < 0.15
    Path("more.jsonl").write_text('{"user": "u0", "item": "i0"}\n{"user": "u18", "item": "i22"}\n')
    capsys.readouterr()
    assert main(["predict", "last", "more.jsonl"]) == 0
    low, high = (json.loads(line)["prediction"] for line in capsys.readouterr().out.splitlines())
    assert low == pytest.approx(1, abs=0.5)
    assert high == pytest.approx(5, abs=0.5)


@pytest.mark.parametrize("optimizer", ["{use: sgd, lr: 5.0}", "{use: adagrad, lr: 0.1}"])
def test_sparse_gradients_train(recipe, optimizer):
    dense, sparse = (
        run(load(recipe, ["model={use: fm, width: 4}", f"model.sparse={each}", f"optimizer={optimizer}"]))
        for each in ("false", "true")
    )
    assert sparse.metrics["test/loss"] == pytest.approx(dense.metrics["test/loss"], rel=1e-3)


def test_sparse_gradients_and_an_optimizer_that_cannot_take_them(recipe, capsys):
    for command in (["check", "--deep", recipe], ["run", recipe]):
        assert main([*command, "model.sparse=true"]) == 2
        told = capsys.readouterr().err
        assert "cannot take the sparse gradients of an embedding" in told
        assert "Traceback" not in told


def test_the_generator_knows_what_is_best_and_models_come_near_it(recipe, capsys):
    overrides = ["dataset={use: generated_clicks, rows: 20000, users: 50, items: 50}", "loader.batch_size=256"]
    result = run(load(recipe, [*overrides, "model={use: fm, width: 8}", "trainer.max_epochs=6"]))
    best = RunFolder(result.folder).read_json()["facts"]["generated_clicks_best"]["test"]
    assert 0.7 < best["auroc"] < 0.95
    assert best["auroc"] > result.metrics["test/auroc"] > 0.5 + 0.8 * (best["auroc"] - 0.5)
    assert best["log_loss"] < result.metrics["test/log_loss"]
    # Rows of the same world, whose probabilities are known: what is predicted orders them nearly as well.
    rows = World(50, 50, 4, seed=0).draw(500, torch.Generator().manual_seed(7))
    tags = [" ".join(str(tag) for tag in each if tag >= 0) for each in rows.multi[:, 0].tolist()]
    columns = {**as_table(rows), "tags": tags}
    with open("more.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*FIELDS, "age", "price", "tags"])
        writer.writerows(zip(*(columns[name] for name in [*FIELDS, "age", "price", "tags"]), strict=True))
    capsys.readouterr()
    assert main(["predict", "last", "more.csv"]) == 0
    told = [json.loads(line)["top"]["1"] for line in capsys.readouterr().out.splitlines()]
    assert auc(torch.tensor(told), rows.clicks) > 0.9 * auc(rows.probability, rows.clicks)
