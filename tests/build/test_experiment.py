"""What building a recipe makes of it as a whole: seeds, what is watched, callbacks, loggers, the engine's options."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from toolkit.build import (
    BuildError,
    Experiment,
    Monitor,
    apply_engine,
    build,
    build_callbacks,
    build_loggers,
    resolved,
)
from toolkit.check import Checked, resolve
from toolkit.errors import RecipeError
from toolkit.recipe import load, to_yaml
from toolkit.registry import Registry

Built = Callable[..., Experiment]


def weights(experiment: Experiment) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in experiment.model.parameters()])


def test_initial_weights_depend_on_the_seed_alone(built: Built) -> None:
    first = weights(built())
    torch.rand(5)
    assert torch.equal(first, weights(built("dataset.draws=7")))
    assert not torch.equal(first, weights(built("seed=4")))


def test_a_recipe_with_problems_is_not_built(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("task: classification\ndataset: tiny\nmodel: tiny_nett\n")
    with pytest.raises(RecipeError) as caught:
        build(resolve(load(str(tmp_path / "bad.yaml"), registry=registry), registry))
    assert any("tiny_nett" in problem.message for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("overrides", "monitor"),
    [
        ([], Monitor("val/accuracy", "max")),
        (["metrics={second: {use: f1_score}}"], Monitor("val/accuracy", "max")),
        (["metrics=null"], Monitor("val/loss", "min")),
        # A matrix is neither better nor worse than another.
        (["metrics.accuracy.use=confusion_matrix"], Monitor("val/loss", "min")),
        (["metrics.accuracy=null", "metrics.hamming={use: hamming_distance}"], Monitor("val/hamming", "min")),
        (["dataset.val=0"], None),
    ],
)
def test_what_is_watched(built: Built, overrides: list[str], monitor: Monitor | None) -> None:
    assert built(*overrides).monitor == monitor


def test_callbacks_watch_what_the_run_watches_in_the_right_direction(built: Built) -> None:
    experiment = built(
        "callbacks={plain: {use: watcher}, loss: {use: watcher, monitor: val/loss}, "
        "own: {use: watcher, monitor: val/accuracy, mode: odd}, early_stopping: {patience: 2}}"
    )
    callbacks = build_callbacks(experiment, {"dirpath": "here", "unknown": 1})
    assert list(callbacks) == ["plain", "loss", "own", "early_stopping"]
    found = {label: (callback.monitor, callback.mode) for label, callback in callbacks.items()}
    assert found == {
        "plain": ("val/accuracy", "max"),
        "loss": ("val/loss", "min"),
        "own": ("val/accuracy", "odd"),
        "early_stopping": ("val/accuracy", "max"),
    }
    assert callbacks["plain"].dirpath == "here"


def test_loggers_get_what_they_have_a_parameter_for(built: Built, tmp_path: Path) -> None:
    experiment = built("loggers={csv: null, board: {use: tensorboard, sub_dir: inside}}")
    given = {"save_dir": str(tmp_path), "name": "name", "version": "id-1", "id": "id-1"}
    (logger,) = build_loggers(experiment, given).values()
    assert logger.log_dir == str(tmp_path / "name" / "id-1" / "inside")


def test_a_callback_that_fails_is_told_at_its_place(built: Built) -> None:
    experiment = built("callbacks={early_stopping: {patience: 2, mode: sideways}}")
    with pytest.raises(BuildError) as caught:
        build_callbacks(experiment, {})
    assert caught.value.problem.key == "callbacks.early_stopping"


def test_a_task_can_be_copied_as_weight_averaging_does(built: Built) -> None:
    experiment = built("scheduler={use: one_cycle, max_lr: 0.1}")
    copied = copy.deepcopy(experiment.task)
    assert torch.equal(copied.model.head.weight, experiment.model.head.weight)


def test_the_engine_changes_neither_weights_nor_names(built: Built) -> None:
    plain, prepared = built(), built("engine={compile: true, channels_last: true}")
    apply_engine(prepared)
    assert list(prepared.task.state_dict()) == list(plain.task.state_dict())
    assert torch.equal(weights(prepared), weights(plain))
    assert prepared.model._compiled_call_impl is not None
    apply_engine(plain)
    assert plain.model._compiled_call_impl is None


def test_the_resolved_recipe_builds_the_same_again(
    built: Built, registry: Registry, checked: Callable[..., Checked], tmp_path: Path
) -> None:
    experiment = built(
        "model.part={use: tiny_block, children: [{use: tiny_block, size: 3}]}",
        "loss={use: cross_entropy, label_smoothing: 0.1}",
    )
    found = resolved(experiment)
    assert found.values["model"]["use"] == "tiny-parts/tiny_net"
    assert found.values["model"]["part"]["children"][0] == {"use": "tiny-parts/tiny_block", "size": 3, "num_classes": 3}
    assert found.values["metrics"]["accuracy"] == {
        "use": "toolkit-core/accuracy",
        "task": "multiclass",
        "num_classes": 3,
    }
    assert found.sources["model", "num_classes"] == "from the dataset: num_classes"
    assert found.sources["task", "task"] == "from the dataset: task"
    assert found.sources["metrics", "accuracy", "task"] == "from the task"
    assert found.sources["optimizer", "lr"] == "tiny.yaml:8:27"
    (tmp_path / "saved.yaml").write_text(to_yaml(found.values, found.sources))
    again = resolve(load(str(tmp_path / "saved.yaml"), registry=registry), registry)
    rebuilt = build(again)
    assert torch.equal(weights(rebuilt), weights(experiment))
    assert resolved(rebuilt).values == found.values


def test_the_environment_is_saved_by_reference(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINY_WIDTH", "5")
    experiment = built("model.width=${oc.env:TINY_WIDTH}", "dataset.train=${model.width}", "model.scales=[1.0, 2.0]")
    assert experiment.model.head.in_features == 5
    values = resolved(experiment).values
    assert values["model"]["width"] == "${oc.env:TINY_WIDTH}"
    assert values["dataset"]["train"] == "${model.width}"
    assert "5" not in to_yaml({"model": values["model"], "dataset": values["dataset"]})


def test_a_reference_that_was_only_characters_stays_characters(built: Built) -> None:
    experiment = built("model.part={use: tiny_block, table: {a: '\\${seed}'}}")
    assert experiment.model.part.table == {"a": "${seed}"}
    assert resolved(experiment).values["model"]["part"]["table"] == {"a": "\\${seed}"}
