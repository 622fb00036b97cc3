"""A plugin for these tests, installed as an installer would: a metadata folder and modules in a folder of their own.

Its task, dataset and model are toys, so that a recipe can be checked in full without any other plugin.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from toolkit.check import Checked, resolve
from toolkit.recipe import load
from toolkit.registry import CORE, Registry

ENTRY_POINTS = """
[toolkit.tasks]
toy = acme_nets:Toy
free = acme_nets:Free
boastful = acme_nets:Boastful

[toolkit.datasets]
blobs = acme_nets:blobs
module = acme_nets:Blobs
streams = acme_nets:streams

[toolkit.models]
net = acme_nets:Net
frozen = acme_nets:Frozen
positional = acme_nets:positional
number = acme_nets:NUMBER
broken = acme_broken:Net
unused = acme_unused:Net

[toolkit.losses]
weighted = acme_nets:weighted

[toolkit.parts]
block = acme_nets:Block
sink = acme_nets:Sink

[toolkit.callbacks]
watcher = acme_nets:Watcher
writer = acme_nets:Writer
"""

ACME_NETS = '''
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pytorch_lightning import Callback, LightningDataModule, LightningModule
from torch import nn

if TYPE_CHECKING:
    from nowhere import Secret

NUMBER = 7


class Toy(LightningModule):
    metric_domains = ("classification",)

    @staticmethod
    def logged(labels):
        return tuple(f"{split}/{name}" for split in ("train", "val", "test") for name in ("loss", *labels))

    def __init__(self, model, loss, optimizer, scheduler=None, metrics: Mapping[str, Any] | None = None):
        super().__init__()


class Free(LightningModule):
    """Brings its own loss, and says of nothing what it logs."""

    def __init__(self, model, optimizer):
        super().__init__()


class Boastful(LightningModule):
    @staticmethod
    def logged(labels):
        raise KeyError("labels")

    def __init__(self, model, optimizer):
        super().__init__()


def blobs(root: Path | None = None, samples: int = 100, noise: float = 0.1, shapes: Sequence[int] = ()):
    raise AssertionError("checking builds nothing")


class Blobs(LightningDataModule):
    """Without an __init__ of its own, as many are."""


def streams(url: str) -> Blobs:
    raise AssertionError("checking builds nothing")


class Net(nn.Module):
    def __init__(
        self,
        num_classes: int,
        width: int = 32,
        dropout: float = 0.0,
        norm: Literal["batch", "layer"] | None = None,
        kernel: tuple[int, int] = (3, 3),
        backbone: nn.Module | None = None,
        stages: Sequence[nn.Module] = (),
        loss: nn.Module | None = None,
        secret: Secret | None = None,
        residual: bool = False,
    ):
        super().__init__()


class Frozen(nn.Module):
    def __init__(self, freeze: bool = False):
        super().__init__()


def positional(width: int, /, depth: int = 3) -> nn.Module:
    raise AssertionError("checking builds nothing")


class Block(nn.Module):
    def __init__(self, channels: int, in_channels: int):
        super().__init__()


def weighted(weight: float) -> Callable[..., Any]:
    raise AssertionError("checking builds nothing")


class Watcher(Callback):
    def __init__(self, monitor: str, dirpath: str | None = None, every: int = 1):
        super().__init__()


class Writer(Callback):
    def __init__(self, out_path: Path, title: str = "", part: Any = None):
        super().__init__()


class Sink:
    def __init__(self, logdir: str | Path):
        ...
'''

ACME_BROKEN = "import flash_attn_of_nobody\n"


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory, install_plugin: Callable[..., Path]) -> Iterator[Path]:
    """The folder that the plugin is installed in, on ``sys.path`` while a file of tests runs."""
    folder = tmp_path_factory.mktemp("acme")
    files = {"acme_nets.py": ACME_NETS, "acme_broken.py": ACME_BROKEN, "acme_unused.py": "class Net: ...\n"}
    install_plugin(folder, "acme-nets", ENTRY_POINTS, files)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path, str(folder)])
        yield folder
        sys.modules.pop("acme_nets", None)


@pytest.fixture(scope="module")
def registry(acme: Path) -> Registry:
    """The core's components and those of this plugin, whatever else is installed."""
    found = tuple(plugin for plugin in Registry.scan().plugins if plugin.distribution in (CORE, "acme-nets"))
    assert len(found) == 2
    return Registry(found)


RIGHT = """\
task: toy
dataset: blobs
model: {use: net, width: 8}
loss: cross_entropy
optimizer: {use: sgd, lr: 0.1}
metrics: {accuracy: {}}
trainer: {max_epochs: 2}
"""

Check = Callable[..., Checked]


@pytest.fixture
def right() -> str:
    """`RIGHT`, a recipe with nothing wrong."""
    return RIGHT


@pytest.fixture
def checked(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    """Checks the text of a recipe, by default `RIGHT`, with overrides; messages call it ``my.yaml``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))  # a file beside a recipe adds its folder

    def check(overrides: Sequence[str] = (), text: str = RIGHT, *, allow_code: bool = False) -> Checked:
        Path("my.yaml").write_text(text)
        recipe = load("./my.yaml", overrides, registry=registry, allow_code=allow_code, given_in="command line")
        return resolve(recipe, registry)

    return check
