"""What is done with runs and recipes besides running them: test again, verify, fetch, check --deep."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
import torch

from toolkit.build import BuildError
from toolkit.check import resolve
from toolkit.errors import EXIT_VERIFY, RequestError, RunError, VerifyError
from toolkit.registry import Registry
from toolkit.runs import (
    Row,
    deep,
    differences,
    fetch,
    raise_differences,
    results_table,
    resume,
    retest,
    run,
    verify,
    write_results,
)
from toolkit.runs.results import BEGIN, END
from toolkit.tracking.folder import RunFolder, list_runs


def checked(recipe: Any) -> Any:
    found = resolve(recipe, Registry.scan())
    found.raise_problems()
    return found


def test_a_run_is_tested_again_with_the_same_result(recipe: Any) -> None:
    first = run(recipe())
    again = retest("last", allow_code=True)
    assert again.metrics == {name: value for name, value in first.metrics.items() if name.startswith("test/")}
    assert again.checkpoint == first.best_checkpoint
    assert [path.name for path in again.pictures] == ["test-1-confusion.png"]
    (entry,) = RunFolder(first.folder).read_json()["tests"]
    assert entry["metrics"] == dict(again.metrics)


def test_a_run_with_a_datamodule_of_its_own_is_tested_again_and_gone_on_with(recipe: Any) -> None:
    first = run(recipe("trainer.max_epochs=1", dataset={"use": "./parts.py:Own"}, loader=None))
    again = retest("last", allow_code=True)
    assert again.metrics == {name: value for name, value in first.metrics.items() if name.startswith("test/")}
    assert resume("last", ["trainer.max_epochs=2"], allow_code=True).metrics["val/loss"] != first.metrics["val/loss"]


def test_averaged_weights_are_what_is_tested_at_the_end_and_again(recipe: Any) -> None:
    first = run(recipe("engine.ema=0.9"))
    assert first.best_checkpoint is not None
    held = torch.load(first.best_checkpoint, weights_only=True)
    averaged, current = held["state_dict"], held["current_model_state"]
    assert not torch.equal(averaged["model.head.weight"], current["model.head.weight"])
    assert torch.equal(first.model.head.weight, averaged["model.head.weight"])
    again = retest("last", allow_code=True)
    assert again.metrics == {name: value for name, value in first.metrics.items() if name.startswith("test/")}


def test_what_no_checkpoint_holds_is_not_averaged_away_from_what_it_is(recipe: Any) -> None:
    averaged = run(recipe("engine.ema=0.9", "trainer.max_epochs=1"))
    assert torch.equal(averaged.model.scales, torch.linspace(0.7, 1.3, 8))


def test_a_run_is_tested_on_other_data(recipe: Any) -> None:
    first = run(recipe())
    other = retest(first.id, ["dataset.samples=160"], allow_code=True)
    assert other.metrics["test/loss"] != first.metrics["test/loss"]
    with pytest.raises(RequestError, match=r"'optimizer\.lr=1': a test can change dataset"):
        retest(first.id, ["optimizer.lr=1"], allow_code=True)
    with pytest.raises(RunError, match=r"the test failed: model .*:Net' .* raised RuntimeError"):
        retest(first.id, ["dataset.features=5"], allow_code=True)


def test_verify_holds_results_against_what_is_expected(recipe: Any, runs: Path) -> None:
    good = recipe(expect={"test/accuracy": ">= 0.1", "test/loss": "< 100"}, trainer={"max_epochs": 1})
    rows = verify([good])
    assert [(row.metric, row.met, row.checkpoint) for row in rows] == [
        ("test/accuracy", True, "best"),
        ("test/loss", True, "best"),
    ]
    assert differences(rows) == []
    raise_differences(rows)


def test_verify_goes_on_after_a_failure_and_names_every_difference(recipe: Any) -> None:
    broken = recipe(model={"use": "./parts.py:Broken"}, expect={"test/accuracy": ">= 0.1"})
    bad = recipe(expect={"test/accuracy": "> 1"}, trainer={"max_epochs": 1})
    rows = verify([broken, bad])
    with pytest.raises(VerifyError) as caught:
        raise_differences(rows)
    first, second, last = str(caught.value).splitlines()
    assert first.startswith("small: test/accuracy is absent, expected >= 0.1 (run ")
    assert "raised ValueError: the net is torn" in first
    assert second.startswith("small: test/accuracy is 0.")
    assert last == "2 results differ from what the recipes expect."
    assert caught.value.exit_code == EXIT_VERIFY


def test_verify_refuses_what_cannot_be_verified(recipe: Any) -> None:
    with pytest.raises(RequestError, match="small expects nothing"):
        verify([recipe()])
    with pytest.raises(RequestError, match="without overrides"):
        verify([recipe("seed=1", expect={"test/accuracy": "> 1"})])


def test_results_are_written_between_markers_and_other_rows_stay(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{BEGIN}\n{END}\nafter\n")
    where = ("2 CPU cores", "2026-11-23", "abc+")
    digits = Row("vision/digits", "test/accuracy", ">= 0.98", 0.99123, True, "best", 20.0, *where)
    mnist = Row("vision/mnist-mlp", "test/accuracy", ">= 0.97", 0.98, True, "last", 200.0, "a | b", *where[1:])
    write_results(readme, [mnist])
    write_results(readme, [digits])
    write_results(readme, [Row("vision/broken", "test/accuracy", ">= 1", None, False, reason="failed")])
    assert readme.read_text() == (f"before\n{BEGIN}\n{results_table([digits.cells(), mnist.cells()])}{END}\nafter\n")
    assert "| vision/digits | test/accuracy | 0.9912 | >= 0.98 | best | 20.0 s | 2 CPU cores |" in readme.read_text()
    (tmp_path / "other.md").write_text("nothing")
    with pytest.raises(RequestError, match="has no place for results"):
        write_results(tmp_path / "other.md", [digits])


def test_fetch_builds_and_trains_nothing(recipe: Any, runs: Path) -> None:
    assert fetch(recipe()).facts["num_classes"] == 3
    assert not runs.exists()


def test_fetch_finds_the_run_that_a_recipe_begins_with(recipe: Any, runs: Path) -> None:
    first = run(recipe("trainer.max_epochs=1"))
    model = fetch(recipe("model.init_from=last")).model
    assert first.model is not None
    assert model is not None
    assert torch.equal(model.state_dict()["head.weight"], first.model.state_dict()["head.weight"])
    assert len(list_runs(runs)) == 1
    with pytest.raises(BuildError, match=r"model\.init_from: there is no run '2000'"):
        fetch(recipe("model.init_from='2000'"))


OWN = """\
from pytorch_lightning import Callback
from pytorch_lightning.loggers import CSVLogger

from parts import Splits
from toolkit.data import fetch
from toolkit.errors import RequestError


class Refusing(Callback):
    def __init__(self, dirpath):
        raise ValueError("no such callback")


class Silent(CSVLogger):
    def __init__(self, save_dir, name):
        raise OSError("nowhere to write")


class Misled(Splits):
    def __init__(self):
        raise ValueError("noise must be positive")

    @staticmethod
    def stand_in(seed):
        return Splits(samples=40)


class Undownloaded(Misled):
    def __init__(self):
        raise RequestError("could not download samples.gz")


class Wide(Undownloaded):
    def __init__(self, samples, noise=0.1):
        super().__init__()

    @staticmethod
    def stand_in(seed, samples=40, factor=2):
        assert (samples, factor) == (64, 2)
        return Splits(samples=samples)


class Downloading(Misled):
    def __init__(self, port):
        fetch(f"http://127.0.0.1:{port}/samples.gz", "0" * 64, "samples.gz")
"""


@pytest.mark.parametrize(
    ("kind", "component", "reason"),
    [
        ("callbacks", "Refusing", "ValueError: no such callback"),
        ("loggers", "Silent", "OSError: nowhere to write"),
    ],
)
def test_a_deep_check_builds_callbacks_and_loggers(
    recipe: Any, tmp_path: Path, kind: str, component: str, reason: str
) -> None:
    (tmp_path / "own.py").write_text(OWN)
    loaded = recipe(**{kind: {"mine": {"use": f"./own.py:{component}"}}})
    with pytest.raises(BuildError) as caught:
        deep(checked(loaded))
    lines = loaded.file.read_text().splitlines()
    line = next(number for number, text in enumerate(lines, 1) if component in text)
    assert str(caught.value).startswith(f"small.yaml:{line}:10   {kind}.mine: {kind[:-1]} './own.py:{component}' ")
    assert str(caught.value).endswith(f"could not be built: {reason}")


def test_a_deep_check_takes_stand_in_data_for_files_that_are_absent_only(recipe: Any, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    assert deep(checked(recipe(dataset={"use": "./own.py:Undownloaded"}))).stand_in
    # What the recipe says wrong of its data would stay hidden behind a stand-in.
    with pytest.raises(BuildError, match="could not be built: ValueError: noise must be positive"):
        deep(checked(recipe(dataset={"use": "./own.py:Misled"})))


def test_a_stand_in_is_told_what_it_asks_for_of_the_dataset_s_arguments(recipe: Any, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    assert deep(checked(recipe(dataset={"use": "./own.py:Wide", "samples": 64, "noise": 0.5}))).stand_in


def test_a_deep_check_downloads_nothing_that_has_a_stand_in(recipe: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "own.py").write_text(OWN)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        dataset = {"use": "./own.py:Downloading", "port": server.getsockname()[1]}
        assert deep(checked(recipe(dataset=dataset))).stand_in
        with pytest.raises(BlockingIOError):  # nobody has called
            server.accept()


def test_a_deep_check_reports_one_step(recipe: Any, runs: Path) -> None:
    report = deep(checked(recipe()))
    assert (report.parameters, report.trained, report.output_shape, report.samples) == (227, 227, "(2, 3)", 2)
    assert report.unused == report.non_finite == ()
    assert report.ok
    assert not report.stand_in
    # Weights, gradients and AdamW's two moments at least, in float32.
    assert 4 * 227 * 4 < report.step_bytes < 100_000
    assert "parameters   227" in str(report)
    assert not runs.exists()


def test_a_deep_check_names_what_raises_and_what_is_no_number(recipe: Any) -> None:
    with pytest.raises(RunError, match=r"one step with 2 samples failed: model .*:Broken.* the net is torn"):
        deep(checked(recipe(model={"use": "./parts.py:Broken"})))
    report = deep(checked(recipe(loss={"use": "./parts.py:Infinite"})))
    assert "the loss" in report.non_finite
    assert not report.ok


def test_a_deep_check_finds_parameters_that_are_not_used(recipe: Any) -> None:
    report = deep(checked(recipe(model={"use": "./parts.py:Spare"})))
    assert report.unused == ("model.spare.weight", "model.spare.bias")


def test_a_deep_check_takes_stand_in_data_where_there_is_none(recipe: Any) -> None:
    report = deep(checked(recipe(dataset={"use": "./parts.py:Absent"}, model={"use": "./parts.py:Net"})))
    assert report.stand_in
    assert "stand-in data: files not checked" in str(report)


def test_a_deep_check_loads_no_pretrained_weights(recipe: Any) -> None:
    report = deep(checked(recipe(model={"use": "./parts.py:Pretrained", "weights": "IMAGENET"})))
    assert any("were not loaded: random ones" in note for note in report.notes)


def test_bad_samples_are_all_listed_before_a_step_is_taken(recipe: Any) -> None:
    with pytest.raises(RequestError) as caught:
        deep(checked(recipe(scheduler=None, dataset={"use": "./parts.py:WithDamage"})))
    first, second, last = str(caught.value).splitlines()
    assert (first, second) == ("train: 3.jpg: truncated", "train: 70.jpg: truncated")
    assert last.startswith("2 bad samples in the data; loader.on_bad_sample=skip leaves out")
    skipped = deep(
        checked(recipe("loader.on_bad_sample=skip", scheduler=None, dataset={"use": "./parts.py:WithDamage"}))
    )
    assert skipped.ok
    assert skipped.bad_samples == ("train: 3.jpg: truncated", "train: 70.jpg: truncated")
    assert "left out     train: 3.jpg: truncated" in str(skipped)
