"""The outside ids of users and items, by their numbers. Imports nothing heavy."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

IDS_FILE = "ids.json"
"""The run file."""


@dataclass(frozen=True, eq=False)
class Ids:
    """What users and items are called outside, in the order of their numbers."""

    users: Sequence[str]
    items: Sequence[str]
    titles: Sequence[str] | None = None
    """Of the items; an empty string where one has none. None where the data has no titles."""

    @cached_property
    def user_numbers(self) -> Mapping[str, int]:
        """By id; one that is not there is unknown to the model."""
        return {name: number for number, name in enumerate(self.users)}

    @cached_property
    def item_numbers(self) -> Mapping[str, int]:
        """By id."""
        return {name: number for number, name in enumerate(self.items)}

    def title(self, item: int) -> str:
        """What to show a person: the title, or the id where there is none."""
        return (self.titles[item] if self.titles is not None else "") or self.items[item]

    def to_bytes(self) -> bytes:
        """JSON: `users`, `items`, `titles`."""
        content = {"users": list(self.users), "items": list(self.items), "titles": self.titles and list(self.titles)}
        return json.dumps(content, ensure_ascii=False).encode()

    @classmethod
    def from_files(cls, run_files: Mapping[str, bytes] | None) -> Ids:
        """What a run has kept.

        Raises:
            ValueError: its dataset has no users and items.
        """
        content = (run_files or {}).get(IDS_FILE)
        if content is None:
            raise ValueError(f"the dataset keeps no {IDS_FILE}, which names users and items")
        return cls(**json.loads(content))
