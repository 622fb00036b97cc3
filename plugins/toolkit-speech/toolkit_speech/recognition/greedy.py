"""The most probable character of every frame, and what that says. Imports torch."""

from __future__ import annotations

import torch
from torch import Tensor

BLANK = 0
"""The output of CTC that says nothing; the number of no character."""


def greedy(log_probs: Tensor, lengths: Tensor) -> list[list[int]]:
    """Best path decoding ("Connectionist Temporal Classification", Graves et al., 2006): tokens of each utterance.

    Arguments:
        log_probs: `(batch, frames, vocab_size)`.
        lengths: frames of each, `(batch,)`.
    """
    best = log_probs.argmax(2)
    frames = torch.arange(best.shape[1], device=best.device)
    before = torch.nn.functional.pad(best, (1, 0), value=BLANK)[:, :-1]
    said = (best != BLANK) & (best != before) & (frames < lengths[:, None])
    return [tokens[kept].tolist() for tokens, kept in zip(best.cpu(), said.cpu(), strict=True)]
