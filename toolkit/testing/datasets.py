"""What datasets promise, looked at through the toolkit's own loaders. Imports torch and Lightning."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from types import SimpleNamespace
from typing import Any

import torch
from pytorch_lightning import LightningDataModule
from torch import Tensor

from toolkit.build import BuildError
from toolkit.build.facts import read_facts
from toolkit.build.stand_in import data_is_absent
from toolkit.data import DataModule, data_module
from toolkit.data.splits import SPLITS, is_stream
from toolkit.engine.plain import check_plain
from toolkit.testing.building import dataset_of
from toolkit.testing.check import Broken, DoesNotApply
from toolkit.testing.facts import contradiction, untruth
from toolkit.testing.rows import assert_same, count, leaves, take
from toolkit.testing.subject import SEED, Subject, block_of
from toolkit.testing.watch import watching

BATCH_SIZE = 4
BATCHES = 6
"""So many batches of an epoch are looked at, and as many positions."""
SAMPLES = 2000
"""So many samples of a split are compared with the other splits'."""


def same_seed_and_epoch_give_the_same_order(subject: Subject) -> None:
    """A dataset that is built twice gives, with the same seed, the same training batches in epoch 0, and in epoch 1;
    and the same batches in every validation."""
    first, second = _loading(subject), _loading(subject)
    for epoch in (0, 1):
        one, other = (list(_batches(each, "train", epoch)) for each in (first, second))
        assert_same(one, other, f"epoch {epoch} of a second dataset with the same seed is another")
    for split in ("val", "test"):
        if split in first.names:
            before, after = (list(_batches(first, split, epoch)) for epoch in (0, 1))
            assert_same(before, after, f"a second evaluation of the split {split!r} is another than the first")


def resume_at_any_position_gives_the_same_next_batch(subject: Subject) -> None:
    """A run that goes on after any batch of an epoch gets the batch that would have come next, from a dataset built
    anew and the state that a checkpoint holds."""
    module, moment = _loading(subject), _Moment(epoch=1)
    _at(module, moment)
    loader = module.train_dataloader()
    whole, states = [], []
    for batch in islice(loader, BATCHES):
        whole.append(batch)
        moment.batches = len(whole)
        states.append(loader.state_dict())
    check_plain({"states": states})
    again = _loading(subject)
    for position in range(1, len(whole)):
        if position > 1 and is_stream(again.splits["train"]):
            again = _loading(subject)  # one that was read is not as it was
        _at(again, _Moment(epoch=1, batches=position))
        resumed = again.train_dataloader()
        resumed.load_state_dict(states[position - 1])
        assert_same(next(iter(resumed)), whole[position], f"after {position} batches the next one is another")


def workers_zero_and_two_agree(subject: Subject) -> None:
    """Two worker processes read the same batches as none: what is random in a sample follows the seed that the loader
    sets, and nothing that a process has of its own."""
    alone, helped = _loading(subject, workers=0), _loading(subject, workers=2)
    if hasattr(alone.splits["train"], "shard"):
        raise DoesNotApply("a stream that divides itself has other batches with other numbers of workers")
    assert_same(
        list(_batches(alone, "train", 0)), list(_batches(helped, "train", 0)), "with two workers the batches differ"
    )


def splits_are_disjoint(subject: Subject) -> None:
    """No sample stands in two splits. (Compared by content, the inputs and targets of up to 2000 samples of each.)"""
    data = dataset_of(subject, real=True)
    module = data_module(data, None if isinstance(data, LightningDataModule) else {"batch_size": 1, "workers": 0})
    if isinstance(data, LightningDataModule):
        data.prepare_data()
        for stage in ("fit", "test"):
            data.setup(stage)
    found: dict[str, dict[bytes, int]] = {}
    for split in SPLITS:
        if isinstance(module, DataModule) and split not in module.names:
            continue
        try:
            loader = getattr(module, f"{split}_dataloader")()
        except Exception as error:
            if isinstance(module, DataModule):
                raise
            raise DoesNotApply(f"the LightningDataModule has no loader of {split!r} by itself: {error}") from error
        found[split] = {_digest(row): number for number, row in enumerate(islice(_rows(loader), SAMPLES))}
    for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
        both = found.get(one, {}).keys() & found.get(other, {}).keys()
        if both:
            first = min(found[other][digest] for digest in both)
            raise Broken(f"{len(both)} samples of {other!r} stand in {one!r} too; the first is number {first}")


def facts_are_true(subject: Subject) -> None:
    """The facts are names of the documented list (or begin with the dataset's own name), plain values, and what they
    say of sizes, classes and tokens is true of the tensors in the first batches of every split."""
    data = dataset_of(subject)
    block, recipe = block_of(subject.spec, subject.registry, subject.folder)
    old_names: list[str] = []
    facts = read_facts(block, recipe, data, old_names)
    if old_names:
        raise Broken(old_names[0])
    odd = contradiction(facts)
    if odd:
        raise Broken(odd)
    if isinstance(data, LightningDataModule):
        batches = [("train", batch) for batch in islice(data.train_dataloader(), BATCHES)]
    else:
        module = DataModule(data, {"batch_size": BATCH_SIZE, "workers": 0}, seed=SEED)
        batches = [(split, batch) for split in module.names for batch in _batches(module, split, 0)]
    for split, batch in batches:
        for name, value in facts.items():
            wrong = untruth(name, value, batch, facts)
            if wrong:
                raise Broken(f"the fact {name} is {value}, but in {split!r} {wrong}")


def nothing_is_downloaded_in_construction(subject: Subject) -> None:
    """Where downloads are forbidden (`toolkit check`, and this suite) nothing is asked of the network: the dataset is
    made of what is on this machine, or raises because it is not there, and then has a `stand_in(seed)`."""
    with watching(subject.folder, subject.folder) as watch:
        try:
            dataset_of(subject)
        except BuildError as error:
            if not watch.network and data_is_absent(error):
                raise Broken(f"its data is not here, and it has no stand_in(seed): {error.__cause__}") from error
            if not watch.network:
                raise
    if watch.network:
        raise Broken(f"it {watch.network[0]}; download with toolkit.data.fetch, which can be told not to")


CHECKS = (
    nothing_is_downloaded_in_construction,
    same_seed_and_epoch_give_the_same_order,
    resume_at_any_position_gives_the_same_next_batch,
    workers_zero_and_two_agree,
    splits_are_disjoint,
    facts_are_true,
)


@dataclass
class _Moment:
    """Where in its training a run is, in the place of a trainer, as a loader asks it."""

    epoch: int = 0
    batches: int = 0
    """Batches of the epoch that were trained on."""
    strategy: Any = field(default_factory=lambda: SimpleNamespace(root_device=torch.device("cpu")))
    distributed_sampler_kwargs: None = None
    overfit_batches: int = 0
    training: bool = True

    @property
    def fit_loop(self) -> Any:
        """What Lightning counts: epochs that are over and begun, and batches of the one that is begun."""
        epochs = SimpleNamespace(processed=self.epoch, ready=self.epoch + 1)
        batches = SimpleNamespace(current=SimpleNamespace(processed=self.batches), is_last_batch=False)
        return SimpleNamespace(
            epoch_progress=SimpleNamespace(current=epochs), epoch_loop=SimpleNamespace(batch_progress=batches)
        )


class _Loading(DataModule):
    """The toolkit's own loading of a dataset, with the dataset's splits."""

    splits: Mapping[str, Any]


def _loading(subject: Subject, workers: int = 0) -> _Loading:
    """The toolkit's loading of a dataset that is built anew."""
    data = dataset_of(subject)
    if isinstance(data, LightningDataModule):
        raise DoesNotApply("a LightningDataModule makes its own batches, in its own order")
    module = _Loading(data, {"batch_size": BATCH_SIZE, "workers": workers}, seed=SEED)
    module.splits = {name: getattr(data, name) for name in SPLITS}
    if "train" not in module.names:
        raise DoesNotApply("there is no split 'train'")
    return module


def _at(module: DataModule, moment: _Moment) -> None:
    module.trainer = moment  # type: ignore[assignment]  # it answers what a loader asks a trainer


def _batches(module: DataModule, split: str, epoch: int) -> Iterator[Any]:
    """The first batches of an epoch."""
    _at(module, _Moment(epoch=epoch))
    yield from islice(getattr(module, f"{split}_dataloader")(), BATCHES)


def _rows(loader: Any) -> Iterator[Any]:
    for batch in loader:
        total = count(batch)
        for index in range(total):
            yield take(batch, slice(index, index + 1), total)


def _digest(row: Any) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for at, leaf in leaves(row):
        digest.update(at.encode())
        digest.update(leaf.cpu().numpy().tobytes() if isinstance(leaf, Tensor) else repr(leaf).encode())
    return digest.digest()
