"""Plugins, installed as distributions on the path: one that keeps every promise, and two that break each of them."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

GOOD = {
    "models": {"net": "Net"},
    "parts": {"softplus": "Softplus"},
    "datasets": {"points": "points", "lines": "lines", "stream": "stream", "remote": "remote"},
    "losses": {"masked": "MaskedLoss"},
    "optimizers": {"descent": "Descent"},
    "schedulers": {"halving": "halving"},
    "metrics": {"mean_distance": "MeanDistance"},
    "tasks": {"learning": "Learning"},
    "callbacks": {"steps": "Steps"},
    "transforms": {"mirror": "Mirror"},
    "loggers": {"notebook": "Notebook"},
    "cases": {"good": "CASES"},
}
BAD = {
    "models": {
        "plain": "Plain",
        "undocumented": "Undocumented",
        "by_position": "ByPosition",
        "class_as_default": "ClassAsDefault",
        "writes_a_file": "WritesAFile",
        "opens_a_connection": "OpensAConnection",
        "starts_a_thread": "StartsAThread",
        "seeds": "Seeds",
        "changes_a_setting": "ChangesASetting",
        "sets_the_environment": "SetsTheEnvironment",
        "unused_parameter": "UnusedParameter",
        "own_numbers": "OwnNumbers",
        "hidden_state": "HiddenState",
        "looks_aside": "LooksAside",
        "full_precision_only": "FullPrecisionOnly",
        "otherwise_compiled": "OtherwiseCompiled",
        "lambda_inside": "Lambda",
        "stays_behind": "StaysBehind",
        "makes_on_the_cpu": "MakesOnTheCPU",
        "alone_only": "AloneOnly",
        "no_module": "no_module",
    },
    "datasets": {
        "data": "data",
        "unseeded": "unseeded",
        "forgetful": "forgetful",
        "of_the_worker": "of_the_worker",
        "overlapping": "overlapping",
        "untrue": "untrue",
        "downloads": "downloads",
    },
    "losses": {"each_row": "EachRow", "counts_all": "CountsAll"},
    "optimizers": {"ascent": "Ascent", "keeps_aside": "KeepsAside"},
    "schedulers": {"below_zero": "below_zero", "stateless": "Stateless"},
    "metrics": {"not_summed": "NotSummed", "last_batch": "LastBatch", "unforgetting": "Unforgetting"},
    "tasks": {"misnamed": "Misnamed", "silent": "Silent"},
    "callbacks": {"raises": "Raises", "dated": "Dated"},
    "transforms": {
        "pictures_only": "pictures_only",
        "at_random": "at_random",
        "mirrors_pictures": "mirrors_pictures",
    },
    "loggers": {"elsewhere": "Elsewhere", "nameless": "Nameless"},
    "parts": {"whim": "Whim", "closure": "closure", "forgotten": "forgotten"},
    "cases": {"bad": "CASES"},
}
WORSE = {
    "models": {
        "untold": "untold",
        "written_in_c": "builtins:max",
        "starts_a_process": "StartsAProcess",
        "steep_at_zero": "SteepAtZero",
        "cancels": "Cancels",
        "numbers": "Numbers",
        "dated": "Dated",
        "shrinks": "Shrinks",
    },
    "datasets": {
        "points": "good_plugin:points",
        "draws": "draws",
        "keeps_a_database": "keeps_a_database",
        "evaluated_at_random": "evaluated_at_random",
        "nowhere": "nowhere",
        "claims": "claims",
    },
    "losses": {"infinite": "Infinite", "detached": "Detached", "unmasked": "Unmasked", "glances": "Glances"},
    "optimizers": {"flies": "Flies", "remembers": "Remembers"},
    "schedulers": {"not_a_number": "not_a_number"},
    "metrics": {"wordy": "Wordy"},
    "tasks": {
        "returns_nothing": "ReturnsNothing",
        "learns_nothing": "LearnsNothing",
        "divides": "Divides",
        "fails_inside": "FailsInside",
    },
    "callbacks": {"forgets": "Forgets"},
    "transforms": {"one_row": "one_row", "crops_pictures": "crops_pictures", "mirrors_masks": "mirrors_masks"},
    "loggers": {"unnamed": "Unnamed"},
}


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, install_plugin: Callable[..., Path]) -> Path:
    """A folder with the plugins in it."""
    folder = tmp_path_factory.mktemp("plugins")
    for name, groups in (("good-plugin", GOOD), ("bad-plugin", BAD), ("worse-plugin", WORSE)):
        module = name.replace("-", "_")
        shutil.copy(Path(__file__).parent / "plugins" / f"{module}.py", folder)
        offers = {
            group: {k: v if ":" in v else f"{module}:{v}" for k, v in pairs.items()} for group, pairs in groups.items()
        }
        install_plugin(folder, name, offers)
    return folder


@pytest.fixture(scope="module")
def plugins(site: Path) -> Iterator[Path]:
    """Puts that folder on ``sys.path``, here and in the processes that are started.

    For a module and no longer: the next one in this process may be of other tests, which look at what is installed.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(site), *sys.path])
        patch.setenv("PYTHONPATH", str(site), prepend=os.pathsep)
        yield site
