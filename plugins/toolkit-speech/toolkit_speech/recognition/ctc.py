"""The task of writing down speech with a model that says a character, or nothing, for every frame.

Imports torch, torchmetrics and Lightning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

import torch
from pytorch_lightning import Trainer
from torch import Tensor, nn
from torch.optim import Optimizer
from torchmetrics import Metric, SumMetric

from toolkit.tasks.supervised import SPLITS
from toolkit_speech.recognition.alignment import aligned, needed_frames
from toolkit_speech.recognition.ctc_loss import ctc_losses
from toolkit_speech.recognition.greedy import greedy
from toolkit_speech.recognition.prefix_beam import PrefixBeam
from toolkit_speech.recognition.task import Recognition, Scored
from toolkit_speech.samples import Heard
from toolkit_speech.transcripts import TRANSCRIPTS


class CTC(Recognition):
    """Connectionist temporal classification (Graves et al., 2006).

    Batches are ``((waveforms, lengths), targets)``: float32 ``(batch, samples)`` padded behind, int64 ``(batch,)``, and
    tokens int64 ``(batch, longest)`` with -100 behind the last. The model's outputs are logits, or their log-softmax,
    ``(batch, frames, vocab_size)``, and the number of frames of each, ``(batch,)``. Token 0 is the blank.

    The loss is minus the logarithm of the probability of a batch's texts over the number of their characters, and an
    epoch's is that of all its texts. An utterance with fewer frames than its text needs (one for each character, and
    one more between two that are the same) has no part in it: ``split/too_short`` is how many there were. It still
    counts in the metrics.

    Metrics get two lists of texts. In validation, which is there to choose by, the most probable character of each
    frame is taken; in test and prediction texts are searched for as `decoder` says. ``tables`` holds ``transcripts``:
    some references with what was heard. After a test ``pictures`` holds ``spectrograms``: some utterances with their
    characters where they are said.

    Args:
        model: as said above.
        metrics: by label, ``wer``, ``cer`` or those of torchmetrics.text; called with transcripts and references.
        optimizer: from this module to an optimizer.
        scheduler: from the optimizer and the trainer to Lightning's scheduler configuration.
        run_files: what the dataset lets the run keep: its alphabet, and its training texts for a language model.
        sample_rate: samples a second; filled from the dataset.
        decoder: a search, such as ``{use: prefix_beam, language_model: {use: ngram}}``; None takes the most probable
            character of each frame.

    Raises:
        ValueError: the dataset keeps no alphabet, or no texts where a language model needs them.
    """

    times_words: ClassVar[bool] = True

    def __init__(
        self,
        model: nn.Module,
        metrics: Mapping[str, Metric] | None = None,
        optimizer: Callable[[nn.Module], Optimizer] | None = None,
        scheduler: Callable[[Optimizer, Trainer], dict[str, Any]] | None = None,
        run_files: Mapping[str, bytes] | None = None,
        sample_rate: int | None = None,
        decoder: PrefixBeam | None = None,
    ) -> None:
        super().__init__(model, ctc_losses, metrics, optimizer, scheduler, run_files, sample_rate)
        self._search: Callable[[Tensor, Tensor], list[list[int]]] = greedy
        if decoder is not None:
            texts = (run_files or {}).get(TRANSCRIPTS)
            transcripts = None if texts is None else texts.decode().splitlines()
            self._search = decoder.fit(self.alphabet.characters, transcripts)
        self.too_short = nn.ModuleDict({f"{split}/too_short": SumMetric() for split in SPLITS})

    @staticmethod
    def logged(metric_labels: Iterable[str]) -> tuple[str, ...]:
        """The names that a task with these metrics logs."""
        return (*Recognition.logged(metric_labels), *(f"{split}/too_short" for split in SPLITS))

    def scored(self, heard: Heard, targets: Tensor) -> Scored:
        log_probs, lengths = self.outputs_of(heard)
        found = ctc_losses(log_probs, lengths, targets)
        characters = found.characters.sum()
        counts = torch.stack((characters, (~found.possible).sum()))
        return Scored(found.losses.sum() / characters.clamp_min(1), counts[None], (log_probs.detach(), lengths))

    def count(self, split: str, losses: Tensor, counts: Tensor) -> None:
        super().count(split, losses, counts)
        short: Any = self.too_short[f"{split}/too_short"]
        short.update(counts[:, 1])

    def tokens_of(self, heard: Heard, outputs: Any, *, careful: bool) -> list[list[int]]:
        return (self._search if careful else greedy)(*outputs)

    def spans_of(self, outputs: Any, number: int, tokens: Sequence[int]) -> list[tuple[float, float]]:
        log_probs, lengths = outputs
        frames = int(lengths[number])
        if frames < needed_frames(tokens):
            return []
        return [(begin / frames, end / frames) for begin, end in aligned(log_probs[number, :frames], tokens)]

    def outputs_of(self, heard: Heard) -> tuple[Tensor, Tensor]:
        """Log-probabilities `(batch, frames, vocab_size)` and the frames of each, `(batch,)`."""
        outputs = self(heard)
        if not isinstance(outputs, tuple) or len(outputs) != 2 or outputs[0].dim() != 3:
            raise ValueError(
                "a model for ctc returns outputs (batch, frames, vocab_size) and the frames of each, (batch,)"
            )
        log_probs, lengths = outputs
        return log_probs.float().log_softmax(2), lengths

    def _of_split(self, split: str) -> dict[str, Any]:
        name = f"{split}/too_short"
        return {**super()._of_split(split), name: self.too_short[name]}
