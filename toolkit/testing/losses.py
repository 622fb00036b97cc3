"""What losses promise. Imports torch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from toolkit.testing.check import Broken, DoesNotApply
from toolkit.testing.rows import floats
from toolkit.testing.subject import Subject, made

MASKING = ("ignore_index", "pad_id", "padding_idx")
"""Arguments by which a loss says that it leaves out targets."""


def is_a_finite_scalar_with_gradient(subject: Subject) -> None:
    """The loss of the case's outputs and targets is one finite number, and its gradient reaches the outputs, finite."""
    loss, (outputs, targets) = subject.build(), _pair(subject)
    learnt = _learnt(outputs)
    value = loss(learnt, targets)
    if not isinstance(value, Tensor) or value.dim() != 0:
        raise Broken(f"it returns {_told(value)}; a loss is one number")
    if not torch.isfinite(value):
        raise Broken(f"it is {value.item()}")
    if not value.requires_grad:
        raise Broken("it has no gradient")
    torch.autograd.backward(value)
    gradients = [each.grad for each in floats(learnt)]
    if all(each is None for each in gradients):
        raise Broken("its gradient does not reach the outputs")
    if any(each is not None and not torch.isfinite(each).all() for each in gradients):
        raise Broken("its gradient is not finite")


def is_right_under_masks(subject: Subject) -> None:
    """What is masked has no influence: other outputs in its place change neither the loss nor its gradient, which is 0
    there; and a row that is masked altogether can be left out of the batch."""
    if subject.case.mask is None:
        masking = [name for name in MASKING if name in subject.block.signature.parameters]
        if masking:
            raise Broken(f"it takes {masking[0]}, and the case has no `mask`: True where the targets count")
        raise DoesNotApply("the case has no `mask`: the loss leaves nothing out")
    loss, (outputs, targets), mask = subject.build(), _pair(subject), made(subject.case.mask)
    if not isinstance(outputs, Tensor) or bool(mask.all()):
        raise Broken("this needs outputs in one tensor, and a `mask` that is False somewhere")
    counts = _over(mask, outputs)
    learnt = outputs.detach().clone().requires_grad_()
    value = loss(learnt, targets)
    torch.autograd.backward(value)
    assert learnt.grad is not None
    if bool((learnt.grad[~counts] != 0).any()):
        raise Broken("masked outputs have a gradient")
    others = torch.where(counts, outputs.detach(), outputs.detach().flip(0) + 1.5)
    _equal(loss(others, targets), value, "with other outputs in the masked places")
    rows = mask.flatten(1).any(1) if mask.dim() > 1 else mask
    if not bool(rows.all()):
        _equal(loss(outputs[rows], targets[rows]), value, "without the rows that are masked altogether")


CHECKS = (is_a_finite_scalar_with_gradient, is_right_under_masks)


def _pair(subject: Subject) -> tuple[Any, Any]:
    batch = subject.batch
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        raise Broken("the case's `batch` of a loss is a pair (outputs, targets)")
    return batch[0], batch[1]


def _learnt(outputs: Any) -> Any:
    """Copies of the outputs' tensors of which a gradient is wanted."""
    if isinstance(outputs, Tensor):
        return outputs.detach().clone().requires_grad_() if outputs.is_floating_point() else outputs
    if isinstance(outputs, (tuple, list)):
        return type(outputs)([_learnt(each) for each in outputs])
    if isinstance(outputs, dict):
        return {key: _learnt(each) for key, each in outputs.items()}
    return outputs


def _over(mask: Tensor, outputs: Tensor) -> Tensor:
    """A mask of targets as one of outputs, which may have a dimension of classes, second or last."""
    if mask.dim() == outputs.dim():
        return mask.expand_as(outputs)
    if outputs.shape[: mask.dim()] == mask.shape:
        return mask.view(*mask.shape, *[1] * (outputs.dim() - mask.dim())).expand_as(outputs)
    return mask.unsqueeze(1).expand_as(outputs)


def _equal(value: Tensor, expected: Tensor, when: str) -> None:
    if not torch.allclose(value, expected, rtol=1e-4, atol=1e-6):
        raise Broken(f"{when} it is {value.item():.6g}, not {expected.item():.6g}")


def _told(value: Any) -> str:
    return f"a tensor of {list(value.shape)}" if isinstance(value, Tensor) else repr(value)
