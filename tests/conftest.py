"""What all tests share: plugins forgotten after each, the built distributions, and new environments for them.

A real new environment costs 5 GB and a minute, nearly all of it third-party packages. Those lie once in a folder of
links to the packages of the environment that runs the tests, without the toolkit's own; a new environment is an empty
venv that sees that folder.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
INSTALLED = list(sys.path)
"""Where this environment's packages are, before a test has put plugins of its own on the path."""


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips a test that is marked `gpu` where there is none."""
    if item.get_closest_marker("gpu") is not None:
        import torch

        if not torch.cuda.is_available():
            pytest.skip("there is no GPU")


def run(*command: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command with what the caller's shell says about Python and the toolkit left out."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "TOOLKIT_", "VIRTUAL_ENV", "WANDB_"))
    }
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
    )


def write_plugin(
    site: Path,
    name: str,
    offers: Mapping[str, Mapping[str, str]] | str = "",
    files: Mapping[str, str] | None = None,
    *,
    version: str = "1.0",
    requires: str = "",
) -> Path:
    """Write a distribution's metadata and files as an installer would.

    Args:
        site: the folder for installed packages; it is made where it is missing.
        name: of the distribution.
        offers: by group its entry points, or the text of their file; a group without a dot is one of the toolkit's.
        files: by path below `site` their texts.
        version: of the distribution.
        requires: what it depends on.

    Returns:
        The folder of the metadata.
    """
    metadata = site / f"{name.replace('-', '_')}-{version}.dist-info"
    metadata.mkdir(parents=True)
    if not isinstance(offers, str):
        lines = []
        for group, pairs in offers.items():
            lines += [f"[{group if '.' in group else f'toolkit.{group}'}]", *(f"{k} = {v}" for k, v in pairs.items())]
        offers = "\n".join(lines)
    (metadata / "entry_points.txt").write_text(offers)
    wanted = f"Requires-Dist: {requires}\n" if requires else ""
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{wanted}")
    for path, text in (files or {}).items():
        file = site / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return metadata


@pytest.fixture(scope="session")
def install_plugin() -> Callable[..., Path]:
    """`write_plugin`, which puts a plugin into a folder of packages."""
    return write_plugin


@dataclass(frozen=True)
class Environment:
    """A new virtual environment, and an empty folder to work in."""

    folder: Path
    work: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def packages(self) -> Path:
        """Where what is installed into it goes."""
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return self.folder / "lib" / version / "site-packages"

    def install(self, *what: str | Path) -> None:
        """Install wheels, or what else pip takes, without their dependencies and without a network."""
        command = ["--python", self.python, "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
        done = run(sys.executable, "-m", "pip", "--disable-pip-version-check", *command, *what, cwd=self.work)
        assert done.returncode == 0, done.stderr

    def run(self, command: str | Path, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command that is installed in it, in its empty folder."""
        return run(self.folder / "bin" / command, *arguments, cwd=self.work, **environment)


@pytest.fixture(autouse=True)
def forgotten_plugins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What a test imports from a folder of its own is gone with it: the next test's plugin may have the same name."""
    before = set(sys.modules)
    yield
    temporary = str(tmp_path_factory.getbasetemp())
    for name in set(sys.modules) - before:
        module = sys.modules[name]
        path = getattr(module, "__path__", None)  # of torch.classes it is no list
        places = [getattr(module, "__file__", None), *(path if isinstance(path, list) else [])]
        if any(str(place).startswith(temporary) for place in places):
            del sys.modules[name]
    importlib.invalidate_caches()


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Finds a port that nothing listens on.

    Below those that systems give away: one of them can be taken by anybody until it is used. Beginning at another place
    in each process, because tests run in several.
    """

    def find() -> int:
        first, last = 10_000, 30_000
        for number in range(last - first):
            port = first + (37 * os.getpid() + number) % (last - first)
            with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
                return port
        raise AssertionError("no port is free")

    return find


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs here and in forks draw no pictures, which take five sixths of a small one; tests/tracking looks at them."""
    from toolkit.tracking import plots

    monkeypatch.setenv("UNDRAWN", "1")
    monkeypatch.setattr(plots, "_learning_curve", lambda run: [])
    monkeypatch.setattr(plots, "evaluation_pictures", lambda experiment, folder, prefix="": [])


@pytest.fixture(scope="session")
def signature_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder of this session's processes with what the signatures of all that is installed say."""
    from filelock import FileLock

    from toolkit.registry import Registry
    from toolkit.schema.gather import gather

    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "toolkit-cache"
    with pytest.MonkeyPatch.context() as patch, FileLock(f"{folder}.lock"):
        patch.setenv("TOOLKIT_CACHE", str(folder))
        patch.setattr(sys, "path", list(INSTALLED))
        gather(Registry.scan())
    return folder


@pytest.fixture
def signatures(signature_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it that belongs to this test and to the processes that it starts."""
    folder = tmp_path / "toolkit-cache"
    shutil.copytree(signature_cache, folder)
    monkeypatch.setenv("TOOLKIT_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Path]]:
    """By the name of a first-party distribution its ``sdist``, and its ``wheel`` built from that."""
    built = {}
    projects = {
        "toolkit-core": ROOT,
        **{path.parent.name: path.parent for path in ROOT.glob("plugins/*/pyproject.toml")},
    }
    for name, project in projects.items():
        out = tmp_path_factory.mktemp(name)
        done = run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, project, cwd=out)
        assert done.returncode == 0, done.stdout + done.stderr
        (sdist,) = out.glob("*.tar.gz")
        (wheel,) = out.glob("*.whl")
        built[name] = {"sdist": sdist, "wheel": wheel}
    assert {"toolkit-core", "toolkit-vision"} <= set(built)
    return built


@pytest.fixture(scope="session")
def third_party(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a link to every installed package that is not the toolkit's own."""
    folder = tmp_path_factory.mktemp("third-party")
    torch = importlib.util.find_spec("torch")
    assert torch is not None
    assert torch.origin is not None
    # Two where this environment sees the packages of another one.
    for place in dict.fromkeys([Path(sysconfig.get_path("purelib")), Path(torch.origin).parent.parent]):
        for installed in place.iterdir():
            # A .pth file would have no effect there, and could only lead to the toolkit's own sources.
            left_out = installed.name.startswith(("toolkit", "__pycache__")) or installed.suffix == ".pth"
            if not left_out and not (folder / installed.name).exists():
                (folder / installed.name).symlink_to(installed)
    assert (folder / "torch").exists()
    return folder


@pytest.fixture
def new_environment(third_party: Path, tmp_path: Path) -> Callable[[], Environment]:
    """Makes environments that hold the third-party packages and nothing of the toolkit."""

    def make() -> Environment:
        number = len(list(tmp_path.glob("environment-*")))
        environment = Environment(tmp_path / f"environment-{number}", tmp_path / f"work-{number}")
        environment.work.mkdir()
        done = run(sys.executable, "-m", "venv", "--without-pip", environment.folder, cwd=environment.work)
        assert done.returncode == 0, done.stderr
        (environment.packages / "third-party.pth").write_text(f"{third_party}\n")
        return environment

    return make
