"""What Lightning, or the toolkit, does not train with: told at its place in the recipe, before there is a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from toolkit.errors import RecipeError, RequestError
from toolkit.runs import RunFailed, resume, run
from toolkit.tracking.folder import RunFolder

TRAINER = {"max_epochs": 2, "accelerator": "cpu"}


@pytest.mark.parametrize(
    ("trainer", "key", "message"),
    [
        ({"strategy": "fsdp"}, "strategy", "The strategy `fsdp` requires a GPU accelerator"),
        ({"strategy": "fsdp", "devices": 2}, "strategy", "The strategy `fsdp` requires a GPU accelerator"),
        ({"limit_val_batches": 7.5}, "limit_val_batches", "invalid value 7.5 for limit_val_batches"),
        ({"devices": 0}, "devices", "`Trainer(devices=0)` value is not a valid input"),
        ({"barebones": True, "log_every_n_steps": 5}, "barebones", "`Trainer(barebones=True"),
    ],
)
def test_what_lightning_refuses_is_told_at_its_place(
    recipe_file: Any, recipe: Any, runs: Path, trainer: dict[str, Any], key: str, message: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        run(recipe(trainer={**TRAINER, **trainer}))
    (problem,) = caught.value.problems
    lines = (Path.cwd() / "small.yaml").read_text().splitlines()
    assert problem.place.line is not None
    assert lines[problem.place.line - 1].strip().startswith(f"{key}:")
    assert (problem.place.source, problem.key) == ("small.yaml", f"trainer.{key}")
    assert problem.message.startswith("Lightning refuses this: ")
    assert message in problem.message
    assert not runs.exists()


def test_a_model_in_data_parallel_is_refused_with_what_to_use(recipe: Any, tmp_path: Path, runs: Path) -> None:
    code = (
        "from torch import nn\nfrom parts import Net\n\ndef wrapped(num_classes=3):\n    return nn.DataParallel({})\n"
    )
    for name, made in (("whole", "Net(num_classes)"), ("inside", "nn.Sequential(Net(num_classes))")):
        (tmp_path / f"{name}.py").write_text(code.format(made))
    with pytest.raises(RequestError) as caught:
        run(recipe(model={"use": "./whole.py:wrapped"}))
    place, _, text = str(caught.value).partition("   ")
    assert place.startswith("small.yaml:")
    assert text.startswith("model: model is wrapped in torch.nn.DataParallel, which the toolkit does not run.")
    assert "`trainer: {devices: 2, strategy: ddp}`" in text
    assert not runs.exists()


@pytest.mark.parametrize(("forward", "refused"), [("pass", False), ("def forward(self, x): return 2 * x", True)])
def test_a_normalisation_of_its_own_is_not_replaced_in_silence(
    recipe: Any, tmp_path: Path, runs: Path, forward: str, refused: bool
) -> None:
    (tmp_path / "scaled.py").write_text(
        "from torch import nn\nfrom parts import Net\n\n"
        f"class Scaled(nn.BatchNorm1d):\n    {forward}\n\n"
        "def net(num_classes=3):\n    return nn.Sequential(Net(num_classes), Scaled(num_classes))\n"
    )
    written = recipe(model={"use": "./scaled.py:net"}, trainer={**TRAINER, "sync_batchnorm": True})
    if not refused:
        run(written)
        return
    with pytest.raises(RecipeError) as caught:
        run(written)
    (problem,) = caught.value.problems
    assert (problem.place.source, problem.key) == ("small.yaml", "trainer.sync_batchnorm")
    assert problem.message.startswith("torch would put its SyncBatchNorm in the place of model.1, a Scaled, which")
    assert not runs.exists()


def test_a_run_that_lightning_refuses_to_go_on_with_stays_as_it_was(recipe: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("ENDS", "batch:1:raise")
    with pytest.raises(RunFailed) as caught:
        run(recipe())
    folder = RunFolder(caught.value.folder)
    before = folder.run_json.read_bytes()
    with pytest.raises(RequestError, match=r"overrides\[0\]: trainer.devices=0   trainer.devices: Lightning refuses"):
        resume(folder, ["trainer.devices=0"], allow_code=True)
    assert folder.run_json.read_bytes() == before
