"""Runs on GPUs, with `make test-gpu`: two devices with nccl, what fits on one, and what is said where it does not."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from toolkit.runs import RunFailed, run
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
