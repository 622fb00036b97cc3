"""The loss of connectionist temporal classification, with a place for what cannot be aligned. Imports torch."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor
from torch.nn import functional

from toolkit_speech.recognition.greedy import BLANK


class CTCLosses(NamedTuple):
    """Of the utterances of a batch."""

    losses: Tensor
    """Minus the logarithm of the probability of each text, `(batch,)`; 0 where it is not possible."""
    characters: Tensor
    """Of each text, `(batch,)`; 0 where it is not possible."""
    possible: Tensor
    """bool `(batch,)`; False where an utterance has fewer frames than its text needs, or none."""


def ctc_losses(log_probs: Tensor, lengths: Tensor, targets: Tensor) -> CTCLosses:
    """Connectionist temporal classification (Graves et al., 2006).

    A text needs a frame for each character, and one more between two that are the same. Where there are fewer its
    probability is 0 whatever the model says: such an utterance teaches nothing, and one of them would make the loss of
    a whole batch infinite. An empty text is one that can be learnt: all frames are blank.

    Arguments:
        log_probs: `(batch, frames, vocab_size)`.
        lengths: frames of each, `(batch,)`.
        targets: tokens `(batch, longest)`, negative behind the last.
    """
    there = targets >= 0
    characters = there.sum(1)
    repeated = ((targets[:, 1:] == targets[:, :-1]) & there[:, 1:]).sum(1)
    possible = (characters + repeated <= lengths) & (lengths > 0)
    losses = functional.ctc_loss(
        log_probs.transpose(0, 1),
        targets.clamp_min(0),
        lengths.clamp_min(1),
        characters,
        blank=BLANK,
        reduction="none",
        zero_infinity=True,
    )
    return CTCLosses(losses.where(possible, 0.0), characters.where(possible, 0), possible)
