"""The table of built-in components in the core's pyproject.toml: every line works, and none is missing."""

from __future__ import annotations

import inspect
import pkgutil
import re
import tomllib
import warnings
from importlib import import_module
from importlib.metadata import EntryPoint, distribution
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning.callbacks
import torch
import torch.optim.lr_scheduler
import torchmetrics
from torch import nn

from toolkit.registry import KINDS, Entry, group
from toolkit.registry.packages import PACKAGES, absent_packages

ROOT = Path(__file__).parent.parent
TABLE: dict[str, dict[str, str]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]

NOT_OFFERED_OPTIMIZERS = {"Optimizer": "the base class"}

NOT_OFFERED_SCHEDULERS = {
    "LRScheduler": "the base class",
    "LambdaLR": "needs a Python function; `chain` takes phases",
    "MultiplicativeLR": "needs a Python function; `chain` takes phases",
    "SequentialLR": "needs schedulers that have the optimizer already; `chain` takes phases",
    "ChainedScheduler": "needs schedulers that have the optimizer already; `chain` takes phases",
}

NOT_OFFERED_LOSSES = {
    "AdaptiveLogSoftmaxWithLoss": "holds weights of its own: the last layer of a model, with a tuple as its result",
    "LinearCrossEntropyLoss": "holds weights of its own: the last layer of a model",
    "NLLLoss2d": "torch's old name of NLLLoss",
    "TripletMarginWithDistanceLoss": "is TripletMarginLoss with a Python function",
}

NOT_OFFERED_METRICS = {
    "Metric": "the base class",
    "BaseAggregator": "a base class",
    "RetrievalMetric": "a base class",
    "WrapperMetric": "a base class",
    "CompositionalMetric": "what arithmetic on metrics gives",
    "MetricCollection": "holds metrics; a recipe's `metrics` is the collection",
    "MetricTracker": "holds a metric; a run keeps the history",
    "PermutationInvariantTraining": "needs a Python function",
    **dict.fromkeys(
        (
            "BinaryTargetTransformer",
            "BootStrapper",
            "ClasswiseWrapper",
            "FeatureShare",
            "LambdaInputTransformer",
            "MetricInputTransformer",
            "MinMaxMetric",
            "MultioutputWrapper",
            "MultitaskWrapper",
            "Running",
        ),
        "needs another metric",
    ),
}

NOT_OFFERED_CALLBACKS = {
    "BackboneFinetuning": "needs a task with an attribute `backbone`; ours has `model`",
    "BaseFinetuning": "a base class",
    "BasePredictionWriter": "a base class",
    "BatchSizeFinder": "needs a task or data module with an attribute `batch_size`",
    "Callback": "the base class",
    "Checkpoint": "a base class",
    "GradientAccumulationScheduler": "takes integer keys, which a recipe cannot write; `gradient_accumulation` is ours",
    "LambdaCallback": "needs Python functions",
    "LearningRateFinder": "needs a task with an attribute `lr`",
    "OnExceptionCheckpoint": "every run keeps its last checkpoint",
    "ProgressBar": "a base class",
    "SpikeDetection": "cannot be resumed: its load_state_dict of Lightning 2.6 names an attribute it does not have",
    "ThroughputMonitor": "needs a Python function that tells a batch's size",
}

WRITTEN_DIFFERENTLY = {"MeanIoU": "mean_iou", "SQuAD": "squad"}
"""Metrics whose name in snake_case would be hard to read."""


def offered(kind: str) -> dict[str, str]:
    return TABLE[group(kind)]


def attributes(kind: str, module: str) -> set[str]:
    """Names of what the table offers from ``module`` or below."""
    return {
        value.partition(":")[2]
        for value in offered(kind).values()
        if value.partition(":")[0] == module or value.startswith(module + ".")
    }


def snake_case(name: str) -> str:
    name = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()


def metric_classes() -> dict[str, type]:
    """Every public metric of torchmetrics by class name, those that wait for an extra included."""
    found: dict[str, type] = {}
    for module in pkgutil.walk_packages(torchmetrics.__path__, "torchmetrics."):
        if any(part in ("functional", "utilities") or part.startswith("_") for part in module.name.split(".")):
            continue
        for name, value in vars(import_module(module.name)).items():
            if inspect.isclass(value) and issubclass(value, torchmetrics.Metric) and value.__module__ == module.name:
                found[name] = value
    return {name: value for name, value in found.items() if not name.startswith("_")}


def by_task(name: str, classes: dict[str, type]) -> str:
    """The class that makes this one from its argument ``task``, or an empty text."""
    general = re.sub("^(Binary|Multiclass|Multilabel)", "", name)
    return general if general != name and general in classes else ""


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind in KINDS for name in sorted(TABLE.get(group(kind), ()))]
)
def test_every_entry_can_be_imported(kind, name):
    assert re.fullmatch("[a-z][a-z0-9_]*", name)
    assert callable(EntryPoint(name, offered(kind)[name], group(kind)).load())


def test_the_table_holds_only_groups_that_exist():
    assert set(TABLE) <= {group(kind) for kind in KINDS} | {"toolkit.hooks", "toolkit.cases"}
    assert {"task", "loss", "optimizer", "scheduler", "metric", "callback", "logger", "part"} <= {
        kind for kind in KINDS if TABLE.get(group(kind))
    }


def test_the_installed_metadata_is_that_of_the_table():
    installed = {
        (entry.group, entry.name, entry.value)
        for entry in distribution("toolkit-core").entry_points
        if entry.group != "console_scripts"
    }
    assert installed == {(g, name, value) for g, names in TABLE.items() for name, value in names.items()}, (
        "pyproject.toml has changed since the core was installed: make setup"
    )


def test_every_optimizer_of_torch_is_offered():
    classes = {name for name in torch.optim.__all__ if inspect.isclass(getattr(torch.optim, name))}
    assert len(classes) >= 14
    assert set(NOT_OFFERED_OPTIMIZERS) <= classes
    assert classes == attributes("optimizer", "torch.optim") | set(NOT_OFFERED_OPTIMIZERS)


def test_every_scheduler_of_torch_is_offered():
    classes = set(torch.optim.lr_scheduler.__all__)
    assert len(classes) >= 16
    assert set(NOT_OFFERED_SCHEDULERS) <= classes
    assert classes == attributes("scheduler", "torch.optim.lr_scheduler") | set(NOT_OFFERED_SCHEDULERS)


def test_every_loss_of_torch_is_offered():
    classes = set(nn.modules.loss.__all__) | {name for name in dir(nn) if name.endswith("Loss")}
    assert len(classes) >= 20
    assert classes | set(NOT_OFFERED_LOSSES) == attributes("loss", "torch.nn") | set(NOT_OFFERED_LOSSES)


def test_every_metric_of_torchmetrics_is_offered():
    classes = metric_classes()
    assert set(torchmetrics.__all__) - {"functional"} <= {*classes, *NOT_OFFERED_METRICS}
    wanted = {name for name in classes if name not in NOT_OFFERED_METRICS and not by_task(name, classes)}
    assert len(wanted) > 100
    assert wanted == attributes("metric", "torchmetrics")


def test_metrics_are_named_after_their_classes():
    for name, value in offered("metric").items():
        attribute = value.partition(":")[2]
        assert name == WRITTEN_DIFFERENTLY.get(attribute, snake_case(attribute))


def test_no_metric_is_one_of_the_old_names_that_warn():
    for value in offered("metric").values():
        module, _, attribute = value.partition(":")
        assert "_deprecated" not in getattr(import_module(module), attribute).__module__


def test_every_callback_of_lightning_is_offered():
    classes = set(pytorch_lightning.callbacks.__all__)
    assert len(classes) >= 20
    assert set(NOT_OFFERED_CALLBACKS) <= classes
    assert classes == attributes("callback", "pytorch_lightning.callbacks") | set(NOT_OFFERED_CALLBACKS)


ENOUGH_TO_BUILD: dict[str, tuple[Any, ...]] = {
    "ClusterAccuracy": (3,),
    "DeepNoiseSuppressionMeanOpinionScore": (16000, False),
    "NonIntrusiveSpeechQualityAssessment": (16000,),
    "PerceptualEvaluationSpeechQuality": (16000, "wb"),
    "ShortTimeObjectiveIntelligibility": (16000,),
    "SpeechReverberationModulationEnergyRatio": (16000,),
    "TensorBoardLogger": ("here",),
}
NEEDED_FOR_SOME_ARGUMENTS = {"BERTScore", "ROUGEScore"}
ASKED_FOR_BY_THE_CORE = {"_REQUESTS_AVAILABLE", "_RICH_AVAILABLE", "_TORCHVISION_AVAILABLE"}
NOT_SEEN_IN_INIT = {"CLIPImageQualityAssessment", "CLIPScore", "InfoLM"}
"""Classes whose `__init__` calls something that needs the package."""


def packages_asked_for(target: type) -> set[str]:
    """The flags that the ``__init__`` of a class looks at, which tell whether a package is installed."""
    sources = [
        inspect.getsource(base.__init__)  # type: ignore[misc]
        for base in target.__mro__
        if "__init__" in vars(base) and base.__module__.startswith(("torchmetrics", "pytorch_lightning", "lightning_"))
    ]
    found = re.findall(r"_[A-Z_]+_AVAILABLE|_TRANSFORMERS_GREATER\w+", "".join(sources))
    return set(found) - ASKED_FOR_BY_THE_CORE


def test_the_table_of_packages_has_every_class_that_cannot_be_built_without_one():
    found = set()
    for kind in ("metric", "callback", "logger"):
        for value in offered(kind).values():
            target = EntryPoint("", value, "").load()
            if inspect.isclass(target) and packages_asked_for(target):
                found.add(value.partition(":")[2])
    known = {value.partition(":")[2] for value in PACKAGES}
    assert found - NEEDED_FOR_SOME_ARGUMENTS == known - NOT_SEEN_IN_INIT


@pytest.mark.parametrize("value", sorted(PACKAGES))
def test_what_is_told_of_missing_packages_is_what_building_says(value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (kind,) = (kind for kind in KINDS if value in TABLE.get(group(kind), {}).values())
    told = absent_packages(Entry(kind, "it", value, "toolkit-core", "0.1.0"))
    if not told:
        pytest.skip("its packages are installed here")
    target, arguments = EntryPoint("", value, "").load(), ENOUGH_TO_BUILD.get(value.partition(":")[2], ())
    # Where the evaluator that was not chosen is there, this one can be built, and misses the other when it computes.
    needs = (lambda: target().compute()) if value.endswith(":MeanAveragePrecision") else (lambda: target(*arguments))
    with pytest.raises((ModuleNotFoundError, RuntimeError)):
        needs()


@pytest.mark.parametrize("there", ["pycocotools", "faster_coco_eval", ""])
@pytest.mark.parametrize("arguments", [{}, {"backend": "pycocotools"}, {"backend": "faster_coco_eval"}])
def test_the_evaluator_that_a_recipe_chooses_is_the_one_that_is_needed(there, arguments, monkeypatch):
    monkeypatch.setattr("toolkit.registry.packages.exists", lambda module: module == there)
    entry = Entry(
        "metric", "mean_average_precision", "torchmetrics.detection:MeanAveragePrecision", "toolkit-core", "0.1.0"
    )
    told = absent_packages(entry, arguments)
    chosen = arguments.get("backend", "pycocotools")
    assert (told == "") is (there == chosen)
    if told:
        assert f"pip install {chosen.replace('_', '-')}" in told
    hint = "write `backend: faster_coco_eval`, which is installed"
    assert (hint in told) is (there == "faster_coco_eval" and chosen == "pycocotools")


@pytest.mark.parametrize("name", sorted(offered("optimizer")))
def test_every_optimizer_makes_a_step(name):
    weight = nn.Parameter(torch.ones(2, 2))
    optimizer = EntryPoint(name, offered("optimizer")[name], group("optimizer")).load()([weight])

    def closure() -> torch.Tensor:
        loss = (weight**2).sum()
        optimizer.zero_grad()
        loss.backward()
        if name == "sparse_adam":
            weight.grad = weight.grad.to_sparse()
        return loss

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer.step(closure)
    assert not torch.equal(weight.detach(), torch.ones(2, 2))


@pytest.mark.parametrize("name", sorted(offered("loss")))
def test_every_loss_needs_no_argument(name):
    assert isinstance(EntryPoint(name, offered("loss")[name], group("loss")).load()(), nn.Module)


CALLBACK_ARGUMENTS: dict[str, dict[str, Any]] = {
    "early_stopping": {"monitor": "val/loss"},
    "gradient_accumulation": {"scheduling": {"2": 4, "0": 8}},
    "pruning": {"pruning_fn": "l1_unstructured"},
    "stochastic_weight_averaging": {"swa_lrs": 0.01},
    "timer": {"duration": "00:00:30:00"},
}


@pytest.mark.parametrize("name", sorted(offered("callback")))
def test_every_callback_is_built_from_what_a_recipe_can_write(name):
    target = EntryPoint(name, offered("callback")[name], group("callback")).load()
    assert isinstance(target(**CALLBACK_ARGUMENTS.get(name, {})), pytorch_lightning.Callback)


def test_gradient_accumulation_takes_epochs_as_strings():
    from toolkit.builtin.callbacks import GradientAccumulation

    callback = GradientAccumulation({"2": 4, "5": 8})
    assert [callback.get_accumulate_grad_batches(epoch) for epoch in range(7)] == [1, 1, 4, 4, 4, 8, 8]
    with pytest.raises(ValueError, match="keys of scheduling are epochs, such as \"4\", not 'two'"):
        GradientAccumulation({"two": 4})
