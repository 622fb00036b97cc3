"""Draws the pictures of a run: its learning curve, and what was taken for what; saves those that a task has drawn.

A listener of the core (hooks ``toolkit_run_finished`` and ``toolkit_run_failed``). Imports matplotlib, without pyplot,
whose state belongs to the user's program.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import RunError
from toolkit.hooks import hookimpl
from toolkit.registry.names import is_component_name
from toolkit.tracking.table import read_series

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from torch import Tensor

Series = Mapping[str, Sequence[tuple[int, float]]]

TRAIN, VAL, FAINT, INK = "#1f6feb", "#d9480f", "#a9c7f7", "#444444"
LARGEST_LABELLED = 20
"""With more classes than this a cell of the confusion matrix has no room for its number."""


@hookimpl(tryfirst=True)
def toolkit_run_finished(run: Any, result: Any) -> None:
    """Draws the run's pictures into ``plots/`` and gives them to its loggers."""
    if run.is_main:
        _to_loggers(run, [*_learning_curve(run), *evaluation_pictures(run.experiment, run.folder.plots)])


@hookimpl
def toolkit_run_failed(run: Any, error: BaseException) -> None:
    """Draws the learning curve as far as it goes."""
    if run.is_main:
        _to_loggers(run, _learning_curve(run))


def evaluation_pictures(experiment: Any, folder: Path, prefix: str = "") -> list[Path]:
    """Draws what the last evaluation of a task has gathered: confusion matrix, worst mistakes, pictures of its own.

    Args:
        experiment: whose task has `confusion` and `worst`, or `pictures`, uint8 ``(3, height, width)`` by name; a task
            without them has no such pictures.
        folder: where the pictures go.
        prefix: before the names of the files.

    Returns:
        The files written.
    """
    confusion = getattr(experiment.task, "confusion", None)
    mistakes = getattr(experiment.task, "worst", [])
    names = [str(name) for name in experiment.facts.get("class_names") or ()]
    drawn: list[Path] = []
    if confusion is not None:
        drawn.append(_save(draw_confusion(confusion, names), folder / f"{prefix}confusion.png"))
    pictured = [mistake for mistake in mistakes if is_image(mistake.input)]
    if pictured:
        drawn.append(_save(draw_mistakes(pictured, names), folder / f"{prefix}worst_mistakes.png"))
    pictures: Mapping[str, Tensor] = getattr(experiment.task, "pictures", {})
    for name, picture in pictures.items():
        drawn.append(save_picture(picture, folder / f"{prefix}{file_stem(name, 'picture')}.png"))
    return drawn


def file_stem(name: str, what: str) -> str:
    """The name that a task has given to a picture or a table, where a file can be called so.

    Raises:
        RunError: it cannot.
    """
    if not is_component_name(name):
        raise RunError(f"the task calls a {what} {name!r}; it is the name of a file: [a-z][a-z0-9_]*")
    return name


def draw_learning_curve(
    series: Series, title: str, *, metric: str | None = None, best_step: int | None = None
) -> Figure:
    """Losses over steps and, in a second panel, one metric.

    Args:
        series: every metric as pairs of step and value.
        title: what stands above.
        metric: the metric of the second panel, such as ``val/accuracy``; its ``train`` counterpart is drawn with it.
        best_step: where the best checkpoint was saved.
    """
    second = metric.partition("/")[2] if metric is not None and metric != "val/loss" else None
    figure = _figure(10.0 if second else 6.0, 4.0)
    figure.suptitle(title, fontsize=11, color=INK)
    panels = figure.subplots(1, 2 if second else 1, squeeze=False)[0]
    _curves(panels[0], series, "loss", best_step)
    if second:
        _curves(panels[1], series, second, best_step)
    return figure


def draw_confusion(counts: Tensor, names: Sequence[str]) -> Figure:
    """A confusion matrix: rows are true classes, columns what they were taken for, shades the share of a row.

    Args:
        counts: samples, shape ``(classes, classes)``.
        names: the classes' names; their numbers where there are none.
    """
    classes = len(counts)
    shares = (counts / counts.sum(1, keepdim=True).clamp_min(1)).numpy()
    labelled = classes <= LARGEST_LABELLED
    side = min(9.0, 2.2 + 0.42 * classes) if labelled else 7.0
    figure = _figure(side + 1.2, side)
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    shades = figure.colorbar(image, ax=axes, fraction=0.046, pad=0.03, label="share of the true class")
    shades.outline.set_visible(False)
    right = int(counts.diagonal().sum())
    total = int(counts.sum())
    axes.set_title(f"{right:,} of {total:,} right", fontsize=11, color=INK)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    if labelled:
        shown = list(names) if len(names) == classes else [str(index) for index in range(classes)]
        slanted = max(map(len, shown)) > 3
        axes.set_xticks(range(classes), shown, rotation=45 if slanted else 0, ha="right" if slanted else "center")
        axes.set_yticks(range(classes), shown)
        for row in range(classes):
            for column in range(classes):
                if int(counts[row, column]):
                    colour = "white" if shares[row, column] > 0.5 else INK
                    axes.text(
                        column, row, f"{int(counts[row, column])}", ha="center", va="center", color=colour, fontsize=8
                    )
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return figure


def draw_mistakes(mistakes: Sequence[Any], names: Sequence[str]) -> Figure:
    """A grid of images that were taken for another class, the worst first.

    Args:
        mistakes: with ``input`` ``(channels, height, width)``, ``target``, ``predicted`` and ``loss``.
        names: the classes' names; their numbers where there are none.
    """
    columns = min(4, len(mistakes))
    rows = -(-len(mistakes) // columns)
    figure = _figure(max(4.0, 1.9 * columns), 2.25 * rows + 0.5)
    figure.suptitle("the worst mistakes: true class, and what it was taken for", fontsize=10, color=INK)
    panels = figure.subplots(rows, columns, squeeze=False).flatten()
    for axes, mistake in zip(panels, mistakes, strict=False):
        axes.imshow(as_picture(mistake.input), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        true, taken = (class_name(names, number) for number in (mistake.target, mistake.predicted))
        axes.set_title(f"{true}, taken for {taken}", fontsize=9, color=INK)
        axes.set_xlabel(f"loss {mistake.loss:.2f}", fontsize=8, color=INK)
    for axes in panels:
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set_visible(False)
    return figure


def is_image(sample: Tensor) -> bool:
    """Whether an input can be shown: one or three channels, height and width."""
    return sample.dim() == 3 and sample.shape[0] in (1, 3) and min(sample.shape[1:]) > 1


def as_picture(sample: Tensor) -> Any:
    """An image ``(channels, height, width)`` as an array that matplotlib shows, values from 0 to 1.

    Floats outside of that range, as a normalising transform leaves them, are stretched to it.
    """
    import torch

    values = sample.float() / 255 if sample.dtype is torch.uint8 else sample.float()
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 1:
        values = (values - low) / max(high - low, 1e-12)
    return (values[0] if len(values) == 1 else values.permute(1, 2, 0)).numpy()


def save_picture(picture: Tensor, path: Path) -> Path:
    """Saves uint8 ``(3, height, width)`` as a PNG file. (torchvision's own writer goes away: deprecated in 0.29.)"""
    from matplotlib.image import imsave

    imsave(path, picture.permute(1, 2, 0).cpu().contiguous().numpy())
    return path


def _learning_curve(run: Any) -> list[Path]:
    series = read_series(run.folder.metrics_csv)
    if not any(name.startswith(("train/", "val/")) for name in series):
        return []
    monitor, best = run.experiment.monitor, run.record["best"]
    figure = draw_learning_curve(
        series,
        f"{run.name}   {run.id}",
        metric=monitor.name if monitor is not None else None,
        # Rows are numbered from 0; the checkpoint counts the steps taken.
        best_step=best["step"] - 1 if best is not None else None,
    )
    return [_save(figure, run.folder.plots / "learning_curve.png")]


def _curves(axes: Axes, series: Series, name: str, best_step: int | None) -> None:
    """One panel: ``train/name`` and ``val/name`` over steps."""
    axes.set_xlabel("step")
    axes.set_title(name, fontsize=10, color=INK)
    drawn = [(f"train/{name}_step", "train, single steps", FAINT, 0.9), (f"train/{name}", "train", TRAIN, 1.8)]
    drawn.append((f"val/{name}", "val", VAL, 1.8))
    for key, label, colour, width in drawn:
        points = series.get(key, ())
        if points:
            steps, values = zip(*points, strict=True)
            marker = "o" if len(points) <= 30 and colour != FAINT else None
            axes.plot(steps, values, color=colour, linewidth=width, marker=marker, markersize=4, label=label)
    if best_step is not None:
        axes.axvline(best_step, color=INK, linewidth=0.8, linestyle=":", label="best checkpoint")
    axes.grid(alpha=0.25, linewidth=0.6)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if axes.get_legend_handles_labels()[1]:
        axes.legend(frameon=False, fontsize=9)


def class_name(names: Sequence[str], number: int) -> str:
    """What a class is called: its number where there is no name for it."""
    return names[number] if 0 <= number < len(names) else str(number)


def _figure(width: float, height: float) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=130)
    FigureCanvasAgg(figure)
    # Wider than matplotlib's own, which cuts off the label of an axis beside an image of fixed shape (3.11).
    figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.12)
    return figure


def _save(figure: Figure, path: Path) -> Path:
    figure.savefig(path, facecolor="white")
    return path


def _to_loggers(run: Any, paths: Sequence[Path]) -> None:
    for logger in run.loggers:
        if hasattr(logger, "log_image"):
            for path in paths:
                logger.log_image(f"plots/{path.stem}", [path])
