"""``metrics.csv``: what is logged stands there once, whatever the order it came in, and after a resume too."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from toolkit.tracking.csv_logger import CSVLogger
from toolkit.tracking.table import read_series, read_table


def log(folder: Path, *calls: tuple[int, dict[str, float]]) -> CSVLogger:
    logger = CSVLogger(str(folder))
    for step, metrics in calls:
        logger.log_metrics(metrics, step)
    return logger


FIRST = (0, {"train/loss": 2.5, "epoch": 0})
SECOND = (1, {"train/loss": 1.5, "epoch": 0})
SECOND_VAL = (1, {"val/loss": 1.75, "epoch": 0})
THIRD = (2, {"train/loss": 0.1, "epoch": 1})
THIRD_VAL = (2, {"val/loss": 1.0, "val/accuracy": 0.5})


def test_a_row_is_a_step_and_a_late_metric_gets_a_column(tmp_path: Path) -> None:
    log(tmp_path, FIRST, SECOND, SECOND_VAL, THIRD, THIRD_VAL)
    assert (tmp_path / "metrics.csv").read_text() == (
        "step,train/loss,epoch,val/loss,val/accuracy\n0,2.5,0,,\n1,1.5,0,1.75,\n2,0.1,1,1.0,0.5\n"
    )


def test_every_row_is_in_the_file_before_log_metrics_returns(tmp_path: Path) -> None:
    logger = CSVLogger(str(tmp_path))
    for step in range(5):
        logger.log_metrics({"train/loss": float(step)}, step)
        assert read_series(tmp_path / "metrics.csv")["train/loss"][-1] == (step, float(step))


def test_numbers_read_back_as_the_same_numbers(tmp_path: Path) -> None:
    values = [0.1, 1e-300, 1 / 3, float("inf"), -0.0]
    log(tmp_path, *((step, {"train/loss": value}) for step, value in enumerate(values)))
    assert [value for _, value in read_series(tmp_path / "metrics.csv")["train/loss"]] == values


def test_a_cut_and_continued_table_equals_the_uninterrupted_one(tmp_path: Path) -> None:
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    whole.mkdir(), resumed.mkdir()
    log(whole, FIRST, SECOND, SECOND_VAL, THIRD, THIRD_VAL)
    log(resumed, FIRST, SECOND, SECOND_VAL, THIRD, (3, {"train/loss": 9.0, "test/loss": 9.0}))
    logger = CSVLogger(str(resumed))
    logger.cut(2)
    for step, metrics in (THIRD, THIRD_VAL):
        logger.log_metrics(metrics, step)
    assert (resumed / "metrics.csv").read_bytes() == (whole / "metrics.csv").read_bytes()


def test_a_cut_before_the_first_row_leaves_no_file(tmp_path: Path) -> None:
    log(tmp_path, FIRST).cut(0)
    assert not (tmp_path / "metrics.csv").exists()


def test_a_torn_last_line_is_written_over(tmp_path: Path) -> None:
    log(tmp_path, FIRST, SECOND)
    path = tmp_path / "metrics.csv"
    path.write_bytes(path.read_bytes() + b"2,0.0")
    log(tmp_path, THIRD)
    assert [row["step"] for row in read_table(path)[1]] == ["0", "1", "2"]


def test_a_new_process_adds_to_the_last_row(tmp_path: Path) -> None:
    log(tmp_path, FIRST, SECOND)
    log(tmp_path, SECOND_VAL)
    assert read_table(tmp_path / "metrics.csv")[1][-1] == {
        "step": "1",
        "train/loss": "1.5",
        "epoch": "0",
        "val/loss": "1.75",
    }


def test_a_value_logged_again_replaces_the_one_before(tmp_path: Path) -> None:
    log(tmp_path, (0, {"train/loss": 123456.0}), (0, {"train/loss": 1.0}))
    assert (tmp_path / "metrics.csv").read_text() == "step,train/loss\n0,1.0\n"


def test_without_a_step_the_last_row_goes_on(tmp_path: Path) -> None:
    logger = log(tmp_path, FIRST)
    logger.log_metrics({"test/loss": 3.0})
    assert read_table(tmp_path / "metrics.csv")[1] == [
        {"step": "0", "train/loss": "2.5", "epoch": "0", "test/loss": "3.0"}
    ]


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="this system cannot limit a file's size")
def test_a_disk_that_takes_no_more_is_reported_and_the_rows_before_stay(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    logger = log(tmp_path, FIRST)
    before = (tmp_path / "metrics.csv").read_bytes()
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 4, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            logger.log_metrics({"train/loss": 1.0, "epoch": 0}, 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert read_table(tmp_path / "metrics.csv")[1] == [{"step": "0", "train/loss": "2.5", "epoch": "0"}]
