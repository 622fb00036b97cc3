"""Samples that cannot be read: the run stops and names them, or goes on without them and lists them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from toolkit.data import BadSample, DataModule, Splits
from toolkit.errors import RequestError


class Files:
    """A map-style dataset some of whose files are broken."""

    def __init__(self, samples: int, broken: set[int]) -> None:
        self.samples = samples
        self.broken = broken

    def __len__(self) -> int:
        return self.samples

    def __getitem__(self, index: int) -> int:
        if index in self.broken:
            raise OSError(5, "cannot read", f"/data/{index}.jpg")
        return index


class WholeBatches(Files):
    """The same, asked for whole batches; returns a list of samples."""

    def __getitems__(self, indices: list[int]) -> Any:
        return [self[index] for index in indices]


class FinishedBatches(Files):
    """The same; returns finished batches."""

    def __getitems__(self, indices: list[int]) -> Any:
        return torch.tensor([self[index] for index in indices])


KINDS = [Files, WholeBatches, FinishedBatches]


def read(kind: Any, broken: set[int], workers: int, on_bad_sample: str) -> tuple[list[list[int]], DataModule]:
    loader = {"batch_size": 4, "workers": workers, "on_bad_sample": on_bad_sample}
    data = DataModule(Splits(val=kind(10, broken)), loader)
    return [batch.tolist() for batch in data.val_dataloader()], data


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("workers", [0, 2])
def test_the_run_stops_with_index_split_and_file(kind: Any, workers: int) -> None:
    with pytest.raises(BadSample) as error:
        read(kind, {6, 7}, workers, "stop")
    assert str(error.value) == (
        "sample 6 of the split 'val' could not be read: OSError: [Errno 5] cannot read: '/data/6.jpg' "
        "(loader.on_bad_sample=skip trains without such samples)"
    )
    if workers:
        [note] = error.value.__notes__
        assert note.startswith("In a worker process of the loader:\nTraceback")
        assert 'raise OSError(5, "cannot read"' in note
    else:
        assert isinstance(error.value.__cause__, OSError)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("workers", [0, 2])
def test_a_sample_is_left_out_and_listed(kind: Any, workers: int, capsys: pytest.CaptureFixture[str]) -> None:
    batches, data = read(kind, {2, 6, 7}, workers, "skip")
    assert batches == [[0, 1, 3], [4, 5], [8, 9]]
    reasons = {index: f"OSError: [Errno 5] cannot read: '/data/{index}.jpg'" for index in (2, 6, 7)}
    listed = [{"index": index, "reason": reason} for index, reason in reasons.items()]
    assert data.left_out.record == {"val": {"count": 3, "first": listed}}
    note = (
        "samples of the split 'val' that cannot be read are left out (loader.on_bad_sample: skip); "
        f"the first is sample 2: {reasons[2]}"
    )
    assert data.notes == [note]
    assert capsys.readouterr().err == f"note: {note}\n"


def test_a_sample_counts_once_and_twenty_are_listed() -> None:
    loader = {"batch_size": 5, "on_bad_sample": "skip"}
    data = DataModule(Splits(train=Files(100, set(range(0, 60, 2)))), loader)
    for _ in range(2):
        list(data.train_dataloader())
    assert data.left_out.record["train"]["count"] == 30
    assert len(data.left_out.record["train"]["first"]) == 20


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_that_lost_all_its_samples_takes_the_next_that_can_be_read(kind: Any) -> None:
    batches, data = read(kind, {4, 5, 6, 7, 8}, 0, "skip")
    assert batches == [[0, 1, 2, 3], [9], [9]]
    assert data.left_out.record["val"]["count"] == 5


def test_a_dataset_of_which_nothing_can_be_read_stops_the_run() -> None:
    with pytest.raises(BadSample, match="none of 13 samples of the split 'val', one after another, could be read"):
        read(Files, set(range(10)), 0, "skip")


def test_what_says_nothing_of_a_sample_stops_the_run_as_it_is() -> None:
    class NoMemory(Files):
        def __getitem__(self, index: int) -> int:
            raise MemoryError

    with pytest.raises(MemoryError):
        read(NoMemory, set(), 0, "skip")
    unfit = DataModule(Splits(val=[torch.zeros(1), torch.zeros(2)], collate=torch.Size), {"on_bad_sample": "skip"})
    with pytest.raises(TypeError, match="torch.Size"):
        list(unfit.val_dataloader())


def test_what_was_left_out_is_kept_in_the_checkpoint() -> None:
    _, data = read(Files, {2, 6}, 0, "skip")
    other = DataModule(Splits(val=Files(10, {2, 7})), {"batch_size": 4, "on_bad_sample": "skip"})
    other.load_state_dict(data.state_dict())
    list(other.val_dataloader())
    assert [one["index"] for one in other.left_out.record["val"]["first"]] == [2, 6, 7]
    assert DataModule(Splits(val=Files(4, set())), {"on_bad_sample": "skip"}).state_dict() == {}


def test_a_stream_cannot_go_on_after_an_exception() -> None:
    class Stream:
        def __iter__(self) -> Iterator[int]:
            return iter(range(3))

    with pytest.raises(RequestError, match="loader.on_bad_sample: the split 'val' is a stream"):
        DataModule(Splits(val=Stream()), {"on_bad_sample": "skip"})
