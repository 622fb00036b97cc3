"""Which component of a recipe an exception came from, and the one line that says so. Imports no component."""

from __future__ import annotations

import errno
import re
import traceback
from types import FrameType

from toolkit.check import Block, Checked, all_blocks
from toolkit.data import BadSample
from toolkit.engine.memory import out_of_memory
from toolkit.errors import ToolkitError

FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

_IN_WORKER = re.compile(r"Caught (\w+) in DataLoader worker process \d+\.")


def reason_of(error: BaseException, checked: Checked) -> str | None:
    """Why a run failed, in one line, with the full name of the component that raised.

    Args:
        error: what ended the run.
        checked: the run's recipe.

    Returns:
        None where nobody but the toolkit itself can be blamed: a bug of ours.
    """
    if isinstance(error, BadSample) and "dataset" in checked.blocks:
        return f"{checked.blocks['dataset'].component.entry}: {error}"
    if isinstance(error, ToolkitError):
        return str(error)
    full = disk_full(error)
    if full is not None:
        where = f": {full.filename}" if full.filename else ""
        return f"the disk is full ({full.strerror or 'it takes no more'}{where})"
    memory = out_of_memory(error)
    if memory is not None:
        return _too_little(memory, checked)
    worker = _IN_WORKER.match(str(error))
    block = checked.blocks.get("dataset") if worker else block_at_fault(error, checked)
    if worker and block is not None:
        return f"{block.component.entry} raised {str(error).strip().splitlines()[-1]}"
    if block is not None:
        return f"{block.component.entry} raised {type(error).__name__}: {first_line(error)}"
    module = _innermost_module(error)
    if module.partition(".")[0] == "toolkit":
        return None
    return f"{type(error).__name__}: {first_line(error)} (raised in {module or 'Python itself'})"


def _too_little(memory: str, checked: Checked) -> str:
    """What was asked for when there was not enough memory, and what to set."""
    size, precision = checked.loader.get("batch_size"), str(checked.trainer.get("precision", "32-true"))
    smaller = "a smaller loader.batch_size (or auto), and trainer.accumulate_grad_batches to make up for it"
    half = "" if "16" in precision else ", or trainer.precision=bf16-mixed"
    asked = f"loader.batch_size={size}, trainer.precision={precision}"
    return f"out of memory: the run asked for {memory}, with {asked}; set {smaller}{half}"


def disk_full(error: BaseException | None) -> OSError | None:
    """The error of a full disk among an exception and what caused it."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL_DISK:
            return error
        error = error.__cause__ or error.__context__
    return None


def block_at_fault(error: BaseException, checked: Checked) -> Block | None:
    """The component in whose code an exception was raised; the innermost where there are several."""
    blocks = list(all_blocks([checked.blocks, checked.collections]))
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)][::-1]
    own = next((block for frame in frames for block in blocks if _runs(block, frame)), None)
    if own is not None and own.kind != "task":
        return own
    # Every step is the task's; a function or class beside a component says more.
    return next((block for frame in frames for block in blocks if _beside(block, frame)), own)


def _runs(block: Block, frame: FrameType) -> bool:
    """Whether a frame runs a component's own code: a method of its class, or itself."""
    target = block.component.target
    if isinstance(target, type):
        return isinstance(frame.f_locals.get("self"), target)
    return getattr(target, "__code__", None) is frame.f_code


def _beside(block: Block, frame: FrameType) -> bool:
    """Whether a frame runs code of a component's module; not where half of the world's code stands in its package."""
    module = str(getattr(block.component.target, "__module__", ""))
    shared = module.partition(".")[0] in ("torch", "torchmetrics", "pytorch_lightning", "toolkit")
    return not shared and frame.f_globals.get("__name__") == module


def _innermost_module(error: BaseException) -> str:
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return str(frames[-1].f_globals.get("__name__", "")) if frames else ""


def first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].strip() if lines else ""
