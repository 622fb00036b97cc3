"""A plugin with a component of every kind, each of which keeps every promise, and its cases."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import torch
from pytorch_lightning import Callback, LightningModule
from pytorch_lightning.loggers import Logger
from torch import Tensor, nn
from torch.optim import SGD
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import Dataset, IterableDataset
from torchmetrics import Metric

from toolkit.testing import Case


class Net(nn.Module):
    """A linear layer behind a normalisation of each row.

    Args:
        num_classes: width of the output.
        in_features: width of the input.
        activation: a part that is applied to the outputs.
    """

    def __init__(self, num_classes: int, in_features: int, activation: nn.Module | None = None):
        super().__init__()
        self.layers = nn.Sequential(nn.LayerNorm(in_features), nn.Linear(in_features, num_classes))
        self.activation = activation or nn.Identity()
        self.register_buffer("scale", torch.ones(num_classes))

    def forward(self, inputs: Tensor) -> Tensor:
        return self.activation(self.layers(inputs)) * self.scale


class Softplus(nn.Module):
    """A smooth activation.

    Args:
        beta: how sharp its bend is.
    """

    def __init__(self, beta: float = 1.0):
        super().__init__()
        self.beta = beta

    def forward(self, inputs: Tensor) -> Tensor:
        return nn.functional.softplus(inputs, self.beta)


def points(samples: int = 24):
    """Points in three classes, in memory.

    Args:
        samples: how many, of which a third each is for training, validation and test.
    """
    inputs = torch.rand(samples, 4, generator=torch.Generator().manual_seed(0))
    targets = torch.arange(samples) % 3
    third = samples // 3
    parts = [(inputs[start : start + third], targets[start : start + third]) for start in range(0, 3 * third, third)]
    facts = {"task": "multiclass", "num_classes": 3, "in_features": 4}
    return SimpleNamespace(train=parts[0], val=parts[1], test=parts[2], facts=facts)


class Lines(Dataset):
    """The lines of a file, each with noise."""

    def __init__(self, numbers: list[float]):
        self.numbers = numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return torch.tensor([self.numbers[index]]) + torch.rand(4), index % 3


def lines(file: Path):
    """Numbers of a file, one a line; the last third is for validation.

    Args:
        file: the file.
    """
    numbers = [float(line) for line in Path(file).read_text().splitlines()]
    cut = len(numbers) * 2 // 3
    return SimpleNamespace(train=Lines(numbers[:cut]), val=Lines(numbers[cut:]), test=None, facts={"num_classes": 3})


def write_lines(folder: Path) -> dict[str, str]:
    (folder / "numbers.txt").write_text("\n".join(map(str, range(0, 300, 10))))
    return {"file": str(folder / "numbers.txt")}


class Counted(IterableDataset):
    """Numbers in order, which can tell where it is."""

    def __init__(self, first: int, last: int):
        self.range, self.at = (first, last), first

    def __iter__(self):
        for number in range(self.at + 1, self.range[1] + 1):
            self.at = number
            yield torch.tensor([float(number)]), 0
        self.at = self.range[0]

    def state_dict(self):
        return {"at": self.at}

    def load_state_dict(self, state):
        self.at = state["at"]


def stream(length: int = 20):
    """A stream of numbers.

    Args:
        length: how many there are to train on.
    """
    return SimpleNamespace(train=Counted(0, length), val=Counted(1000, 1008), test=None, facts={"num_classes": 1})


def remote(url: str = "nowhere"):
    """Data that is not on this machine.

    Args:
        url: where it would be.
    """
    raise FileNotFoundError(url)


remote.stand_in = lambda seed: points()


class MaskedLoss(nn.Module):
    """Mean squared error of the places whose target is not the one to leave out.

    Args:
        ignore_index: the target to leave out.
    """

    def __init__(self, ignore_index: int = -1):
        super().__init__()
        self.ignore_index = ignore_index

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        counts = targets != self.ignore_index
        return ((outputs - targets) ** 2)[counts].mean()


class Descent(SGD):
    """Gradient descent with momentum.

    Args:
        lr: the learning rate.
        momentum: how much of the last step is kept.
    """

    def __init__(self, params, lr: float = 0.1, momentum: float = 0.9):
        super().__init__(params, lr=lr, momentum=momentum)


def halving(optimizer, total_steps: int, floor: float = 0.1):
    """Down in a line to a share of the learning rate.

    Args:
        floor: the share at the end.
    """
    return LambdaLR(optimizer, lambda step: 1 - (1 - floor) * min(1, step / total_steps))


class MeanDistance(Metric):
    """The mean distance of predictions and targets.

    Args:
        power: to which the distances are raised.
    """

    higher_is_better = False

    def __init__(self, power: float = 1.0):
        super().__init__()
        self.power = power
        self.add_state("sum", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("rows", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, preds: Tensor, targets: Tensor) -> None:
        self.sum += ((preds - targets).abs() ** self.power).sum()
        self.rows += len(preds)

    def compute(self) -> Tensor:
        return self.sum / self.rows


class Learning(LightningModule):
    """Plain supervised learning.

    Args:
        scale: what the loss is multiplied by.
    """

    def __init__(self, model, loss, optimizer, scale: float = 1.0):
        super().__init__()
        self.model, self.loss, self.make, self.scale = model, loss, optimizer, scale

    def training_step(self, batch, batch_idx):
        loss = self.loss(self.model(batch[0]), batch[1])
        if loss is None:
            raise ValueError("the loss returned nothing")
        self.log("train/loss", loss)
        return loss * self.scale

    def validation_step(self, batch, batch_idx):
        self.log("val/loss", self.loss(self.model(batch[0]), batch[1]))

    def test_step(self, batch, batch_idx):
        self.log("test/loss", self.loss(self.model(batch[0]), batch[1]))

    def configure_optimizers(self):
        return self.make(self)


class Steps(Callback):
    """Counts the batches of training.

    Args:
        start: what it begins with.
    """

    def __init__(self, start: int = 0):
        self.steps = start

    def on_train_batch_end(self, *args):
        self.steps += 1

    def state_dict(self):
        return {"steps": self.steps}

    def load_state_dict(self, state_dict):
        self.steps = state_dict["steps"]


class Mirror:
    """Mirrors images from left to right, with their boxes and masks, or leaves them.

    Args:
        p: how likely a batch is mirrored.
    """

    def __init__(self, p: float = 0.5):
        self.p = p

    def __call__(self, batch):
        if torch.rand(()) > self.p:
            return batch
        width = batch["images"].shape[-1]
        left, top, right, bottom = batch["boxes"].unbind(-1)
        there = (batch["labels"] >= 0).unsqueeze(-1)
        boxes = torch.where(there, torch.stack((width - right, top, width - left, bottom), -1), batch["boxes"])
        return {**batch, "images": batch["images"].flip(-1), "masks": batch["masks"].flip(-1), "boxes": boxes}


class Notebook(Logger):
    """Writes what it is told into a text file below its folder.

    Args:
        heading: the first line.
    """

    def __init__(self, save_dir: str, version: str, heading: str = "run"):
        super().__init__()
        self._file, self._version, self._lines = Path(save_dir) / "notes.txt", version, [heading]

    @property
    def name(self):
        return "notebook"

    @property
    def version(self):
        return self._version

    def log_metrics(self, metrics, step=None):
        self._lines.append(f"{step}: {metrics}")

    def log_hyperparams(self, params, *args, **kwargs):
        self._lines.append(str(params))

    def save(self):
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text("\n".join(self._lines))


def rows(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(1))


def detection():
    boxes = torch.zeros(2, 2, 4)
    boxes[:, 0] = torch.tensor([1.0, 2.0, 5.0, 6.0])
    return {
        "images": torch.zeros(2, 3, 12, 16),
        "boxes": boxes,
        "labels": torch.tensor([[3, -1], [3, -1]]),
        "masks": torch.zeros(2, 12, 16, dtype=torch.int64),
    }


TARGETS = torch.tensor([[1, 2, -1], [0, -1, 3], [-1, -1, -1]])

CASES = [
    Case(kind="model", use="net", args={"num_classes": 3, "in_features": 4}, batch=lambda: rows(5, 4)),
    Case(
        kind="model",
        use="net",
        label="with-part",
        args={"num_classes": 3, "in_features": 4, "activation": {"use": "softplus", "beta": 2.0}},
        batch=lambda: rows(5, 4),
    ),
    Case(kind="part", use="softplus", batch=lambda: rows(3, 2)),
    Case(kind="dataset", use="points"),
    Case(kind="dataset", use="lines", args=write_lines),
    Case(kind="dataset", use="stream"),
    Case(kind="dataset", use="remote"),
    Case(kind="loss", use="masked", batch=lambda: (rows(3, 3), TARGETS), mask=lambda: TARGETS != -1),
    Case(kind="optimizer", use="descent"),
    Case(kind="scheduler", use="halving", args={"interval": "step", "floor": 0.25}),
    Case(kind="metric", use="mean_distance", batch=lambda: (rows(5), rows(5) * 2)),
    Case(
        kind="task",
        use="learning",
        recipe={
            "dataset": "points",
            "model": "net",
            "loss": "cross_entropy",
            "optimizer": {"use": "descent", "lr": 0.1},
        },
    ),
    Case(kind="callback", use="steps", args={"start": 2}),
    Case(kind="transform", use="mirror", batch=detection),
    Case(kind="logger", use="notebook"),
]
