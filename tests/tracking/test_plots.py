"""The pictures of a run, from the awkward cases of what they are drawn from."""

from __future__ import annotations

import subprocess
import sys
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from matplotlib.image import imread

from toolkit.errors import RunError
from toolkit.tracking import plots

Mistake = namedtuple("Mistake", "input target predicted loss")


def labels(figure: object) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.get_xticklabels()]  # type: ignore[attr-defined]


def test_a_learning_curve_has_a_panel_for_the_watched_metric() -> None:
    series = {"train/loss": [(1, 2.0), (2, 1.0)], "val/loss": [(2, 1.5)], "val/accuracy": [(2, 0.5)]}
    both = plots.draw_learning_curve(series, "a run", metric="val/accuracy", best_step=2)
    assert [axes.get_title() for axes in both.axes] == ["loss", "accuracy"]
    assert [line.get_label() for line in both.axes[0].lines] == ["train", "val", "best checkpoint"]
    alone = plots.draw_learning_curve(series, "a run", metric="val/loss")
    assert [axes.get_title() for axes in alone.axes] == ["loss"]


@pytest.mark.parametrize("classes", [2, 10, 20, 21])
def test_a_confusion_matrix_names_its_classes_while_there_is_room(classes: int) -> None:
    figure = plots.draw_confusion(torch.eye(classes, dtype=torch.int64) * 3, [])
    assert figure.axes[0].get_title() == f"{3 * classes} of {3 * classes} right"
    written = [text.get_text() for text in figure.axes[0].texts]
    assert written == (["3"] * classes if classes <= 20 else [])


def test_class_names_stand_in_the_pictures() -> None:
    names = ["ham", "spam"]
    assert labels(plots.draw_confusion(torch.tensor([[5, 1], [0, 0]]), names))[:2] == names
    grid = plots.draw_mistakes([Mistake(torch.zeros(1, 4, 4), 0, 1, 2.5)] * 5, names)
    assert [axes.get_title() for axes in grid.axes] == ["ham, taken for spam"] * 5 + [""] * 3


@pytest.mark.parametrize(
    ("sample", "shape"),
    [
        (torch.full((1, 4, 6), 255, dtype=torch.uint8), (4, 6)),
        (torch.rand(3, 4, 6), (4, 6, 3)),
        (torch.randn(3, 4, 6) * 5, (4, 6, 3)),
        (torch.full((1, 4, 6), -3.0), (4, 6)),
    ],
)
def test_images_of_any_range_become_pictures(sample: torch.Tensor, shape: tuple[int, ...]) -> None:
    assert plots.is_image(sample)
    picture = plots.as_picture(sample)
    assert picture.shape == shape
    assert picture.min() >= 0
    assert picture.max() <= 1


@pytest.mark.parametrize("shape", [(64,), (2, 4, 4), (1, 1, 64), (1, 3, 4, 4)])
def test_other_inputs_are_no_images(shape: tuple[int, ...]) -> None:
    assert not plots.is_image(torch.zeros(shape))


def test_pictures_that_a_task_hands_over_are_saved_as_they_are(tmp_path: Path) -> None:
    picture = torch.randint(256, (3, 5, 7), dtype=torch.uint8)
    experiment = SimpleNamespace(task=SimpleNamespace(pictures={"found": picture}), facts={})
    assert plots.evaluation_pictures(experiment, tmp_path, "test-1-") == [tmp_path / "test-1-found.png"]
    assert torch.equal(
        torch.tensor(imread(tmp_path / "test-1-found.png"))[:, :, :3].mul(255).round().byte(), picture.permute(1, 2, 0)
    )
    experiment.task.pictures = {"../found": picture}
    with pytest.raises(RunError, match="the task calls a picture '../found'"):
        plots.evaluation_pictures(experiment, tmp_path)


def test_drawing_leaves_pyplot_alone(tmp_path: Path) -> None:
    code = (
        "import sys, torch; from pathlib import Path; from toolkit.tracking import plots\n"
        "plots._save(plots.draw_confusion(torch.eye(3), []), Path(sys.argv[1]))\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.png")], check=True)
    assert (tmp_path / "a.png").stat().st_size > 1000
