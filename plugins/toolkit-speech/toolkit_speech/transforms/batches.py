"""Takes a batch apart into waveforms and the rest, and draws for each. Imports torch, nothing of the toolkit.

A batch is ``((waveforms, lengths), targets)``: floats ``(batch, samples)`` with zeros behind the end of each, int64
``(batch,)``, and anything.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from toolkit_speech.features.masking import inside

Heard = tuple[Tensor, Tensor]


def heard_in(batch: Any) -> Heard:
    """The waveforms of a batch and their lengths.

    Raises:
        ValueError: the batch holds none.
    """
    inputs = batch[0] if isinstance(batch, (tuple, list)) and len(batch) == 2 else None
    if (
        not isinstance(inputs, (tuple, list))
        or len(inputs) != 2
        or not all(isinstance(part, Tensor) for part in inputs)
    ):
        raise ValueError(
            f"a batch of sounds is a pair ((waveforms, lengths), targets), not a {type(batch).__name__} of other things"
        )
    waveforms, lengths = inputs
    if waveforms.dim() != 2 or not waveforms.is_floating_point() or lengths.shape != waveforms.shape[:1]:
        raise ValueError(
            "waveforms are floats (batch, samples) with lengths (batch,); these have "
            f"{list(waveforms.shape)} in {str(waveforms.dtype).removeprefix('torch.')} and {list(lengths.shape)}"
        )
    return waveforms, lengths


def with_waveforms(batch: Any, waveforms: Tensor, lengths: Tensor) -> Any:
    """The batch with other waveforms in the place of its own, and zeros behind their ends."""
    return (waveforms * inside(lengths, waveforms.shape[1]), lengths), batch[1]


def drawn(like: Tensor, least: float, most: float) -> Tensor:
    """A number for each of a batch, uniform between two, `(batch,)`."""
    return torch.empty(len(like), device=like.device, dtype=like.dtype).uniform_(least, most)


def chosen(like: Tensor, p: float) -> Tensor:
    """Whether something happens to each of a batch, bool `(batch, 1)`."""
    return torch.rand(len(like), 1, device=like.device) < p


def loudness(waveforms: Tensor, lengths: Tensor) -> Tensor:
    """The root mean square of each of a batch, `(batch, 1)`; what is behind the ends is 0."""
    return (waveforms.square().sum(1) / lengths.clamp_min(1)).sqrt()[:, None]
