"""What is global in a Python process and a component may not change: looked at, and put back. Imports torch, NumPy."""

from __future__ import annotations

import locale
import logging
import os
import random
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch

from toolkit.engine.rng import rng_state, set_rng_state


class _Setting(NamedTuple):
    what: str
    read: Callable[[], Any]
    write: Callable[[Any], object]
    told: bool = True
    """Whether a change is the component's: what libraries change when they are imported is only put back."""


def _write_environment(before: dict[str, str]) -> None:
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)


def _write_signals(before: dict[int, Any]) -> None:
    for number, handler in before.items():
        if handler is not None:
            signal.signal(number, handler)


def _write_root(before: tuple[int, list[Any], int]) -> None:
    logging.root.setLevel(before[0])
    logging.root.handlers[:] = before[1]
    logging.disable(before[2])


def _write_device(before: torch.device) -> None:
    # To set the CPU, which it is anyway, would make every call that makes a tensor slower.
    torch.set_default_device(None if before.type == "cpu" else before)


def _write_deterministic(before: tuple[bool, bool]) -> None:
    torch.use_deterministic_algorithms(before[0], warn_only=before[1])


def _write_cudnn(before: tuple[bool, bool, bool]) -> None:
    cudnn = torch.backends.cudnn
    cudnn.enabled, cudnn.benchmark, cudnn.deterministic = before


_SETTINGS = (
    _Setting("torch's default dtype", torch.get_default_dtype, torch.set_default_dtype),
    _Setting("torch's default device", torch.get_default_device, _write_device),
    _Setting("torch's number of threads", torch.get_num_threads, torch.set_num_threads),
    _Setting("whether torch records gradients", torch.is_grad_enabled, torch.set_grad_enabled),
    _Setting(
        "torch's choice of deterministic algorithms",
        lambda: (torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()),
        _write_deterministic,
    ),
    _Setting("torch's precision of products", torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    _Setting(
        "a setting of torch.backends.cudnn",
        lambda: tuple(getattr(torch.backends.cudnn, name) for name in ("enabled", "benchmark", "deterministic")),
        _write_cudnn,
    ),
    _Setting("NumPy's handling of errors", np.geterr, lambda before: np.seterr(**before)),
    _Setting("how NumPy prints", np.get_printoptions, lambda before: np.set_printoptions(**before)),
    _Setting("the environment variables", lambda: dict(os.environ), _write_environment),
    _Setting("the working folder", os.getcwd, os.chdir),
    _Setting("sys.path", lambda: list(sys.path), lambda before: sys.path.__setitem__(slice(None), before)),
    _Setting(
        "the filters of warnings",
        lambda: list(warnings.filters),
        lambda before: setattr(warnings, "filters", before),
        told=False,
    ),
    _Setting(
        "the root logger",
        lambda: (logging.root.level, list(logging.root.handlers), logging.root.manager.disable),
        _write_root,
    ),
    _Setting(
        "a handler of signals",
        lambda: {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)},
        _write_signals,
    ),
    _Setting(
        "the locale", lambda: locale.setlocale(locale.LC_ALL), lambda before: locale.setlocale(locale.LC_ALL, before)
    ),
    _Setting("sys.excepthook", lambda: sys.excepthook, lambda before: setattr(sys, "excepthook", before)),
    _Setting("sys.stdout", lambda: sys.stdout, lambda before: setattr(sys, "stdout", before)),
    _Setting("sys.stderr", lambda: sys.stderr, lambda before: setattr(sys, "stderr", before)),
    _Setting("the recursion limit", sys.getrecursionlimit, sys.setrecursionlimit),
)


def settings() -> dict[str, Any]:
    """Every setting by what it is."""
    return {each.what: each.read() for each in _SETTINGS}


def changed(before: dict[str, Any]) -> list[str]:
    """The settings that are others now."""
    return [each.what for each in _SETTINGS if each.told and each.read() != before[each.what]]


@contextmanager
def put_back() -> Iterator[None]:
    """A context after which every setting, and the state of every random generator, is what it was before."""
    before, numbers = settings(), rng_state()
    try:
        yield
    finally:
        for each in _SETTINGS:
            if each.read() != before[each.what]:
                each.write(before[each.what])
        set_rng_state(numbers)


def seed_all(seed: int) -> None:
    """Seed Python's, NumPy's and torch's generators."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def numbers_state() -> dict[str, Any]:
    """The states of the generators of Python, NumPy and torch by name, to be compared."""
    state = rng_state()
    return {"Python's random": state["python"], "NumPy's": state["numpy"], "torch's": state["torch"]}
