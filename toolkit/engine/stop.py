"""SIGTERM during a training: remembered, and acted upon between two batches. Imports Lightning.

Lightning's own handler broadcasts to the other processes from inside the signal, wherever each of them stands, and its
loops then raise in each process by itself (2.6.6): several processes hang. Here the signal only leaves a mark, and the
training loop asks for it where all processes meet (`toolkit.engine.fast_loop`).
"""

from __future__ import annotations

from types import FrameType

import pytorch_lightning as pl
from pytorch_lightning.trainer.connectors.signal_connector import _SignalConnector


class StopSignals(_SignalConnector):
    """Takes the place of Lightning's handlers, whose own mark, ``received_sigterm``, then never is set."""

    asked = False
    """Whether somebody has asked this process to end its training."""

    def register_signal_handlers(self) -> None:
        self.asked = False
        super().register_signal_handlers()

    def _sigterm_notifier_fn(self, signum: int, _: FrameType | None) -> None:
        self.asked = True


def stop_asked(trainer: pl.Trainer) -> bool:
    """Whether the trainer has heard a SIGTERM, and will end the training at the next good moment."""
    signals = trainer._signal_connector
    return signals.asked if isinstance(signals, StopSignals) else trainer.received_sigterm
