"""How a block becomes an object: parts, facts, conversions, and what goes wrong in an author's code."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from toolkit.build import BuildError, Experiment, build
from toolkit.check import Checked

Built = Callable[..., Experiment]


def test_a_fact_beats_a_default_and_the_recipe_beats_a_fact(built: Built) -> None:
    experiment = built()
    assert (experiment.model.head.out_features, experiment.model.body[0].in_features) == (3, 4)
    assert experiment.filled[("model", "num_classes")] == "num_classes"
    written = built("model.in_features=4", "model.num_classes=3")
    assert ("model", "num_classes") not in written.filled
    assert ("model", "in_features") not in written.filled


def test_parts_are_built_innermost_first_also_in_lists_and_mappings(built: Built) -> None:
    part = (
        "model.part={use: tiny_block, children: [{use: tiny_block, size: 3}, {use: tiny_block, size: 4}], "
        "table: {a: {use: tiny_block, size: 5}, b: [1, 2]}}"
    )
    experiment = built(part)
    made = experiment.model.part
    assert [child.size for child in made.inner] == [3, 4]
    assert made.table["a"].size == 5
    assert made.table["b"] == [1, 2]
    assert made.inner[1].num_classes == 3
    assert experiment.filled[("model", "part", "children", 1, "num_classes")] == "num_classes"
    assert experiment.filled[("model", "part", "table", "a", "num_classes")] == "num_classes"


def test_values_become_what_the_annotation_asks_for(built: Built) -> None:
    experiment = built("model.scales=[1, 2.5]", "loss={use: cross_entropy, weight: [1, 2, 3]}")
    assert experiment.model.scales == (1.0, 2.5)
    assert experiment.task.loss.weight.tolist() == [1.0, 2.0, 3.0]


def test_a_component_cannot_change_the_recipe(checked: Callable[..., Checked]) -> None:
    found = checked("model.part={use: tiny_block, table: {a: [1]}}")
    build(found).model.part.table["a"].append(2)
    assert build(found).model.part.table == {"a": [1]}


NET = "model 'tiny_net' (tiny-parts 1.2, tiny_parts:Net)"


def test_an_exception_is_shown_at_its_place_and_kept(built: Built) -> None:
    with pytest.raises(BuildError) as caught:
        built("model.width=0")
    assert str(caught.value) == (
        f"tiny.yaml:6:14   model: {NET} could not be built: ValueError: width must be at least 1, not 0"
    )
    assert isinstance(caught.value.__cause__, ValueError)
    assert caught.value.__cause__.__notes__ == [f"while building `model` ({NET})"]
    assert caught.value.exit_code == 2


def test_a_part_that_fails_is_blamed_and_not_what_holds_it(built: Built) -> None:
    with pytest.raises(BuildError) as caught:
        built("model.part={use: tiny_block, size: 0}")
    assert caught.value.problem.text == (
        "model.part: part 'tiny_block' (tiny-parts 1.2, tiny_parts:Block) could not be built: KeyError: 'size'"
    )


def test_a_result_of_the_wrong_kind_is_refused(built: Built) -> None:
    with pytest.raises(BuildError) as caught:
        built("model=no_module")
    assert caught.value.problem.text == (
        "model: model 'no_module' (tiny-parts 1.2, tiny_parts:no_module) made a dict; a model must be a torch.nn.Module"
    )


def test_a_task_gets_only_what_it_names(built: Built) -> None:
    task = built("task=own", "loss=null", "metrics=null").task
    assert type(task).__name__ == "OwnTask"
