"""What loggers promise. Imports torch."""

from __future__ import annotations

from toolkit.testing.check import Broken
from toolkit.testing.subject import Subject
from toolkit.testing.watch import watching

HYPERPARAMETERS = {"model": {"use": "net", "width": 8}, "optimizer": {"use": "sgd", "lr": 0.1}, "seed": 7}
METRICS = ({"train/loss": 1.5, "val/accuracy": 0.25}, {"train/loss": 0.5, "val/accuracy": 0.75})


def records_a_run_below_its_folder(subject: Subject) -> None:
    """Hyperparameters, metrics of several steps, named split/metric, and the end of a run raise nothing, and no file is
    written outside of the folder that the logger was given."""
    (subject.folder / "run").mkdir()
    with watching(subject.folder, subject.folder / "run", subject.folder / "case.yaml") as watch:
        logger = subject.build()
        logger.log_hyperparams(HYPERPARAMETERS)
        for step, metrics in enumerate(METRICS):
            logger.log_metrics(dict(metrics), step=step)
        logger.save()
        logger.finalize("success")
    if watch.files:
        raise Broken(f"it {watch.files[0]}")


def tells_name_and_version(subject: Subject) -> None:
    """`name` and `version` can be asked for before anything is logged, as Lightning does."""
    logger = subject.build()
    for what in ("name", "version"):
        if not isinstance(getattr(logger, what), (str, int, type(None))):
            raise Broken(f"its {what} is {getattr(logger, what)!r}; it is text, a number or None")


CHECKS = (records_a_run_below_its_folder, tells_name_and_version)
