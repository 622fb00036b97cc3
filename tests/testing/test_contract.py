"""Every check holds for a plugin that keeps its promise, and fails for one that breaks it, and for no other reason."""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path

import pytest

from toolkit.testing import Case
from toolkit.testing.check import CheckFailed, Outcome, outcome
from toolkit.testing.suite import CHECKS, cases_of, checks_of

WORLD = "construction_has_no_side_effects"
ORDER = "same_seed_and_epoch_give_the_same_order"
RESUME = "resume_at_any_position_gives_the_same_next_batch"
WORKERS = "workers_zero_and_two_agree"

BROKEN: dict[str, dict[str, str]] = {
    "model-undocumented": {"arguments_are_named_and_documented": "the docstring does not name 'breadth'"},
    "model-class_as_default": {"arguments_are_plain_yaml": "no recipe can say the default of 'activation'"},
    "model-writes_a_file": {WORLD: "wrote the file"},
    "model-opens_a_connection": {WORLD: "used the network (socket.connect: ('127.0.0.1', 9))"},
    "model-starts_a_thread": {WORLD: "started the thread"},
    "model-seeds": {WORLD: "it seeds the global generator of random numbers (torch's)"},
    "model-changes_a_setting": {WORLD: "it changes torch's choice of deterministic algorithms"},
    "model-sets_the_environment": {WORLD: "it changes the environment variables"},
    "model-unused_parameter": {
        "every_parameter_gets_a_gradient": "no gradient reaches unused.weight, unused.bias",
        "runs_under_two_process_ddp": "Expected to have finished reduction in the prior iteration",
    },
    "model-own_numbers": {"same_seed_gives_same_weights": "the weights of two models differ at ['layer.bias']"},
    "model-hidden_state": {"state_dict_round_trip": "after loading the state dict the outputs differ"},
    "model-looks_aside": {"rows_are_independent_in_eval_mode": "row 0 alone gives something else"},
    "model-full_precision_only": {"works_under_autocast": "RuntimeError"},
    "model-otherwise_compiled": {"works_under_torch_compile": "compiled, the outputs differ"},
    "model-lambda_inside": {"pickles": "pickle"},
    "model-stays_behind": {"moves_between_devices": "offset stays on the CPU: register it as a buffer"},
    "model-makes_on_the_cpu": {"moves_between_devices": "the forward pass makes a tensor on the CPU"},
    "model-alone_only": {"runs_under_two_process_ddp": "DDP"},
    "dataset-unseeded": {ORDER: "epoch 0 of a second dataset", RESUME: "the next one is another", WORKERS: "differ"},
    "dataset-forgetful": {RESUME: "after 1 batches the next one is another"},
    "dataset-of_the_worker": {WORKERS: "with two workers the batches differ"},
    "dataset-overlapping": {"splits_are_disjoint": "8 samples of 'val' stand in 'train' too; the first is number 0"},
    "dataset-untrue": {"facts_are_true": "the fact num_classes is 2, but in 'train' a target is 2"},
    "dataset-downloads": {
        WORLD: "used the network",
        "nothing_is_downloaded_in_construction": "download with toolkit.data.fetch",
    },
    "loss-each_row": {"is_a_finite_scalar_with_gradient": "it returns a tensor of [3]; a loss is one number"},
    "loss-counts_all": {"is_right_under_masks": "without the rows that are masked altogether it is"},
    "optimizer-ascent": {"descends_a_bowl": "from"},
    "optimizer-keeps_aside": {"state_round_trip": "after loading its state it goes another way"},
    "scheduler-below_zero": {"learning_rates_are_finite_to_the_end": "the learning rates are [-"},
    "scheduler-stateless": {"state_round_trip": "after loading its state the learning rates differ"},
    "metric-not_summed": {"distributed_sum_equals_single_process": "process 0 computes something else"},
    "metric-last_batch": {
        "several_updates_equal_one": "in two batches the value is another",
    },
    "metric-unforgetting": {"reset_forgets_everything": "after reset the value is another"},
    "task-misnamed": {"trains_one_step": "it logs mean; a metric is named split/metric"},
    "task-silent": {"no_loss_is_a_clear_error": "training goes on without a loss, and learns nothing"},
    "callback-raises": {
        "goes_through_a_training": "RuntimeError: not today",
        "state_round_trip": "RuntimeError: not today",
    },
    "callback-dated": {"state_round_trip": "when is a datetime.datetime, which would not load again"},
    "transform-pictures_only": {"returns_a_batch_of_the_same_form": "of a dict with boxes, images, labels, masks"},
    "transform-at_random": {"same_seed_gives_the_same_result": "with the seed 0 it makes something else"},
    "transform-mirrors_pictures": {"boxes_and_masks_follow": "the rectangle has moved away from the mask"},
    "logger-elsewhere": {"records_a_run_below_its_folder": "elsewhere.txt"},
    "logger-nameless": {"tells_name_and_version": "RuntimeError: no name yet"},
    "part-whim": {"same_seed_gives_the_same_result": "a second one gives something else", "pickles": "it differs"},
    "part-closure": {"pickles": "pickle"},
    "plugin-bad-plugin": {
        "every_component_has_a_case": "no case for dataset 'data', model 'plain', part 'forgotten'",
        "imports_within_the_time_budget": "the slowest is",
        "works_without_every_other_plugin": "No module named 'good_plugin'",
    },
}
"""By case of the bad plugin, the checks that fail, with part of what is found. All others hold, or do not apply."""

WRONG_ALTOGETHER = {
    "model-no_module": "made a dict; a model must be a torch.nn.Module",
    "model-by_position": "takes 'width' by position only",
    "transform-pictures_only": "",
}
"""Cases of which not only the named checks fail, because nothing is right there."""


LONG = {
    "works_under_torch_compile",
    "runs_under_two_process_ddp",
    "workers_zero_and_two_agree",
    "distributed_sum_equals_single_process",
}
"""Checks that compile or start processes. That they hold for what breaks another promise is left to `make verify`."""


def outcomes(plugin: str, label: str, without: Set[str] = frozenset()) -> dict[str, Outcome]:
    checks = [check for check in checks_of(plugin, cases_of(plugin)) if check.label == label]
    found = {check.name: outcome(check) for check in checks if check.name not in without}
    assert found
    return found


LABELS = [
    *(f"{kind}" for kind in ("model-net", "model-net-with-part", "part-softplus", "loss-masked", "optimizer-descent")),
    *(f"dataset-{name}" for name in ("points", "lines", "stream", "remote")),
    *("scheduler-halving", "metric-mean_distance", "task-learning", "callback-steps", "transform-mirror"),
    *("logger-notebook", "plugin-good-plugin"),
]


@pytest.mark.parametrize("label", LABELS)
def test_a_good_component_keeps_every_promise(label: str, plugins: Path) -> None:
    found = outcomes("good-plugin", label)
    assert {name: each.reason for name, each in found.items() if each.status == "fails"} == {}
    assert sum(each.status == "holds" for each in found.values()) >= 3
    assert all(each.reason for each in found.values() if each.status == "does not apply")


def test_the_good_plugin_shows_every_promise_of_every_kind(plugins: Path) -> None:
    checks = checks_of("good-plugin", cases_of("good-plugin"))
    assert {check.label for check in checks} == set(LABELS)
    assert {(check.case.kind, check.name) for check in checks} == {
        (kind, promise.__name__) for kind, promises in CHECKS.items() for promise in promises
    }


@pytest.mark.parametrize("long", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["", "long checks too"])
@pytest.mark.parametrize("label", sorted(BROKEN))
def test_a_bad_component_breaks_its_promise_and_no_other(
    label: str, long: bool, plugins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if label.startswith("plugin-"):
        # No plugin is slow enough for certain.
        monkeypatch.setattr("toolkit.testing.distribution.IMPORT_SECONDS", 0.0)
    found = outcomes("bad-plugin", label, frozenset() if long else LONG - set(BROKEN[label]))
    failed = {name: each.reason for name, each in found.items() if each.status == "fails"}
    if label not in WRONG_ALTOGETHER:
        assert set(failed) == set(BROKEN[label]), failed
    for name, reason in BROKEN[label].items():
        assert reason in failed[name]


@pytest.mark.parametrize("label", sorted(set(WRONG_ALTOGETHER) - set(BROKEN)))
def test_a_component_that_cannot_be_built_keeps_no_promise(label: str, plugins: Path) -> None:
    found = outcomes("bad-plugin", label)
    for name, each in found.items():
        if not name.startswith("arguments_are"):
            assert each.status == "fails"
            assert WRONG_ALTOGETHER[label] in each.reason


def test_every_check_can_fail(plugins: Path) -> None:
    broken = {(label.partition("-")[0], name) for label, names in BROKEN.items() for name in names}
    own = {(kind, each.__name__) for kind, promises in CHECKS.items() for each in promises}
    common = {each.__name__ for each in CHECKS["model"]} & {each.__name__ for each in CHECKS["loss"]}
    assert len(common) == 3
    assert own - broken - {(kind, name) for kind in CHECKS for name in common} == set()
    assert common <= {name for _, name in broken}
    labels = {check.label for check in checks_of("bad-plugin", cases_of("bad-plugin"))}
    assert labels == {*BROKEN, *WRONG_ALTOGETHER}


def test_every_check_has_its_promise_and_a_readable_name(plugins: Path) -> None:
    for check in checks_of("good-plugin", cases_of("good-plugin")):
        assert check.promise.endswith((".", ")"))
        assert check.id == f"{check.label}-{check.name}"


def test_a_failure_tells_the_promise_and_what_was_found(plugins: Path) -> None:
    case = Case(kind="model", use="unused_parameter", batch=lambda: __import__("torch").rand(2, 4))
    (check,) = (each for each in checks_of("bad-plugin", [case]) if each.name == "every_parameter_gets_a_gradient")
    with pytest.raises(CheckFailed) as failed:
        check()
    assert str(failed.value).splitlines() == [
        "model 'unused_parameter' (bad-plugin): every_parameter_gets_a_gradient does not hold.",
        "  Promised: A forward pass in training mode gives every parameter that is to be trained a gradient, of finite "
        "numbers.",
        "  Found: no gradient reaches unused.weight, unused.bias",
    ]
