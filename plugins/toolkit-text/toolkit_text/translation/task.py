"""The task of writing one text from another.

Imports torch, torchmetrics, Lightning and the toolkit's supervised task.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import torch
from pytorch_lightning import Trainer
from torch import Tensor, nn
from torch.optim import Optimizer
from torchmetrics import Metric

from toolkit.tasks.supervised import SupervisedTask, Trained, in_full_precision, unpacked
from toolkit.tasks.tables import Table
from toolkit_text.raw_texts import PROMPTS, tell_of
from toolkit_text.translation.beam_search import beam_search
from toolkit_text.translation.pairs import IGNORED
from toolkit_text.translation.source_encoder import SourceEncoder, text_of_source
from toolkit_text.translation.spread import Spread

SHOWN = 20
"""So many translations of an evaluation are kept for a table, or up to twice as many."""


class Seq2Seq(SupervisedTask):
    """Translation, or whatever else writes a text from a text.

    Batches are ``((source, target_in), target_out)``, int64: ``source`` ``(batch, m)`` ends in eos, ``target_in``
    ``(batch, n)`` begins with bos, and ``target_out`` ``(batch, n)`` is what follows each of its tokens, -100 at
    padding. In validation and test the targets may be ``(target_out, references)``, with the texts to measure
    translations against; otherwise they are what the tokenizer gives back of ``target_out``.

    In training the model sees the true tokens before each one that it has to say: ``model((source, target_in))``
    returns logits ``(batch, n, vocab_size)``. The loss gets ``(tokens, vocab_size)`` and ``(tokens,)``, and an epoch's
    is the mean over tokens, in validation and test too. Smoothing is the loss's own: ``{use: cross_entropy,
    label_smoothing: 0.1}``.

    Validation and test translate for the metrics, in validation greedily, because it is there to choose by, and in
    test with ``beam`` beginnings at a time. The model does it by ``encode(source)`` and ``step(tokens, memory,
    cache)``: see `toolkit_text.translation.beam_search`. Metrics get two lists of texts. ``tables`` holds
    ``translations``: some sources with their references and translations.

    Args:
        model: as said above.
        loss: called with logits and tokens; returns their mean.
        metrics: by label, ``bleu``, ``chrf`` or those of torchmetrics.text; called with translations and references.
        optimizer: from this module to an optimizer.
        scheduler: from the optimizer and the trainer to Lightning's scheduler configuration.
        run_files: what the dataset lets the run keep: its tokenizer, and how texts are read.
        beam: how many beginnings of a translation are kept, in test and prediction.
        length_penalty: the power of its length that a translation's score is divided by; 0 favours short ones.
        max_length: tokens of a translation at most; it is never longer than twice its source and ten more.

    Raises:
        ValueError: the model cannot be asked for one token after another, or ``beam``, ``length_penalty`` or
            ``max_length`` is too small.
    """

    metric_domains: ClassVar[tuple[str, ...]] = ("text",)
    measured: ClassVar[tuple[str, ...]] = ("val", "test")

    def __init__(
        self,
        model: nn.Module,
        loss: Callable[[Tensor, Tensor], Tensor],
        metrics: Mapping[str, Metric] | None = None,
        optimizer: Callable[[nn.Module], Optimizer] | None = None,
        scheduler: Callable[[Optimizer, Trainer], dict[str, Any]] | None = None,
        run_files: Mapping[str, bytes] | None = None,
        beam: int = 5,
        length_penalty: float = 1.0,
        max_length: int = 200,
    ) -> None:
        super().__init__(model, loss, metrics, optimizer, scheduler)
        lacking = [name for name in ("encode", "step") if not callable(getattr(model, name, None))]
        if lacking:
            raise ValueError(f"the model {type(model).__name__} cannot translate: it has no method {lacking[0]!r}")
        for name, value, least in (
            ("beam", beam, 1),
            ("length_penalty", length_penalty, 0),
            ("max_length", max_length, 1),
        ):
            if value < least:
                raise ValueError(f"{name}={value}: from {least} up")
        if not run_files:
            raise ValueError("the dataset gives no tokenizer to translate with (`run_files`)")
        self.encoder = SourceEncoder.from_files(run_files)
        self.tokenizer = self.encoder.tokenizer
        self.beam = beam
        self.length_penalty = length_penalty
        self.max_length = max_length
        self.tables: dict[str, Table] = {}
        """By name, what the run saves under ``plots/``."""
        self._examples = Spread(SHOWN)

    @staticmethod
    def logged(metric_labels: Iterable[str]) -> tuple[str, ...]:
        """The names that a task with these metrics logs."""
        measured = [f"{split}/{end}" for split in Seq2Seq.measured for end in ("loss", *metric_labels)]
        return ("train/loss_step", "train/loss", *measured)

    def prepared(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        if outputs.dim() != 3 or outputs.shape[:2] != targets.shape:
            raise ValueError(
                f"outputs have the shape {list(outputs.shape)} and targets {list(targets.shape)}; they should be "
                "(batch, n, vocab_size) and (batch, n)"
            )
        return outputs.flatten(0, 1), targets.flatten()

    def computed(self, batch: Any) -> Trained:
        inputs, target_out = unpacked(batch)
        outputs, wanted = self.prepared(in_full_precision(self(inputs)), target_out)
        # Logits are not kept: no metric sees them in training.
        tokens = (wanted != IGNORED).sum()[None]
        return Trained(self._loss(outputs, wanted), len(target_out), tokens, tokens)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        # Of its own, which says that `engine.compile: step` has no graph for it: a loss is a mean over tokens here.
        return super().training_step(batch, batch_idx)

    @torch.no_grad()
    def _measure(self) -> None:
        batches, self._waiting = self._waiting, []
        if batches:
            mean: Any = self.losses["train/loss"]
            losses = torch.stack([batch.loss for batch in batches])
            mean.update(losses, torch.cat([batch.targets for batch in batches]))

    def _evaluate(self, split: str, batch: Any) -> Tensor:
        inputs, targets = unpacked(batch)
        target_out, references = targets if isinstance(targets, (tuple, list)) else (targets, None)
        outputs, wanted = self.prepared(in_full_precision(self(inputs)), target_out)
        loss = self._loss(outputs, wanted)
        self._of_split(split)[f"{split}/loss"].update(loss, (wanted != IGNORED).sum())
        if references is None:
            references = self._texts(target_out.where(target_out != IGNORED, self.tokenizer.pad_id))
        translations = self.translated(inputs[0], beam=self.beam if split == "test" else 1)
        for metric in self._metrics(split):
            metric.update(translations, references)
        for each in zip(inputs[0], references, translations, strict=True):
            self._examples.add(each)
        return loss

    def translated(self, source: Tensor, **search: Any) -> list[str]:
        """Translations of sources ``(batch, m)``; ``search`` is passed to `beam_search` in place of this task's own."""
        tokenizer = self.tokenizer
        searched = {"beam": self.beam, "length_penalty": self.length_penalty, "max_length": self.max_length, **search}
        model: Any = self.model
        found = beam_search(
            model, source, pad_id=tokenizer.pad_id, bos_id=tokenizer.bos_id, eos_id=tokenizer.eos_id, **searched
        )
        return [tokenizer.decode(tokens) for tokens in found]

    def unlabelled(self, inputs: Tensor) -> Any:
        """A batch of sources ``(batch, m)`` of which no translation is known, for transforms and `rows`."""
        begun = torch.full((inputs.shape[0], 1), self.tokenizer.bos_id, device=inputs.device)
        return (inputs, begun), torch.full_like(begun, IGNORED)

    def rows(self, batch: Any, facts: Mapping[str, Any]) -> list[dict[str, Any]]:
        """By sample its ``translation``."""
        (source, _), _ = unpacked(batch)
        return [{"translation": text} for text in self.translated(source)]

    def continued(
        self,
        prompts: Sequence[str],
        facts: Mapping[str, Any],
        *,
        beam: int | None = None,
        length_penalty: float | None = None,
        max_length: int | None = None,
    ) -> Iterator[tuple[int, str]]:
        """The translation of each prompt, with its number.

        Args:
            prompts: texts to translate.
            facts: of the run's dataset.
            beam: how many beginnings of a translation are kept; the task's own number where it is left out, as below.
            length_penalty: the power of its length that a translation's score is divided by.
            max_length: tokens of a translation at most.
        """
        search = {"beam": beam, "length_penalty": length_penalty, "max_length": max_length}
        given = {name: value for name, value in search.items() if value is not None}
        encoded = self.encoder.encode(prompts)
        tell_of(encoded, self.encoder.max_length, PROMPTS)
        source = encoded.padded(range(len(prompts)), self.tokenizer.pad_id)
        yield from enumerate(self.translated(source.to(self.device), **given))

    def evaluated(self, split: str) -> None:
        kept = self._examples.taken()
        rows: list[list[str | int | float | None]] = [
            [text_of_source(tokens.tolist(), self.tokenizer), *texts] for tokens, *texts in kept
        ]
        self.tables = {"translations": Table(("source", "reference", "translation"), rows)}

    def _texts(self, tokens: Tensor) -> list[str]:
        return [self.tokenizer.decode(each) for each in tokens.tolist()]

    def _of_split(self, split: str) -> dict[str, Any]:
        measured = {name: self.metrics[name] for name in self._names(split)}
        return {f"{split}/loss": self.losses[f"{split}/loss"], **measured}
