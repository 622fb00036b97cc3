"""A plugin whose components break a promise that says several things in another of its parts than the bad plugin's."""

from __future__ import annotations

import datetime
import sqlite3
import subprocess
from types import SimpleNamespace

import good_plugin
import torch
from bad_plugin import FRESH, Plain
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import Dataset


def untold():
    return Plain()


class StartsAProcess(Plain):
    """Starts a process."""

    def __init__(self):
        super().__init__()
        subprocess.run(["true"], check=True)


class SteepAtZero(Plain):
    """Takes a root where it has no slope."""

    def forward(self, inputs: Tensor) -> Tensor:
        outputs = super().forward(inputs)
        return outputs + (outputs - outputs.detach()).abs().sqrt()


class Cancels(Plain):
    """Divides by what its numbers lose in half precision: nothing, where they are in half precision already."""

    def forward(self, inputs: Tensor) -> Tensor:
        outputs = self.layer(inputs)
        return outputs / (outputs - outputs.bfloat16())


class Numbers(Plain):
    """Returns numbers of Python's."""

    def forward(self, inputs: Tensor) -> list[float]:
        return super().forward(inputs).sum(1).tolist()


class Dated(Plain):
    """Puts a date into its state."""

    def get_extra_state(self):
        return datetime.datetime(2020, 1, 1)

    def set_extra_state(self, state):
        pass


class Shrinks(Plain):
    """Is another one after pickling."""

    def __setstate__(self, state):
        super().__setstate__(state)
        self.layer = nn.Linear(4, 3)


def draws():
    """Draws from the global generator where it should have one of its own."""
    torch.rand(1)
    return good_plugin.points()


def keeps_a_database():
    """Leaves a file that a library of C has written."""
    sqlite3.connect("left.db").execute("create table if not exists kept (number)").connection.close()
    return good_plugin.points()


class Noisy(Dataset):
    """Samples with noise that no seed reaches."""

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return torch.tensor([float(FRESH.random())]), 0


def evaluated_at_random():
    """Validates with something else each time."""
    return SimpleNamespace(train=good_plugin.points().train, val=Noisy(), test=None, facts={})


def nowhere():
    """Has neither data nor what stands in for it."""
    raise FileNotFoundError("nothing.csv")


def claims(form: str, facts: dict):
    """Data of one form, whatever is said of it.

    Args:
        form: what the samples are.
        facts: what is said of them.
    """
    numbers = torch.arange(8)
    samples = {
        "images": (torch.zeros(8, 3, 6, 6), numbers % 3),
        "labels": (torch.zeros(8, 4), torch.zeros(8, 2)),
        "tokens": (torch.full((8, 5), 9), numbers % 3),
        "pairs": ({"user": numbers, "item": numbers}, torch.zeros(8)),
    }
    return SimpleNamespace(train=samples[form], val=None, test=None, facts=facts)


class Infinite(nn.Module):
    """Divides by nothing."""

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs - targets).sum() / 0


class Detached(nn.Module):
    """Forgets where its numbers come from."""

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs - targets).detach().sum()


class Unmasked(nn.Module):
    """Learns from what is masked."""

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return ((outputs - targets) ** 2).mean()


class Glances(nn.Module):
    """Adds something of what is masked to what it says."""

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        counts = targets != -1
        return ((outputs - targets) ** 2)[counts].mean() + outputs.detach()[~counts].sum()


class Flies(torch.optim.SGD):
    """Steps far too far."""

    def __init__(self, params):
        super().__init__(params, lr=1e30)


class Remembers(good_plugin.Descent):
    """Puts a date into its state."""

    def __init__(self, params):
        super().__init__(params)

    def state_dict(self):
        return {**super().state_dict(), "when": datetime.datetime(2020, 1, 1)}


def not_a_number(optimizer):
    """A learning rate that is none."""
    return LambdaLR(optimizer, lambda step: float("nan") if step > 2 else 1.0)


class Wordy(good_plugin.MeanDistance):
    """Says it in words."""

    def __init__(self):
        super().__init__()

    def compute(self):
        return "far"


class ReturnsNothing(good_plugin.Learning):
    """Keeps its loss for itself."""

    def training_step(self, batch, batch_idx):
        super().training_step(batch, batch_idx)


class LearnsNothing(good_plugin.Learning):
    """Has a loss without slope."""

    def training_step(self, batch, batch_idx):
        return super().training_step(batch, batch_idx) * 0


class Divides(good_plugin.Learning):
    """Has a loss that is no number."""

    def training_step(self, batch, batch_idx):
        return super().training_step(batch, batch_idx) / 0


class FailsInside(good_plugin.Learning):
    """Goes on with whatever the loss has returned."""

    def training_step(self, batch, batch_idx):
        return self.loss(self.model(batch[0]), batch[1]) * self.scale


class Forgets(good_plugin.Steps):
    """Takes its state and does nothing with it."""

    def load_state_dict(self, state_dict):
        pass


def one_row():
    """Leaves all rows but one out."""
    return lambda batch: {key: value[:1] for key, value in batch.items()}


def crops_pictures():
    """Cuts the images, and leaves boxes and masks as they were."""
    return lambda batch: {**batch, "images": batch["images"][..., :8, :8]}


def mirrors_masks():
    """Mirrors images and masks, and leaves the boxes where they were."""
    return lambda batch: {**batch, "images": batch["images"].flip(-1), "masks": batch["masks"].flip(-1)}


class Unnamed(good_plugin.Notebook):
    """Has a name that is no text."""

    @property
    def name(self):
        return ["notebook"]
