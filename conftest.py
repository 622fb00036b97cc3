"""What holds for the tests of the core, the plugins and the examples alike.

Each begins with the environment, the path, the folder and the random numbers that the first of the session had, so that
none depends on which others ran before it in the same process. Which tests are long proofs, left to `make verify`; and
which files `make test` begins with. Processes that need not import torch once more.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import hypothesis
import pytest

# Before torch is imported, here and in the processes that tests start. One thread each: sums of several threads differ
# in the last bit, and `make test` has a process for every core. Where a test asks for more, they spin for milliseconds
# when they wait; two programs on two cores are then several times slower.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

# What a terminal, git, a job of SLURM or torchrun says to whoever runs the tests is not meant for what runs in them.
THEIRS = (
    *("SLURM_", "TORCHELASTIC_", "RANK", "WORLD_SIZE", "LOCAL_", "MASTER_", "GROUP_", "NODE_RANK", "PL_", "WANDB_"),
    *("TOOLKIT_RUNS", "TOOLKIT_PLUGINS", "GIT_", "COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR"),
)
for name in [name for name in os.environ if name.startswith(THEIRS)]:
    del os.environ[name]
os.environ["GIT_CONFIG_GLOBAL"] = os.devnull

# Nor is what they have downloaded and gathered; all processes of a session share a cache of its own.
if "PYTEST_XDIST_WORKER" not in os.environ:
    CACHE = tempfile.TemporaryDirectory(prefix="toolkit-cache-")
    os.environ["TOOLKIT_CACHE"] = CACHE.name

# A proxy reaches no server of a test.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"

# The same examples each time, and no time limit for one: a machine may be slow.
hypothesis.settings.load_profile("ci")

ENVIRONMENT = dict(os.environ)
"""As it is before any test."""
ROOT = Path(__file__).parent
FORKS = ROOT / "tests" / "forks.py"

LONG_CHECKS = (
    "works_under_torch_compile",
    "runs_under_two_process_ddp",
    "workers_zero_and_two_agree",
    "distributed_sum_equals_single_process",
    "imports_within_the_time_budget",
    "works_without_every_other_plugin",
)
"""Checks of the plugin contract that start processes or compile. The bad plugin in tests/testing goes through them in
every run."""
LONG_CASES = {
    "examples/plugins/example-segmentation/": (
        *("model-smp_deeplabv3plus", "model-smp_fpn", "model-smp_linknet", "model-smp_manet"),
        *("model-smp_segformer", "model-smp_unetplusplus"),
    ),
    "tests/testing/test_core.py": ("metric-",),
    "plugins/toolkit-text/": ("dataset-interface_strings", "dataset-language_id", "dataset-movie_sentiment", "task-"),
    "plugins/toolkit-vision/": ("model-torchvision", "task-detection"),
}
"""By the beginning of a test's name, cases that take seconds each: torchmetrics' own, large data and models."""

FIRST = (
    "tests/runs/test_launchers.py",
    "tests/test_recipes.py",
    "tests/engine/test_parity.py",
    "tests/test_benchmarks.py",
    "tests/engine/test_step_graph.py",
    "tests/testing/test_contract.py",
    "tests/test_packaging.py",
    "examples/plugins/example-segmentation/tests/test_contract.py",
    "examples/plugins/example-gan/tests/test_runs.py",
)
"""Files that take the longest: begun last, one would keep a single process busy when the others have ended."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the long proofs `slow`, before what is marked so is left out, and puts the longest files first."""
    for item in items:
        place, found, name = item.nodeid.partition("::test_contract[")
        if not found or not place.endswith(("/test_contract.py", "/test_core.py")):
            continue
        long_cases = [case for start, cases in LONG_CASES.items() if place.startswith(start) for case in cases]
        if name.startswith(tuple(long_cases)) or name.rstrip("]").endswith(LONG_CHECKS):
            item.add_marker(pytest.mark.slow)
    rank = {file: number for number, file in enumerate(FIRST)}
    items.sort(key=lambda item: rank.get(item.nodeid.partition("::")[0], len(FIRST)))


def pytest_collection(session: pytest.Session) -> None:
    """Nothing is collected while all of torch, Lightning and the tests is imported..."""
    gc.disable()


def pytest_collection_finish(session: pytest.Session) -> None:
    """...and what is there by then stays, so that it need not be looked through again and again."""
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def clean_process() -> Iterator[None]:
    """Each test draws the same random numbers; what it leaves in its process is undone."""
    variables, path, folder = dict(os.environ), list(sys.path), os.getcwd()
    random.seed(0)
    if "numpy" in sys.modules:
        import numpy as np

        np.random.seed(0)
    if "torch" in sys.modules:
        import torch

        torch.manual_seed(0)
    yield
    sys.path[:] = path
    os.chdir(folder)
    if "torch" in sys.modules:
        # Lightning leaves it. A process that is forked from this one would take it for its own, and wait for ever.
        import torch.distributed as dist

        if dist.is_available() and dist.is_initialized():
            dist.destroy_process_group()
    for name in os.environ.keys() - variables.keys():
        del os.environ[name]
    for name, value in variables.items():
        if os.environ.get(name) != value and name != "PYTEST_CURRENT_TEST":
            os.environ[name] = value


@dataclass(frozen=True)
class Answer:
    """What a command printed, and the code it ended with."""

    code: int
    out: str
    err: str


@pytest.fixture
def command_line(capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Carries out a command line of the toolkit in this process and in the current folder, as if through a pipe."""
    from toolkit.cli import main

    def call(*arguments: str) -> Answer:
        capsys.readouterr()
        code = main(arguments)
        printed = capsys.readouterr()
        return Answer(code, printed.out, printed.err)

    return call


@pytest.fixture(scope="session")
def forks() -> Iterator[ModuleType]:
    """The module tests/forks.py, and the process that forks."""
    spec = importlib.util.spec_from_file_location("forks", FORKS)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with tempfile.TemporaryDirectory(prefix="toolkit-forks-") as folder:
        module.socket_of_server = f"{folder}/socket"
        command = [sys.executable, str(FORKS), module.socket_of_server]
        # To pipes, which nobody asks where in them he is: a fork writes to a pipe or a file.
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        with subprocess.Popen(command, env=ENVIRONMENT, cwd=ROOT, **pipes) as process:
            assert process.stdout is not None
            said = process.stdout.readline()
            assert said == b"ready\n", said + process.stdout.read()
            yield module
            process.kill()


@pytest.fixture
def forked_ranks(forks: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """The processes that runs of this process start are forks."""
    for name in forks.STARTERS:
        monkeypatch.setattr(importlib.import_module(name), "subprocess", forks.INSTEAD)


@pytest.fixture(scope="session")
def program(forks: ModuleType) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Calls Python with these words in a fork, which may end in any way; what it starts itself are forks too."""

    def call(*words: str | Path, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *map(str, words)]
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            given = {**os.environ, **environment}
            code = forks.Forked(command, cwd=cwd, env=given, stdout=out, stderr=err).wait()
            texts = []
            for file in (out, err):
                file.seek(0)
                texts.append(file.read().decode(errors="replace"))
        return subprocess.CompletedProcess(command, code, *texts)

    return call
