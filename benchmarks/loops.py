"""The loops written by hand over the 784-128-10 network: seconds of a step. Imports torch.

Each builds everything anew, trains 100 steps to warm up, and measures an epoch.
"""

from __future__ import annotations

import csv
import warnings
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset

from benchmarks.problem import BATCH, net, now, pictures, sgd

WARM_UP = 100
LOG_EVERY = 50


def seconds_of_step(train: Callable[[Iterable[Any]], None], epoch: Callable[[], Iterable[Any]], samples: int) -> float:
    """Seconds of a step of one epoch, after a warm-up.

    Args:
        train: trains on what it is given, a step for every entry.
        epoch: the batches of an epoch, or their indices.
        samples: in an epoch.
    """
    train(islice(epoch(), WARM_UP))
    began = now()
    train(epoch())
    return (now() - began) / -(-samples // BATCH)


def unwrapped_step(optimizer: torch.optim.Optimizer) -> Callable[[], Any]:
    """``optimizer.step`` without torch's profiling around it."""
    step: Any = type(optimizer).step
    bare: Callable[[], Any] = getattr(step, "__wrapped__", step).__get__(optimizer)
    return bare


def tight(samples: int, folder: Path) -> float:
    """Nothing but the training."""
    inputs, targets = pictures(samples)
    model = net()
    optimizer = sgd(model)
    step, parameters = unwrapped_step(optimizer), list(model.parameters())

    def train(indices: Iterable[Tensor]) -> None:
        for index in indices:
            for parameter in parameters:
                parameter.grad = None
            logits = model(inputs.index_select(0, index).float() / 255)
            cross_entropy(logits, targets.index_select(0, index)).backward()
            step()

    return seconds_of_step(train, lambda: torch.randperm(samples).split(BATCH), samples)


def keeping(samples: int, folder: Path) -> float:
    """With loss and accuracy of the epoch, a CSV row every 50 steps, and a checkpoint."""
    inputs, targets = pictures(samples)
    model = net()
    optimizer = sgd(model)
    step, parameters = unwrapped_step(optimizer), list(model.parameters())

    def train(indices: Iterable[Tensor]) -> None:
        with (folder / "kept.csv").open("w", buffering=1, newline="") as file:
            rows = csv.writer(file)
            total, correct, seen = torch.zeros(()), torch.zeros((), dtype=torch.long), 0
            for number, index in enumerate(indices, 1):
                for parameter in parameters:
                    parameter.grad = None
                wanted = targets.index_select(0, index)
                logits = model(inputs.index_select(0, index).float() / 255)
                loss = cross_entropy(logits, wanted)
                loss.backward()
                step()
                with torch.no_grad():
                    total += loss * len(index)
                    correct += (logits.argmax(1) == wanted).sum()
                seen += len(index)
                if number % LOG_EVERY == 0:
                    rows.writerow((number, loss.item()))
            rows.writerow(("epoch", total.item() / seen, correct.item() / seen))
        torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, folder / "kept.pt")

    return seconds_of_step(train, lambda: torch.randperm(samples).split(BATCH), samples)


def every_row(samples: int, folder: Path) -> float:
    """With the loss of every step as a row of a CSV file."""
    inputs, targets = pictures(samples)
    model = net()
    optimizer = sgd(model)
    step, parameters = unwrapped_step(optimizer), list(model.parameters())

    def train(indices: Iterable[Tensor]) -> None:
        with (folder / "rows.csv").open("w", buffering=1, newline="") as file:
            rows = csv.writer(file)
            for number, index in enumerate(indices, 1):
                for parameter in parameters:
                    parameter.grad = None
                logits = model(inputs.index_select(0, index).float() / 255)
                loss = cross_entropy(logits, targets.index_select(0, index))
                loss.backward()
                step()
                rows.writerow((number, loss.item()))

    return seconds_of_step(train, lambda: torch.randperm(samples).split(BATCH), samples)


def clipping(samples: int, folder: Path) -> float:
    """With the gradient clipped and the learning rate scheduled in every step."""
    inputs, targets = pictures(samples)
    model = net()
    optimizer = sgd(model)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, 2 * -(-samples // BATCH) + WARM_UP)
    step, parameters = unwrapped_step(optimizer), list(model.parameters())

    def train(indices: Iterable[Tensor]) -> None:
        for index in indices:
            for parameter in parameters:
                parameter.grad = None
            logits = model(inputs.index_select(0, index).float() / 255)
            cross_entropy(logits, targets.index_select(0, index)).backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            step()
            scheduler.step()

    with warnings.catch_warnings():
        # The scheduler looks for a call of the step that it has wrapped.
        warnings.simplefilter("ignore")
        return seconds_of_step(train, lambda: torch.randperm(samples).split(BATCH), samples)


class PilPictures(Dataset[tuple[Tensor, int]]):
    """A picture as the tutorials load one: a PIL image, then ``transform``, by default ToTensor."""

    def __init__(self, tensors: tuple[Tensor, Tensor], transform: Any = None, *, flat: bool = False) -> None:
        from torchvision import transforms

        self.inputs, self.targets = tensors[0].numpy(), tensors[1].tolist()
        self.transform = transform or transforms.ToTensor()
        self.flat = flat

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        picture = self.transform(Image.fromarray(self.inputs[index]))
        return (picture.flatten() if self.flat else picture), self.targets[index]


def tutorial_loader(samples: int) -> DataLoader[Any]:
    inputs, targets = pictures(samples)
    return DataLoader(PilPictures((inputs.view(-1, 28, 28), targets), flat=True), batch_size=BATCH, shuffle=True)


def tutorial(samples: int, folder: Path) -> float:
    """The loop of the tutorials, with their DataLoader."""
    loader, model = tutorial_loader(samples), net()
    optimizer = sgd(model, fused=False)

    def train(batches: Iterable[Any]) -> None:
        running = 0.0
        for inputs, targets in batches:
            optimizer.zero_grad()
            loss = cross_entropy(model(inputs), targets)
            loss.backward()
            optimizer.step()
            running += loss.item()

    return seconds_of_step(train, lambda: loader, samples)
