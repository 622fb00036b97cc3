"""What all supervised tasks share: the step, the losses and metrics of the splits, and their names.

Imports torch, torchmetrics and Lightning.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.trainer.states import TrainerFn
from torch import Tensor, nn
from torch.optim import Optimizer
from torchmetrics import Metric

from toolkit.tasks.mean import MeanLoss
from toolkit.tasks.tensors import tensors_in

SPLITS = ("train", "val", "test")

BATCHES_AT_ONCE = 64
"""So many training batches wait until metrics see them together: an update costs about 45 us whatever its size, and
1 when it is one for all of them."""
NUMBERS_AT_ONCE = 2**18
"""Fewer wait when the model's outputs are large: they are kept in memory for that long."""


class Trained(NamedTuple):
    """What metrics need of a training batch."""

    loss: Tensor
    samples: int
    outputs: Tensor
    targets: Tensor


class SupervisedTask(LightningModule):
    """A task whose batches are ``(inputs, targets)``.

    What it logs, by name:

    - ``train/loss``, ``val/loss``, ``test/loss``: the mean over the samples of an epoch, logged at its end.
    - ``train/loss_step``: the loss of one step, logged every ``log_every_n_steps``. It has a name of its own, so that
      ``train/loss`` means one thing in a table, a monitor and ``expect``.
    - ``split/label`` for each metric, at the end of an epoch; ``split/label/key`` for a metric that returns a mapping.
      What is not a single number goes to `non_scalars` instead.

    Inputs in uint8 become floats from 0 to 1 after they have arrived on the device and the transforms are done. The
    loss is computed in at least float32. A loss that is not finite is not looked for here: that would wait for the
    device in every step.

    Args:
        model: called with the inputs of a batch.
        loss: called with the model's outputs and the targets, as `prepared` by the task; returns their mean.
        metrics: torchmetrics by label; every split gets its own copies.
        optimizer: from this module to an optimizer; not needed to evaluate.
        scheduler: from the optimizer and the trainer to Lightning's scheduler configuration.
    """

    metric_domains: ClassVar[tuple[str, ...]] = ()
    """The subpackages of torchmetrics whose metrics this task can feed."""
    measured: ClassVar[tuple[str, ...]] = SPLITS
    """The splits whose batches metrics see; a model that tells only losses in training has nothing for those."""
    in_interior = False
    """True while the engine takes steps after which nothing is logged; see `toolkit.engine.straight.INTERIOR`."""

    def __init__(
        self,
        model: nn.Module,
        loss: Callable[[Tensor, Tensor], Tensor],
        metrics: Mapping[str, Metric] | None = None,
        optimizer: Callable[[nn.Module], Optimizer] | None = None,
        scheduler: Callable[[Optimizer, Trainer], dict[str, Any]] | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.loss = loss
        self.optimizer = optimizer
        self.scheduler = scheduler
        labels = dict(metrics or {})
        # The key has the split in it because ModuleDict refuses the names of its own methods, such as "values".
        self.metrics = nn.ModuleDict(
            {f"{split}/{label}": metric.clone() for split in self.measured for label, metric in labels.items()}
        )
        self.losses = nn.ModuleDict({f"{split}/loss": MeanLoss() for split in SPLITS})
        self._labels = tuple(labels)
        self._waiting: list[Trained] = []
        """Training batches that no metric has seen yet."""
        self.non_scalars: dict[str, Any] = {}
        """By the name of a metric that is not one number (a curve, values per class) its latest value, on the CPU."""

    @staticmethod
    def logged(metric_labels: Iterable[str]) -> tuple[str, ...]:
        """The names that a task with these metrics logs; metrics that return mappings add names below theirs."""
        ends = ("loss", *metric_labels)
        return ("train/loss_step", *(f"{split}/{end}" for split in SPLITS for end in ends))

    def prepared(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """The model's outputs and the targets in the shapes and types that the loss takes."""
        return outputs, targets

    def predicted(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Predictions and targets in the shapes and types that metrics take, from what `prepared` returned."""
        return outputs, targets

    def ranked(self, metric: Metric, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor] | None:
        """What a metric of the train split takes instead where the order of the outputs is all it looks at."""
        return None

    def examined(self, split: str, inputs: Any, predictions: Tensor, targets: Tensor) -> None:
        """Look at a batch of an evaluation, for pictures; ``predictions`` and ``targets`` are those of `predicted`."""

    def forward(self, inputs: Any) -> Any:
        """The model's outputs for the inputs of a batch."""
        return self.model(as_floats(inputs))

    def loss_of(self, batch: Any) -> Tensor:
        """The loss of a training batch; nothing is measured or logged."""
        return self.computed(batch).loss

    def computed(self, batch: Any) -> Trained:
        """The loss of a training batch, and what it was computed from; nothing is measured or logged."""
        inputs, targets = unpacked(batch)
        outputs, wanted = self.prepared(in_full_precision(self.forward(inputs)), targets)
        return Trained(self._loss(outputs, wanted), len(targets), outputs, wanted)

    def keep(self, batch: Trained, batch_idx: int) -> None:
        """Lets metrics see a training batch, sooner or later; its tensors are detached.

        Args:
            batch: what `computed` returned.
            batch_idx: its place in the epoch.
        """
        self._waiting.append(batch)
        if batch_idx == 0:
            self._measure()
            self._trust_targets()
        elif len(self._waiting) == BATCHES_AT_ONCE or len(self._waiting) * batch.outputs.numel() > NUMBERS_AT_ONCE:
            self._measure()

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        loss, samples, outputs, wanted = self.computed(batch)
        self.keep(Trained(loss.detach(), samples, outputs.detach(), wanted), batch_idx)
        if self.in_interior:
            return loss
        trainer: Any = self.trainer  # mypy does not see what Trainer's connectors set, such as log_every_n_steps
        # Asked here and not left to Lightning: a call of `log` that logs nothing costs as much as one that does.
        every = trainer.log_every_n_steps
        if every and ((trainer.global_step + 1) % every == 0 or trainer.should_stop):
            self.log("train/loss_step", loss.detach(), on_step=True, on_epoch=False, prog_bar=True)
        return loss

    def validation_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self._evaluate("val", batch)

    def test_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self._evaluate("test", batch)

    def _evaluate(self, split: str, batch: Any) -> Tensor:
        inputs, targets = unpacked(batch)
        outputs, wanted = self.prepared(in_full_precision(self(inputs)), targets)
        loss = self._loss(outputs, wanted)
        self._of_split(split)[f"{split}/loss"].update(loss, len(targets))
        with torch.no_grad():
            predictions, truth = self.predicted(outputs.detach(), wanted)
            for metric in self._metrics(split):
                metric.update(predictions, truth)
            self.examined(split, inputs, predictions, truth)
        return loss

    def _loss(self, outputs: Tensor, wanted: Tensor) -> Tensor:
        loss: Tensor | None = self.loss(outputs, wanted)
        if loss is None:
            raise ValueError("the loss returned None; it returns a tensor with a single number")
        if loss.dim() != 0:
            raise ValueError(f"the loss has the shape {list(loss.shape)}; a single number is needed: use its mean")
        return loss

    @torch.no_grad()
    def _measure(self) -> None:
        """Give the batches that wait to the train split's loss and metrics, together where a metric allows it."""
        batches, self._waiting = self._waiting, []
        if not batches:
            return
        losses = torch.stack([batch.loss for batch in batches])
        samples = torch.tensor([batch.samples for batch in batches], device=losses.device)
        loss: Any = self.losses["train/loss"]
        loss.update(losses, samples)
        measured = self._metrics("train")
        if not measured:
            return
        together = joined(batches) or batches
        for group, wants in ((together, True), (batches, False)):
            metrics = [metric for metric in measured if counts_samples(metric) is wants]
            for batch in group if metrics else ():
                predicted = functools.cache(functools.partial(self.predicted, batch.outputs, batch.targets))
                for metric in metrics:
                    metric.update(*(self.ranked(metric, batch.outputs, batch.targets) or predicted()))

    def epoch_state(self) -> list[Any]:
        """The batches that no metric has seen yet, for a checkpoint from the middle of an epoch.

        They are not measured before it is saved: which batches are measured together would then depend on when
        checkpoints are saved, and sums would round differently.
        """
        return [list(batch) for batch in self._waiting]

    def load_epoch_state(self, state: list[Any]) -> None:
        """Put back what `epoch_state` gave."""
        self._waiting = [Trained(*batch) for batch in state]
        # The first batch, whose targets are looked at, was in the part before.
        self._trust_targets()

    def _trust_targets(self) -> None:
        """Stop looking at the values of every batch of training targets, now that one has been looked at.

        torchmetrics' classification metrics do it to tell what does not fit, and wait for the device each time (1.9).
        """
        for name, metric in self.metrics.items():
            if name.startswith("train/"):
                parts: Iterable[Any] = metric.modules()
                for part in parts:
                    if hasattr(part, "validate_args"):
                        part.validate_args = False

    def on_train_epoch_start(self) -> None:
        self._waiting = []
        self._reset("train")

    def on_validation_epoch_start(self) -> None:
        self._reset("val")

    def on_test_epoch_start(self) -> None:
        self._reset("test")

    def on_train_epoch_end(self) -> None:
        self._measure()
        self._log_epoch("train")

    def on_validation_epoch_end(self) -> None:
        self._log_epoch("val")
        self.evaluated("val")

    def on_test_epoch_end(self) -> None:
        self._log_epoch("test")
        self.evaluated("test")

    def evaluated(self, split: str) -> None:
        """Make pictures and tables of an evaluation that is over; its metrics are logged."""

    @property
    def is_shown(self) -> bool:
        """Whether the evaluation is one outside a fit, of which pictures are saved."""
        return self.trainer.state.fn in (TrainerFn.TESTING, TrainerFn.VALIDATING)

    def unlabelled(self, inputs: Any) -> Any:
        """A batch of inputs whose targets nobody knows, with 0 for each, for transforms and `rows`."""
        first = next(tensors_in(inputs))
        # Not its `len`, which `torch.export` would take for the size of every batch.
        return inputs, torch.zeros(first.shape[0], dtype=torch.int64, device=first.device)

    def configure_optimizers(self) -> Any:
        """The optimizer, with its scheduler where there is one."""
        if self.optimizer is None:
            return None
        optimizer = self.optimizer(self)
        if self.scheduler is None:
            return optimizer
        return {"optimizer": optimizer, "lr_scheduler": self.scheduler(optimizer, self.trainer)}

    def _of_split(self, split: str) -> dict[str, Any]:
        measured = {name: self.metrics[name] for name in self._names(split)}
        return {f"{split}/loss": self.losses[f"{split}/loss"], **measured}

    def _metrics(self, split: str) -> list[Any]:
        return [self.metrics[name] for name in self._names(split)]

    def _names(self, split: str) -> list[str]:
        return [f"{split}/{label}" for label in self._labels] if split in self.measured else []

    def _reset(self, split: str) -> None:
        for metric in self._of_split(split).values():
            metric.reset()

    def _log_epoch(self, split: str) -> None:
        for name, metric in self._of_split(split).items():
            self._log_value(name, metric.compute())
            # Some keep every prediction, and checkpoints would too.
            metric.reset()

    def _log_value(self, name: str, value: Any) -> None:
        if isinstance(value, Mapping):
            for key, child in value.items():
                self._log_value(f"{name}/{key}", child)
        elif isinstance(value, (int, float)) or (isinstance(value, Tensor) and value.numel() == 1):
            # torchmetrics has brought the processes together already: their mean is the value itself.
            several, shown = self.trainer.world_size > 1, not name.startswith("train")
            self.log(name, value, on_step=False, on_epoch=True, prog_bar=shown, sync_dist=several)
        else:
            self.non_scalars[name] = on_cpu(value)


def joined(batches: Sequence[Trained]) -> list[Trained] | None:
    """Several batches as one, or None where their shapes do not allow it."""
    # Whole shapes first: there are one or two different ones, and a slice of each takes longer than the rest.
    shapes = {(batch.outputs.shape, batch.targets.shape) for batch in batches}
    if len({(outputs[1:], targets[1:]) for outputs, targets in shapes}) > 1:
        return None
    outputs = torch.cat([batch.outputs for batch in batches])
    return [Trained(batches[0].loss, len(outputs), outputs, torch.cat([batch.targets for batch in batches]))]


def counts_samples(metric: Metric) -> bool:
    """Whether two batches given to a metric together mean the same to it as one after the other.

    True for torchmetrics' own metrics of classification and regression; its wrappers, and metrics of others, may do
    something for every update.
    """
    return type(metric).__module__.startswith(("torchmetrics.classification.", "torchmetrics.regression."))


def unpacked(batch: Any) -> tuple[Any, Tensor]:
    """The inputs and targets of a batch.

    Raises:
        ValueError: the batch is something else.
    """
    if isinstance(batch, (tuple, list)) and len(batch) == 2:
        return batch[0], batch[1]
    parts = f" of {len(batch)} parts" if isinstance(batch, (tuple, list)) else ""
    raise ValueError(f"a batch is a pair (inputs, targets), not a {type(batch).__name__}{parts}")


def as_floats(inputs: Any) -> Any:
    """A uint8 tensor as floats from 0 to 1 and a tensor of floats, in the precision of the run; others as they are.

    Of a dict the tensors of floats are taken so, and those of whole numbers, uint8 too, are left: they may be numbers
    of categories.
    """
    if isinstance(inputs, Tensor):
        # The default dtype, because Lightning sets it in a step to the precision of bf16-true and 64-true.
        if inputs.dtype is torch.uint8:
            # In place, in what was made a line before: a second tensor of the batch's size costs a small network a
            # hundredth of its step, in the cache.
            return inputs.to(torch.get_default_dtype()).div_(255)
        if inputs.is_floating_point():
            return inputs.to(torch.get_default_dtype())
    elif isinstance(inputs, dict):
        return {key: as_floats(part) if _is_floating(part) else part for key, part in inputs.items()}
    return inputs


def _is_floating(part: Any) -> bool:
    return isinstance(part, Tensor) and part.is_floating_point()


def in_full_precision(outputs: Any) -> Any:
    """A tensor in half precision as float32; anything else as it is."""
    if isinstance(outputs, Tensor) and outputs.dtype in (torch.float16, torch.bfloat16):
        return outputs.float()
    return outputs


def on_cpu(value: Any) -> Any:
    """The tensors of a value, also inside tuples and lists, on the CPU."""
    if isinstance(value, Tensor):
        return value.detach().cpu()
    if isinstance(value, (tuple, list)):
        return [on_cpu(child) for child in value]
    return value
