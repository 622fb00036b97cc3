"""A promise that says several things is broken in each of them, and what is found says which."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from toolkit.testing import Case
from toolkit.testing.check import outcome
from toolkit.testing.suite import checks_of

MASKED = torch.tensor([[1.0, -1.0], [-1.0, 2.0]])
PAIR = (torch.linspace(-1, 1, 6).view(3, 2), torch.zeros(3, 2))
RECIPE = {
    "dataset": "points",
    "model": {"use": "torch.nn:Linear", "in_features": 4, "out_features": 3},
    "loss": "cross_entropy",
    "optimizer": {"use": "sgd", "lr": 0.1},
}


def model(use: str) -> Case:
    return Case(kind="model", use=use, batch=torch.linspace(-1, 1, 20).view(5, 4))


def loss(use: str) -> Case:
    return Case(kind="loss", use=use, batch=(PAIR[0][:2], MASKED), mask=MASKED != -1)


def claim(form: str, **facts: Any) -> Case:
    return Case(kind="dataset", use="claims", args={"form": form, "facts": facts})


def task(use: str) -> Case:
    return Case(kind="task", use=use, recipe=RECIPE)


def transform(use: str) -> Case:
    from good_plugin import detection

    return Case(kind="transform", use=use, batch=detection)


SIDE_EFFECTS = "construction_has_no_side_effects"
DOCUMENTED = "arguments_are_named_and_documented"
GRADIENT = "is_a_finite_scalar_with_gradient"
MASKS = "is_right_under_masks"
FACTS = "facts_are_true"
STEP = "trains_one_step"
FOLLOW = "boxes_and_masks_follow"

PARTS = [
    (lambda: model("untold"), DOCUMENTED, "it has no docstring"),
    (lambda: model("written_in_c"), DOCUMENTED, "it tells nobody its arguments"),
    (lambda: model("starts_a_process"), SIDE_EFFECTS, "started a process"),
    (lambda: model("steep_at_zero"), "every_parameter_gets_a_gradient", "the gradient of layer.weight, layer.bias is"),
    (lambda: model("cancels"), "works_under_autocast", "on cpu the outputs are not finite"),
    (lambda: model("numbers"), "rows_are_independent_in_eval_mode", "the outputs hold no tensor"),
    (lambda: model("dated"), "state_dict_round_trip", "datetime"),
    (lambda: model("shrinks"), "pickles", "after pickling the outputs differ"),
    (
        lambda: Case(kind="model", use="shrinks", batch=torch.ones(1, 4)),
        "rows_are_independent_in_eval_mode",
        "the case's batch has 1 rows; this needs at least two",
    ),
    (lambda: Case(kind="dataset", use="draws"), SIDE_EFFECTS, "it draws from or seeds the global generator"),
    (lambda: Case(kind="dataset", use="keeps_a_database"), SIDE_EFFECTS, "it leaves left.db in the working folder"),
    (
        lambda: Case(kind="dataset", use="evaluated_at_random"),
        "same_seed_and_epoch_give_the_same_order",
        "a second evaluation of the split 'val' is another than the first",
    ),
    (
        lambda: Case(kind="dataset", use="nowhere"),
        "nothing_is_downloaded_in_construction",
        "its data is not here, and it has no stand_in(seed): nothing.csv",
    ),
    (lambda: claim("images", clases=3), FACTS, "states the fact 'clases', which is not on the list"),
    (lambda: claim("images", task="both"), FACTS, "task is 'both'; it is binary, multiclass or multilabel"),
    (lambda: claim("images", num_classes=3, class_names=["a"]), FACTS, "there are 1 class_names and 3 num_classes"),
    (lambda: claim("images", num_classes=2), FACTS, "num_classes is 2, but in 'train' a target is 2"),
    (lambda: claim("images", in_channels=1), FACTS, "in_channels is 1, but in 'train' images have the shape [3, 6, 6]"),
    (lambda: claim("images", image_size=[6, 5]), FACTS, "image_size is [6, 5], but in 'train' images have the shape"),
    (lambda: claim("labels", in_features=3), FACTS, "in_features is 3, but in 'train' inputs have the shape [4]"),
    (lambda: claim("labels", task="multilabel", num_labels=3), FACTS, "num_labels is 3, but in 'train' targets have"),
    (lambda: claim("labels", num_targets=1), FACTS, "num_targets is 1, but in 'train' targets have the shape [2]"),
    (lambda: claim("tokens", vocab_size=9), FACTS, "vocab_size is 9, but in 'train' a token is 9"),
    (lambda: claim("tokens", vocab_size=10, pad_id=10), FACTS, "pad_id is 10, and there are 10 tokens"),
    (lambda: claim("pairs", num_users=7), FACTS, "num_users is 7, but in 'train' a number of 'user' is 7"),
    (lambda: claim("pairs", num_items=3), FACTS, "num_items is 3, but in 'train' a number of 'item' is"),
    (lambda: loss("infinite"), GRADIENT, "it is "),
    (lambda: loss("detached"), GRADIENT, "it has no gradient"),
    (lambda: loss("unmasked"), MASKS, "masked outputs have a gradient"),
    (lambda: loss("glances"), MASKS, "with other outputs in the masked places it is"),
    (lambda: Case(kind="optimizer", use="flies"), "descends_a_bowl", "after 1 steps the height is "),
    (lambda: Case(kind="optimizer", use="remembers"), "state_round_trip", "when is a datetime.datetime"),
    (lambda: Case(kind="scheduler", use="not_a_number"), "learning_rates_are_finite_to_the_end", "at step 3 the"),
    (
        lambda: Case(kind="metric", use="wordy", batch=(torch.ones(4), torch.zeros(4))),
        "several_updates_equal_one",
        "it computes 'far', in which there is no number",
    ),
    (lambda: task("returns_nothing"), STEP, "training_step returned None"),
    (lambda: task("divides"), STEP, "which is no finite number"),
    (lambda: task("learns_nothing"), STEP, "no weight has changed"),
    (lambda: task("fails_inside"), "no_loss_is_a_clear_error", "it raises TypeError: "),
    (lambda: Case(kind="callback", use="forgets"), "state_round_trip", "after loading its state it has another one"),
    (lambda: transform("one_row"), "returns_a_batch_of_the_same_form", "of 2 rows it makes 1"),
    (lambda: transform("crops_pictures"), FOLLOW, "the masks are [12, 16], and the images [8, 8]"),
    (lambda: transform("mirrors_masks"), FOLLOW, "the rectangle has moved away from the box"),
    (lambda: Case(kind="logger", use="unnamed"), "tells_name_and_version", "its name is ['notebook']"),
    (lambda: Case(kind="part", use="gone"), "every_component_has_a_case", "it offers no part 'gone'"),
]


@pytest.mark.parametrize(
    ("case", "name", "reason"), PARTS, ids=[f"{name}-{number}" for number, (_, name, _) in enumerate(PARTS)]
)
def test_it_is_found(case: Any, name: str, reason: str, plugins: Path) -> None:
    (check,) = (each for each in checks_of("worse-plugin", [case()]) if each.name == name)
    found = outcome(check)
    assert found.status == "fails"
    assert reason in found.reason
