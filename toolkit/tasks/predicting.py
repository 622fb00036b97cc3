"""What a task needs so that `toolkit predict` can use it: the shape of it. Imports torch for its types only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from torch import Tensor


@runtime_checkable
class Predicts(Protocol):
    """A task that can say something of samples whose targets nobody knows. A shape, not a base class."""

    def unlabelled(self, inputs: Any) -> Any:
        """A batch of these inputs as transforms and `rows` take it, with targets that mean nothing.

        Args:
            inputs: of several samples, as the model takes them but for transforms.
        """
        ...

    def rows(self, batch: Any, facts: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What the model makes of a batch: for each sample plain values by name, the same names for all.

        Args:
            batch: what `unlabelled` gave, on the device, after the transforms.
            facts: what the dataset of the run knew about itself, ``class_names`` among them.
        """
        ...


@runtime_checkable
class Continues(Protocol):
    """A task that can go on with a text."""

    def continued(self, prompts: Sequence[str], facts: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
        """What texts go on with: the number of one among them, and the next piece of it, as soon as there is one.

        Further parameters, each with a plain default, are given on the command line: ``max_tokens=100``.

        Args:
            prompts: the texts to go on with.
            facts: of the run's dataset.
        """
        ...


@runtime_checkable
class Recommends(Protocol):
    """A task that can say what to show to users of its data."""

    def recommended(self, users: Sequence[str], facts: Mapping[str, Any]) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """What to show: the number of a user among them, and plain values by name of one thing to show, best first.

        Further parameters, each with a plain default, are given on the command line: ``top=10``.

        Args:
            users: their names, as the data has them.
            facts: of the run's dataset.
        """
        ...


@runtime_checkable
class Draws(Protocol):
    """A task that can draw what it predicted on the sample."""

    def drawn(self, sample: Tensor, row: Mapping[str, Any], facts: Mapping[str, Any]) -> Tensor:
        """A picture, uint8 ``(3, height, width)``.

        Args:
            sample: one sample's inputs before the transforms, on the CPU.
            row: what `Predicts.rows` gave for it.
            facts: of the run's dataset.
        """
        ...
