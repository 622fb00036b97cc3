"""Cases of the core's own components: those of torch, torchmetrics and Lightning that it offers, and its own."""

from toolkit.testing.core.metrics import METRICS
from toolkit.testing.core.others import CALLBACKS, LOGGERS, LOSSES, OPTIMIZERS, PARTS, SCHEDULERS, TASKS

CASES = [*TASKS, *LOSSES, *OPTIMIZERS, *SCHEDULERS, *PARTS, *CALLBACKS, *LOGGERS, *METRICS]
