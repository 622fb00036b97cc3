"""Random numbers for reading data: seeded for every batch, and the model's own put back. Imports torch and NumPy.

What is random in a dataset (a crop, a flip, noise) must not depend on which process reads a batch, nor on what was read
before: only then do zero and two workers agree, and a run that goes on in the middle of an epoch with one that was
never stopped.
"""

from __future__ import annotations

import ctypes
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.random.mtrand import get_bit_generator, set_bit_generator
from torch.utils.data import get_worker_info

_MT19937_BYTES = 624 * 4 + 4
"""The state of NumPy's MT19937: 624 words and the place among them."""


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Lets Python's, NumPy's and torch's global generators (the CPU's) begin at `seed` inside a `with` block.

    In the main process they are put back afterwards, so that the model's dropout does not notice. In a worker process
    of a DataLoader nobody else draws, and nothing is put back. Measured: 9 us in a worker, 26 us in the main process.
    """
    if get_worker_info() is not None:
        set_bit_generator(_NUMPY.ours)
        _seed(seed)
        yield
        return
    python, cpu, aside = random.getstate(), torch.default_generator.get_state(), _NUMPY.exchange()
    try:
        _seed(seed)
        yield
    finally:
        random.setstate(python)
        torch.default_generator.set_state(cpu)
        _NUMPY.put_back(*aside)


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed & 0xFFFFFFFF)
    # Not torch.manual_seed: it seeds every GPU as well, and what is drawn there is the model's.
    torch.default_generator.manual_seed(seed)


class _NumPy:
    """Puts NumPy's global generator aside and back.

    Copying its state out and in costs 42 and 50 us (NumPy 2.4), once a batch; exchanging the bit generator underneath
    0.5 us. But that forgets the second of two normal numbers, which the old functions keep for the next call. So the
    state is copied only when somebody has drawn since it was last found to keep none, which a look at its memory tells.
    """

    def __init__(self) -> None:
        self.ours = np.random.MT19937(0)
        self._known = b""
        """The memory of the generator that was put back last, if it kept no number."""

    def exchange(self) -> tuple[Any, dict[str, Any] | None]:
        """Puts ours in the place of the global generator; returns what `put_back` needs."""
        theirs = get_bit_generator()
        state = None
        if not self._known or _memory(theirs) != self._known:
            state = np.random.get_state(legacy=False)
            assert isinstance(state, dict)
        set_bit_generator(self.ours)
        return theirs, state

    def put_back(self, theirs: Any, state: dict[str, Any] | None) -> None:
        set_bit_generator(theirs)
        if state is not None:
            keeps_one = bool(state["has_gauss"])
            if keeps_one:
                np.random.set_state(state)
            self._known = b"" if keeps_one else _memory(theirs)


def _memory(generator: Any) -> bytes:
    """What tells whether somebody has drawn; empty for a bit generator other than NumPy's usual one."""
    if type(generator) is not np.random.MT19937:
        return b""
    return ctypes.string_at(generator.ctypes.state_address, _MT19937_BYTES)


_NUMPY = _NumPy()
