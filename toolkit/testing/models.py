"""What models promise. Imports torch."""

from __future__ import annotations

import inspect
import io
import pickle
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from toolkit.engine.plain import check_plain
from toolkit.testing.check import Broken, DoesNotApply
from toolkit.testing.pair import in_two_processes
from toolkit.testing.rows import ATOL, RTOL, assert_same, count, floats, moved, take, tensors
from toolkit.testing.subject import SEED, Subject


def every_parameter_gets_a_gradient(subject: Subject) -> None:
    """A forward pass in training mode gives every parameter that is to be trained a gradient, of finite numbers."""
    model = subject.build().train()
    trained = {name: each for name, each in model.named_parameters() if each.requires_grad}
    if not trained:
        raise DoesNotApply("it has nothing to train")
    torch.autograd.backward(total(call(model, subject.batch)))
    unused = [name for name, each in trained.items() if each.grad is None]
    if unused:
        raise Broken(f"no gradient reaches {', '.join(unused)}")
    wild = [name for name, each in trained.items() if not torch.isfinite(_dense(each.grad)).all()]
    if wild:
        raise Broken(f"the gradient of {', '.join(wild)} is not finite")


def same_seed_gives_same_weights(subject: Subject) -> None:
    """Two models that are built after the same seed was set have the same weights and buffers."""
    assert_same(subject.build(SEED).state_dict(), subject.build(SEED).state_dict(), "the weights of two models differ")


def state_dict_round_trip(subject: Subject) -> None:
    """The state dict holds tensors and plain values only, loads into a model that was built from another seed, and that
    one then computes the same."""
    first, second = subject.build(SEED).eval(), subject.build(SEED + 1).eval()
    state = first.state_dict()
    check_plain(state)
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    second.load_state_dict(torch.load(file, weights_only=True))
    _assert_computes_the_same(first, second, subject, "after loading the state dict the outputs differ")


def rows_are_independent_in_eval_mode(subject: Subject) -> None:
    """In evaluation mode the outputs of a row do not depend on the rows beside it: a batch gives what its rows give one
    by one."""
    model, batch = subject.build().eval(), subject.batch
    rows = count(batch)
    if rows < 2:
        raise Broken(f"the case's batch has {rows} rows; this needs at least two")
    whole = run(model, batch)
    compared = 0
    for index in range(rows):
        own = slice(index, index + 1)
        alone, inside = run(model, take(batch, own, rows)), take(whole, own, rows)
        compared += len(tensors(inside))
        assert_same(alone, inside, f"row {index} alone gives something else than in its batch", rtol=RTOL, atol=ATOL)
    if not compared:
        raise Broken("the outputs hold no tensor that could be compared")


def works_under_autocast(subject: Subject) -> None:
    """Forward and backward pass under torch.autocast in bfloat16 (on the CPU, and on CUDA where there is one) give
    finite numbers."""
    for device in devices():
        model, batch = subject.build().train().to(device), moved(subject.batch, device)
        try:
            with torch.autocast(device, dtype=torch.bfloat16):
                outputs = call(model, batch)
        except RuntimeError as error:
            if "could not create a primitive" in str(error):
                raise DoesNotApply("oneDNN has no such layer in bfloat16 for this processor") from error
            raise
        if not all(bool(torch.isfinite(each).all()) for each in floats(outputs)):
            raise Broken(f"on {device} the outputs are not finite")
        if any(each.requires_grad for each in model.parameters()):
            torch.autograd.backward(total(outputs))
        wild = [
            name
            for name, each in model.named_parameters()
            if each.grad is not None and not torch.isfinite(_dense(each.grad)).all()
        ]
        if wild:
            raise Broken(f"on {device} the gradient of {', '.join(wild)} is not finite")


def works_under_torch_compile(subject: Subject) -> None:
    """torch.compile captures the model, forward and backward, and it computes the same as without. (With the backend
    `aot_eager`, which captures as every other does, but generates no code: it needs no compiler.)"""
    model, batch = subject.build().eval(), subject.batch
    expected = run(model, batch)
    torch._dynamo.reset()
    try:
        compiled = torch.compile(model, backend="aot_eager")
        outputs = call(compiled, batch)
        assert_same(
            [each.detach() for each in tensors(outputs)],
            tensors(expected),
            "compiled, the outputs differ",
            rtol=RTOL,
            atol=ATOL,
        )
        if any(each.requires_grad for each in floats(outputs)):
            torch.autograd.backward(total(outputs))
    finally:
        torch._dynamo.reset()


def pickles(subject: Subject) -> None:
    """The model can be pickled, as a strategy that starts processes does, and computes the same afterwards."""
    model = subject.build().eval()
    again = pickle.loads(pickle.dumps(model))
    _assert_computes_the_same(model, again, subject, "after pickling the outputs differ")


def moves_between_devices(subject: Subject) -> None:
    """Model.to(device) takes everything along that the forward pass needs: no tensor stays behind, and none is made on
    the CPU. (Shown with the device `meta`, which has shapes and no numbers, and with CUDA where there is one.)"""
    model, batch = subject.build().eval(), subject.batch
    expected = run(model, batch)
    elsewhere = subject.build().eval().to("meta")
    behind = [name for name, tensor in held(elsewhere) if tensor.device.type != "meta"]
    if behind:
        raise Broken(f"{', '.join(behind)} stays on the CPU: register it as a buffer")
    try:
        run(elsewhere, moved(batch, "meta"))
    # What needs numbers (an index, a length) cannot be computed there, and is no mistake.
    except Exception as error:
        if _mixes_devices(error):
            raise Broken(f"the forward pass makes a tensor on the CPU: {str(error).splitlines()[0]}") from error
    for device in devices()[1:]:
        model.to(device)
        on_device = run(model, moved(batch, device))
        wrong = [each for each in tensors(on_device) if each.device.type != device]
        if wrong:
            raise Broken(f"on {device} it returns tensors of {wrong[0].device}")
        model.to("cpu")
        assert_same(run(model, batch), expected, "back on the CPU the outputs differ", rtol=RTOL, atol=ATOL)


def runs_under_two_process_ddp(subject: Subject) -> None:
    """Wrapped in DistributedDataParallel (gloo, two processes on this machine, none of its arguments), two steps of
    training give both processes the same gradients and the same weights."""
    subject.build()  # one that cannot be built is told at once
    in_two_processes("toolkit.testing.pair_jobs:ddp", subject, subject.batch)


CHECKS = (
    every_parameter_gets_a_gradient,
    same_seed_gives_same_weights,
    state_dict_round_trip,
    rows_are_independent_in_eval_mode,
    works_under_autocast,
    works_under_torch_compile,
    pickles,
    moves_between_devices,
    runs_under_two_process_ddp,
)


def call(model: Any, batch: Any) -> Any:
    """The outputs of a model, to which a tuple is several arguments where ``forward`` takes several."""
    if isinstance(batch, tuple):
        forward = getattr(model, "_orig_mod", getattr(model, "module", model)).forward
        parameters = inspect.signature(forward).parameters.values()
        if sum(each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD) for each in parameters) > 1:
            return model(*batch)
    return model(batch)


def run(model: Any, batch: Any) -> Any:
    """The outputs without gradients."""
    with torch.no_grad():
        return call(model, batch)


def total(outputs: Any) -> Tensor:
    """One number that every output has a share in, unlike a sum: that of a softmax is always 1.

    Raises:
        Broken: no output could have a gradient.
    """
    parts = [each for each in floats(outputs) if each.requires_grad]
    if not parts:
        raise Broken("no output of the forward pass has a gradient")
    weights = torch.Generator().manual_seed(0)
    products = [(each.float() * torch.rand(each.shape, generator=weights).to(each.device)).mean() for each in parts]
    return torch.stack(products).sum()


def devices() -> list[str]:
    """The kinds of device to try: the CPU, and CUDA where there is one."""
    return ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def held(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Every tensor that a module holds, with its name, those in plain attributes too."""
    for prefix, part in module.named_modules():
        own = {name: value for name, value in vars(part).items() if name not in _OF_TORCH}
        for name, value in (*part._parameters.items(), *part._buffers.items(), *own.items()):
            yield from ((f"{prefix}.{name}".lstrip("."), each) for each in tensors(value))


_OF_TORCH = frozenset(vars(nn.Module()))
"""The attributes that every module has."""


def _mixes_devices(error: BaseException) -> bool:
    text = str(error)
    return "same device" in text or ("meta" in text and "cpu" in text)


def _dense(gradient: Any) -> Tensor:
    dense: Tensor = gradient.to_dense() if gradient.is_sparse else gradient
    return dense


def _assert_computes_the_same(one: nn.Module, other: nn.Module, subject: Subject, what: str) -> None:
    assert_same(run(one, subject.batch), run(other, subject.batch), what, rtol=RTOL, atol=ATOL)
