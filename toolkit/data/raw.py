"""Raw inputs, for predictions: files, folders and standard input, read by what the dataset says of them.

Imports torch when a batch is made, and Lightning never.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol

from toolkit.data.bad import NOT_OF_A_SAMPLE, reason_of
from toolkit.errors import RequestError

STANDARD_INPUT = "-"


AsGiven = Callable[[dict[str, Any]], dict[str, Any]]
"""What is predicted of a sample, told of the input that the sample was made from."""


class Reader(Protocol):
    """How a raw input becomes samples as the model takes them, but for transforms. A shape, not a base class.

    A dataset component has one: ``reader(facts)``, an attribute beside ``stand_in``, makes it from the facts alone, or
    ``reader(facts, run_files)`` from what the run has kept as well, so that the data need not be there. With a method
    ``collate(samples)`` it makes a batch of a list of samples itself; otherwise samples of one shape are stacked.
    """

    @property
    def suffixes(self) -> Collection[str]:
        """What the names of those files end in, lower case, that a folder is searched for: ``{".png", ".jpg"}``."""
        ...

    def read(self, name: str, stream: BinaryIO) -> Iterator[tuple[str, Any] | tuple[str, Any, AsGiven]]:
        """The samples of an input, each with its name: an image is one, a file of text may have one in every line.

        A third part changes the sample's row, where that speaks of the sample as the model takes it, into one that
        speaks of the input as it was given: boxes in the pixels of an image that was scaled.

        Args:
            name: of the input, as it was given; ``-`` for standard input.
            stream: open for reading, at the beginning.

        Raises:
            ValueError: the input cannot be read; the message says why.
        """
        ...


class RawInput(NamedTuple):
    """Something to predict: a file, standard input, or a text that was given itself."""

    name: str
    """As it was given."""
    is_text: bool = False
    """Whether the name is all of it, and no file's."""


class Read(NamedTuple):
    """Samples of a batch."""

    names: list[str]
    inputs: Any
    as_given: list[AsGiven | None]
    """By sample, where its row is to be changed."""


def raw_inputs(given: Sequence[str], suffixes: Collection[str]) -> list[RawInput]:
    """The inputs one by one: folders give the files in them, also further down, in the order of their names.

    Args:
        given: files, folders, and ``-`` for standard input.
        suffixes: of the files that are inputs; a file that is named itself may end in anything.

    Raises:
        RequestError: something is not there, or a folder holds no input. All of that is told at once.
    """
    found, wrong = list[str](), list[str]()
    for text in given:
        path = Path(text)
        if text == STANDARD_INPUT or path.is_file():
            found.append(text)
        elif path.is_dir():
            inside = _inside(path, suffixes)
            found += inside
            if not inside:
                wrong.append(f"{text}: no file in this folder ends in {', '.join(sorted(suffixes))}")
        else:
            wrong.append(f"{text}: there is no such file or folder")
    if wrong:
        raise RequestError("\n".join(wrong))
    return [RawInput(name) for name in found]


def read_batches(
    inputs: Sequence[RawInput], reader: Reader, size: int, failed: Callable[[str, str], None]
) -> Iterator[Read]:
    """Batches of the samples of raw inputs, in their order.

    Args:
        inputs: as `raw_inputs` gives them, or texts. A text of one sample names it.
        reader: of the run's dataset.
        size: samples in a batch, at most; samples of unequal shapes are not in one batch.
        failed: told the name of an input that cannot be read, and why; the others go on.
    """
    collate: Callable[[list[Any]], Any] | None = getattr(reader, "collate", None)
    names, samples, changes = list[str](), list[Any](), list[AsGiven | None]()
    for name, sample, *change in chain.from_iterable(_samples(each, reader, failed) for each in inputs):
        if samples and (len(samples) == size or (collate is None and _shape(sample) != _shape(samples[0]))):
            yield Read(names, _together(samples, collate), changes)
            names, samples, changes = [], [], []
        names.append(name)
        samples.append(sample)
        changes.append(change[0] if change else None)
    if samples:
        yield Read(names, _together(samples, collate), changes)


def _inside(folder: Path, suffixes: Collection[str]) -> list[str]:
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in suffixes)
    hidden = (any(part.startswith(".") for part in path.relative_to(folder).parts) for path in paths)
    return [str(path) for path, is_hidden in zip(paths, hidden, strict=True) if not is_hidden and path.is_file()]


def _samples(
    given: RawInput, reader: Reader, failed: Callable[[str, str], None]
) -> Iterator[tuple[str, Any] | tuple[str, Any, AsGiven]]:
    try:
        with _opened(given) as stream:
            if not given.is_text:
                yield from reader.read(given.name, stream)
                return
            samples = list(reader.read(given.name, stream))
            yield from ((given.name, *samples[0][1:]),) if len(samples) == 1 else samples
    except NOT_OF_A_SAMPLE:
        raise
    except Exception as error:
        failed(given.name, str(error) if isinstance(error, ValueError) and str(error) else reason_of(error))


def _opened(given: RawInput) -> AbstractContextManager[BinaryIO]:
    if given.is_text:
        return io.BytesIO(given.name.encode())
    return nullcontext(sys.stdin.buffer) if given.name == STANDARD_INPUT else open(given.name, "rb")


def _shape(sample: Any) -> Any:
    if hasattr(sample, "shape"):
        return tuple(sample.shape)
    if isinstance(sample, dict):
        return {key: _shape(value) for key, value in sample.items()}
    if isinstance(sample, (tuple, list)):
        return [_shape(value) for value in sample]
    return type(sample)


def _together(samples: list[Any], collate: Callable[[list[Any]], Any] | None) -> Any:
    if collate is not None:
        return collate(samples)
    from torch.utils.data import default_collate

    return default_collate(samples)
