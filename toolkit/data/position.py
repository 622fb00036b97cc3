"""Where in an epoch a loader begins, and what it tells Lightning of that. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolkit.data.order import Order


class Positioned:
    """A loader that begins an epoch at the position which its `Order` tells.

    The position is the trainer's count of batches, which every checkpoint holds, so that such a loader has no state of
    its own. It has the two methods by which Lightning recognises a loader that can go on inside an epoch; of any other
    it warns.
    """

    def __init__(self, order: Order) -> None:
        self.order = order

    def state_dict(self) -> dict[str, Any]:
        """Nothing: see the class."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes what `state_dict` gave."""
