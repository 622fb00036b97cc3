"""One step of one optimizer, by the same operations as Lightning's. Imports torch and Lightning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from lightning_fabric.plugins.precision.amp import _optimizer_handles_unscaling
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning.loops.training_epoch_loop import _TrainingEpochLoop
from pytorch_lightning.loops.utilities import _block_parallel_sync_behavior
from pytorch_lightning.plugins.precision import MixedPrecision, Precision
from pytorch_lightning.strategies import DDPStrategy
from pytorch_lightning.utilities.signature_utils import is_param_in_hook_signature
from torch import Tensor
from torch.optim import Optimizer
from torch.optim import optimizer as torch_optimizer

from toolkit.engine.interior import function_of

_ENGINE: Any = torch.autograd.Variable._execution_engine


class SingleStep:
    """Forward, backward, clipping, the optimizer, and Lightning's counters; what stays the same is looked up once."""

    def __init__(self, loop: _TrainingEpochLoop) -> None:
        trainer: Any = loop.trainer
        module: Any = trainer.lightning_module
        self._loop = loop
        self._trainer = trainer
        self._module = module
        precision = trainer.precision_plugin
        self._takes_index = is_param_in_hook_signature(module.training_step, "batch_idx", min_args=2)
        self._distributed = type(trainer.strategy) is DDPStrategy
        self._context: Callable[[], AbstractContextManager[Any]] = nullcontext
        if type(precision) is not Precision and not self._distributed:
            self._context = precision.train_step_context
        self._plain = type(precision) is Precision and not self._distributed
        self._scaler = precision.scaler if isinstance(precision, MixedPrecision) else None
        self._one = torch.ones(())
        self._kind_of_one = (self._one.dtype, self._one.device)
        self.returned: Any = None
        """What `training_step` returned last."""
        self.look_up()

    def look_up(self) -> None:
        """Look up what a callback may have replaced since the last boundary."""
        trainer = self._trainer
        self._training_step = trainer.strategy.training_step if self._distributed else self._module.training_step
        self._accumulate: int = trainer.accumulate_grad_batches
        self._optimizer: Optimizer = trainer.optimizers[0]
        self._parameters = [each for group in self._optimizer.param_groups for each in group["params"]]
        # A closure means something to optimizers of others; torch's call it once, before all else.
        self._own_closure = not type(self._optimizer).__module__.startswith("torch.optim.")
        self._own_zero_grad = function_of(self._optimizer, "zero_grad") is not Optimizer.zero_grad
        self._step = _bare_step(self._optimizer)

    def take(self, batch: Any, index: int) -> None:
        """Train on batch ``index`` of the epoch; where gradients are accumulated, the optimizer waits for its turn."""
        accumulate, parameters = self._accumulate, self._parameters
        progress = self._loop.automatic_optimization.optim_progress.optimizer
        step = progress.step
        # Lightning types its counters by their base class.
        zero_grad_total, zero_grad_now = vars(progress.zero_grad)["total"], vars(progress.zero_grad)["current"]

        def closure() -> Tensor | None:
            loss = self._loss(batch, index)
            if index % accumulate == 0:
                zero_grad_total.ready += 1
                zero_grad_now.ready += 1
                zero_grad_total.started += 1
                zero_grad_now.started += 1
                if self._own_zero_grad:
                    self._optimizer.zero_grad()
                else:
                    for parameter in parameters:
                        parameter.grad = None
                zero_grad_total.completed += 1
                zero_grad_now.completed += 1
            if loss is not None:
                if accumulate != 1:
                    loss = loss / accumulate
                self._backward(loss if self._scaler is None else self._scaler.scale(loss))
            return loss

        if (index + 1) % accumulate:
            with _block_parallel_sync_behavior(self._trainer.strategy, block=True):
                closure()
            return
        step.total.ready += 1
        step.current.ready += 1
        if self._scaler is not None:
            if closure() is not None:
                if not _optimizer_handles_unscaling(self._optimizer):
                    self._scaler.unscale_(self._optimizer)
                self._clip()
                self._scaler.step(self._optimizer)
                self._scaler.update()
            else:
                self._clip()
        elif self._own_closure:

            def clipped() -> Tensor | None:
                loss = closure()
                self._clip()
                return None if loss is None else loss.detach()

            self._step(closure=torch.enable_grad()(clipped))
        else:
            closure()
            self._clip()
            self._step()
        step.total.completed += 1
        step.current.completed += 1

    def output(self) -> dict[str, Any]:
        """What Lightning makes of what `training_step` returned, for callbacks."""
        returned = self.returned
        if returned is None:
            return {}
        extra = (
            {key: value for key, value in returned.items() if key != "loss"} if isinstance(returned, Mapping) else {}
        )
        loss = returned["loss"] if isinstance(returned, Mapping) else returned
        return {"loss": (loss.detach() / self._accumulate), **extra}

    def _backward(self, loss: Tensor) -> None:
        if loss.dim() != 0:
            torch.autograd.backward(loss)  # which says what is wrong with it
            return
        kind = (loss.dtype, loss.device)
        if kind != self._kind_of_one:
            self._kind_of_one, self._one = kind, torch.ones((), dtype=loss.dtype, device=loss.device)
        # What `loss.backward()` comes to; making and checking the 1 it begins with costs a fifth of it (torch 2.14).
        _ENGINE.run_backward((loss,), (self._one,), False, False, (), allow_unreachable=True, accumulate_grad=True)

    def _loss(self, batch: Any, index: int) -> Tensor | None:
        arguments = (batch, index) if self._takes_index else (batch,)
        if self._plain:
            output = self._training_step(*arguments)
        else:
            with self._context():
                output = self._training_step(*arguments)
        self.returned = output
        if isinstance(output, Tensor):
            return output
        if isinstance(output, Mapping):
            loss = output.get("loss")
            if loss is None:
                raise MisconfigurationException("training_step returned a dict without the key 'loss'")
            assert isinstance(loss, Tensor)
            return loss
        if output is not None:
            raise MisconfigurationException("training_step must return a tensor, a dict with a loss, or None")
        if self._trainer.world_size > 1:
            raise RuntimeError("training_step returned None, which several processes cannot do")
        return None

    def _clip(self) -> None:
        trainer = self._trainer
        if trainer.gradient_clip_val:
            self._module.clip_gradients(self._optimizer, trainer.gradient_clip_val, trainer.gradient_clip_algorithm)


def _bare_step(optimizer: Optimizer) -> Callable[..., Any]:
    """``optimizer.step`` without torch's profiling and hooks around it, where there are none to call."""
    step: Any = type(optimizer).step
    patched = vars(optimizer).get("step")
    hooks = (
        optimizer._optimizer_step_pre_hooks,
        optimizer._optimizer_step_post_hooks,
        torch_optimizer._global_optimizer_pre_hooks,
        torch_optimizer._global_optimizer_post_hooks,
    )
    foreign = patched is not None and not hasattr(patched, "_wrapped_by_lr_sched")
    if any(hooks) or foreign or not hasattr(step, "hooked"):
        return optimizer.step
    if patched is not None:
        # A scheduler wraps the step of its optimizer to see that it was called before the scheduler's own.
        vars(optimizer)["_opt_called"] = True
    bare: Callable[..., Any] = step.__wrapped__.__get__(optimizer)
    return bare
