"""Freezing parts of a model, and beginning with the weights of a file or of an earlier run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Trainer
from torch.utils.data import DataLoader, TensorDataset

from toolkit.build import BuildError, Experiment, weights_of
from toolkit.checksum import sha256_of, sidecar
from toolkit.errors import EXIT_REQUEST, RecipeError, RequestError

Built = Callable[..., Experiment]


def test_what_is_frozen_does_not_change_in_a_fit_not_even_statistics(built: Built) -> None:
    experiment = built("model.freeze=body", "optimizer={use: adamw, lr: 0.1, weight_decay: 0.5}")
    before = {name: value.clone() for name, value in experiment.model.state_dict().items()}
    data = DataLoader(TensorDataset(torch.rand(40, 4), torch.arange(40) % 3), batch_size=8)
    trainer = Trainer(
        max_epochs=2,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(experiment.task, data, data)
    changed = {name for name, value in experiment.model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"head.weight", "head.bias"}


@pytest.mark.parametrize(
    ("patterns", "frozen"),
    [
        ("head", {"head.weight", "head.bias"}),
        ("[head.weight, norm]", {"head.weight", "body.1.weight", "body.1.bias"}),
        ("'*.bias'", {"body.0.bias", "body.1.bias", "head.bias"}),
        ("body.?", {"body.0.weight", "body.0.bias", "body.1.weight", "body.1.bias"}),
    ],
)
def test_patterns_freeze_what_they_match(built: Built, patterns: str, frozen: set[str]) -> None:
    model = built(f"model.freeze={patterns}").model
    assert {name for name, parameter in model.named_parameters() if not parameter.requires_grad} == frozen
    # A normalisation layer of which a part still learns goes on as before.
    assert model.body[1].training is not {"body.1.weight", "body.1.bias"}.issubset(frozen)


def test_a_pattern_that_freezes_nothing_is_told_with_the_nearest_name(built: Built) -> None:
    with pytest.raises(RecipeError) as caught:
        built("model.freeze=[body, haed]")
    assert [problem.text for problem in caught.value.problems] == [
        "model.freeze: 'haed' matches no parameter of the model. Did you mean 'head'?"
    ]


def saved(experiment: Experiment, file: Path) -> Path:
    with torch.no_grad():
        for parameter in experiment.model.parameters():
            parameter.fill_(0.5)
    torch.save(experiment.model.state_dict(), file)
    return file


def test_weights_come_from_a_file_beside_the_recipe(built: Built, tmp_path: Path) -> None:
    saved(built(), tmp_path / "weights.pt")
    model = built("model.init_from=weights.pt").model
    assert all(bool((parameter == 0.5).all()) for parameter in model.parameters())


def test_weights_come_from_a_runs_checkpoint(built: Built, tmp_path: Path) -> None:
    experiment = built("metrics.accuracy.average=micro")
    saved(experiment, tmp_path / "unused.pt")
    state = {**experiment.task.state_dict(), "loss.weight": torch.ones(3)}
    torch.save({"state_dict": state, "epoch": 3}, tmp_path / "last.ckpt")
    asked: list[str] = []

    def find(run: str) -> Path:
        asked.append(run)
        return tmp_path / "last.ckpt"

    model = built("model.init_from=20250101-120000-abcd", find_weights=find).model
    assert asked == ["20250101-120000-abcd"]
    assert all(bool((parameter == 0.5).all()) for parameter in model.parameters())


def test_a_run_that_is_not_there_is_told_at_its_place(built: Built) -> None:
    def find(run: str) -> Path:
        raise RequestError(f"no run is called {run!r}")

    with pytest.raises(BuildError) as caught:
        built("model.init_from=someday", find_weights=find)
    assert str(caught.value).endswith("model.init_from: no run is called 'someday'")
    with pytest.raises(BuildError) as caught:
        built("model.init_from=someday")
    assert str(caught.value).endswith("model.init_from: there is no file 'someday'")


def test_weights_that_do_not_fit_are_all_told(built: Built, tmp_path: Path) -> None:
    state = built().model.state_dict()
    state["old.weight"] = state.pop("head.bias")
    state["body.0.weight"] = torch.zeros(7, 4)
    torch.save(state, tmp_path / "weights.pt")
    with pytest.raises(BuildError) as caught:
        built("model.init_from=weights.pt")
    assert caught.value.problem.message.splitlines() == [
        "the weights of 'weights.pt' do not fit the model:",
        "  missing: head.bias",
        "  not in the model: old.weight",
        "  body.0.weight has the shape [7, 4], and the model's [6, 4]",
    ]


def described(file: Path) -> Path:
    """The file, with its checksum beside it."""
    sidecar(file).write_text(json.dumps({"sha256": sha256_of(file)}))
    return file


def test_a_checksum_beside_the_weights_is_compared_before_they_are_read(built: Built, tmp_path: Path) -> None:
    file = described(saved(built(), tmp_path / "weights.ckpt"))
    (tmp_path / "child.yaml").write_text("extends: ./tiny.yaml\nmodel: {init_from: weights.ckpt}\n")
    model = built("model.init_from=weights.ckpt").model
    assert all(bool((parameter == 0.5).all()) for parameter in model.parameters())

    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(BuildError) as caught:
        built(recipe="./child.yaml")
    problem = caught.value.problem
    assert (str(problem.place), problem.key) == ("child.yaml:2:20", "model.init_from")
    assert problem.message == f"{tmp_path}/weights.ckpt is damaged: its content does not match its checksum"
    assert caught.value.exit_code == EXIT_REQUEST

    # A checksum that cannot be read vouches for nothing; where there is none, nobody has promised anything.
    sidecar(file).write_text("{")
    with pytest.raises(BuildError, match="cannot be trusted: its checksum, weights.ckpt.json, is missing or cannot"):
        built("model.init_from=weights.ckpt")
    sidecar(file).unlink()
    saved(built(), file)
    assert built("model.init_from=weights.ckpt").model is not None


class Payload:
    """Unpickling it would run code; reading it as weights must not."""

    def __reduce__(self) -> Any:
        return Path.touch, (Path("harmed"),)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"head.weight": Payload()}, "cannot be read as weights: UnpicklingError: Weights only load failed."),
        ({"epoch": 3}, "holds no weights: it should hold a mapping from names to tensors, or a checkpoint"),
        ([1, 2], "holds no weights"),
        (None, "cannot be read as weights: "),
    ],
)
def test_only_tensors_are_read(tmp_path: Path, content: Any, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if content is None:
        (tmp_path / "weights.pt").write_bytes(b"PK\x03\x04 cut off")
    else:
        torch.save(content, tmp_path / "weights.pt")
    with pytest.raises(RequestError) as caught:
        weights_of(tmp_path / "weights.pt")
    assert message in str(caught.value)
    assert not (tmp_path / "harmed").exists()
