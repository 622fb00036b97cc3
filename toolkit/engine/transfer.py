"""A batch on its way to the device, as Lightning takes it there. Imports torch and Lightning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.core.hooks import DataHooks
from pytorch_lightning.plugins.precision import DoublePrecision, HalfPrecision


class Transfer:
    """The hooks that the task or its data have for this, looked up once for an epoch."""

    def __init__(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        precision = trainer.precision_plugin
        self._trainer = trainer
        self._module = module
        self._device = module.device
        self._convert = precision.convert_input if isinstance(precision, (HalfPrecision, DoublePrecision)) else None
        self._before = self._hook("on_before_batch_transfer")
        self._transfer = self._hook("transfer_batch_to_device")
        self._after = self._hook("on_after_batch_transfer")

    def __call__(self, batch: Any) -> Any:
        if self._convert is not None:
            batch = self._convert(batch)
        if self._before is not None:
            batch = self._before(batch, 0)
        if self._transfer is not None:
            batch = self._transfer(batch, self._device, 0)
        elif self._device.type != "cpu":
            batch = self._module.transfer_batch_to_device(batch, self._device, 0)
        return batch if self._after is None else self._after(batch, 0)

    def _hook(self, name: str) -> Callable[..., Any] | None:
        """The hook of the task or of its data, or None where neither has one."""
        selector = self._trainer._data_connector._datahook_selector
        assert selector is not None
        instance = selector.get_instance(name)
        found: Callable[..., Any] = getattr(instance, name)
        return None if getattr(found, "__func__", found) is getattr(DataHooks, name) else found
