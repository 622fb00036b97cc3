"""Several steps in one graph: the same training within a tolerance, the same bits after a resume, or why not.

The graph is compiled for the machine where that is what a test is about. Elsewhere ``aot_eager`` stands in for the
compiler: it traces and takes apart the same steps, and leaves out compiling C++. Graphs hold two steps, not eight,
which are traced four times as fast.
"""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
import yaml
from pytorch_lightning.plugins.precision import MixedPrecision
from torch import Tensor, nn
from torchmetrics.classification import MulticlassAccuracy

import toolkit
from toolkit.engine import fast_loop, step_graph, whole_steps
from toolkit.engine.fast_loop import describe_loop, use_fast_loop, use_step_graph
from toolkit.engine.step_graph import STEPS, WARM_UP, choose_compile
from toolkit.tasks.classification import Classification

TOLERANCE = 1e-4
"""What weights may differ by from those of single steps, as a share of their norm, after 200 steps of a net that draws
no random numbers; what is logged, as a share of itself. Stated in docs/performance.md."""
FEATURES, CLASSES, BATCH = 12, 3, 16

CODE = '''
import os, signal
import torch
from torch import nn


def net(dropout: float = 0.0):
    return nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Dropout(dropout), nn.Linear(16, 3))


class Items:
    """Ends the process when the batch of this number is asked for: KILLED, counted over the run."""

    def __init__(self, inputs, targets):
        self.inputs, self.targets, self.asked = inputs, targets, 0

    def __len__(self):
        return len(self.inputs)

    def __getitems__(self, index):
        self.asked += 1
        if self.asked == int(os.environ.get("KILLED", "0")):
            os.kill(os.getpid(), signal.SIGKILL)
        index = torch.as_tensor(index)
        return list(zip(self.inputs[index], self.targets[index]))

    def __getitem__(self, index):
        return self.inputs[index], self.targets[index]


class Splits:
    val = test = None

    def __init__(self, samples=1610):
        drawn = torch.Generator().manual_seed(7)
        inputs = torch.randn(samples, 12, generator=drawn)
        targets = (inputs.sum(1) > 0).long() + (inputs[:, 0] > 0.5).long()
        self.train = Items(inputs, targets)
        self.facts = {"num_classes": 3, "task": "multiclass"}
'''
CHILD = """
import sys
import toolkit
from toolkit.engine import step_graph

step_graph.STEPS = 2
toolkit.run(toolkit.load(sys.argv[1], allow_code=True))
"""
RECIPE: dict[str, Any] = {
    "task": "classification",
    "dataset": {"use": "./parts.py:Splits"},
    "loader": {"batch_size": BATCH},
    "model": {"use": "./parts.py:net"},
    "loss": "cross_entropy",
    "optimizer": {"use": "sgd", "lr": 0.02, "momentum": 0.9},
    "scheduler": {"use": "one_cycle", "interval": "step", "max_lr": 0.05, "cycle_momentum": False},
    "metrics": {"accuracy": {}},
    "engine": {"compile": "step", "save": {"steps": 45}},
    "trainer": {"max_epochs": 2, "accelerator": "cpu", "gradient_clip_val": 1.0, "log_every_n_steps": 40},
}
"""101 batches an epoch, the last smaller."""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOOLKIT_RUNS", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def small_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_graph, "STEPS", 2)


@pytest.fixture
def only_traced(small_graphs: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves out the compiling."""
    monkeypatch.setattr(whole_steps, "COMPILER", {"backend": "aot_eager"})


@pytest.fixture
def recipe(tmp_path: Path) -> Callable[..., Path]:
    def write(**changes: Any) -> Path:
        (tmp_path / "parts.py").write_text(CODE)
        path = tmp_path / "small.yaml"
        values = {key: value for key, value in {**RECIPE, **changes}.items() if value is not None}
        path.write_text("# A small experiment.\n" + yaml.safe_dump(values))
        return path

    return write


def run(file: Path, *overrides: str) -> Path:
    return toolkit.run(toolkit.load(str(file), overrides, allow_code=True)).folder


def graph_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "run.json").read_text())["loop"]["graph"]
    return found


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


def weights(folder: Path) -> dict[str, Tensor]:
    found = torch.load(folder / "checkpoints" / "epoch-0002.ckpt", weights_only=True)["state_dict"]
    return {name: value for name, value in found.items() if name.startswith("model.")}


def assert_close(one: dict[str, Tensor], other: dict[str, Tensor], tolerance: float = TOLERANCE) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        distance = (value.double() - other[name].double()).norm() / value.double().norm().clamp(min=1e-3)
        assert distance < tolerance, (name, float(distance))


def assert_same(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert torch.equal(value, other[name]), name


@pytest.fixture
def compiled(
    recipe: Any, small_graphs: None, capfd: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, Path]:
    """The recipe, and the folder of a run whose steps were compiled for this machine."""
    # What this test compiles, its processes share, and no other run's compiling is in it.
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "compiled"))
    file = recipe()
    return file, run(file)


def test_a_compiled_run_is_within_the_tolerance(compiled: tuple[Path, Path], capfd: pytest.CaptureFixture[str]) -> None:
    file, whole = compiled
    graph, printed = graph_of(whole), capfd.readouterr().out
    assert graph["why"] == ""
    # Of 202 steps: 24 to warm up, then blocks of two between the boundaries.
    assert graph["taken"] == 160
    assert graph["compile_seconds"] > 0
    assert graph["step_seconds_in_graph"] > 0
    assert "2 steps at once; what compiling costs and saves is measured at the first" in printed
    assert "2 steps at once, compiled in" in printed
    single = run(file, "engine.compile=false")
    assert_close(weights(single), weights(whole))
    ours, theirs = rows(whole), rows(single)
    assert [row.keys() for row in ours] == [row.keys() for row in theirs]
    assert len(ours) >= 7
    for one, other in zip(ours, theirs, strict=True):
        for name, value in one.items():
            assert value == other[name] or float(value) == pytest.approx(float(other[name]), rel=TOLERANCE), name


@pytest.mark.slow
def test_a_compiled_run_is_exact_after_a_kill(compiled: tuple[Path, Path], program: Any) -> None:
    file, whole = compiled
    # The 147th batch is the second of a block; the newest checkpoint is that of step 135.
    killed = program("-c", CHILD, file, KILLED="147")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    resumed = toolkit.resume("last", allow_code=True).folder
    assert resumed != whole
    assert graph_of(resumed)["taken"] == graph_of(whole)["taken"]
    assert_same(weights(whole), weights(resumed))
    assert (resumed / "metrics.csv").read_bytes() == (whole / "metrics.csv").read_bytes()


@pytest.mark.usefixtures("only_traced")
def test_neither_the_clock_nor_a_resume_moves_a_step_into_a_graph_or_out_of_it(
    recipe: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = recipe(model={"use": "./parts.py:net", "dropout": 0.3})
    # The time is always up: between any two batches the loop asks what is due.
    monkeypatch.setattr(fast_loop, "SECONDS_BETWEEN_BOUNDARIES", -1.0)
    hurried = run(file, "engine.save={steps: null, minutes: 0.000001}", "engine.keep={best: 1, last: 1000}")
    assert graph_of(hurried)["taken"] > 0
    saved = sorted((hurried / "checkpoints").glob("step-*.ckpt"))
    assert len(saved) > 20
    unhurried = run(file, "engine.save={steps: null, minutes: null}")
    assert_same(weights(unhurried), weights(hurried))
    assert graph_of(unhurried)["taken"] == graph_of(hurried)["taken"]
    # From the middle of an epoch, at a block's beginning and elsewhere.
    steps = {int(path.stem.removeprefix("step-")): path for path in saved}
    for step in (max(step for step in steps if step < 101), min(step for step in steps if step > 140)):
        for path in (hurried / "checkpoints").iterdir():
            name = path.name.partition(".")[0]
            if name.startswith("epoch-0002") or (name.startswith("step-") and int(name.removeprefix("step-")) > step):
                path.unlink()
        record = json.loads((hurried / "run.json").read_text())
        (hurried / "run.json").write_text(json.dumps({**record, "status": "killed"}))
        resumed = toolkit.resume(hurried, allow_code=True).folder
        assert_same(weights(unhurried), weights(resumed))


def test_without_a_compiler_it_says_so_and_runs_on(recipe: Any, tmp_path: Path) -> None:
    file = recipe()
    # Afresh: torch reads the variable when it is imported.
    command = [sys.executable, "-m", "toolkit", "run", str(file), "--allow-code"]
    environment = {**os.environ, "CXX": "/nowhere/g++"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "graph    no steps in a graph, because there is no C++ compiler /nowhere/g++: install" in done.stdout
    folder = next((tmp_path / "runs").glob("*/*"))
    assert graph_of(folder)["taken"] == 0
    assert "/nowhere/g++" in graph_of(folder)["why"]
    assert_same(weights(folder), weights(run(file, "engine.compile=false")))


class Batches:
    """A loader of batches, all of one size or in turns of two."""

    def __init__(self, number: int = 100, sizes: tuple[int, ...] = (BATCH,)) -> None:
        drawn = torch.Generator().manual_seed(0)
        self.batches = []
        for place in range(number):
            inputs = torch.rand(sizes[place % len(sizes)], FEATURES, generator=drawn)
            self.batches.append((inputs, torch.randint(0, CLASSES, (len(inputs),), generator=drawn)))

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return iter(self.batches)


def normalised() -> nn.Module:
    return nn.Sequential(nn.Linear(FEATURES, 8, bias=False), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, CLASSES))


def frozen() -> nn.Module:
    net = nn.Sequential(nn.Linear(FEATURES, 8), nn.ReLU(), nn.Linear(8, CLASSES))
    return net.requires_grad_(False).append(nn.Linear(CLASSES, CLASSES))


def plain() -> nn.Module:
    return nn.Sequential(nn.Linear(FEATURES, 8), nn.ReLU(), nn.Linear(8, CLASSES))


def sgd(module: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(module.parameters(), 0.05, 0.9, fused=True)


def every_second_step(optimizer: torch.optim.Optimizer, trainer: pl.Trainer) -> dict[str, Any]:
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.98)
    return {"scheduler": scheduler, "interval": "step", "frequency": 2}


def groups(module: nn.Module) -> torch.optim.Optimizer:
    halves: list[dict[str, Any]] = [
        {"params": list(module.parameters())[:2], "lr": 0.01},
        {"params": list(module.parameters())[2:]},
    ]
    return torch.optim.AdamW(halves, 0.02, fused=True)


def train(
    in_graph: bool,
    *,
    model: Callable[[], nn.Module] = plain,
    optimizer: Callable[[nn.Module], torch.optim.Optimizer] = sgd,
    scheduler: Any = None,
    loader: Any = None,
    task: type[Classification] = Classification,
    **options: Any,
) -> tuple[dict[str, Any], Classification, pl.Trainer]:
    torch.manual_seed(1)
    made = task(model(), nn.CrossEntropyLoss(), {"accuracy": MulticlassAccuracy(CLASSES)}, optimizer, scheduler)
    trainer = pl.Trainer(
        **{
            "accelerator": "cpu",
            "devices": 1,
            "max_epochs": 2,
            "log_every_n_steps": 50,
            "logger": False,
            "enable_checkpointing": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            **options,
        }
    )
    use_fast_loop(trainer)
    if in_graph:
        use_step_graph(trainer, lambda: None, {})
    trainer.fit(made, loader or Batches())
    return describe_loop(trainer, made).get("graph", {}), made, trainer


SETTINGS: dict[str, tuple[dict[str, Any], float]] = {
    "normalisation": ({"model": normalised}, TOLERANCE),
    "a frozen part": ({"model": frozen}, TOLERANCE),
    "groups, AdamW": ({"optimizer": groups}, TOLERANCE),
    "RMSprop": ({"optimizer": lambda module: torch.optim.RMSprop(module.parameters(), 0.002)}, TOLERANCE),
    "Adagrad": ({"optimizer": lambda module: torch.optim.Adagrad(module.parameters(), 0.02)}, TOLERANCE),
    "clipped by value": ({"gradient_clip_val": 0.01, "gradient_clip_algorithm": "value"}, TOLERANCE),
    "every second step": ({"scheduler": every_second_step, "gradient_clip_val": 0.1}, TOLERANCE),
    # Nothing is kept in bf16 from one step to the next; within a step it has two to three digits.
    "bf16-mixed": ({"precision": "bf16-mixed"}, 1e-2),
}


@pytest.mark.usefixtures("only_traced")
@pytest.mark.parametrize("name", SETTINGS)
def test_settings_that_a_graph_takes_over(name: str) -> None:
    options, tolerance = SETTINGS[name]
    _, single, plain_trainer = train(False, **options)
    graph, made, trainer = train(True, **options)
    assert graph["why"] == ""
    # An epoch is 1 + 48 + 1 + 48 + 1 + 1 steps, and the first 24 of the run are taken one by one.
    assert graph["taken"] == 4 * 48 - 24
    assert_close(single.state_dict(), made.state_dict(), tolerance)
    assert trainer.global_step == plain_trainer.global_step == 200
    loop, other = trainer.fit_loop.epoch_loop, plain_trainer.fit_loop.epoch_loop
    for progress in ("batch_progress", "scheduler_progress"):
        assert getattr(loop, progress).state_dict() == getattr(other, progress).state_dict()
    ours, theirs = (one.automatic_optimization.optim_progress.state_dict() for one in (loop, other))
    assert ours == theirs
    for key, value in plain_trainer.callback_metrics.items():
        assert float(trainer.callback_metrics[key]) == pytest.approx(float(value), rel=tolerance, abs=0.01), key
    if trainer.lr_scheduler_configs:
        last = [each.lr_scheduler_configs[0].scheduler.state_dict() for each in (trainer, plain_trainer)]
        assert last[0] == last[1]


@pytest.mark.usefixtures("only_traced")
def test_batches_of_another_shape_are_taken_one_by_one() -> None:
    mixed = Batches(sizes=(BATCH,) * 60 + (BATCH // 2,) * 3)
    _, single, _ = train(False, loader=mixed)
    graph, made, _ = train(True, loader=mixed)
    assert 0 < graph["taken"] < 4 * 48 - 24
    assert_close(single.state_dict(), made.state_dict())
    in_turns = Batches(sizes=(BATCH, BATCH // 2))
    _, single, _ = train(False, loader=in_turns)
    graph, made, _ = train(True, loader=in_turns)
    assert graph["taken"] == 0
    assert_same(single.state_dict(), made.state_dict())


class Own(Classification):
    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return super().training_step(batch, batch_idx)


class Foreign(torch.optim.SGD):
    pass


class Counting(nn.Module):
    """Looks at numbers, which no graph does."""

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs if float(inputs.sum()) > 0 else -inputs


class Spare(nn.Linear):
    """Has a weight that it does not use."""

    def __init__(self) -> None:
        super().__init__(FEATURES, CLASSES)
        self.spare = nn.Parameter(torch.zeros(2))


def looking() -> nn.Module:
    return nn.Sequential(Counting(), nn.Linear(FEATURES, CLASSES))


def cycle(optimizer: torch.optim.Optimizer, trainer: pl.Trainer) -> dict[str, Any]:
    return {"scheduler": torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=400), "interval": "step"}


def half_precision() -> dict[str, Any]:
    return {"plugins": [MixedPrecision("16-mixed", "cpu")]}


WITHOUT: dict[str, tuple[Callable[[], dict[str, Any]], str]] = {
    "a step of its own": (lambda: {"task": Own}, "the task has a training_step of its own"),
    "accumulation": (lambda: {"accumulate_grad_batches": 2}, "gradients are accumulated"),
    "a scaler": (half_precision, "in a graph it is 32-true or bf16-mixed"),
    "double precision": (lambda: {"precision": "64-true"}, "the precision is 64-true"),
    "averaged weights": (
        lambda: {"callbacks": [pl.callbacks.EMAWeightAveraging(decay=0.9)]},
        "averaged weights want to see every step",
    ),
    "another's optimizer": (
        lambda: {"optimizer": lambda module: Foreign(module.parameters(), 0.1)},
        "the optimizer Foreign is not one of torch's",
    ),
    "momentum in cycles": (lambda: {"scheduler": cycle}, "the scheduler changes more than the learning rate"),
    "logged too often": (lambda: {"log_every_n_steps": 2}, "at most 1 steps lie between two that are logged"),
    "a model that looks at numbers": (lambda: {"model": looking}, "it could not be compiled ("),
    "a parameter without a gradient": (lambda: {"model": Spare}, "1 of the 3 trained tensors got no gradient"),
    "Adafactor": (
        lambda: {"optimizer": lambda module: torch.optim.Adafactor(module.parameters())},
        "the step of Adafactor cannot be compiled (",
    ),
    "anomaly detection": (lambda: {"detect_anomaly": True}, "detect_anomaly looks at every operation"),
}


@pytest.mark.usefixtures("only_traced")
@pytest.mark.parametrize("name", WITHOUT)
def test_what_no_graph_can_hold_says_why_and_is_trained_as_ever(name: str) -> None:
    options, reason = WITHOUT[name]
    _, single, _ = train(False, max_epochs=1, **options())
    graph, made, _ = train(True, max_epochs=1, **options())
    assert reason in graph["why"]
    assert graph["taken"] == 0
    assert_same(single.state_dict(), made.state_dict())


def test_several_processes_take_no_graphs() -> None:
    trainer = pl.Trainer(accelerator="cpu", devices=2, strategy="ddp", logger=False, enable_checkpointing=False)
    use_fast_loop(trainer)
    use_step_graph(trainer, lambda: None, {})
    task = Classification(plain(), nn.CrossEntropyLoss())
    assert "several processes" in describe_loop(trainer, task)["graph"]["why"]


def test_a_graph_of_a_deep_network_holds_fewer_steps() -> None:
    deep = nn.Sequential(*(nn.Linear(2, 2) for _ in range(15)))
    assert step_graph.steps_at_once(Classification(deep, nn.CrossEntropyLoss())) == 4
    assert step_graph.steps_at_once(Classification(plain(), nn.CrossEntropyLoss())) == STEPS == 8
    assert WARM_UP % STEPS == 0


@pytest.mark.usefixtures("only_traced")
def test_auto_takes_a_graph_only_where_it_pays(recipe: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    file = recipe(engine={"compile": "auto"})
    short = run(file)
    assert "graph" not in json.loads((short / "run.json").read_text())["loop"]
    resolved = (short / "recipe.yaml").read_text()
    assert "compile: false" in resolved
    assert "pays after about 100,000 steps; this run has 202 steps" in resolved
    monkeypatch.setattr(step_graph, "BREAK_EVEN", 200)
    long = run(file)
    assert graph_of(long)["taken"] > 0
    assert "compile: step" in (long / "recipe.yaml").read_text()


def test_auto_is_decided_from_counts() -> None:
    task = Classification(plain(), nn.CrossEntropyLoss())
    assert choose_compile(task, 1_000_000, accelerator="cpu").value == "step"
    assert choose_compile(task, 99_999, accelerator="cpu").value is False
    for other, steps, accelerator, reason in (
        (task, None, "cpu", "a length not known"),
        (task, 1_000_000, "cuda", "was not measured on cuda"),
        (Own(plain(), nn.CrossEntropyLoss()), 1_000_000, "cpu", "a training_step of its own"),
        (Classification(nn.Linear(2000, 1000), nn.CrossEntropyLoss()), 1_000_000, "cpu", "small networks"),
    ):
        chosen = choose_compile(other, steps, accelerator=accelerator)
        assert chosen.value is False
        assert reason in chosen.reason
