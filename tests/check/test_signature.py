"""Which arguments a component takes by name, as `signature_of` reads them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import InitVar, dataclass, field
from typing import Any, Literal

import pytest
import torch
import torchmetrics
from pytorch_lightning import LightningDataModule, Trainer
from torch import nn
from torch.optim.lr_scheduler import MultiStepLR
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score
from torchvision.models import resnet18

from toolkit.check import MISSING, signature_of
from toolkit.registry import BrokenComponent, Registry, load


def names(target: Any) -> list[str]:
    return list(signature_of(target).parameters)


def required(target: Any) -> list[str]:
    return [name for name, parameter in signature_of(target).parameters.items() if parameter.required]


class Base:
    def __init__(self, depth: int, *, width: int = 8, **kwargs: Any) -> None: ...


class Derived(Base):
    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(3, **kwargs)


class Explicit(Base):
    def __init__(self, name: str = "", **kwargs: Any) -> None:
        super().__init__(depth=3, width=1, **kwargs)


class ByName(Base):
    def __init__(self, **kwargs: Any) -> None:
        Base.__init__(self, 3, **kwargs)


class Elsewhere(Base):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(3)
        self.rest = kwargs


class Inherited(Derived):
    pass


class New:
    def __new__(cls, task: str, **kwargs: Any) -> Any: ...


class NewAbove(New):
    def __init__(self, width: int) -> None: ...


class Wrapper:
    def __new__(cls, *args: Any, **kwargs: Any) -> Any: ...

    def __init__(self, width: int) -> None: ...


class Meta(type):
    def __call__(cls, seed: int) -> Any: ...


class Made(metaclass=Meta):
    def __init__(self, other: int) -> None: ...


class NoInit(nn.Module):
    pass


class NoInitData(LightningDataModule):
    pass


@dataclass
class Data:
    width: int
    names: list[str] = field(default_factory=list)
    hidden: int = field(init=False, default=3)
    seed: InitVar[int] = 0


@dataclass
class MoreData(Data):
    depth: int = 1


class Called:
    def __call__(self, width: int) -> None: ...

    @classmethod
    def made(cls, depth: int) -> Called: ...

    @staticmethod
    def plain(height: int) -> None: ...


def function(first: int, /, second: int, *rest: int, third: str = "", **kwargs: Any) -> None: ...


def builder(progress: bool = True, **kwargs: Any) -> Built: ...


class Built:
    def __init__(self, block: str, num_classes: int = 10) -> None: ...


@functools.wraps(function)
def wrapping(*args: Any, **kwargs: Any) -> None: ...


TABLE: list[tuple[Any, list[str]]] = [
    (Base, ["depth", "width"]),
    # what the base takes and the class does not give itself
    (Derived, ["name", "width"]),
    (Explicit, ["name"]),
    (ByName, ["width"]),
    (Elsewhere, []),
    (Inherited, ["name", "width"]),
    # the constructor defined nearest to the class counts, unless it says nothing
    (New, ["task"]),
    (NewAbove, ["width"]),
    (Wrapper, ["width"]),
    (Made, ["seed"]),
    # nn.Module and LightningDataModule show (*args, **kwargs)
    (NoInit, []),
    (NoInitData, []),
    (nn.Module, []),
    (Data, ["width", "names", "seed"]),
    (MoreData, ["width", "names", "seed", "depth"]),
    (function, ["second", "third"]),
    (wrapping, ["second", "third"]),
    (builder, ["progress", "num_classes"]),
    (Called(), ["width"]),
    (Called.made, ["depth"]),
    (Called.plain, ["height"]),
    (functools.partial(Base, 3), ["width"]),
    (functools.partial(function, 1, 2), ["third"]),
    (nn.LSTM, names(nn.GRU)),
    (lambda width=3: width, ["width"]),
]


@pytest.mark.parametrize(("target", "expected"), TABLE, ids=lambda each: getattr(each, "__name__", None))
def test_arguments(target: Any, expected: list[str]) -> None:
    assert names(target) == expected


def test_what_is_required() -> None:
    assert required(Base) == ["depth"]
    assert required(Derived) == ["name"]
    assert required(New) == ["task"]
    assert required(Data) == ["width"]
    assert required(functools.partial(Base, depth=3)) == []
    assert required(builder) == []


def test_a_keyword_of_a_partial_is_its_default() -> None:
    parameter = signature_of(functools.partial(Base, depth=3)).parameters["depth"]
    assert (parameter.annotation, parameter.default, parameter.required) == (int, 3, False)


def test_required_parameters_that_no_recipe_can_give() -> None:
    assert signature_of(function).by_position == ("first",)
    assert signature_of(functools.partial(function, 1)).by_position == ()


def test_what_is_written_in_c_tells_nothing_and_takes_anything() -> None:
    class Table(dict[str, int]):
        pass

    assert signature_of(Table).open
    assert not signature_of(NoInit).open


@pytest.mark.parametrize("target", [3, "text", None, torch])
def test_what_cannot_be_called(target: Any) -> None:
    with pytest.raises(TypeError, match="neither a class nor a function"):
        signature_of(target)


def test_the_result() -> None:
    assert signature_of(builder).result is Built
    assert signature_of(Base).result is Base
    assert signature_of(lambda: None).result is MISSING


def test_hints_are_resolved_one_by_one_where_they_were_written() -> None:
    def one(good: int, bad: NotDefinedAnywhere, also_good: Iterable[int]) -> None: ...  # noqa: F821  # type: ignore[name-defined]

    found = signature_of(one).parameters
    assert found["good"].annotation is int
    assert found["bad"].annotation is MISSING
    assert found["also_good"].annotation == Iterable[int]
    # torch.optim.lr_scheduler imports Iterable for type checkers only
    assert signature_of(MultiStepLR).parameters["milestones"].annotation == Iterable[int]


def test_names_of_the_class_itself() -> None:
    class Net(nn.Module):
        Norm = Literal["batch", "layer"]

        def __init__(self, width: int, scale: float, norm: Norm) -> None: ...

        def float(self) -> Net: ...

    found = signature_of(Net).parameters
    assert found["scale"].annotation is float
    assert found["norm"].annotation == Literal["batch", "layer"]


def test_hints_of_inherited_fields(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    parent = "from __future__ import annotations\nfrom dataclasses import dataclass\nfrom pathlib import Path as P\n"
    (tmp_path / "field_parent.py").write_text(parent + "@dataclass\nclass Parent:\n    root: P\n")
    child = "from dataclasses import dataclass\nfrom field_parent import Parent\n"
    (tmp_path / "field_child.py").write_text(child + "@dataclass\nclass Child(Parent):\n    width: int = 3\n")
    monkeypatch.syspath_prepend(tmp_path)
    child_class = __import__("field_child").Child
    assert signature_of(child_class).parameters["root"].annotation.__name__ == "Path"


def test_a_class_that_says_its_signature_itself() -> None:
    from pydantic import BaseModel

    class Settings(BaseModel):
        width: int
        depth: int = 3

    assert names(Settings) == ["width", "depth"]
    assert required(Settings) == ["width"]


def test_torchmetrics() -> None:
    # Accuracy takes its arguments in __new__, and inherits Metric.__init__(**kwargs)
    accuracy = signature_of(torchmetrics.Accuracy)
    assert required(torchmetrics.Accuracy) == ["task"]
    assert {"num_classes", "top_k", "average", "compute_on_cpu", "sync_on_compute"} <= set(accuracy.parameters)
    assert {"num_classes", "dist_sync_on_step"} <= set(names(MulticlassAccuracy))
    # gives beta=1.0 to its base
    assert "beta" not in names(MulticlassF1Score)
    assert not accuracy.open


def test_torchvision_builders() -> None:
    found = names(resnet18)
    assert {"weights", "progress", "num_classes"} <= set(found)
    assert "layers" not in found


def test_lightning_trainer() -> None:
    # decorated by Lightning
    assert {"max_epochs", "precision", "devices"} <= set(names(Trainer))


def test_every_built_in_says_what_it_takes(registry: Registry) -> None:
    """Each entry of the core can be configured by name; what cannot be imported here says so."""
    seen = 0
    for entry in registry.entries():
        if entry.distribution != "toolkit-core":
            continue
        try:
            signature = signature_of(load(entry).target)
        except BrokenComponent:
            continue
        assert not signature.open, entry
        assert not signature.by_position, entry
        seen += 1
    assert seen > 150


def test_callables_of_any_kind_are_read() -> None:
    annotation = signature_of(takes_callable).parameters["key"].annotation
    assert annotation == Callable[[int], int]


def takes_callable(key: Callable[[int], int]) -> None: ...
