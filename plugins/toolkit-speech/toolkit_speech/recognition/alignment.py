"""Which frames say which character of a text: the most probable path of CTC. Imports NumPy and torch."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from torch import Tensor

from toolkit_speech.recognition.greedy import BLANK


class Span(NamedTuple):
    """Frames that say one token: from `begin` to before `end`."""

    begin: int
    end: int


def needed_frames(tokens: Sequence[int]) -> int:
    """Frames that a text takes at least: one for each token, and one more between two that are the same."""
    return len(tokens) + sum(before == after for before, after in itertools.pairwise(tokens))


def aligned(log_probs: Tensor, tokens: Sequence[int]) -> list[Span]:
    """The frames of every token on the most probable path that says them all.

    Arguments:
        log_probs: of one utterance, `(frames, vocab_size)`.
        tokens: what is said, without blanks.

    Raises:
        ValueError: there are too few frames.
    """
    if len(log_probs) < needed_frames(tokens):
        raise ValueError(f"{len(log_probs)} frames cannot say {len(tokens)} tokens: they need {needed_frames(tokens)}")
    if not tokens:
        return []
    # States: a blank, the first token, a blank, the second token, ... a blank.
    states = np.full(2 * len(tokens) + 1, BLANK)
    states[1::2] = tokens
    emitted = log_probs.detach().double().cpu().numpy()[:, states]
    skips = np.zeros(len(states), dtype=bool)
    skips[2:] = (states[2:] != BLANK) & (states[2:] != states[:-2])
    best = np.full(len(states), -np.inf)
    best[:2] = emitted[0, :2]
    came = np.zeros(emitted.shape, dtype=np.int64)
    for frame in range(1, len(emitted)):
        from_one = np.concatenate(([-np.inf], best[:-1]))
        from_two = np.where(skips, np.concatenate(([-np.inf, -np.inf], best[:-2])), -np.inf)
        choices = np.stack((best, from_one, from_two))
        came[frame] = choices.argmax(0)
        best = choices.max(0) + emitted[frame]
    state = len(states) - 1 if best[-1] > best[-2] else len(states) - 2
    path = []
    for frame in range(len(emitted) - 1, -1, -1):
        path.append(state)
        state -= came[frame, state]
    said = np.array(path[::-1])
    spans = []
    for number in range(len(tokens)):
        frames = np.flatnonzero(said == 2 * number + 1)
        spans.append(Span(int(frames[0]), int(frames[-1]) + 1))
    return spans
