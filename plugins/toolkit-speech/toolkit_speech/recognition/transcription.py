"""The task of writing down speech with an attention decoder, one character after another.

Imports torch, torchmetrics and Lightning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from pytorch_lightning import Trainer
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer
from torchmetrics import Metric

from toolkit.tasks.supervised import in_full_precision
from toolkit_speech.recognition.beam_search import EDGE, beam_search
from toolkit_speech.recognition.task import Recognition, Scored
from toolkit_speech.samples import IGNORED, Heard


class Transcription(Recognition):
    """Speech written down by an encoder-decoder with attention ("Listen, Attend and Spell", Chan et al., 2016).

    Batches are ``((waveforms, lengths), targets)``: float32 ``(batch, samples)`` padded behind, int64 ``(batch,)``, and
    tokens int64 ``(batch, longest)`` with -100 behind the last. Token 0 stands before the first token of a text and
    behind the last one.

    In training the model sees the true tokens before each one that it has to say: ``model(((waveforms, lengths),
    tokens))`` returns logits ``(batch, n, vocab_size)`` of what follows each of ``tokens`` ``(batch, n)``. The loss
    gets ``(tokens, vocab_size)`` and ``(tokens,)``, and an epoch's is the mean over tokens, their ends counted.
    Smoothing is the loss's own: ``{use: cross_entropy, label_smoothing: 0.1}``.

    Metrics get two lists of texts: in validation, which is there to choose by, found greedily, in test with ``beam``
    beginnings at a time. The model writes by ``encode((waveforms, lengths))`` and ``step(tokens, memory, cache)``: see
    `toolkit_speech.recognition.beam_search`. ``tables`` holds ``transcripts``: some references with what was heard.
    After a test ``pictures`` holds ``spectrograms``.

    Args:
        model: as said above.
        loss: called with logits and tokens; returns their mean.
        metrics: by label, ``wer``, ``cer`` or those of torchmetrics.text; called with transcripts and references.
        optimizer: from this module to an optimizer.
        scheduler: from the optimizer and the trainer to Lightning's scheduler configuration.
        run_files: what the dataset lets the run keep: its alphabet.
        sample_rate: samples a second; filled from the dataset.
        beam: how many beginnings of a text are kept, in test and prediction.
        length_penalty: the power of its length that a text's score is divided by; 0 favours short ones.
        max_length: tokens of a text at most; it never has more than the encoder has frames.

    Raises:
        ValueError: the model cannot be asked for one token after another, the dataset keeps no alphabet, or ``beam``,
            ``length_penalty`` or ``max_length`` is too small.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Callable[[Tensor, Tensor], Tensor],
        metrics: Mapping[str, Metric] | None = None,
        optimizer: Callable[[nn.Module], Optimizer] | None = None,
        scheduler: Callable[[Optimizer, Trainer], dict[str, Any]] | None = None,
        run_files: Mapping[str, bytes] | None = None,
        sample_rate: int | None = None,
        beam: int = 5,
        length_penalty: float = 1.0,
        max_length: int = 400,
    ) -> None:
        super().__init__(model, loss, metrics, optimizer, scheduler, run_files, sample_rate)
        lacking = [name for name in ("encode", "step") if not callable(getattr(model, name, None))]
        if lacking:
            raise ValueError(f"the model {type(model).__name__} cannot write: it has no method {lacking[0]!r}")
        least = {"beam": (beam, 1), "length_penalty": (length_penalty, 0), "max_length": (max_length, 1)}
        for name, (value, smallest) in least.items():
            if value < smallest:
                raise ValueError(f"{name}={value}: from {smallest} up")
        self.beam = beam
        self.length_penalty = length_penalty
        self.max_length = max_length

    def scored(self, heard: Heard, targets: Tensor) -> Scored:
        there = targets != IGNORED
        tokens = functional.pad(targets.where(there, EDGE), (1, 0), value=EDGE)
        wanted = functional.pad(targets, (0, 1), value=IGNORED).scatter(1, there.sum(1, keepdim=True), EDGE)
        outputs = in_full_precision(self((heard, tokens)))
        if outputs.dim() != 3 or outputs.shape[:2] != wanted.shape:
            raise ValueError(
                f"outputs have the shape {list(outputs.shape)} for tokens {list(wanted.shape)}; they should be "
                "(batch, n, vocab_size)"
            )
        loss = self._loss(outputs.flatten(0, 1), wanted.flatten())
        return Scored(loss, (wanted != IGNORED).sum().reshape(1, 1), None)

    @torch.no_grad()
    def tokens_of(self, heard: Heard, outputs: Any, *, careful: bool) -> list[list[int]]:
        model: Any = self.model
        return beam_search(
            model,
            heard,
            beam=self.beam if careful else 1,
            length_penalty=self.length_penalty,
            max_length=self.max_length,
        )
