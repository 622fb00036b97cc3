"""``toolkit check --deep``: builds a recipe and takes one step with two real samples on the CPU. Imports Lightning."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from toolkit.build import BuildError, Experiment, build, build_callbacks, build_loggers
from toolkit.build.stand_in import data_is_absent, stood_in
from toolkit.check import Block, Checked, Signature, all_blocks
from toolkit.check.signature import MISSING
from toolkit.data import data_module
from toolkit.data.bad import LISTED
from toolkit.data.download import no_downloads
from toolkit.data.splits import SPLITS
from toolkit.engine.quiet import quiet_lightning
from toolkit.engine.trainer import make_trainer
from toolkit.errors import RequestError, RunError
from toolkit.registry import Component
from toolkit.runs.blame import reason_of
from toolkit.tasks.tensors import tensors_in
from toolkit.tracking.console import counted

SAMPLES = 2
PRETRAINED = ("weights", "weights_backbone", "pretrained")
"""Parameters by which models of torchvision and timm are told to download weights."""


@dataclass
class DeepReport:
    """What one step has shown."""

    parameters: int
    trained: int
    output_shape: str
    loss: float
    unused: tuple[str, ...]
    """Parameters that are trained but got no gradient."""
    non_finite: tuple[str, ...]
    """What held NaN or infinity: the loss, outputs, gradients of parameters."""
    step_bytes: int
    """Peak memory of the step: weights, gradients, the optimizer's state, and what is kept for the backward pass."""
    samples: int
    """Samples in the step."""
    stand_in: bool
    """Whether the dataset's stand-in was used because its files are not here."""
    bad_samples: tuple[str, ...] = field(default=())
    """The samples that training will leave out (``loader.on_bad_sample: skip``), with their files and what is wrong."""
    notes: tuple[str, ...] = field(default=())

    @property
    def ok(self) -> bool:
        """Whether the recipe can be trained: parameters without a gradient may be meant, numbers that are none not."""
        return not self.non_finite

    def __str__(self) -> str:
        frozen = f", {self.trained:,} of them trained" if self.trained != self.parameters else ""
        lines = [
            f"parameters   {self.parameters:,}{frozen}",
            f"outputs      {self.output_shape}",
            f"loss         {self.loss:.4f}",
            f"unused       {', '.join(self.unused) or 'none'}",
            f"not finite   {', '.join(self.non_finite) or 'none'}",
            f"step         {self.step_bytes / 2**20:,.1f} MiB at its peak with {counted(self.samples, 'sample')}",
        ]
        bad = [f"left out     {text}" for text in _first(self.bad_samples)]
        return "\n".join([*lines, *bad, *(f"note         {note}" for note in self.notes)])


def deep(checked: Checked) -> DeepReport:
    """Build everything that a checked recipe names and take one training step with two samples, on the CPU.

    Where the data is not on this machine, the dataset's ``stand_in(seed)`` takes its place; pretrained weights become
    random ones. So nothing is downloaded, but for a dataset without a stand-in.

    Args:
        checked: a recipe after stage 1, without problems.

    Raises:
        RecipeError: the recipe contradicts the data.
        RequestError: a component could not be constructed.
        RequestError: samples are bad, and the recipe does not leave them out; all are listed.
        RunError: the step failed; the message names the component that raised.
    """
    notes: list[str] = []
    checked = _without_downloads(checked, notes)
    stand_in = getattr(checked.blocks["dataset"].component.target, "stand_in", None)
    try:
        # A check is no place for a download of gigabytes, where a stand-in will do.
        here = checked if stand_in is None else _with_data_of_this_machine(checked)
        experiment = build(here, untrained=True)
    except BuildError as error:
        if stand_in is None or not data_is_absent(error):
            raise
        checked = _with_data(checked, stood_in(checked.blocks["dataset"], checked.recipe.get("seed", default=0)))
        experiment = build(checked, untrained=True)
        notes.insert(0, "stand-in data: files not checked")
    with tempfile.TemporaryDirectory() as folder:
        build_callbacks(experiment, {"dirpath": folder})
        build_loggers(experiment, {"save_dir": folder, "name": "check", "version": "check", "id": "check"})
    # Old names of facts; what else there is to know the check has told before.
    notes += [note for note in experiment.notes if note not in checked.notes]
    bad = tuple(_bad_samples(experiment.data))
    if bad and checked.loader.get("on_bad_sample") != "skip":
        listed = "\n".join(_first(bad))
        raise RequestError(
            f"{listed}\n{counted(len(bad), 'bad sample')} in the data; loader.on_bad_sample=skip leaves out those that "
            "cannot be read"
        )
    looks = _Looks()
    try:
        _one_step(experiment, looks)
    except Exception as error:
        reason = reason_of(error, checked)
        if reason is None or isinstance(error, (RequestError, RunError)):
            raise
        raise RunError(f"one step with {counted(SAMPLES, 'sample')} failed: {reason}") from error
    parameters = list(experiment.task.parameters())
    return DeepReport(
        parameters=sum(parameter.numel() for parameter in parameters),
        trained=sum(parameter.numel() for parameter in parameters if parameter.requires_grad),
        output_shape=looks.output_shape,
        loss=looks.loss,
        unused=tuple(looks.unused),
        non_finite=tuple(looks.non_finite),
        step_bytes=looks.bytes,
        samples=looks.samples,
        stand_in=any(note.startswith("stand-in") for note in notes),
        bad_samples=bad,
        notes=tuple(notes),
    )


def _bad_samples(data: Any) -> Iterator[str]:
    """What is wrong with samples, each with its file, as far as splits can tell: those with a method `problems`."""
    for name in SPLITS:
        problems = getattr(getattr(data, name, None), "problems", None)
        if callable(problems):
            yield from (f"{name}: {problem}" for problem in problems())


def _first(listed: Sequence[str]) -> list[str]:
    """The first of many lines, and how many there are besides."""
    more = len(listed) - LISTED
    return [*listed[:LISTED], *([f"and {counted(more, 'other')}"] if more > 0 else [])]


def _one_step(experiment: Experiment, looks: _Looks) -> None:
    model = experiment.model if experiment.model is not None else experiment.task
    handle = model.register_forward_hook(looks.at_outputs)
    options = experiment.checked.trainer
    passed = ("gradient_clip_val", "gradient_clip_algorithm", "deterministic", "inference_mode")
    trainer = make_trainer(
        {
            **{name: options[name] for name in passed if name in options},
            "accelerator": "cpu",
            "devices": 1,
            "max_steps": 1,
            "limit_train_batches": 1,
            "limit_val_batches": 1,
            "limit_test_batches": 1,
            "num_sanity_val_steps": 0,
            "logger": False,
            "callbacks": [looks],
            "enable_checkpointing": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
        }
    )
    try:
        with quiet_lightning(), looks.counting(experiment.task):
            trainer.fit(experiment.task, datamodule=_two_samples(experiment))
            if experiment.has_test:
                trainer.test(experiment.task, datamodule=_two_samples(experiment), verbose=False)
    finally:
        handle.remove()


def _two_samples(experiment: Experiment) -> pl.LightningDataModule:
    """The data in batches of two; a LightningDataModule makes its own batches."""
    bad = {name: value for name, value in experiment.checked.loader.items() if name == "on_bad_sample"}
    loader = {"batch_size": SAMPLES, "workers": 0, **bad}
    return data_module(experiment.data, loader, experiment.transforms, experiment.recipe.get("seed", default=0))


class _Looks(pl.Callback):
    """Watches one step."""

    def __init__(self) -> None:
        super().__init__()
        self.output_shape = ""
        self.loss = float("nan")
        self.unused: list[str] = []
        self.non_finite: list[str] = []
        self.bytes = 0
        self.samples = 0
        self._kept: dict[int, int] = {}
        self._reached: set[str] = set()
        """Parameters that got a gradient in one of the step's backward passes."""

    def at_outputs(self, module: nn.Module, inputs: Any, outputs: Any) -> None:
        if not torch.is_grad_enabled() or self.output_shape:
            return
        self.output_shape = _shapes(outputs)
        self.samples = next((len(tensor) for tensor in tensors_in(inputs) if tensor.dim()), 0)
        if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors_in(outputs) if tensor.is_floating_point()):
            self.non_finite.append("the model's outputs")

    def counting(self, task: nn.Module) -> Any:
        """A context in which what autograd keeps for the backward pass is counted, without the weights."""
        weights = {parameter.untyped_storage().data_ptr() for parameter in task.parameters()}

        def keep(tensor: Tensor) -> Tensor:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in weights:
                self._kept[storage.data_ptr()] = storage.nbytes()
            return tensor

        return torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor)

    def on_after_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        for name, parameter in pl_module.named_parameters():
            if not parameter.requires_grad:
                continue
            if parameter.grad is None:
                continue
            self._reached.add(name)
            found = f"the gradient of {name}"
            if found not in self.non_finite and not bool(torch.isfinite(parameter.grad).all()):
                self.non_finite.append(found)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
        if isinstance(loss, Tensor):
            self.loss = float(loss.detach())
            if not bool(torch.isfinite(loss)):
                self.non_finite.append("the loss")
        # Not after a backward pass: a task that optimizes by hand may have several in one step, each of a part.
        trained = [name for name, parameter in pl_module.named_parameters() if parameter.requires_grad]
        self.unused = [name for name in trained if name not in self._reached]
        # Added up and not measured: what the process takes on a CPU is mostly not the model's.
        weights = list(pl_module.parameters())
        gradients = [parameter.grad for parameter in weights if parameter.grad is not None]
        state = [tensor for optimizer in trainer.optimizers for tensor in tensors_in(dict(optimizer.state))]
        self.bytes = sum(tensor.nbytes for tensor in (*weights, *gradients, *state)) + sum(self._kept.values())


def _without_downloads(checked: Checked, notes: list[str]) -> Checked:
    """The recipe with random weights in its model."""
    model = checked.blocks.get("model")
    if model is None:
        return checked
    words = {name: value for name, value in model.words.items() if name != "init_from"}
    if words != dict(model.words):
        notes.append("model.init_from was not read: random weights in its place")
    pretrained = [block for block in all_blocks(model) if _asked_for_weights(block)]
    if pretrained:
        names = ", ".join(block.name for block in pretrained)
        notes.append(f"pretrained weights of {names} were not loaded: random ones in their place")
    model = _random(dataclasses.replace(model, words=words))
    return dataclasses.replace(checked, blocks={**checked.blocks, "model": model})


def _random(value: Any) -> Any:
    if isinstance(value, Block):
        arguments = {name: _random(inner) for name, inner in value.arguments.items()}
        arguments |= {name: False if value is True else None for name, value in _asked_for_weights(value).items()}
        return dataclasses.replace(value, arguments=arguments)
    if isinstance(value, Mapping):
        return {key: _random(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_random(inner) for inner in value]
    return value


def _asked_for_weights(block: Block) -> dict[str, Any]:
    """What a block says of pretrained weights, in the recipe or by its defaults."""
    parameters = block.signature.parameters
    said = {name: block.arguments.get(name, parameters[name].default) for name in PRETRAINED if name in parameters}
    return {name: value for name, value in said.items() if value and value is not MISSING}


def _with_data_of_this_machine(checked: Checked) -> Checked:
    """The recipe with a dataset that downloads nothing."""
    block = checked.blocks["dataset"]
    target = block.component.target

    def dataset(*args: Any, **kwargs: Any) -> Any:
        with no_downloads():
            return target(*args, **kwargs)

    block = dataclasses.replace(block, component=Component(block.component.entry, dataset))
    return dataclasses.replace(checked, blocks={**checked.blocks, "dataset": block})


def _with_data(checked: Checked, data: Any) -> Checked:
    """The recipe with a dataset that returns ``data``."""
    block = checked.blocks["dataset"]
    component = Component(block.component.entry, lambda: data)
    block = dataclasses.replace(block, component=component, signature=Signature({}), arguments={})
    return dataclasses.replace(checked, blocks={**checked.blocks, "dataset": block})


def _shapes(outputs: Any) -> str:
    shapes = [str(tuple(tensor.shape)) for tensor in tensors_in(outputs)]
    return ", ".join(shapes) or type(outputs).__name__
