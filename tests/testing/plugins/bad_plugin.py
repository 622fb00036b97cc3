"""A plugin whose components each break a promise, and its cases."""

from __future__ import annotations

import datetime
import os
import socket
import threading
from pathlib import Path
from types import SimpleNamespace

import good_plugin
import numpy as np
import torch
from good_plugin import detection, rows
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import Dataset, get_worker_info

from toolkit.testing import Case

FRESH = np.random.default_rng()
"""Numbers that no seed of a run reaches."""


class Plain(nn.Module):
    """A linear layer.

    Args:
        width: width of the output.
    """

    def __init__(self, width: int = 3):
        super().__init__()
        self.layer = nn.Linear(4, width)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.layer(inputs)


class Undocumented(nn.Module):
    """A linear layer."""

    def __init__(self, breadth: int = 3):
        super().__init__()
        self.layer = nn.Linear(4, breadth)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.layer(inputs)


class ByPosition(Plain):
    """A linear layer.

    Args:
        width: width of the output.
    """

    def __init__(self, width: int, /):
        super().__init__(width)


class ClassAsDefault(Plain):
    """A linear layer with an activation.

    Args:
        activation: its class.
    """

    def __init__(self, activation: type[nn.Module] = nn.Tanh):
        super().__init__()
        self.activation = activation()

    def forward(self, inputs: Tensor) -> Tensor:
        return self.activation(super().forward(inputs))


class WritesAFile(Plain):
    """Leaves a file."""

    def __init__(self):
        super().__init__()
        Path("left.txt").write_text("here")


class OpensAConnection(Plain):
    """Asks the network."""

    def __init__(self):
        super().__init__()
        with socket.socket() as asked:
            asked.connect_ex(("127.0.0.1", 9))


class StartsAThread(Plain):
    """Starts a thread."""

    def __init__(self):
        super().__init__()
        thread = threading.Thread(target=int)
        thread.start()
        thread.join()


class Seeds(Plain):
    """Seeds what is not its own."""

    def __init__(self):
        torch.manual_seed(0)
        super().__init__()


class ChangesASetting(Plain):
    """Changes a setting of torch."""

    def __init__(self):
        super().__init__()
        torch.use_deterministic_algorithms(True, warn_only=True)


class SetsTheEnvironment(Plain):
    """Sets an environment variable."""

    def __init__(self):
        super().__init__()
        os.environ["BAD_PLUGIN_WAS_HERE"] = "1"


class UnusedParameter(Plain):
    """Has a layer that it does not use."""

    def __init__(self):
        super().__init__()
        self.unused = nn.Linear(2, 2)


class OwnNumbers(Plain):
    """Draws its weights from numbers of its own."""

    def __init__(self):
        super().__init__()
        nn.init.constant_(self.layer.bias, float(FRESH.random()))


class HiddenState(Plain):
    """Draws a number that its state dict does not hold."""

    def __init__(self):
        super().__init__()
        self.scale = float(torch.rand(()))

    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs) * self.scale


class LooksAside(Plain):
    """Takes the mean of its batch away."""

    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs - inputs.mean(0))


class FullPrecisionOnly(Plain):
    """Adds up in the precision of its inputs, whatever its layer computes in."""

    def forward(self, inputs: Tensor) -> Tensor:
        outputs = self.layer(inputs)
        index = torch.arange(len(inputs), device=inputs.device)
        return inputs.new_zeros(outputs.shape).index_add(0, index, outputs)


class OtherwiseCompiled(Plain):
    """Computes something else when it is compiled."""

    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs) + (1.0 if torch.compiler.is_compiling() else 0.0)


class Lambda(Plain):
    """Holds a function that cannot be pickled."""

    def __init__(self):
        super().__init__()
        self.activation = lambda outputs: outputs.tanh()

    def forward(self, inputs: Tensor) -> Tensor:
        return self.activation(super().forward(inputs))


class StaysBehind(Plain):
    """Holds a tensor that is no buffer."""

    def __init__(self):
        super().__init__()
        self.offset = torch.ones(3)

    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs) + self.offset


class MakesOnTheCPU(Plain):
    """Makes a tensor on the CPU in its forward pass."""

    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs) + torch.ones(3)


class AloneOnly(Plain):
    """Leaves its layer out in the second process."""

    def forward(self, inputs: Tensor) -> Tensor:
        outputs = super().forward(inputs)
        return outputs * (1 + torch.distributed.get_rank()) if torch.distributed.is_initialized() else outputs

    def __init__(self):
        super().__init__()
        if torch.distributed.is_initialized() and torch.distributed.get_rank() == 1:
            self.layer.bias = None


def no_module():
    """Makes no module."""
    return {"not": "a module"}


def data(**changes):
    values = {**vars(good_plugin.points(24)), **changes}
    return SimpleNamespace(**values)


def unseeded():
    """Draws its samples from numbers of its own."""
    return data(train=(torch.as_tensor(FRESH.random((8, 4))), torch.arange(8) % 3))


class Forgetful(good_plugin.Counted):
    """A stream that takes its state and does nothing with it."""

    def load_state_dict(self, state):
        pass


def forgetful():
    """A stream that begins again when it is resumed."""
    return SimpleNamespace(train=Forgetful(0, 20), val=None, test=None, facts={})


class OfTheWorker(Dataset):
    """Samples that tell which process has read them."""

    def __len__(self):
        return 12

    def __getitem__(self, index):
        return torch.tensor([float(index), 0.0 if get_worker_info() is None else 1.0]), 0


def of_the_worker():
    """Samples that are others in a worker."""
    return SimpleNamespace(train=OfTheWorker(), val=None, test=None, facts={})


def overlapping():
    """Trains on what it validates with."""
    whole = good_plugin.points(24)
    return data(val=whole.train)


def untrue():
    """Knows fewer classes than there are."""
    return data(facts={"num_classes": 2, "in_features": 5})


def downloads():
    """Asks the network whatever it was told."""
    with socket.socket() as asked:
        asked.connect_ex(("127.0.0.1", 9))
    return data()


class EachRow(nn.Module):
    """A loss for each row."""

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs - targets).abs().mean(1)


class CountsAll(nn.Module):
    """Leaves out what is masked, and divides by the number of all places."""

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return ((outputs - targets) ** 2 * (targets != -1)).mean()


class Ascent(good_plugin.Descent):
    """Goes up."""

    def __init__(self, params):
        super().__init__(params, lr=0.1, momentum=0.0)
        self.param_groups[0]["maximize"] = True


class KeepsAside(torch.optim.SGD):
    """Keeps a count that its state does not hold."""

    def __init__(self, params):
        super().__init__(params, lr=0.1)
        self.count = 0

    def step(self, closure=None):
        self.count += 1
        self.param_groups[0]["lr"] = 0.1 / self.count
        return super().step(closure)


def below_zero(optimizer, total_steps: int):
    """A learning rate that falls below 0."""
    return LambdaLR(optimizer, lambda step: 1 - 2 * step / total_steps)


class Stateless(LambdaLR):
    """Says nothing of where it is."""

    def __init__(self, optimizer):
        super().__init__(optimizer, lambda step: 1 / (1 + step))

    def state_dict(self):
        return {}

    def load_state_dict(self, state_dict):
        pass


class NotSummed(good_plugin.MeanDistance):
    """A state that the processes do not put together."""

    def __init__(self):
        super().__init__()
        self.add_state("sum", torch.tensor(0.0), dist_reduce_fx="max")


class LastBatch(good_plugin.MeanDistance):
    """Knows its last batch only, and so only what the processes have seen last."""

    def update(self, preds, targets):
        self.reset()
        super().update(preds, targets)


class Unforgetting(good_plugin.MeanDistance):
    """Counts its epochs beside its states, and adds them."""

    epochs = -1

    def compute(self):
        self.epochs += 1
        return super().compute() + self.epochs


class Misnamed(good_plugin.Learning):
    """Logs a name without its split."""

    def training_step(self, batch, batch_idx):
        self.log("mean", 1.0)
        return super().training_step(batch, batch_idx)


class Silent(good_plugin.Learning):
    """Trains on nothing where there is no loss."""

    def training_step(self, batch, batch_idx):
        loss = self.loss(self.model(batch[0]), batch[1])
        return loss if loss is not None else self.model(batch[0]).sum() * 0

    def validation_step(self, batch, batch_idx):
        pass


class Raises(good_plugin.Steps):
    """Raises at the end of an epoch."""

    def on_train_epoch_end(self, *args):
        raise RuntimeError("not today")


class Dated(good_plugin.Steps):
    """Puts a date into its state."""

    def state_dict(self):
        return {"when": datetime.datetime.now()}


def pictures_only():
    """Returns the images without their targets."""
    return lambda batch: batch["images"]


def at_random():
    """Adds numbers that no seed reaches."""
    return lambda batch: {**batch, "images": batch["images"] + float(FRESH.random())}


def mirrors_pictures():
    """Mirrors the images and leaves boxes and masks where they were."""
    return lambda batch: {**batch, "images": batch["images"].flip(-1)}


class Elsewhere(good_plugin.Notebook):
    """Writes outside of its folder."""

    def save(self):
        Path(self._file.parent.parent / "elsewhere.txt").write_text("here")


class Nameless(good_plugin.Notebook):
    """Has no name."""

    @property
    def name(self):
        raise RuntimeError("no name yet")


class Whim:
    """Gives something else every time."""

    def __call__(self, value):
        return value + float(FRESH.random())


def closure():
    """Makes a function that cannot be pickled."""
    return lambda value: value * 2


def forgotten():
    """Has no case."""


BATCH = {"batch": lambda: rows(5, 4)}
MASKED = torch.tensor([[1, -1], [-1, -1]])


def case(kind: str, use: str, **more) -> Case:
    return Case(kind=kind, use=use, **more)


CASES = [
    *(case("model", use, **BATCH) for use in (
        "undocumented", "class_as_default", "writes_a_file", "opens_a_connection", "starts_a_thread", "seeds",
        "changes_a_setting", "sets_the_environment", "unused_parameter", "own_numbers", "hidden_state", "looks_aside",
        "full_precision_only", "otherwise_compiled", "lambda_inside", "stays_behind", "makes_on_the_cpu", "alone_only",
        "no_module",
    )),
    case("model", "by_position", args={"width": 3}, **BATCH),
    *(case("dataset", use) for use in ("unseeded", "forgetful", "of_the_worker", "overlapping", "untrue", "downloads")),
    case("loss", "each_row", batch=lambda: (rows(3, 2), rows(3, 2))),
    case("loss", "counts_all", batch=lambda: (rows(2, 2), MASKED), mask=lambda: MASKED != -1),
    case("optimizer", "ascent"),
    case("optimizer", "keeps_aside"),
    case("scheduler", "below_zero", args={"interval": "step"}),
    case("scheduler", "stateless"),
    *(case("metric", use, batch=lambda: (rows(5), rows(5) * 2))
      for use in ("not_summed", "last_batch", "unforgetting")),
    *(case("task", use, recipe={"dataset": "data", "model": "plain", "loss": "cross_entropy", "optimizer": "sgd"})
      for use in ("misnamed", "silent")),
    case("callback", "raises"),
    case("callback", "dated"),
    *(case("transform", use, batch=detection) for use in ("pictures_only", "at_random", "mirrors_pictures")),
    case("logger", "elsewhere"),
    case("logger", "nameless"),
    case("part", "whim", batch=lambda: rows(3)),
    case("part", "closure", batch=lambda: rows(3)),
]  # fmt: skip
