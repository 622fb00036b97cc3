"""What tasks that write down speech share: references, error rates, tables and pictures.

Imports torch, torchmetrics, Lightning and the toolkit's supervised task.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import torch
from pytorch_lightning import Trainer
from torch import Tensor, nn
from torch.optim import Optimizer
from torchmetrics import Metric

from toolkit.tasks.supervised import SupervisedTask, Trained, unpacked
from toolkit.tasks.tables import Table
from toolkit_speech.alphabet import Alphabet
from toolkit_speech.recognition.edits import edits, marked
from toolkit_speech.recognition.examples import Examples
from toolkit_speech.recognition.pictures import Panel, drawn
from toolkit_speech.samples import IGNORED, Heard

SHOWN = 20
"""So many transcripts of an evaluation are kept for a table, or up to twice as many."""
PICTURED = 4
"""So many utterances are drawn, or up to twice as many."""
COLUMNS = ("reference", "transcript", "changes", "wrong_words")


class Scored(NamedTuple):
    """What a task makes of a batch whose texts are known."""

    loss: Tensor
    counts: Tensor
    """int64 `(1, counts)`; the first is what the loss is a mean over."""
    outputs: Any
    """Of the model."""


class Recognition(SupervisedTask):
    """The step of a task that writes down what was said; what a loss and a search are is a subclass's.

    Batches are ``((waveforms, lengths), targets)``: float32 ``(batch, samples)`` padded behind, int64 ``(batch,)``, and
    tokens int64 ``(batch, longest)`` with -100 behind the last.

    Args:
        model: called as the task says.
        loss: called as the task says.
        metrics: by label, ``wer``, ``cer`` or those of torchmetrics.text; called with transcripts and references, in
            validation and test.
        optimizer: from this module to an optimizer.
        scheduler: from the optimizer and the trainer to Lightning's scheduler configuration.
        run_files: what the dataset lets the run keep: its alphabet.
        sample_rate: samples a second of the waveforms.

    Raises:
        ValueError: the dataset keeps no alphabet.
    """

    metric_domains: ClassVar[tuple[str, ...]] = ("text",)
    measured: ClassVar[tuple[str, ...]] = ("val", "test")
    times_words: ClassVar[bool] = False
    """Whether it is known when a token is said."""

    def __init__(
        self,
        model: nn.Module,
        loss: Callable[..., Any],
        metrics: Mapping[str, Metric] | None,
        optimizer: Callable[[nn.Module], Optimizer] | None,
        scheduler: Callable[[Optimizer, Trainer], dict[str, Any]] | None,
        run_files: Mapping[str, bytes] | None,
        sample_rate: int | None,
    ) -> None:
        super().__init__(model, loss, metrics, optimizer, scheduler)
        if not run_files:
            raise ValueError("the dataset gives no alphabet to write with (`run_files`)")
        self.alphabet = Alphabet.from_files(run_files)
        self.sample_rate = sample_rate
        self.tables: dict[str, Table] = {}
        """By name, what the run saves under ``plots/``; a new one after every evaluation."""
        self.pictures: dict[str, Tensor] = {}
        """By name, uint8 ``(3, height, width)``."""
        self._examples: Examples[tuple[str, str]] = Examples(SHOWN)
        self._pictured: Examples[tuple[Heard, str, list[int]]] = Examples(PICTURED)

    @staticmethod
    def logged(metric_labels: Iterable[str]) -> tuple[str, ...]:
        """The names that a task with these metrics logs."""
        measured = [f"{split}/{end}" for split in Recognition.measured for end in ("loss", *metric_labels)]
        return ("train/loss_step", "train/loss", *measured)

    def scored(self, heard: Heard, targets: Tensor) -> Scored:
        """The loss of a batch."""
        raise NotImplementedError

    def outputs_of(self, heard: Heard) -> Any:
        """What `tokens_of` and `spans_of` need of a batch; None where that is nothing."""
        return None

    def tokens_of(self, heard: Heard, outputs: Any, *, careful: bool) -> list[list[int]]:
        """What was said in each utterance, as tokens.

        Args:
            heard: waveforms and their lengths.
            outputs: what `outputs_of` returned, or `scored`.
            careful: whether it is not to choose between models alone, but for a test or a prediction.
        """
        raise NotImplementedError

    def spans_of(self, outputs: Any, number: int, tokens: Sequence[int]) -> list[tuple[float, float]]:
        """When each token of an utterance is said, as shares of the utterance; empty where that is not known.

        Args:
            outputs: what `outputs_of` returned of a batch.
            number: of the utterance in it.
            tokens: what is said.
        """
        return []

    def computed(self, batch: Any) -> Trained:
        heard, targets = unpacked(batch)
        found = self.scored(heard, targets)
        # Outputs are not kept: no metric sees them in training.
        return Trained(found.loss, len(targets), found.counts, found.counts)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        # Of its own, which says that `engine.compile: step` has no graph for it: a loss is a mean over characters here.
        return super().training_step(batch, batch_idx)

    @torch.no_grad()
    def _measure(self) -> None:
        batches, self._waiting = self._waiting, []
        if batches:
            self.count(
                "train", torch.stack([each.loss for each in batches]), torch.cat([each.targets for each in batches])
            )

    def count(self, split: str, losses: Tensor, counts: Tensor) -> None:
        """Adds batches to the means of an epoch: losses ``(batches,)``, and `Scored.counts` of all."""
        mean: Any = self.losses[f"{split}/loss"]
        mean.update(losses, counts[:, 0])

    def _evaluate(self, split: str, batch: Any) -> Tensor:
        heard, targets = unpacked(batch)
        found = self.scored(heard, targets)
        with torch.no_grad():
            self.count(split, found.loss.detach()[None], found.counts)
            tokens = self.tokens_of(heard, found.outputs, careful=split == "test")
            transcripts = [self.alphabet.decode(each) for each in tokens]
            references = [
                self.alphabet.decode([token for token in each if token != IGNORED]) for each in targets.tolist()
            ]
            for metric in self._metrics(split):
                metric.update(transcripts, references)
        for number, pair in enumerate(zip(references, transcripts, strict=True)):
            self._examples.add(pair)
            if self.is_shown:
                wanted = self._pictured.wants
                self._pictured.add((_alone(heard, number), references[number], tokens[number]) if wanted else None)
        return found.loss

    def unlabelled(self, inputs: Heard) -> Any:
        """A batch of waveforms with lengths of which nobody knows what is said, for transforms and `rows`."""
        waveforms, _ = inputs
        return inputs, torch.full((waveforms.shape[0], 1), IGNORED, device=waveforms.device)

    def rows(self, batch: Any, facts: Mapping[str, Any]) -> list[dict[str, Any]]:
        """By sample its ``transcript``; and where it is known when words are said, ``words`` with begin and end of each
        in seconds.
        """
        heard, _ = unpacked(batch)
        outputs = self.outputs_of(heard)
        rate = self.sample_rate or facts.get("sample_rate")
        rows: list[dict[str, Any]] = []
        for number, tokens in enumerate(self.tokens_of(heard, outputs, careful=True)):
            rows.append({"transcript": self.alphabet.decode(tokens)})
            if self.times_words and rate:
                seconds = int(heard[1][number]) / rate
                spans = self.spans_of(outputs, number, tokens)
                rows[-1]["words"] = words([self.alphabet.characters[token] for token in tokens], spans, seconds)
        return rows

    def evaluated(self, split: str) -> None:
        rows: list[list[str | int | float | None]] = []
        for reference, transcript in self._examples.taken():
            wrong = sum(edit.meant != edit.said for edit in edits(reference.split(), transcript.split()))
            rows.append([reference, transcript, marked(reference, transcript), wrong])
        self.tables = {"transcripts": Table(COLUMNS, rows)}
        pictured = self._pictured.taken()
        if pictured and hasattr(self.model, "front_end"):
            self.pictures = {"spectrograms": drawn([self._panel(*each) for each in pictured])}

    @torch.no_grad()
    def _panel(self, heard: Heard, reference: str, tokens: list[int]) -> Panel:
        model: Any = self.model
        values, lengths = model.front_end(*heard)
        spans = self.spans_of(self.outputs_of(heard), 0, tokens)
        characters = [self.alphabet.characters[token] for token in tokens]
        return Panel(
            values[0, : int(lengths[0])].float().cpu(),
            int(heard[1][0]) / self.sample_rate if self.sample_rate else None,
            reference,
            self.alphabet.decode(tokens),
            list(zip(characters, spans, strict=True)) if spans else [],
        )


def words(characters: Sequence[str], spans: Sequence[tuple[float, float]], seconds: float) -> list[dict[str, Any]]:
    """The words of an utterance, each with begin and end in seconds; none where it is not known when they are said.

    Args:
        characters: of the text.
        spans: when each is said, as shares of the utterance; empty where that is not known.
        seconds: length of the utterance.
    """
    found: list[dict[str, Any]] = []
    fresh = True
    for character, (begin, end) in zip(characters, spans, strict=bool(spans)):
        if character.isspace():
            fresh = True
            continue
        if fresh:
            found.append({"word": "", "begin": round(begin * seconds, 3), "end": 0.0})
            fresh = False
        found[-1]["word"] += character
        found[-1]["end"] = round(end * seconds, 3)
    return found


def _alone(heard: Heard, number: int) -> Heard:
    """One utterance of a batch, as a batch."""
    waveforms, lengths = heard
    return waveforms[number : number + 1, : int(lengths[number])].clone(), lengths[number : number + 1]
