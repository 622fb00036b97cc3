"""Word and character error rates that say how they were counted. Imports torchmetrics."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

from torchmetrics.text import CharErrorRate, WordErrorRate

from toolkit_speech.recognition.normaliser import Normaliser, normalised


class WER(WordErrorRate):
    """Words that were taken for others, left out or added, over the words of the references of a whole split.

    torchmetrics counts them, over texts as `normaliser` makes them.

    Arguments:
        normaliser: `none`, or `basic` for texts whose capital letters and punctuation do not count; see
            `toolkit_speech.recognition.normaliser`.
    """

    def __init__(self, normaliser: Normaliser = "none") -> None:
        super().__init__()
        self.normaliser: Normaliser = normaliser
        self.signature = _signature("words", normaliser)
        """How it counts."""

    def update(self, preds: Sequence[str], target: Sequence[str]) -> None:
        """Count a batch: transcripts, and a reference for each."""
        super().update(*(_all(texts, self.normaliser) for texts in (preds, target)))


class CER(CharErrorRate):
    """Characters that were taken for others, left out or added, over those of the references of a whole split.

    Spaces between words are characters. torchmetrics counts them, over texts as `normaliser` makes them.

    Arguments:
        normaliser: as of `wer`.
    """

    def __init__(self, normaliser: Normaliser = "none") -> None:
        super().__init__()
        self.normaliser: Normaliser = normaliser
        self.signature = _signature("characters", normaliser)
        """How it counts."""

    def update(self, preds: Sequence[str], target: Sequence[str]) -> None:
        """Count a batch: transcripts, and a reference for each."""
        super().update(*(_all(texts, self.normaliser) for texts in (preds, target)))


def _all(texts: Sequence[str], normaliser: Normaliser) -> list[str]:
    return [normalised(text, normaliser) for text in texts]


def _signature(units: str, normaliser: Normaliser) -> str:
    parts = [f"{name}:{version(name)}" for name in ("torchmetrics", "toolkit-speech")]
    return "|".join((f"units:{units}", f"normaliser:{normaliser}", *parts))
