"""What a dataset tells of itself, and who is filled with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from toolkit.build import BuildError, Experiment
from toolkit.errors import RecipeError

Built = Callable[..., Experiment]


def test_facts_are_plain_values_and_none_is_not_known(built: Built) -> None:
    facts = built().facts
    assert facts == {"task": "multiclass", "num_classes": 3, "in_features": 4}
    assert type(facts["in_features"]) is int


def test_a_datamodule_tells_after_setup_and_only_what_is_on_the_list(built: Built) -> None:
    experiment = built("dataset=tiny_module", "loader=null")
    # `task` is what the recipe's task makes of the targets where the data does not say, and fills metrics.
    assert experiment.facts == {"task": "multiclass", "num_classes": 3, "in_features": 4}
    assert ("task", "task") not in experiment.filled
    assert experiment.filled[("metrics", "accuracy", "task")] == "task"
    assert (experiment.has_val, experiment.has_test) == (True, False)


def test_transforms_beside_a_datamodule_need_tensors_to_work_on(built: Built, tmp_path: Path) -> None:
    page = "extends: ./tiny.yaml\nloader: null\ndataset: {name}\ntransforms:\n  train: {twice: {}}\n"
    (tmp_path / "texts.yaml").write_text(page.replace("{name}", "tiny_texts"))
    with pytest.raises(RecipeError) as caught:
        built(recipe="./texts.yaml")
    assert [str(problem) for problem in caught.value.problems] == [
        "texts.yaml:5:11   transforms.train.twice: the batches of 'tiny_texts' hold no tensors, so there is nothing to "
        "transform; remove this"
    ]
    assert built("transforms=null", recipe="./texts.yaml").transforms == {"train": [], "eval": []}
    # What the module makes of its batches itself comes before the transforms.
    assert len(built("dataset.encode=true", recipe="./texts.yaml").transforms["train"]) == 1
    assert len(built("dataset=tiny_module", recipe="./texts.yaml").transforms["train"]) == 1


def test_metrics_are_filled_with_the_kind_that_the_task_was_told(built: Built) -> None:
    assert type(built("task.task=binary").metrics["accuracy"]).__name__ == "BinaryAccuracy"


def test_a_dataset_may_add_facts_of_its_own_name(built: Built) -> None:
    facts = "{in_features: 4, num_classes: 3, tiny_table: {a: [1]}}"
    assert built(f"dataset={{use: tiny, facts: {facts}}}").facts["tiny_table"] == {"a": [1]}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["dataset={use: tiny, facts: {num_clases: 3}}"],
            "dataset: dataset 'tiny' (tiny-parts 1.2, tiny_parts:data) states the fact 'num_clases', which is not on "
            "the list of facts. Did you mean 'num_classes'? A fact of its own begins with 'tiny_'",
        ),
        (
            ["dataset={use: tiny_module, broken: true}", "loader=null"],
            "dataset: dataset 'tiny_module' (tiny-parts 1.2, tiny_parts:Module) could not prepare its data: "
            "OSError: no such disk",
        ),
    ],
)
def test_what_is_wrong_with_a_dataset_is_told_of_the_dataset(built: Built, overrides: list[str], message: str) -> None:
    with pytest.raises(BuildError) as caught:
        built(*overrides)
    assert caught.value.problem.text == message


def test_the_facts_are_checked_before_the_model_is_built(built: Built) -> None:
    with pytest.raises(RecipeError) as caught:
        built("model.num_classes=4", "model.width=0")
    (problem,) = caught.value.problems
    assert problem.key == "model.num_classes"


def test_transforms_are_filled_with_facts_but_parts_of_datasets_are_not(built: Built) -> None:
    experiment = built("transforms={train: {twice: {factor: 3.0}}}")
    (transform,) = experiment.transforms["train"]
    assert transform((2.0, "targets")) == (6.0, "targets")
    assert experiment.transforms["eval"] == []
    assert ("transforms", "train", "twice", "num_classes") in experiment.filled
    assert not any(path[0] in ("dataset", "optimizer") for path in experiment.filled)
