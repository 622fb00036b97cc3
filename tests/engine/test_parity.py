"""The straight path against Lightning's own loop: the same weights, counters, checkpoints and rows, to the bit."""

from __future__ import annotations

import copy
import csv
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning import callbacks as lightning
from pytorch_lightning.loggers import CSVLogger
from pytorch_lightning.plugins.precision import MixedPrecision
from torch import Tensor, nn
from torchmetrics.classification import MulticlassAccuracy

from toolkit.engine.fast_loop import FastEpochLoop, describe_loop, use_fast_loop
from toolkit.engine.interior import why_stock

SAMPLES, FEATURES, CLASSES, BATCH = 500, 12, 4, 16
BATCHES = -(-SAMPLES // BATCH)
VALIDATED = 5 * BATCH
"""Samples of a validation, which is Lightning's own both ways."""


class Batches:
    """A loader whose order depends on torch's generator, and whose last batch is smaller."""

    def __init__(self, samples: int = SAMPLES, gaps: bool = False) -> None:
        self.gaps = gaps
        generator = torch.Generator().manual_seed(0)
        self.inputs = torch.rand(samples, FEATURES, generator=generator)
        self.targets = torch.randint(0, CLASSES, (samples,), generator=generator)

    def __len__(self) -> int:
        return -(-len(self.inputs) // BATCH)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        # Several processes must not train on the same batches, or it would not matter what they tell each other.
        samples = len(self.inputs)
        shifted = (torch.randperm(samples) + 7 * int(os.environ.get("LOCAL_RANK", "0"))) % samples
        for index in shifted.split(BATCH):
            yield None if self.gaps and index[0] % 9 == 0 else (self.inputs[index], self.targets[index])


class Module(pl.LightningModule):
    """Logs in every way there is, some of them not at every step."""

    def __init__(
        self,
        optimizer: str = "sgd",
        scheduler: str = "epoch",
        skip: bool = False,
        stop_at: int = -1,
        raise_at: int = -1,
        gaps: bool = False,
    ) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.net = nn.Sequential(nn.Linear(FEATURES, 16), nn.BatchNorm1d(16), nn.Dropout(0.1), nn.ReLU())
        self.head = nn.Linear(16, CLASSES)
        self.accuracy = MulticlassAccuracy(CLASSES)
        self.choice = (optimizer, scheduler)
        self.skip = skip
        self.gaps = gaps
        self.stop_at = stop_at
        self.raise_at = raise_at
        self.steps_seen: list[int] = []

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        logits = self.head(self.net(batch[0]))
        loss = nn.functional.cross_entropy(logits.float(), batch[1])
        self.steps_seen.append(self.trainer.global_step)
        if self.trainer.global_step == self.stop_at:
            self.trainer.should_stop = True
        if self.trainer.global_step == self.raise_at:
            raise ArithmeticError("in the interior")
        self.log("loss", loss, on_step=True, on_epoch=True, prog_bar=True, sync_dist=True)
        self.log("largest", loss, on_step=False, on_epoch=True, reduce_fx="max")
        self.log("summed", loss.double(), on_step=False, on_epoch=True, reduce_fx="sum", batch_size=3)
        if batch_idx % 3 == 1:
            self.log_dict({"third": loss, "third_of": float(batch_idx)}, on_step=False, on_epoch=True)
        self.accuracy.update(logits, batch[1])
        self.log("accuracy", self.accuracy, on_step=False, on_epoch=True)
        if self.skip and batch_idx % 5 == 2:
            return None
        return {"loss": loss, "logits": logits.detach()}

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        loss = nn.functional.cross_entropy(self.head(self.net(batch[0])).float(), batch[1])
        self.log("val_loss", loss, batch_size=len(batch[0]), sync_dist=True)

    def configure_optimizers(self) -> Any:
        optimizer, scheduler = self.choice
        made: torch.optim.Optimizer
        if optimizer == "sgd":
            made = torch.optim.SGD(self.parameters(), 0.05, 0.9, fused=True)
        elif optimizer == "adamw":
            made = torch.optim.AdamW(self.parameters(), 0.01)
        elif optimizer == "lbfgs":
            made = torch.optim.LBFGS(self.parameters(), 0.01, max_iter=2)
        else:
            made = {"foreign": Foreign, "zeroing": Zeroing}[optimizer](self.parameters(), 0.05, 0.9)
        steps = torch.optim.lr_scheduler
        if scheduler == "epoch":
            return [made], [steps.StepLR(made, 1, 0.5)]
        if scheduler == "plateau":
            return {
                "optimizer": made,
                "lr_scheduler": {"scheduler": steps.ReduceLROnPlateau(made, patience=0), "monitor": "val_loss"},
            }
        one_cycle = steps.OneCycleLR(made, 0.1, total_steps=500)
        return [made], [{"scheduler": one_cycle, "interval": "step", "frequency": 2 if scheduler == "second" else 1}]


class Foreign(torch.optim.SGD):
    """An optimizer that is not torch's own, and makes something of its closure."""

    losses: list[float]

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        assert closure is not None
        loss = super().step(closure)
        self.losses = [*getattr(self, "losses", []), float(loss)]
        return loss


class Zeroing(torch.optim.SGD):
    """Keeps gradients of zero, with which momentum goes on; takes its closure by name."""

    def zero_grad(self, set_to_none: bool = True) -> None:
        super().zero_grad(set_to_none=False)

    def step(self, *, closure: Callable[[], Any] | None = None) -> Any:
        return super().step(closure)


class Replaces(pl.Callback):
    """Copies the task, and trains on with another optimizer and another step."""

    per_batch = False

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        copy.deepcopy(pl_module)
        if trainer.current_epoch == 1 and "training_step" not in vars(pl_module):
            trainer.optimizers = [torch.optim.Adam(pl_module.parameters(), 0.001)]
            before = pl_module.training_step
            vars(pl_module)["training_step"] = lambda batch, batch_idx: 2 * before(batch, batch_idx)["loss"]


class Counts(pl.Callback):
    """Counts the moments that the straight path promises to leave alone."""

    per_batch = False

    def __init__(self) -> None:
        self.seen: list[tuple[str, int, int]] = []

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.seen.append(("epoch", trainer.current_epoch, trainer.global_step))

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.seen.append(("validated", trainer.fit_loop.epoch_loop.batch_idx, trainer.global_step))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.seen.append(("ended", trainer.current_epoch, trainer.global_step))

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self.seen.append((type(exception).__name__, trainer.fit_loop.epoch_loop.batch_idx, trainer.global_step))


def train(folder: Path, fast: bool, options: dict[str, Any], module: dict[str, Any], extra: list[Any]) -> Any:
    pl.seed_everything(3, verbose=False)
    counts = Counts()
    saves = lightning.ModelCheckpoint(folder / "ckpt", save_top_k=-1, filename="{epoch}-{step}")
    trainer = pl.Trainer(
        **{
            "accelerator": "cpu",
            "devices": 1,
            "max_epochs": 3,
            "log_every_n_steps": 5,
            "num_sanity_val_steps": 0,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "logger": CSVLogger(folder, name="", version=""),
            "callbacks": [counts, saves, *(make() for make in extra)],
            # A precision holds a state of its own and is made anew.
            **{name: value() if callable(value) else value for name, value in options.items()},
        }
    )
    if fast:
        use_fast_loop(trainer)
    made = Module(**module)
    with nullcontext() if made.raise_at < 0 else pytest.raises(ArithmeticError):
        trainer.fit(made, Batches(gaps=made.gaps), Batches(VALIDATED))
    assert "log" not in vars(made)
    return trainer, made, counts


def compare(folder: Path, options: dict[str, Any], module: dict[str, Any], extra: list[Any]) -> pl.Trainer:
    """Trains both ways and holds all that is left against each other."""
    stock, stock_module, stock_counts = train(folder / "stock", False, options, module, extra)
    fast, fast_module, fast_counts = train(folder / "fast", True, options, module, extra)
    if torch.distributed.is_initialized():
        # The first process may still be writing what both read.
        torch.distributed.barrier()
    for name, weight in stock_module.state_dict().items():
        assert torch.equal(weight, fast_module.state_dict()[name]), name
    for name in ("batch_progress", "scheduler_progress"):
        ours = getattr(fast.fit_loop.epoch_loop, name).state_dict()
        assert getattr(stock.fit_loop.epoch_loop, name).state_dict() == ours, name
    optimization = stock.fit_loop.epoch_loop.automatic_optimization.optim_progress.state_dict()
    assert optimization == fast.fit_loop.epoch_loop.automatic_optimization.optim_progress.state_dict()
    assert stock.global_step == fast.global_step
    assert stock_module.steps_seen == fast_module.steps_seen
    assert stock_counts.seen == fast_counts.seen
    assert rows(folder / "stock") == rows(folder / "fast")
    assert len(rows(folder / "fast")) > 3
    for kind in ("callback_metrics", "progress_bar_metrics", "logged_metrics"):
        ours = getattr(fast, kind)
        assert ours.keys() == getattr(stock, kind).keys()
        for name, value in getattr(stock, kind).items():
            assert torch.equal(torch.as_tensor(value), torch.as_tensor(ours[name])), name
    names = sorted(path.name for path in (folder / "stock" / "ckpt").iterdir())
    assert names == sorted(path.name for path in (folder / "fast" / "ckpt").iterdir())
    for name in names:
        one = torch.load(folder / "stock" / "ckpt" / name, weights_only=False)
        other = torch.load(folder / "fast" / "ckpt" / name, weights_only=False)
        for key in ("callbacks",):  # they hold the folder's name
            del one[key], other[key]
        assert_same(one, other, name)
    return fast


def rows(folder: Path) -> list[dict[str, str]]:
    with next(folder.glob("metrics.csv")).open() as file:
        return list(csv.DictReader(file))


def assert_same(one: Any, other: Any, where: str) -> None:
    assert type(one) is type(other), where
    if isinstance(one, dict):
        assert list(one) == list(other), where
        for key in one:
            assert_same(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other), where
        for index, (left, right) in enumerate(zip(one, other, strict=True)):
            assert_same(left, right, f"{where}.{index}")
    elif isinstance(one, Tensor):
        assert torch.equal(one, other), where
    else:
        assert one == other, where


SETTINGS: dict[str, tuple[dict[str, Any], dict[str, Any], list[Any]]] = {
    "plain": ({}, {}, []),
    "accumulation": ({"accumulate_grad_batches": 3}, {"scheduler": "step"}, []),
    "accumulation, every step logged": ({"accumulate_grad_batches": 2, "log_every_n_steps": 1}, {}, []),
    "clip by norm": ({"gradient_clip_val": 0.5}, {"scheduler": "step"}, []),
    "clip by value": (
        {"gradient_clip_val": 0.1, "gradient_clip_algorithm": "value"},
        {"optimizer": "adamw"},
        [],
    ),
    "bf16-mixed": ({"precision": "bf16-mixed"}, {"optimizer": "adamw"}, []),
    "bf16-true": ({"precision": "bf16-true"}, {}, []),
    "64-true": ({"precision": "64-true"}, {"optimizer": "adamw"}, []),
    "16-mixed": ({"plugins": lambda: [MixedPrecision("16-mixed", "cpu")]}, {}, []),
    "16-mixed, clipped": (
        {"plugins": lambda: [MixedPrecision("16-mixed", "cpu")], "gradient_clip_val": 0.5},
        {"optimizer": "adamw", "scheduler": "step"},
        [],
    ),
    "stopped inside": ({}, {"stop_at": 40}, []),
    "an exception inside": ({}, {"raise_at": 70}, []),
    "validation inside": ({"val_check_interval": 7}, {}, []),
    "validation across epochs": ({"val_check_interval": 20, "check_val_every_n_epoch": None}, {}, []),
    "validation every second epoch": ({"check_val_every_n_epoch": 2, "val_check_interval": 9}, {}, []),
    "max_steps": ({"max_steps": 50, "max_epochs": -1}, {"scheduler": "step"}, []),
    "limit_train_batches": ({"limit_train_batches": 20}, {}, []),
    "a share of the batches": ({"limit_train_batches": 0.5, "limit_val_batches": 2}, {}, []),
    "every second scheduler step": ({}, {"scheduler": "second"}, []),
    "plateau": ({}, {"scheduler": "plateau"}, []),
    "steps left out": ({}, {"skip": True}, []),
    "batches of None": ({}, {"gaps": True}, [lightning.LearningRateMonitor]),
    "an optimizer with a zero_grad of its own": ({}, {"optimizer": "zeroing"}, []),
    "what a callback replaces": ({"val_check_interval": 7}, {"optimizer": "adamw"}, [Replaces]),
    "another's optimizer": ({"gradient_clip_val": 0.5}, {"optimizer": "foreign"}, []),
    "no logging by step": ({"log_every_n_steps": 0}, {}, []),
    "anomaly detection": ({"detect_anomaly": True, "max_epochs": 2}, {}, []),
    "ModelCheckpoint by the clock": (
        {},
        {},
        [lambda: lightning.ModelCheckpoint(train_time_interval=timedelta(hours=1), filename="{step}-late")],
    ),
    "ModelCheckpoint by steps": (
        {},
        {},
        [lambda: lightning.ModelCheckpoint(every_n_train_steps=7, save_top_k=-1, filename="{step}")],
    ),
    "LearningRateMonitor": ({}, {"scheduler": "step"}, [lightning.LearningRateMonitor]),
    "DeviceStatsMonitor": ({}, {}, [lambda: lightning.DeviceStatsMonitor(cpu_stats=False)]),
    "EarlyStopping": (
        {"max_epochs": 20},
        {},
        [lambda: lightning.EarlyStopping("val_loss", patience=0, check_on_train_epoch_end=False)],
    ),
    "Timer": ({}, {}, [lambda: lightning.Timer(duration={"hours": 1})]),
    "TQDMProgressBar": ({"enable_progress_bar": True}, {}, [lambda: lightning.TQDMProgressBar(refresh_rate=4)]),
    "RichProgressBar": ({"enable_progress_bar": True}, {}, [lightning.RichProgressBar]),
    "EMAWeightAveraging": ({}, {}, [lambda: lightning.EMAWeightAveraging(decay=0.9)]),
    "EMAWeightAveraging, accumulation": (
        {"accumulate_grad_batches": 2},
        {},
        [lambda: lightning.EMAWeightAveraging(decay=0.9)],
    ),
    "GradientAccumulationScheduler": ({}, {}, [lambda: lightning.GradientAccumulationScheduler({0: 3, 1: 1})]),
    "StochasticWeightAveraging": ({"max_epochs": 4}, {}, [lambda: lightning.StochasticWeightAveraging(0.01, 2)]),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_the_straight_path_equals_lightnings_own(name: str, tmp_path: Path) -> None:
    trainer = compare(tmp_path, *SETTINGS[name])
    loop = trainer.fit_loop.epoch_loop
    assert isinstance(loop, FastEpochLoop)
    assert why_stock(trainer, trainer.lightning_module) is None
    if name != "accumulation, every step logged":
        assert loop.interior_steps > BATCHES // 2, "hardly any step was interior, so nothing was compared"


class Watches(pl.Callback):
    """Wants to see every batch."""

    seen = 0

    def on_train_batch_end(self, *args: Any) -> None:
        self.seen += 1


class Hooked(Module):
    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        self.steps_seen.append(-1)


class Logs(Module):
    def log(self, name: str, *arguments: Any, **options: Any) -> None:
        super().log(f"mine/{name}", *arguments, **options)


class ByHand(Module):
    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False


class Reads(lightning.TQDMProgressBar):
    def on_train_batch_end(self, *args: Any) -> None:
        super().on_train_batch_end(*args)


def trainer_with(**options: Any) -> pl.Trainer:
    trainer = pl.Trainer(accelerator="cpu", devices=1, logger=False, enable_checkpointing=False, **options)
    use_fast_loop(trainer)
    return trainer


@pytest.mark.parametrize(
    ("options", "module", "reason"),
    [
        ({"callbacks": [Watches()]}, Module, "the callback Watches has on_train_batch_end"),
        ({"callbacks": [Reads()]}, Module, "the callback Reads has on_train_batch_end"),
        ({"callbacks": [lightning.LambdaCallback(on_before_zero_grad=print)]}, Module, "LambdaCallback has"),
        ({}, Hooked, "the task has on_before_optimizer_step"),
        ({}, Logs, "the task has log"),
        ({}, ByHand, "optimizes by hand"),
        ({"profiler": "simple"}, Module, "SimpleProfiler looks at every step"),
    ],
)
def test_what_wants_to_see_every_batch_gets_lightnings_loop(
    options: dict[str, Any], module: type[Module], reason: str
) -> None:
    assert reason in (why_stock(trainer_with(**options), module()) or "")


def test_a_callback_that_wants_every_batch_sees_every_batch(tmp_path: Path) -> None:
    watches = Watches()
    trainer, _, _ = train(tmp_path, True, {"max_epochs": 2}, {}, [lambda: watches])
    assert watches.seen == 2 * BATCHES
    assert trainer.fit_loop.epoch_loop.interior_steps == 0


def test_an_optimizer_that_asks_for_the_loss_several_times_gets_lightnings_loop(tmp_path: Path) -> None:
    trainer, module, _ = train(tmp_path, True, {"max_epochs": 1}, {"optimizer": "lbfgs"}, [])
    assert trainer.fit_loop.epoch_loop.interior_steps == 0
    assert len(module.steps_seen) > BATCHES
    assert describe_loop(trainer, module) == {"path": "stock", "why": "LBFGS asks for the loss several times a step"}


def test_an_unknown_lightning_keeps_its_own_loop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("toolkit.engine.interior.LIGHTNING", "99.0")
    trainer, module, _ = train(tmp_path, True, {"max_epochs": 1}, {}, [])
    assert type(trainer.fit_loop.epoch_loop).__module__.startswith("pytorch_lightning")
    assert "99.0" in (why_stock(trainer, module) or "")


TWO_PROCESSES: dict[str, tuple[dict[str, Any], dict[str, Any], list[Any]]] = {
    "plain": ({}, {}, []),
    "accumulation and clipping": (
        {"accumulate_grad_batches": 3, "gradient_clip_val": 0.5},
        {"scheduler": "step", "optimizer": "adamw"},
        [lightning.LearningRateMonitor],
    ),
    "validation inside, bf16": (
        {"val_check_interval": 7, "precision": "bf16-mixed"},
        {},
        [lambda: lightning.Timer(duration={"hours": 1}), lambda: lightning.EMAWeightAveraging(decay=0.9)],
    ),
    "max_steps": ({"max_steps": 50, "max_epochs": -1}, {}, []),
    "limit_train_batches": ({"limit_train_batches": 20}, {"scheduler": "plateau"}, []),
}


SCRIPT = "import runpy, sys; del sys.argv[0]; runpy.run_path(sys.argv[0], run_name='__main__')"


def test_under_two_processes(tmp_path: Path, forks: Any, free_port: Callable[[], int]) -> None:
    port, processes = free_port(), []
    for rank in range(2):
        environment = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "NODE_RANK": "0"}
        environment.update(LOCAL_RANK=str(rank), RANK=str(rank))
        command = [sys.executable, "-c", SCRIPT, __file__, str(tmp_path)]
        with (tmp_path / f"{rank}.log").open("wb") as log:
            processes.append(
                forks.Forked(command, env={**os.environ, **environment}, stdout=log, stderr=subprocess.STDOUT)
            )
    ended = [process.wait() for process in processes]
    logs = [(tmp_path / f"{rank}.log").read_text() for rank in range(2)]
    assert ended == [0, 0], "\n".join(logs)
    assert all(f"{name} compared" in text for text in logs for name in TWO_PROCESSES)


def compare_two_processes(folder: Path) -> None:
    """One of the processes of the test above."""
    for name, (options, module, extra) in TWO_PROCESSES.items():
        two = {"devices": 2, "strategy": "ddp", **options}
        trainer = compare(folder / name, two, module, extra)
        assert trainer.world_size == 2
        assert trainer.fit_loop.epoch_loop.interior_steps > 0
        print(name, "compared")


if __name__ == "__main__":
    compare_two_processes(Path(sys.argv[1]))
