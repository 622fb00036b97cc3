"""torchvision's networks as they are made for pretrained weights, without loading any. Imports torch, torchvision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import nn
from torchvision.models import WeightsEnum


class _NoWeights(dict[str, Any]):
    """Stands in the place of a file of weights."""


@contextmanager
def weights_left_out() -> Iterator[None]:
    """Inside, torchvision's functions build what they build for pretrained weights, but download and load none.

    For networks whose weights come from a checkpoint. `weights=None` would not do: where there are weights torchvision
    freezes stages and batch normalisation of a detector, and changes its epsilon (0.29). All its functions end with
    `model.load_state_dict(weights.get_state_dict(...))`; any other loading is left alone.
    """
    get, load = WeightsEnum.get_state_dict, nn.Module.load_state_dict

    def get_nothing(weights: WeightsEnum, *_: Any, **__: Any) -> _NoWeights:
        return _NoWeights()

    def load_something(module: nn.Module, state_dict: Mapping[str, Any], *more: Any, **options: Any) -> Any:
        return None if isinstance(state_dict, _NoWeights) else load(module, state_dict, *more, **options)

    WeightsEnum.get_state_dict = get_nothing
    nn.Module.load_state_dict = load_something  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        WeightsEnum.get_state_dict, nn.Module.load_state_dict = get, load  # type: ignore[method-assign]
