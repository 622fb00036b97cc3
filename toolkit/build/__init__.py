"""From a checked recipe to live objects; the only place that calls components. Imports torch and Lightning."""

from toolkit.build.construct import BuildError, construct
from toolkit.build.engine_options import apply_engine
from toolkit.build.experiment import Experiment, build, has_split
from toolkit.build.extras import build_callbacks, build_loggers
from toolkit.build.length import RunLength, run_length, samples_of
from toolkit.build.model import weights_of
from toolkit.build.monitor import Monitor
from toolkit.build.optimizer import describe_optimizer
from toolkit.build.rebuilt import Rebuilt, rebuild
from toolkit.build.resolved import Resolved, resolved

__all__ = [
    "BuildError",
    "Experiment",
    "Monitor",
    "Rebuilt",
    "Resolved",
    "RunLength",
    "apply_engine",
    "build",
    "build_callbacks",
    "build_loggers",
    "construct",
    "describe_optimizer",
    "has_split",
    "rebuild",
    "resolved",
    "run_length",
    "samples_of",
    "weights_of",
]
