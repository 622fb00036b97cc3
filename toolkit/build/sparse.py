"""Which of torch's optimizers can take the sparse gradients of an embedding. Imports torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from torch import nn
from torch.optim import Optimizer

TAKES_SPARSE = ("SGD", "Adagrad", "SparseAdam")
"""Of torch.optim (2.14), those whose step takes sparse gradients; the last one takes no others."""


def sparse_parameters(module: nn.Module) -> Iterator[nn.Parameter]:
    """The tables whose gradients are sparse: those of `nn.Embedding(sparse=True)`, and of what says so likewise."""
    for part in module.modules():
        if getattr(part, "sparse", False) is True:
            yield from part.parameters(recurse=False)


def refused(optimizer: Optimizer, sparse: Iterable[nn.Parameter]) -> str | None:
    """Why an optimizer cannot take the gradients that it will be given; None where it can, or is not torch's.

    torch says so itself, but in the first step, and of a weight decay in words that do not name it.

    Args:
        optimizer: over all trained parameters.
        sparse: those of them whose gradients are sparse.
    """
    name = type(optimizer).__name__
    tables = {id(parameter) for parameter in sparse}
    if not tables or type(optimizer).__module__.partition(".")[0] != "torch":
        return None
    if name not in TAKES_SPARSE:
        return (
            "cannot take the sparse gradients of an embedding with `sparse: true`; sgd and adagrad can, and "
            "sparse_adam where every trained parameter is such an embedding. Or leave `sparse` out for dense gradients"
        )
    for group in optimizer.param_groups:
        several = [id(parameter) in tables for parameter in group["params"]]
        if name == "SparseAdam" and not all(several):
            return (
                "takes sparse gradients alone, and other parameters than those of embeddings with `sparse: true` are "
                "trained too; sgd and adagrad take both"
            )
        if any(several) and group.get("weight_decay"):
            return f"has no weight_decay ({group['weight_decay']}) for sparse gradients; set it to 0"
    return None
