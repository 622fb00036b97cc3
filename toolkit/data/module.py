"""The DataModule: from what a dataset component returned to the batches a task is given. Imports Lightning."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import pytorch_lightning as pl
import torch

from toolkit.build import samples_of
from toolkit.data.bad import LeftOut
from toolkit.data.buckets import by_length, lengths_of
from toolkit.data.disk import OnDisk
from toolkit.data.disk_loader import DiskLoader
from toolkit.data.items import ItemLoader
from toolkit.data.layout import Layout, leaves
from toolkit.data.order import Order, Plan, Process
from toolkit.data.progress import epoch_of, position, training_epoch
from toolkit.data.reading import Reading
from toolkit.data.settings import loader_settings
from toolkit.data.splits import SPLITS, SplitsLike, Tensors, check_split, is_stream, tensors_of
from toolkit.data.streams import SizedStreamLoader, StreamLoader
from toolkit.data.tensors import TensorLoader
from toolkit.data.workers import choose_workers
from toolkit.errors import RequestError, did_you_mean
from toolkit.recipe.grammar import TRANSFORMS

Transform = Callable[[Any], Any]
Transforms = Mapping[str, Iterable[Transform]]


class DataModule(pl.LightningDataModule):
    """Loads the splits of a dataset: shuffles the train split by (seed, epoch), divides samples over processes, moves
    batches to the device and transforms them there.

    Arguments:
        data: what a dataset component returned, of the shape of `toolkit.data.Splits`.
        loader: the block `loader` of a recipe; see `toolkit.recipe.loader.LoaderSettings`.
        transforms: `{"train": [...], "eval": [...]}`, callables `batch -> batch` that are applied in this order to
            every batch on the device; `eval` is for validation and test.
        seed: the run's seed. The order of a training epoch depends on it and the trainer's current epoch only, and the
            place in it where loading begins on how many of its batches the trainer has trained on.

    Raises:
        RequestError: a split is of a wrong kind, empty, or made of tensors of unequal length; a loader setting that
            cannot work. The message names the split or the key.
    """

    keeps_place = True
    """Its loaders begin where the trainer is in an epoch, so that a run can go on there."""

    def __init__(
        self,
        data: SplitsLike,
        loader: Mapping[str, Any] | None = None,
        transforms: Transforms | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.settings = loader_settings(loader or {})
        self.left_out = LeftOut()
        """The samples that could not be read; those of all processes once a checkpoint was saved or the loop ended."""
        self.notes: list[str] = []
        """What the user should know of how the data is loaded; printed too, when it comes up."""
        self.left_out.note = self._note
        self.transforms = _ordered(transforms or {})
        self.seed = seed
        self._splits = _splits(data)
        self._collate: Callable[[list[Any]], Any] | None = getattr(data, "collate", None)
        self._on_device: dict[str, Tensors] = {}
        self._lengths: dict[str, torch.Tensor] = {}
        """By split, where its samples are put into batches by their lengths."""
        for name, split in self._splits.items():
            check_split(name, split)
            if self.settings.resident and tensors_of(split) is None:
                raise RequestError(
                    f"loader.resident: the split {name!r} is not made of tensors ({type(split).__name__}), so it "
                    "cannot be kept on the device; set loader.resident=false"
                )
            if self._skips and is_stream(split):
                raise RequestError(
                    f"loader.on_bad_sample: the split {name!r} is a stream ({type(split).__name__}), which cannot go "
                    "on after an exception; set loader.on_bad_sample=stop"
                )
            lengths = None if is_stream(split) or isinstance(split, OnDisk) else lengths_of(name, split)
            if lengths is not None:
                self._lengths[name] = lengths
            if self.steps(name) is not None:
                # Again for all processes when the trainer asks for batches; what one cannot do is said before that.
                self._plan(name, Process()).check(name)

        for name in ("val_dataloader", "test_dataloader"):
            if name.removesuffix("_dataloader") not in self._splits:
                # As if it were not written: Lightning then has no such loop. An empty list of loaders makes it warn.
                vars(self)[name] = getattr(pl.LightningDataModule, name).__get__(self)
        if not any(self.transforms.values()):
            # Lightning then calls nothing here for every batch.
            vars(self)["on_after_batch_transfer"] = pl.LightningDataModule.on_after_batch_transfer.__get__(self)
        workers = self.settings.workers
        # A run has chosen before, for all its processes, and written it to its recipe.
        self._workers = choose_workers(data, loader).count if workers == "auto" else workers

    @property
    def names(self) -> tuple[str, ...]:
        """The splits that this data has, among `train`, `val` and `test`."""
        return tuple(self._splits)

    def samples(self, split: str) -> int | None:
        """Number of samples of a split; None for a stream that does not say."""
        return samples_of(self._splits[split])

    def steps(self, split: str = "train", world_size: int = 1) -> int | None:
        """Batches of a split in an epoch, on each of `world_size` processes; None where only reading the data tells."""
        data = self._splits[split]
        if samples_of(data) is None or (is_stream(data) and hasattr(data, "shard")):
            return None
        return self._plan(split, Process(0, world_size)).steps

    def train_dataloader(self) -> Any:
        if "train" not in self._splits:
            raise RequestError("dataset: there is no split 'train' to train on")
        return self._loader("train")

    def val_dataloader(self) -> Any:
        return self._loader("val")

    def test_dataloader(self) -> Any:
        return self._loader("test")

    def transform(self, batch: Any, *, training: bool) -> Any:
        """The batch after the transforms of its split, in the order written."""
        for transform in self.transforms["train" if training else "eval"]:
            batch = transform(batch)
        return batch

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        return self.transform(batch, training=_is_training(self))

    def state_dict(self) -> dict[str, Any]:
        """The samples left out so far, by all processes; nothing else is not in the trainer's own state."""
        self._gather_left_out()
        return {"left_out": self.left_out.state()} if self.left_out.record else {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.left_out.merge(state_dict["left_out"])

    def teardown(self, stage: str) -> None:
        self._gather_left_out()

    def _loader(self, name: str) -> Any:
        """A fresh loader of a split, for the device and the processes of the trainer if there is one."""
        split = self._splits[name]
        process = self._process()
        device = torch.device("cpu") if self.trainer is None else self.trainer.strategy.root_device
        training = name == "train"
        order = Order(False, self.seed, partial(epoch_of, self.trainer))
        if training:
            order = Order(True, self.seed, partial(training_epoch, self.trainer), partial(position, self.trainer))
        pin_memory = device.type == "cuda"
        left_out = self.left_out if self._skips else None
        reading = Reading(name, self._workers, self._collate, pin_memory, left_out, self._note)
        if is_stream(split):
            drop_last = self.settings.drop_last and training
            batch_size = self.settings.size(name)
            stream = StreamLoader if self.steps(name) is None else SizedStreamLoader
            return stream(split, batch_size, order, reading, drop_last=drop_last, process=process)
        plan = self._plan(name, process)
        plan.check(name)
        if isinstance(split, OnDisk):
            return DiskLoader(split, plan, order, pin_memory=pin_memory)
        if name in self._lengths:
            order = by_length(order, self._lengths[name], plan)
        tensors = tensors_of(split)
        if tensors is None:
            return ItemLoader(split, plan, order, reading)
        if self.settings.resident:
            tensors = self._resident(name, tensors, device)
        held_there = next(part for _, part in leaves(tensors)).device.type != "cpu"
        return TensorLoader(tensors, plan, order, pin_memory=pin_memory and not held_there)

    def _plan(self, name: str, process: Process) -> Plan:
        samples = samples_of(self._splits[name])
        assert samples is not None, "only a stream has no size, and none comes here"
        drop_last = self.settings.drop_last and name == "train"
        return Plan(samples, self.settings.size(name), drop_last, process)

    def _resident(self, name: str, tensors: Tensors, device: torch.device) -> Tensors:
        """The tensors on the device; they are moved there once, for fit and test together."""
        if name not in self._on_device:
            self._on_device[name] = Layout(tensors)([part.to(device) for _, part in leaves(tensors)])
        return self._on_device[name]

    def _process(self) -> Process:
        # None unless the strategy divides the data; under a model-parallel one, not every rank is a part of its own.
        kwargs = None if self.trainer is None else self.trainer.distributed_sampler_kwargs
        return Process() if kwargs is None else Process(kwargs["rank"], kwargs["num_replicas"])

    @property
    def _skips(self) -> bool:
        return self.settings.on_bad_sample == "skip"

    def _gather_left_out(self) -> None:
        """Lets every process know what the others have left out."""
        if not (self._skips and torch.distributed.is_available() and torch.distributed.is_initialized()):
            return
        states: list[Any] = [None] * torch.distributed.get_world_size()
        torch.distributed.all_gather_object(states, self.left_out.state())
        for state in states:
            self.left_out.merge(state)

    def _note(self, text: str) -> None:
        self.notes.append(text)
        print(f"note: {text}", file=sys.stderr, flush=True)


def data_module(
    data: SplitsLike | pl.LightningDataModule,
    loader: Mapping[str, Any] | None = None,
    transforms: Transforms | None = None,
    seed: int = 0,
) -> pl.LightningDataModule:
    """The LightningDataModule for what a dataset component returned.

    A LightningDataModule is taken as it is: it makes its own batches in its own order, `loader` and `seed` do not
    reach it, and Lightning's usual rules for its DataLoaders hold. `transforms` are applied to its batches after its
    own `on_after_batch_transfer`. For anything else, see `DataModule`.
    """
    if not isinstance(data, pl.LightningDataModule):
        return DataModule(data, loader, transforms, seed)
    ordered = _ordered(transforms or {})
    if any(ordered.values()):
        _add_transforms(data, ordered)
    return data


def _add_transforms(data: pl.LightningDataModule, transforms: Mapping[str, tuple[Transform, ...]]) -> None:
    own = data.on_after_batch_transfer

    def on_after_batch_transfer(batch: Any, dataloader_idx: int) -> Any:
        batch = own(batch, dataloader_idx)
        for transform in transforms["train" if _is_training(data) else "eval"]:
            batch = transform(batch)
        return batch

    # On the instance: the class belongs to the dataset's author. Not through functools.wraps: Lightning would look
    # through it, find its own method, and never call this one.
    vars(data)["on_after_batch_transfer"] = on_after_batch_transfer


def _is_training(data: pl.LightningDataModule) -> bool:
    return data.trainer is not None and bool(data.trainer.training)


def _splits(data: SplitsLike) -> dict[str, Any]:
    missing = [name for name in SPLITS if not hasattr(data, name)]
    if missing:
        raise RequestError(
            f"dataset: it returned {type(data).__name__}, which has no attribute {missing[0]!r}; a dataset returns an "
            "object with the attributes train, val, test (each may be None) and facts, or a LightningDataModule"
        )
    found = {name: getattr(data, name) for name in SPLITS}
    found = {name: split for name, split in found.items() if split is not None}
    if not found:
        raise RequestError("dataset: train, val and test are all None; there is nothing to load")
    return found


def _ordered(transforms: Transforms) -> dict[str, tuple[Transform, ...]]:
    for name in transforms:
        if name not in TRANSFORMS:
            raise RequestError(f"transforms.{name}: no such key.{did_you_mean(name, TRANSFORMS)} Known: train, eval")
    return {name: tuple(transforms.get(name, ())) for name in TRANSFORMS}
