"""A small experiment in one file of code, with everything that could make a resumed run differ, and a way to end it."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from toolkit.recipe import Recipe, load
from toolkit.tracking.folder import RunFolder, list_runs

CODE = '''
import os, random, signal
import numpy as np
import pytorch_lightning as pl
import torch
from torch import nn


class Net(nn.Module):
    """Draws from every random generator while it trains; has buffers, and one that no checkpoint holds."""

    def __init__(self, num_classes=3, dropout=0.5):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(dropout))
        self.head = nn.Linear(16, num_classes)
        self.register_buffer("scales", torch.linspace(0.7, 1.3, 8), persistent=False)

    def forward(self, inputs):
        hidden = self.body(inputs * self.scales)
        if self.training:
            killed.now("forward")
            hidden = hidden * (1 + 0.01 * random.random()) + 0.01 * float(np.random.normal())
        else:
            killed.now("evaluation")
        return self.head(hidden)


class Killed:
    """Ends the process at one moment: KILLED=what:how often it was done before[:signal]."""

    def __init__(self):
        self.what, after, how = (os.environ.get("KILLED", "never:0") + "::SIGKILL").split(":")[:3]
        mine = os.environ.get("KILLED_RANK", "0") == os.environ.get("RANK", "0")
        self.left, self.how = int(after or 0) if mine else -1, how or "SIGKILL"

    def now(self, what):
        if what == self.what:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), getattr(signal, self.how))


killed = Killed()
fsync = os.fsync


def counted_fsync(*arguments):
    # What is written to a checkpoint is whole only after this.
    killed.now("fsync")
    fsync(*arguments)


os.fsync = counted_fsync


class Broken(Net):
    def forward(self, inputs):
        raise ValueError("the net is torn")


class Splits:
    def __init__(self, val=True, samples=96, features=8):
        drawn = torch.Generator().manual_seed(7)
        inputs = torch.randn(samples, features, generator=drawn)
        targets = (inputs.sum(1) > 0).long() + (inputs[:, 0] > 0.5).long()
        self.train = (inputs, targets)
        self.val = (inputs[:32], targets[:32]) if val else None
        self.test = (inputs[32:], targets[32:])
        self.facts = {"num_classes": 3, "task": "multiclass"}


class Own(pl.LightningDataModule):
    """Makes its own batches."""

    facts = {"num_classes": 3, "task": "multiclass"}

    def train_dataloader(self):
        return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*Splits().train), batch_size=16)

    val_dataloader = test_dataloader = train_dataloader


class Loader:
    """Batches of sixteen; says where it is."""

    def __init__(self, *tensors):
        self.tensors, self.place, self.begin = tensors, 0, 0

    def __len__(self):
        return len(self.tensors[0]) // 16

    def __iter__(self):
        self.place, self.begin = self.begin, 0
        while self.place < len(self):
            self.place += 1
            yield tuple(each[16 * (self.place - 1) : 16 * self.place] for each in self.tensors)

    def state_dict(self):
        return {"place": self.place}

    def load_state_dict(self, state):
        self.begin = state["place"] % len(self)


class OwnPlace(Own):
    def train_dataloader(self):
        return Loader(*Splits().train)


class OwnUnsized(Own):
    def train_dataloader(self):
        sized = Loader(*Splits().train)

        class Unsized:
            state_dict, load_state_dict = sized.state_dict, sized.load_state_dict

            def __iter__(self):
                return iter(sized)

        return Unsized()


class Asks(pl.Callback):
    """Wants to know how long the run is, before Lightning knows where it goes on."""

    def on_fit_start(self, trainer, pl_module):
        assert trainer.estimated_stepping_batches == trainer.max_steps


class Items:
    """Writes down which samples were read."""

    def __init__(self, inputs, targets, log):
        self.inputs, self.targets, self.log = inputs, targets, log

    def __len__(self):
        return len(self.inputs)

    def __getitem__(self, index):
        with open(self.log, "a") as file:
            file.write(f"{index}\\n")
        return self.inputs[index], self.targets[index]


class Read(Splits):
    def __init__(self, log: str):
        super().__init__(val=False)
        self.train, self.test = Items(*self.train, log), None


class Stream:
    """Samples in another order every epoch, without a length; says where it is."""

    def __init__(self, *tensors):
        self.tensors, self.place = tensors, 0

    def set_epoch(self, epoch):
        self.place, drawn = 0, torch.Generator().manual_seed(epoch)
        self.order = torch.randperm(len(self.tensors[0]), generator=drawn).tolist()

    def __iter__(self):
        while self.place < len(self.order):
            self.place += 1
            yield tuple(each[self.order[self.place - 1]] for each in self.tensors)

    def state_dict(self):
        return {"place": self.place}

    def load_state_dict(self, state):
        self.place = state["place"]


class Streamed(Splits):
    def __init__(self):
        super().__init__()
        self.train = Stream(*self.train)


class Ends(pl.Callback):
    """Ends the run at one moment, in the process that has the variable ENDS: moment:epoch:how[:whom or how much]."""

    def _at(self, moment, trainer):
        wanted = os.environ.get("ENDS", "").split(":")
        if wanted[:2] != [moment, str(trainer.current_epoch)]:
            return
        if wanted[3:] == ["1"] and trainer.global_rank != 1:
            return
        if wanted[3:] == ["parent"]:
            if trainer.global_rank == 0:
                os.kill(int(os.environ.get("FORKED_BY", os.getppid())), getattr(signal, wanted[2]))
            return
        if wanted[2] == "raise":
            raise RuntimeError("a callback that raises")
        if wanted[2] == "stop":
            trainer.should_stop = True
            return
        if wanted[2] == "full":
            # A limit on the size of files: what a full disk does to a program, without filling a disk.
            import resource

            resource.setrlimit(resource.RLIMIT_FSIZE, (int(wanted[3]), resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
            return
        os.kill(os.getpid(), getattr(signal, wanted[2]))

    def on_exception(self, trainer, pl_module, exception):
        if os.environ.get("ENDS", "").endswith("twice"):
            os.kill(os.getpid(), signal.SIGINT)

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if batch_idx == 1:
            self._at("batch", trainer)

    def on_validation_batch_end(self, trainer, pl_module, outputs, batch, batch_idx, dataloader_idx=0):
        self._at("validation", trainer)

    def on_train_epoch_end(self, trainer, pl_module):
        self._at("epoch", trainer)

    def on_test_start(self, trainer, pl_module):
        self._at("test", trainer)


class NanLoss(nn.Module):
    """Is no number any more from its ninth step on."""

    def forward(self, outputs, targets):
        self.steps = getattr(self, "steps", 0) + torch.is_grad_enabled()
        loss = nn.functional.cross_entropy(outputs, targets)
        return loss * float("nan") if self.steps > 8 else loss


class Infinite(nn.Module):
    def forward(self, outputs, targets):
        return nn.functional.cross_entropy(outputs, targets) * float("inf")


class Spare(Net):
    def __init__(self, num_classes=3):
        super().__init__(num_classes)
        self.spare = nn.Linear(2, 2)


class Pretrained(Net):
    def __init__(self, num_classes=3, weights: str | None = None):
        super().__init__(num_classes)
        assert weights is None, "weights are downloaded"


class Absent(Splits):
    def __init__(self):
        raise FileNotFoundError("no such data")

    @staticmethod
    def stand_in(seed):
        return Splits(samples=40)


class Lines:
    """Reads files of text: eight numbers in a line are a sample."""

    suffixes = (".txt",)

    def read(self, name, stream):
        for number, line in enumerate(stream.read().decode().splitlines(), 1):
            values = [float(word) for word in line.split()]
            if len(values) != 8:
                raise ValueError(f"line {number} has {len(values)} numbers, not 8")
            if os.path.exists("counted"):
                yield f"{name}:{number}", torch.tensor(values), lambda row, number=number: {**row, "line": number}
            else:
                yield f"{name}:{number}", torch.tensor(values)


class Named(Splits):
    """Knows what its classes are called and how inputs are read; it is there only as long as a file is not."""

    def __init__(self):
        if os.path.exists("gone"):
            raise FileNotFoundError("no such data")
        super().__init__()
        self.facts = {**self.facts, "class_names": ["low", "middle", "high"]}

    @staticmethod
    def reader(facts):
        assert facts["num_classes"] == 3
        return Lines()


class Tenfold:
    def __call__(self, batch):
        inputs, targets = batch
        assert len(targets) == len(inputs)
        return inputs * 10, targets


class Damaged(Items):
    """Some of its samples cannot be read."""

    bad = (3, 70)

    def __init__(self, inputs, targets):
        super().__init__(inputs, targets, os.devnull)

    def __getitem__(self, index):
        if index in self.bad:
            raise ValueError(f"{index}.jpg: truncated")
        return super().__getitem__(index)

    def problems(self):
        return (f"{index}.jpg: truncated" for index in self.bad)


class WithDamage(Splits):
    def __init__(self):
        super().__init__(val=False)
        self.train, self.test = Damaged(*self.train), None


class NanWeights(pl.Callback):
    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if trainer.current_epoch == 1 and trainer.is_last_batch:
            pl_module.model.head.bias.data.fill_(float("inf"))


class History(pl.Callback):
    def state_dict(self):
        return {"seen": np.zeros(2)}
'''

RECIPE: dict[str, Any] = {
    "seed": 3,
    "task": "classification",
    "dataset": {"use": "./parts.py:Splits"},
    "loader": {"batch_size": 16},
    "model": {"use": "./parts.py:Net"},
    "loss": "cross_entropy",
    "optimizer": {"use": "adamw", "lr": 0.01},
    "scheduler": {"use": "reduce_on_plateau", "interval": "epoch", "patience": 0, "factor": 0.5},
    "metrics": {"accuracy": {}},
    "callbacks": {"ends": {"use": "./parts.py:Ends"}},
    "trainer": {"max_epochs": 4, "accelerator": "cpu", "log_every_n_steps": 2},
}

MAIN = """
import sys
from toolkit.errors import ToolkitError
from toolkit.recipe import load
from toolkit.runs import resume, run

try:
    if sys.argv[1] == "toolkit":
        from toolkit.cli import main

        sys.exit(main(sys.argv[2:]))
    elif sys.argv[1] == "run":
        run(load(sys.argv[2], sys.argv[3:], allow_code=True))
    else:
        resume(sys.argv[2], sys.argv[3:], allow_code=True)
except ToolkitError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
"""


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of all runs of one test."""
    root = tmp_path / "runs"
    monkeypatch.setenv("TOOLKIT_RUNS", str(root))
    monkeypatch.chdir(tmp_path)
    return root


@pytest.fixture
def drawn() -> None:
    """A test that asks for this looks at the pictures that its runs draw."""


@pytest.fixture(autouse=True)
def drawn_where_somebody_looks(request: pytest.FixtureRequest) -> None:
    """Runs of other tests draw none."""
    if "drawn" not in request.fixturenames:
        request.getfixturevalue("undrawn")


@pytest.fixture(autouse=True)
def no_code_of_other_tests(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What other tests of this process have imported from their folders is gone: `parts` is this test's own."""
    root = str(tmp_path_factory.getbasetemp())
    sys.path[:] = [folder for folder in sys.path if not folder.startswith(root)]
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(root):
            del sys.modules[name]


@pytest.fixture
def recipe_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes the recipe with other values at the top level (None removes a key), and the code beside it."""

    def write(changes: Mapping[str, Any] | None = None, name: str = "small") -> Path:
        (tmp_path / "parts.py").write_text(CODE)
        values = {key: value for key, value in {**RECIPE, **(changes or {})}.items() if value is not None}
        path = tmp_path / f"{name}.yaml"
        path.write_text("# A small experiment.\n" + yaml.safe_dump(values, sort_keys=False))
        return path

    return write


@pytest.fixture
def recipe(recipe_file: Callable[..., Path]) -> Callable[..., Recipe]:
    """Loads the recipe, with other values and with overrides."""

    def loaded(*overrides: str, **changes: Any) -> Recipe:
        return load(str(recipe_file(changes)), overrides, allow_code=True)

    return loaded


@pytest.fixture
def in_a_process(program: Callable[..., Any]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs or resumes in a process of its own, which may end in any way."""
    return functools.partial(program, "-c", MAIN)


@pytest.fixture
def newest(runs: Path) -> Callable[[], RunFolder]:
    """The newest run of this test."""
    return lambda: list_runs(runs)[0]


@pytest.fixture
def agree() -> Callable[[Path, Path], bool]:
    """Whether two checkpoints agree, bit for bit, in everything that a further step depends on."""
    return lambda first, second: _same(_state(first), _state(second))


def _state(path: Path) -> dict[str, Any]:
    held = torch.load(path, weights_only=True)
    keys = ("state_dict", "optimizer_states", "lr_schedulers", "epoch", "global_step")
    return {**{key: held[key] for key in keys}, "rng": held["toolkit"]["rng"]}


def _same(first: Any, second: Any) -> bool:
    if isinstance(first, torch.Tensor):
        return isinstance(second, torch.Tensor) and torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(_same(first[key], second[key]) for key in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(_same(*pair) for pair in zip(first, second, strict=True))
    return bool(first == second)
