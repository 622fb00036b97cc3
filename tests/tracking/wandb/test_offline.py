"""What the logger `wandb` leaves in a run's folder without a key, as wandb itself wrote it."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytorch_lightning.utilities import rank_zero_only

RUN = "20260102-030405-abcd"


def sessions(folder: Path) -> list[Path]:
    found = [path for path in (folder / "wandb").iterdir() if path.is_dir() and not path.is_symlink()]
    return sorted(found, key=lambda path: path.name.removeprefix("offline-"))


def only(folder: Path) -> Path:
    (found,) = sessions(folder)
    return found


def test_a_run_without_a_key_is_offline_in_its_folder(
    build: Callable[..., Any], folder: Path, written: Callable[..., Any], capfd: pytest.CaptureFixture[str]
) -> None:
    logger = build()
    logger.log_hyperparams(
        {"seed": 0, "optimizer": {"use": "toolkit-core/sgd", "lr": 0.1}, "data": {"root": "${oc.env:D}"}}
    )
    logger.log_metrics({"train/loss": 2.0, "epoch": 0}, step=49)
    logger.log_metrics({"val/accuracy": 0.5, "epoch": 0}, step=49)
    logger.log_metrics({"train/loss": 1.0, "epoch": 1}, step=99)
    logger.log_summary({"best/val/accuracy": 0.5, "final/test/accuracy": 0.75})
    logger.close("finished")

    assert capfd.readouterr() == ("", "")
    found = written(only(folder))
    assert {key: value for key, value in found.config.items() if key != "_wandb"} == {
        "seed": 0,
        "optimizer": {"use": "toolkit-core/sgd", "lr": 0.1},
        "data": {"root": "${oc.env:D}"},
    }
    assert [{key: value for key, value in row.items() if not key.startswith("_")} for row in found.history] == [
        {"train/loss": 2.0, "epoch": 0, "trainer/global_step": 49},
        {"val/accuracy": 0.5, "epoch": 0, "trainer/global_step": 49},
        {"train/loss": 1.0, "epoch": 1, "trainer/global_step": 99},
    ]
    assert found.summary["best/val/accuracy"] == 0.5
    assert found.summary["final/test/accuracy"] == 0.75
    assert found.summary["train/loss"] == 1.0
    assert found.metrics["*"].step_metric == "trainer/global_step"
    assert (found.run.run_id, found.run.project, found.run.display_name) == (RUN, "digits", f"wide {RUN}")
    assert found.exit_code == 0
    where = only(folder).relative_to(Path.cwd())
    assert logger.upload_hint() == f"To upload this run to W&B: wandb sync {where}"


def test_the_record_of_the_run_names_it(build: Callable[..., Any], folder: Path, written: Callable[..., Any]) -> None:
    (folder / "run.json").write_text(
        json.dumps(
            {
                "recipe": "vision/digits",
                "name": "",
                "tags": ["first", "x" * 70],
                "note": "with a wider model",
                "git": {"commit": "c0ffee", "remote": "https://token:secret@example.org/x.git"},
            }
        )
    )
    logger = build(name="vision/digits", tags=["paper", "first"])
    logger.log_metrics({"train/loss": 1.0}, 0)
    logger.close("finished")
    run = written(only(folder)).run
    assert run.display_name == f"vision/digits {RUN}"
    assert list(run.tags) == ["paper", "first", "x" * 64]
    assert run.notes == "with a wider model"
    assert run.git.commit == "c0ffee"
    assert run.git.remote_url == "https://<redacted>@example.org/x.git"


def test_a_resumed_run_goes_on_and_repeats_nothing(
    build: Callable[..., Any], folder: Path, written: Callable[..., Any]
) -> None:
    first = build()
    for step in range(6):
        first.log_metrics({"train/loss": float(step), "epoch": step // 3}, step)
    first.log_metrics({"val/loss": 0.5, "epoch": 0}, 2)
    first.close("interrupted")

    second = build()
    for step in range(3, 8):
        second.log_metrics({"train/loss": float(step), "epoch": step // 3}, step)
    second.log_metrics({"val/loss": 0.25, "epoch": 1}, 5)
    second.close("finished")
    line = second.upload_hint()

    earlier, later = sessions(folder)
    assert written(earlier).exit_code == 1
    assert written(earlier).run.run_id == written(later).run.run_id == RUN
    assert [row["trainer/global_step"] for row in written(later).history] == [6, 7, 5]
    assert written(later).history[2]["val/loss"] == 0.25
    assert shlex.split(line.partition("W&B: ")[2]) == [
        "wandb",
        "sync",
        str(earlier.relative_to(Path.cwd())),
        str(later.relative_to(Path.cwd())),
    ]


def test_what_a_killed_process_left_half_written_does_not_matter(
    build: Callable[..., Any], folder: Path, written: Callable[..., Any]
) -> None:
    first = build()
    for step in range(3):
        first.log_metrics({"train/loss": float(step)}, step)
    first.close("failed")
    (log,) = only(folder).glob("*.wandb")
    content = log.read_bytes()
    log.write_bytes(content[: len(content) - 40])

    second = build()
    for step in range(5):
        second.log_metrics({"train/loss": float(step)}, step)
    second.close("finished")
    assert [row["train/loss"] for row in written(sessions(folder)[1]).history] == [3.0, 4.0]


def test_pictures(
    build: Callable[..., Any],
    folder: Path,
    written: Callable[..., Any],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    from PIL import Image

    Image.new("RGB", (5, 4)).save(tmp_path / "curve.png")
    caplog.set_level("WARNING")
    logger = build()
    logger.log_metrics({"train/loss": 1.0}, 7)
    logger.log_image("plots/curve", [tmp_path / "curve.png", np.zeros((6, 5, 3), np.uint8)], 8)
    logger.log_image("plots/absent", [tmp_path / "absent.png"])
    logger.close("finished")
    rows = written(only(folder)).history
    assert [row["trainer/global_step"] for row in rows] == [7, 8]
    assert {"plots/curve"} < rows[1].keys()
    pictures = only(folder) / "files" / "media" / "images" / "plots"
    assert sorted(Image.open(path).size for path in pictures.iterdir()) == [(5, 4), (5, 6)]
    (message,) = [record.getMessage() for record in caplog.records if record.name == "toolkit.wandb"]
    assert message.startswith("plots/absent could not be sent to W&B (")


@pytest.mark.parametrize("asked", [False, True])
def test_checkpoints_are_artifacts_when_asked(
    build: Callable[..., Any], folder: Path, written: Callable[..., Any], asked: bool
) -> None:
    checkpoint = folder / "checkpoints" / "epoch-0003.ckpt"
    checkpoint.parent.mkdir()
    checkpoint.write_bytes(b"weights")
    logger = build(log_checkpoints=asked)
    logger.log_metrics({"train/loss": 1.0}, 0)
    logger.log_checkpoint(checkpoint, ["best", "last"], {"epoch": 3})
    logger.close("finished")
    records = [record for record in written(only(folder)).records if "artifact" in str(record)[:2000]]
    text = "".join(map(str, records))
    assert (f"model-{RUN}" in text) is asked
    assert (str(checkpoint) in text) is asked


@pytest.mark.parametrize(("status", "code"), [("finished", 0), ("failed", 1), ("interrupted", 1), ("terminated", 1)])
def test_the_status_of_the_run(
    build: Callable[..., Any], folder: Path, written: Callable[..., Any], status: str, code: int
) -> None:
    logger = build()
    logger.log_metrics({"train/loss": 1.0}, 0)
    logger.close(status)
    assert written(only(folder)).exit_code == code


def test_closing_twice_or_before_anything_was_logged_is_nothing(build: Callable[..., Any], folder: Path) -> None:
    logger = build()
    logger.close("failed")
    assert logger.upload_hint() is None
    assert logger.upload_hint() is None
    assert list(folder.iterdir()) == []
    logger.log_hyperparams(Namespace(seed=1))
    logger.close("finished")
    logger.close("finished")
    assert len(sessions(folder)) == 1


def test_other_processes_log_nothing(build: Callable[..., Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rank_zero_only, "rank", 1)
    logger = build()
    logger.log_hyperparams({"seed": 0})
    logger.log_metrics({"train/loss": 1.0}, 0)
    logger.log_summary({"best/val/loss": 1.0})
    logger.log_image("plots/x", [np.zeros((2, 2), np.uint8)])
    logger.experiment.log({"train/loss": 1.0})
    logger.close("finished")
    assert logger.upload_hint() is None
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("recipe", "environment", "outcome"),
    [
        ("disabled", None, "nothing"),
        (None, "disabled", "nothing"),
        ("online", "offline", "offline"),
        ("offline", "online", "offline"),
        ("disabled", "online", "nothing"),
        (None, "dryrun", "offline"),
        (None, None, "offline"),
    ],
)
def test_of_the_recipe_and_the_environment_the_more_private_mode_wins(
    build: Callable[..., Any],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    recipe: str | None,
    environment: str | None,
    outcome: str,
) -> None:
    if environment:
        monkeypatch.setenv("WANDB_MODE", environment)
    logger = build(mode=recipe)
    logger.log_metrics({"train/loss": 1.0}, 0)
    logger.experiment.log({"other": 1.0})
    logger.close("finished")
    left = [path.name.partition("-")[0] for path in folder.glob("wandb/*")]
    assert left == ([] if outcome == "nothing" else [outcome])


def test_a_setting_that_wandb_refuses_is_refused_when_the_logger_is_built(build: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="project"):
        build(project="vision/digits")


def test_a_run_of_the_program_around_us_is_left_alone(
    build: Callable[..., Any], folder: Path, tmp_path: Path, written: Callable[..., Any]
) -> None:
    import wandb

    with wandb.init(project="mine", mode="offline", dir=tmp_path, settings={"silent": True}) as mine:
        logger = build()
        logger.log_metrics({"train/loss": 1.0}, 0)
        logger.close("finished")
        mine.log({"mine": 1.0})
        assert wandb.run is mine
    # The last records of the run around us reach the disk only when wandb's process ends (0.31).
    wandb.teardown()
    assert len(written(only(folder)).history) == 1
    assert len(written(only(tmp_path)).history) == 1


def test_when_wandbs_own_process_dies_the_run_goes_on_in_a_second_folder(
    build: Callable[..., Any], folder: Path, written: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING")
    logger = build()
    logger.log_metrics({"train/loss": 3.0}, 0)
    listed = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(os.getpid())], capture_output=True, text=True)
    (core,) = [int(line.split()[0]) for line in listed.stdout.splitlines() if "wandb-core" in line]
    os.kill(core, signal.SIGKILL)
    os.waitpid(core, 0)
    logger.log_metrics({"train/loss": 2.0}, 1)
    logger.log_metrics({"train/loss": 1.0}, 2)
    logger.close("finished")
    line = logger.upload_hint()
    assert [row["train/loss"] for row in written(sessions(folder)[-1]).history] == [2.0, 1.0]
    assert line.count("offline-run-") == 2
    (message,) = [record.getMessage() for record in caplog.records if record.name == "toolkit.wandb"]
    assert message.startswith("W&B has stopped working (")


def test_a_folder_in_which_wandb_could_not_start_is_not_to_be_uploaded(build: Callable[..., Any], folder: Path) -> None:
    (folder / "wandb" / f"offline-run-20260102_030405-{RUN}" / "logs").mkdir(parents=True)
    assert build().upload_hint() is None
