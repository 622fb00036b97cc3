"""Runs: begin one, go on with one, test one, hold results against what recipes expect. Imports Lightning."""

from toolkit.runs.deep import DeepReport, deep
from toolkit.runs.errors import Interrupted, RunFailed, Terminated
from toolkit.runs.export import Exported, export
from toolkit.runs.fetch import fetch
from toolkit.runs.predict import Predicted, predict
from toolkit.runs.prompt import predict_prompts
from toolkit.runs.result import RunResult
from toolkit.runs.results import Row, results_table, write_results
from toolkit.runs.resume import resume
from toolkit.runs.retest import Retested, retest
from toolkit.runs.start import run
from toolkit.runs.users import predict_users
from toolkit.runs.verify import differences, raise_differences, verify

__all__ = [
    "DeepReport",
    "Exported",
    "Interrupted",
    "Predicted",
    "Retested",
    "Row",
    "RunFailed",
    "RunResult",
    "Terminated",
    "deep",
    "differences",
    "export",
    "fetch",
    "predict",
    "predict_prompts",
    "predict_users",
    "raise_differences",
    "results_table",
    "resume",
    "retest",
    "run",
    "verify",
    "write_results",
]
