"""Several training steps as one compiled function: forward, backward and the optimizer's step, one after the other.

Nothing is known here of the model, the loss or the optimizer. Gradients are autograd's, inside ``torch.compile``; the
update is what the optimizer's own ``step`` does, recorded once on tensors that hold no numbers. Imports torch, and no
Lightning.
"""

from __future__ import annotations

import functools
import inspect
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Literal, NamedTuple, Protocol

import torch
from torch import Tensor
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.utils import get_total_norm
from torch.optim import Optimizer

COMPILER: dict[str, Any] = {
    "backend": "inductor",
    # Else inductor (2.14) computes the momentum of earlier steps again in every later one, so that no two steps share a
    # kernel: twice the time of compiling, and no faster.
    "options": {"realize_opcount_threshold": 1, "realize_reads_threshold": 1},
}
"""What compiles, as `torch.compile` takes it."""
ON_CUDA = {"triton.cudagraphs": True, "deterministic": True}
"""Options there: a CUDA graph, of kernels that are not chosen by measuring them, because a run that goes on in another
process would choose others."""
SMALL = 1e-6
"""What `torch.nn.utils.clip_grad_norm_` adds to the norm."""


class NotRecorded(Exception):
    """An optimizer's step does something that cannot be repeated without it."""


class Computed(Protocol):
    """What a task makes of a training batch."""

    @property
    def loss(self) -> Tensor: ...
    @property
    def outputs(self) -> Tensor: ...
    @property
    def targets(self) -> Tensor: ...


class Block(NamedTuple):
    """What several steps leave for metrics; the first dimension is the step."""

    losses: Tensor
    """``(steps,)``"""
    outputs: Tensor
    """``(steps, batch, ...)``"""
    targets: Tensor
    """``(steps, batch, ...)``"""


class Clipping(NamedTuple):
    """How gradients are clipped before a step: ``norm`` of all together, or ``value`` of each number."""

    limit: float
    algorithm: Literal["norm", "value"]


class WholeSteps:
    """Takes several training steps with one call, and changes parameters, buffers and the optimizer's state in place.

    It is compiled at the first call, for the shapes of that call; others raise.

    Args:
        computed: from a batch to its loss and what metrics need.
        optimizer: has taken a step before, so that its state is there; its learning rates are not looked at.
        clipping: of gradients; None for none.
        context: around ``computed``, such as autocast.

    Raises:
        NotRecorded: the optimizer's step cannot be recorded, or leaves a parameter out.
    """

    def __init__(
        self,
        computed: Callable[[Any], Computed],
        optimizer: Optimizer,
        clipping: Clipping | None,
        context: Callable[[], AbstractContextManager[Any]],
    ) -> None:
        parameters = trained_parameters(optimizer)
        states = [_tensors(optimizer, parameter) for parameter in parameters]
        without = sum(not state for state in states)
        if 0 < without < len(parameters):
            raise NotRecorded(f"{without} of the {len(parameters)} trained tensors got no gradient so far")
        self._held = [*parameters, *(value for state in states for value in state.values())]
        update = _recorded_update(optimizer, parameters, states)
        on_cuda = parameters[0].device.type == "cuda"

        def steps(batches: Sequence[Any], rates: Sequence[Tensor]) -> Block:
            losses, outputs, targets = [], [], []
            for batch, of_groups in zip(batches, rates, strict=True):
                with context():
                    found = computed(batch)
                gradients = torch.autograd.grad(found.loss, parameters)
                with torch.no_grad():
                    update(parameters, _clipped(gradients, clipping), states, list(of_groups.unbind()))
                losses.append(found.loss.detach())
                outputs.append(found.outputs.detach())
                targets.append(found.targets)
            return Block(torch.stack(losses), torch.stack(outputs), torch.stack(targets))

        compiler = dict(COMPILER)
        if on_cuda:
            compiler["options"] = {**compiler.get("options", {}), **ON_CUDA}
            for tensor in self._held:
                torch._dynamo.mark_static_address(tensor)
        # One entry, for this call only: what would compile a second time every few steps raises instead.
        only_once: dict[str, Any] = {"recompile_limit": 1, "isolate_recompiles": True}
        self._steps = torch.compile(steps, fullgraph=True, dynamic=False, **only_once, **compiler)
        self._copies = on_cuda
        self._compiled = False

    def __call__(self, batches: Sequence[Any], rates: Tensor) -> Block:
        """Takes a step with each of the batches.

        Args:
            batches: on the device, all of one shape, as many at every call.
            rates: the learning rates of each step's parameter groups, shape ``(steps, groups)``.

        Returns:
            New tensors.
        """
        if not self._compiled:
            with _autograd_inside():
                found = self._steps(batches, rates.unbind())
            self._compiled = True
        else:
            found = self._steps(batches, rates.unbind())
        # The next replay of a CUDA graph writes where this one has written.
        return Block(*(part.clone() for part in found)) if self._copies else found

    def holds(self, optimizer: Optimizer) -> bool:
        """Whether the optimizer still has the tensors for which this was compiled."""
        parameters = trained_parameters(optimizer)
        tensors = [value for parameter in parameters for value in _tensors(optimizer, parameter).values()]
        now = [*parameters, *tensors]
        return len(now) == len(self._held) and all(one is other for one, other in zip(now, self._held, strict=True))


def trained_parameters(optimizer: Optimizer) -> list[Tensor]:
    """The parameters that an optimizer changes."""
    return [each for group in optimizer.param_groups for each in group["params"] if each.requires_grad]


def why_not_compiled(device: str) -> str | None:
    """Why whole steps cannot be compiled here for a kind of device; None where they can."""
    from torch._dynamo import config

    options = set(torch._inductor.list_options())
    needed = {"recompile_limit", "isolate_recompiles"} <= set(inspect.signature(torch.compile).parameters)
    needed = needed and options.issuperset(COMPILER.get("options", ())) and options.issuperset(ON_CUDA)
    if not (needed and hasattr(torch.compiler, "_is_compiling_flag") and hasattr(config, "trace_autograd_ops")):
        return f"torch {torch.__version__} cannot compile a whole step"
    return _no_compiler() if device == "cpu" and COMPILER["backend"] == "inductor" else None


@functools.cache
def _no_compiler() -> str | None:
    """Asked beforehand, because inductor asks when it has worked for many seconds."""
    from torch._inductor import config
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        get_cpp_compiler()
    except InvalidCxxCompiler:
        tried = " or ".join(name for name in config.cpp.cxx if name)
        return f"there is no C++ compiler {tried}: install g++, or name one in the environment variable CXX"
    return None


@contextmanager
def _autograd_inside() -> Iterator[None]:
    """Lets ``torch.autograd.grad`` be compiled, which torch 2.14 does only when asked."""
    from torch._dynamo import config

    with config.patch(trace_autograd_ops=True):
        yield


def _clipped(gradients: Sequence[Tensor], clipping: Clipping | None) -> list[Tensor]:
    """What torch.nn.utils' functions do to gradients in place."""
    if clipping is None:
        return list(gradients)
    if clipping.algorithm == "value":
        return [gradient.clamp(-clipping.limit, clipping.limit) for gradient in gradients]
    share = (clipping.limit / (get_total_norm(gradients) + SMALL)).clamp(max=1.0)
    return [gradient * share for gradient in gradients]


def _tensors(optimizer: Optimizer, parameter: Tensor) -> dict[str, Tensor]:
    state: dict[str, Any] = optimizer.state.get(parameter, {})
    return {name: value for name, value in state.items() if isinstance(value, Tensor)}


def _recorded_update(
    optimizer: Optimizer, parameters: Sequence[Tensor], states: Sequence[dict[str, Tensor]]
) -> GraphModule:
    """An optimizer's step as a graph that changes its first and third arguments in place.

    It is called with parameters, their gradients, their states by name, and the learning rate of each group.
    """
    step: Any = type(optimizer).step
    while hasattr(step, "__wrapped__"):
        # The wrapper for profiling and hooks, and the one that ends every graph on purpose.
        step = step.__wrapped__
    places = {parameter: number for number, parameter in enumerate(parameters)}

    def update(
        parameters: list[Tensor], gradients: list[Tensor], states: list[dict[str, Tensor]], rates: list[Tensor]
    ) -> None:
        stand_in: Any = object.__new__(type(optimizer))
        vars(stand_in).update(vars(optimizer))
        parameters = [parameter.detach() for parameter in parameters]
        stand_in.param_groups = []
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            own = [parameters[places[each]] for each in group["params"] if each in places]
            # Tensors for what changes, and operations that the compiler can see into: it fuses them itself.
            ways = {"capturable": True, "foreach": True, "fused": False}
            ways = {name: value for name, value in ways.items() if name in group}
            stand_in.param_groups.append({**group, **ways, "params": own, "lr": rate})
        stand_in.state = defaultdict(dict)
        for original, number in places.items():
            parameters[number].grad = gradients[number]
            stand_in.state[parameters[number]] = {**optimizer.state.get(original, {}), **states[number]}
        with torch.no_grad():
            step(stand_in)
        for original, number in places.items():
            before = {**optimizer.state.get(original, {}), **states[number]}
            after = stand_in.state[parameters[number]]
            for name in {**before, **after}:
                if name not in before or after.get(name) is not before[name]:
                    raise NotRecorded(f"{type(optimizer).__name__} changes {name!r} of its state outside tensors")

    rates = [torch.zeros((), device=parameters[0].device) for _ in optimizer.param_groups]
    plain = [parameter.detach() for parameter in parameters]
    gradients = [torch.zeros_like(parameter) for parameter in plain]
    try:
        with _as_compiled():
            return make_fx(update, tracing_mode="fake")(plain, gradients, list(states), rates)
    except NotRecorded:
        raise
    # An optimizer may raise anything when its numbers are not there to look at; nothing has been changed yet.
    except Exception as error:
        why = str(error).strip().partition("\n")[0] or type(error).__name__
        raise NotRecorded(f"the step of {type(optimizer).__name__} cannot be compiled ({why})") from error


@contextmanager
def _as_compiled() -> Iterator[None]:
    """Has optimizers do what they do inside ``torch.compile``: no number is read from a tensor."""
    before = torch.compiler._is_compiling_flag
    torch.compiler._is_compiling_flag = True
    try:
        yield
    finally:
        torch.compiler._is_compiling_flag = before
