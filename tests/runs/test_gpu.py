"""Runs on GPUs, with `make test-gpu`: exactness, two devices with nccl or fsdp, and what fits on one."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from toolkit.runs import RunFailed, resume, run
from toolkit.tracking.folder import RunFolder
from toolkit.tracking.table import read_series

GPUS = torch.cuda.device_count()

HUNGRY = """
import torch
from parts import Net


class Hungry(Net):
    '''Takes an eighth of the device's memory for each sample.'''

    def forward(self, inputs):
        taken = torch.cuda.get_device_properties(0).total_memory // 8 * len(inputs)
        return super().forward(inputs) + torch.empty(taken, dtype=torch.uint8, device=inputs.device)[:1].float() * 0
"""

pytestmark = pytest.mark.gpu


def trainer(devices: int) -> dict[str, Any]:
    return {"max_epochs": 2, "accelerator": "gpu", "devices": devices, "log_every_n_steps": 2}


@pytest.mark.skipif(GPUS < 2, reason="there are no two GPUs")
def test_two_devices_with_nccl_make_one_run(recipe: Any, capfd: Any) -> None:
    still = {"optimizer": {"use": "sgd", "lr": 0.0}, "scheduler": None}
    two = run(recipe(trainer=trainer(2), **still))
    assert "device   2 x cuda" in capfd.readouterr().out
    folder = RunFolder(two.folder)
    assert folder.read_json()["status"] == "finished"
    assert [step for step, _ in read_series(folder.metrics_csv)["train/loss"]] == [2, 5]
    one = run(recipe(trainer=trainer(1), **still))
    assert two.metrics.keys() == one.metrics.keys()


@pytest.mark.skipif(GPUS < 2, reason="there are no two GPUs")
def test_fsdp_goes_on_from_its_checkpoint(recipe: Any) -> None:
    settings = {"trainer": {**trainer(2), "strategy": "fsdp"}, "callbacks": None}
    short = run(recipe("trainer.max_epochs=1", **settings))
    assert RunFolder(short.folder).read_json()["loop"]["why"] == "the strategy FSDPStrategy has a step of its own"
    longer = resume(short.folder, ["trainer.max_epochs=2"], allow_code=True)
    assert [step for step, _ in read_series(RunFolder(longer.folder).metrics_csv)["train/loss"]] == [2, 5]


def test_a_deterministic_run_is_repeated_and_resumed_bit_for_bit(
    recipe: Any, recipe_file: Any, in_a_process: Any, newest: Any, agree: Any, tmp_path: Path
) -> None:
    exact = {
        "trainer": {**trainer(1), "max_epochs": 4, "deterministic": True, "precision": "16-mixed"},
        "engine": {"save": {"steps": 2}},
        "callbacks": None,
    }
    first, second = (RunFolder(run(recipe(**exact), root=tmp_path / name).folder) for name in ("one", "two"))
    killed = in_a_process("run", recipe_file(exact), KILLED="forward:15")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    resume("last", allow_code=True)
    for other in (second, newest()):
        assert other.metrics_csv.read_bytes() == first.metrics_csv.read_bytes()
        assert other.read_json()["metrics"] == first.read_json()["metrics"]
        assert agree(other.checkpoints / "epoch-0004.ckpt", first.checkpoints / "epoch-0004.ckpt")


def test_what_fits_on_a_device_is_tried_out(recipe: Any, tmp_path: Any, capfd: Any) -> None:
    (tmp_path / "hungry.py").write_text(HUNGRY)
    settings = {"model": {"use": "./hungry.py:Hungry"}, "dataset": {"use": "./parts.py:Splits", "samples": 600}}
    run(recipe(trainer=trainer(1), loader={"batch_size": "auto", "eval_batch_size": 1}, **settings))
    assert "auto is 4 (the largest power of two that fits in memory)" in capfd.readouterr().out
    with pytest.raises(RunFailed) as caught:
        run(recipe(trainer=trainer(1), loader={"batch_size": 16}, **settings))
    assert caught.value.reason.startswith("out of memory: the run asked for ")
    assert " on the device, of whose " in caught.value.reason
    assert "with loader.batch_size=16, trainer.precision=32-true; set a smaller" in caught.value.reason
