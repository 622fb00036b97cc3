"""The task of training a generator against a discriminator. Imports torch, torchmetrics and Lightning."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer
from torchmetrics import Metric

from example_gan.pictures import sheet

EVALUATED = ("val", "test")
ROWS = 8
"""So many samples of each class are drawn."""
EVALUATION_SEED = 20_140_610
"""Every evaluation draws the same noise, so that two of them differ by the weights alone."""


class Gan(LightningModule):
    """A conditional GAN (Goodfellow et al., 2014; Mirza and Osindero, 2014).

    In every step first the discriminator learns to tell images of the batch from samples of the same classes, then the
    generator learns to make samples that it takes for images. With `loss: bce_with_logits` that is the non-saturating
    loss of Goodfellow et al., with `loss: mse` LSGAN's. The discriminator's slope at real images is held down by R1
    (Mescheder, Geiger and Nowozin, 2018).

    Batches are `(images, labels)`: images `(batch, channels, height, width)`, uint8 or floats from 0 to 1, and class
    numbers `(batch,)`. Metrics get samples, as many and of the same classes as the batch has, the batch's images, and
    the classes: `update(samples, images, labels)`.

    It logs `train/generator_loss` and `train/discriminator_loss`, the means of an epoch, and `val/<metric>` and
    `test/<metric>`. After a validation and a test `pictures` holds `samples`: a column for every class.

    The optimizer of the recipe is made twice, for `model.generator` and `model.discriminator`; `optimizer.groups` can
    tell them apart. Lightning counts a step of each: `trainer.max_steps: 1000` are 500 batches.

    Args:
        model: with the parts `generator`, which has `noise_size` and `num_classes`, and `discriminator`.
        loss: of logits `(batch,)` and ones or zeros `(batch,)`; returns the mean.
        optimizer: from a module to an optimizer over its parameters; not needed to evaluate.
        metrics: torchmetrics by label.
        penalty: how much R1 counts: half of it times the squared slope.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Callable[[Tensor, Tensor], Tensor],
        optimizer: Callable[[nn.Module], Optimizer] | None = None,
        metrics: Mapping[str, Metric] | None = None,
        penalty: float = 1.0,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.model = model
        self.loss = loss
        self.make_optimizer = optimizer
        self.penalty = penalty
        self.metrics = nn.ModuleDict(
            {f"{split}/{label}": metric.clone() for split in EVALUATED for label, metric in (metrics or {}).items()}
        )
        self.pictures: dict[str, Tensor] = {}
        self._noise = torch.Generator()

    @staticmethod
    def logged(metric_labels: Iterable[str]) -> tuple[str, ...]:
        """The names that a task with these metrics logs."""
        names = [f"{split}/{label}" for label in metric_labels for split in EVALUATED]
        return ("train/generator_loss", "train/discriminator_loss", *names)

    def configure_optimizers(self) -> Any:
        """The generator's, then the discriminator's."""
        if self.make_optimizer is None:
            return None
        return [self.make_optimizer(self._part("generator")), self.make_optimizer(self._part("discriminator"))]

    def training_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        images, labels = batch
        real = _as_floats(images)
        generator_steps, discriminator_steps = self._optimizers()
        samples = self.model(self._drawn(len(real)), labels)

        with self.toggled_optimizer(discriminator_steps):
            told = self._discriminator_loss(real, samples.detach(), labels)
            discriminator_steps.zero_grad()
            self.manual_backward(told)
            discriminator_steps.step()

        with self.toggled_optimizer(generator_steps):
            logits = self._part("discriminator")(samples, labels)
            fooled = self._loss(logits, real=True)
            generator_steps.zero_grad()
            self.manual_backward(fooled)
            generator_steps.step()

        losses = {"train/generator_loss": fooled.detach(), "train/discriminator_loss": told.detach()}
        several = self.trainer.world_size > 1
        self.log_dict(losses, on_step=False, on_epoch=True, sync_dist=several, batch_size=len(real))
        # Lightning has no use for it, and the toolkit stops a run in which it is no number any more.
        return {"loss": fooled.detach() + told.detach()}

    def _discriminator_loss(self, real: Tensor, samples: Tensor, labels: Tensor) -> Tensor:
        discriminator = self._part("discriminator")
        real = real.detach().requires_grad_()
        on_real, on_samples = discriminator(real, labels), discriminator(samples, labels)
        loss = self._loss(on_real, real=True) + self._loss(on_samples, real=False)
        (slope,) = torch.autograd.grad(on_real.sum(), real, create_graph=True)
        return loss + self.penalty / 2 * slope.square().flatten(1).sum(1).mean()

    def _loss(self, logits: Tensor, *, real: bool) -> Tensor:
        loss: Tensor | None = self.loss(logits, torch.full_like(logits, float(real)))
        if loss is None:
            raise ValueError("the loss returned None; it returns a tensor with a single number")
        return loss

    def on_validation_epoch_start(self) -> None:
        self._noise.manual_seed(EVALUATION_SEED + self.global_rank)

    def on_test_epoch_start(self) -> None:
        self._noise.manual_seed(EVALUATION_SEED + self.global_rank)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self._evaluate("val", batch)

    def test_step(self, batch: Any, batch_idx: int) -> None:
        self._evaluate("test", batch)

    def _evaluate(self, split: str, batch: Any) -> None:
        images, labels = batch
        samples = self.model(self._drawn(len(labels), self._noise), labels)
        for metric in self._metrics(split).values():
            metric.update(samples, _as_floats(images), labels)

    def on_validation_epoch_end(self) -> None:
        self._evaluated("val")

    def on_test_epoch_end(self) -> None:
        self._evaluated("test")

    def _evaluated(self, split: str) -> None:
        for name, metric in self._metrics(split).items():
            # torchmetrics has brought the processes together already: their mean is the value itself.
            self.log(name, metric.compute(), sync_dist=self.trainer.world_size > 1)
            # They hold every sample, and checkpoints would too.
            metric.reset()
        self.pictures = {"samples": self._samples()}

    def _samples(self) -> Tensor:
        classes: Any = self._part("generator").num_classes
        labels = torch.arange(classes, device=self.device).repeat(ROWS)
        return sheet(self.model(self._drawn(len(labels), self._noise), labels), columns=classes)

    def _drawn(self, samples: int, generator: torch.Generator | None = None) -> Tensor:
        """Noise `(samples, noise_size)`, on the CPU first: the same on every device for one generator."""
        size: Any = self._part("generator").noise_size
        if generator is None:
            return torch.randn(samples, size, device=self.device)
        return torch.randn(samples, size, generator=generator).to(self.device)

    def _part(self, name: str) -> nn.Module:
        return self.model.get_submodule(name)

    def _optimizers(self) -> tuple[Any, Any]:
        optimizers: Any = self.optimizers()
        generator_steps, discriminator_steps = optimizers
        return generator_steps, discriminator_steps

    def _metrics(self, split: str) -> dict[str, Any]:
        return {name: metric for name, metric in self.metrics.items() if name.startswith(f"{split}/")}


def _as_floats(images: Tensor) -> Tensor:
    return images if images.is_floating_point() else images.float() / 255
