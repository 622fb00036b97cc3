"""Spectrograms with what was heard in them, as one picture. Imports matplotlib, without pyplot, and torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

INK, FAINT = "#444444", "#ffffff"
WIDTH, HEIGHT = 10.0, 2.2
"""Of one utterance, in inches."""


class Panel(NamedTuple):
    """One utterance."""

    features: Tensor
    """`(time, channels)`."""
    seconds: float | None
    """How long it is; None where nobody knows."""
    reference: str
    transcript: str
    characters: Sequence[tuple[str, tuple[float, float]]]
    """Each with the share of the utterance that it begins and ends at; empty where that is not known."""


def drawn(panels: Sequence[Panel]) -> Tensor:
    """Utterances one below the other, uint8 `(3, height, width)`."""
    figure = Figure(figsize=(WIDTH, HEIGHT * len(panels)), dpi=100, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    for axes, panel in zip(figure.subplots(len(panels), squeeze=False)[:, 0], panels, strict=True):
        end = panel.seconds or float(len(panel.features))
        axes.imshow(
            panel.features.T.numpy(),
            origin="lower",
            aspect="auto",
            cmap="magma",
            extent=(0.0, end, 0, panel.features.shape[1]),
        )
        axes.set_yticks([])
        axes.tick_params(labelsize=7, colors=INK)
        axes.set_xlabel("seconds" if panel.seconds else "frames", fontsize=7, color=INK)
        # "$" would begin a formula.
        texts = (f"said  {panel.reference}", f"heard {panel.transcript}")
        title = "\n".join(text.replace("$", r"\$") for text in texts)
        axes.set_title(title, fontsize=8, color=INK, loc="left", family="monospace")
        for character, (begin, until) in panel.characters:
            axes.axvline(begin * end, color=FAINT, linewidth=0.5, alpha=0.6)
            middle, top = (begin + until) / 2 * end, panel.features.shape[1] * 0.88
            axes.text(middle, top, character.replace("$", r"\$"), color=FAINT, fontsize=9, ha="center", va="center")
    canvas.draw()  # type: ignore[no-untyped-call]  # matplotlib has types for parts of itself
    pixels = np.asarray(canvas.buffer_rgba())[:, :, :3]  # type: ignore[no-untyped-call]
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)
