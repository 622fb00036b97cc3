"""The task of predicting the next token. Imports torch and the toolkit's supervised task."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, cast

import torch
from pytorch_lightning import Trainer
from pytorch_lightning.strategies import DDPStrategy, SingleDeviceStrategy
from torch import Tensor, nn
from torch.optim import Optimizer

from toolkit.errors import RequestError
from toolkit.tasks.supervised import (
    BATCHES_AT_ONCE,
    SPLITS,
    SupervisedTask,
    Trained,
    in_full_precision,
    unpacked,
)
from toolkit.tasks.tables import Table
from toolkit_text.generation import LanguageModel, Sampling, continuations, generate
from toolkit_text.notes import counted, note
from toolkit_text.raw_texts import PROMPTS, tell_unknown
from toolkit_text.tokenizer import Tokenizer
from toolkit_text.windows import IGNORED

COLUMNS = ("epoch", "step", "prompt", "text")
DIGITS = 6
"""Digits after the point of a loss that is told."""


class LanguageModeling(SupervisedTask):
    """Language modelling: a model that says what comes after each token.

    Batches are ``(inputs, targets)``, int64 ``(batch, length)`` both; targets are the inputs one place further, and
    -100 does not count. The model's outputs are logits ``(batch, length, vocab_size)``. The loss is the cross-entropy,
    in nats a token. There are no other metrics than these, each for every split:

    - ``loss``: the mean over the tokens of an epoch, whatever batch they were in.
    - ``perplexity``: e to the loss.
    - ``bits_per_character``: the loss of all tokens together in bits, over the characters of the text. It does not
      depend on the tokenizer. It needs the fact ``characters_per_token``.

    After every validation the model goes on with `prompts`: ``tables["samples"]`` has the epoch, the step, the prompt
    and the text of each, of the whole run. They are drawn from the model's own probabilities, with a generator of
    their own. It needs a model as `toolkit_text.generation.LanguageModel` is, and data whose run keeps a tokenizer.

    ``toolkit predict RUN --prompt TEXT`` goes on with a text; of files it tells for every line how probable it is.

    Args:
        model: called with the inputs of a batch.
        optimizer: from this module to an optimizer.
        scheduler: from the optimizer and the trainer to Lightning's scheduler configuration.
        characters_per_token: by split; filled from the data.
        run_files: given by the core.
        prompts: what samples begin with; an empty one is the beginning of a text.
        sample_tokens: of a sample; 0 for no samples.

    Raises:
        ValueError: ``sample_tokens`` is negative.
    """

    measured: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        model: nn.Module,
        optimizer: Callable[[nn.Module], Optimizer] | None = None,
        scheduler: Callable[[Optimizer, Trainer], dict[str, Any]] | None = None,
        characters_per_token: Mapping[str, float] | None = None,
        run_files: Mapping[str, bytes] | None = None,
        prompts: Sequence[str] = ("",),
        sample_tokens: int = 200,
    ) -> None:
        super().__init__(model, nn.CrossEntropyLoss(ignore_index=IGNORED), None, optimizer, scheduler)
        if sample_tokens < 0:
            raise ValueError(f"sample_tokens={sample_tokens}: a number of tokens from 0 up")
        self.characters_per_token = dict(characters_per_token or {})
        self.tokenizer = Tokenizer.from_files(run_files) if run_files else None
        self.prompts = list(prompts)
        self.sample_tokens = sample_tokens
        self.tables: dict[str, Table] = {}
        """By name, what the run saves under ``plots/``."""
        self._samples: list[list[str | int | float | None]] = []
        self._counted: list[tuple[Tensor, Tensor]] = []
        """Losses and numbers of tokens of training batches that are not in the epoch's mean yet."""

    @staticmethod
    def logged(metric_labels: Iterable[str]) -> tuple[str, ...]:
        """The names that a task logs."""
        ends = ("loss", "perplexity", "bits_per_character")
        return ("train/loss_step", *(f"{split}/{end}" for split in SPLITS for end in ends))

    def prepared(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        if outputs.dim() != 3 or outputs.shape[:2] != targets.shape:
            raise ValueError(
                f"outputs have the shape {list(outputs.shape)} and targets {list(targets.shape)}; they should be "
                "(batch, length, vocab_size) and (batch, length)"
            )
        return outputs.flatten(0, 1), targets.flatten()

    def computed(self, batch: Any) -> Trained:
        inputs, targets = unpacked(batch)
        outputs, wanted = self.prepared(in_full_precision(self.forward(inputs)), targets)
        # The loss in place of the outputs: nothing else is measured, and logits are the largest thing that there is.
        loss = self._loss(outputs, wanted)
        return Trained(loss, len(targets), loss, wanted)

    def keep(self, batch: Trained, batch_idx: int) -> None:
        self._counted.append((batch.loss, _number(batch.targets)))
        if batch_idx == 0 or len(self._counted) == BATCHES_AT_ONCE:
            self._measure()

    def _measure(self) -> None:
        waiting, self._counted = self._counted, []
        if waiting:
            losses, numbers = zip(*waiting, strict=True)
            loss: Any = self.losses["train/loss"]
            loss.update(torch.stack(losses), torch.stack(numbers))

    def epoch_state(self) -> list[Any]:
        return [list(pair) for pair in self._counted]

    def load_epoch_state(self, state: list[Any]) -> None:
        self._counted = [(loss, number) for loss, number in state]

    def on_train_epoch_start(self) -> None:
        super().on_train_epoch_start()
        self._counted = []

    def _evaluate(self, split: str, batch: Any) -> Tensor:
        found = self.computed(batch)
        mean: Any = self.losses[f"{split}/loss"]
        mean.update(found.loss, _number(found.targets))
        return found.loss

    def _log_epoch(self, split: str) -> None:
        mean: Any = self.losses[f"{split}/loss"]
        loss = mean.compute()
        self._log_value(f"{split}/loss", loss)
        self._log_value(f"{split}/perplexity", loss.exp())
        if split in self.characters_per_token:
            bits = loss / math.log(2) / self.characters_per_token[split]
            self._log_value(f"{split}/bits_per_character", bits)
        mean.reset()

    def evaluated(self, split: str) -> None:
        # Where a process has a part of the weights only, this module is no model by itself.
        whole = isinstance(self.trainer.strategy, (SingleDeviceStrategy, DDPStrategy))
        asked = split == "val" and self.sample_tokens
        if whole and asked and self.tokenizer is not None and hasattr(self.model, "step"):
            texts = continuations(
                cast("LanguageModel", self.model), self.tokenizer, self.prompts, max_tokens=self.sample_tokens
            )
            place: tuple[int, int] = (self.trainer.current_epoch, self.trainer.global_step)
            self._samples += [[*place, prompt, text] for prompt, text in zip(self.prompts, texts, strict=True)]
            # A new one each time, by which it is known that there is something new.
            self.tables["samples"] = Table(COLUMNS, list(self._samples))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["samples"] = [list(row) for row in self._samples]

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self._samples = [list(row) for row in checkpoint.get("samples", [])]

    def continued(
        self,
        prompts: Sequence[str],
        facts: Mapping[str, Any],
        *,
        max_tokens: int = 200,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        repetition_penalty: float = 1.0,
        stop: str | list[str] | None = None,
        seed: int = 0,
    ) -> Iterator[tuple[int, str]]:
        """Goes on with texts; yields the number of the prompt and the next piece of its text, as it comes.

        Args:
            prompts: the texts.
            facts: what the dataset of the run knew about itself.
            max_tokens: of each text, without its prompt.
            temperature: 0 for the most probable token; above 1 what is less probable comes more often.
            top_k: only so many of the most probable tokens can come.
            top_p: only the most probable tokens that together have this probability can come.
            repetition_penalty: above 1, what the text has already comes less often.
            stop: the text ends before this, or one of these.
            seed: of what is drawn.

        Raises:
            RequestError: an argument that cannot be, or there is no tokenizer or no such model.
        """
        if self.tokenizer is None:
            raise RequestError("the dataset of this run keeps no tokenizer, so that there is no text to go on with")
        if not hasattr(self.model, "step"):
            kind = type(self.model).__name__
            raise RequestError(f"the model {kind} has no method `step` to make texts with; gpt and lstm_lm have")
        try:
            pieces = generate(
                cast("LanguageModel", self.model),
                self.tokenizer,
                prompts,
                max_tokens=max_tokens,
                sampling=Sampling(temperature, top_k, top_p, repetition_penalty),
                stop=[stop] if isinstance(stop, str) else stop or (),
                seed=seed,
            )
        except ValueError as error:
            raise RequestError(str(error)) from error
        ids = self.tokenizer.encode_all(prompts)
        empty = sum(bool(prompt) and not tokens for prompt, tokens in zip(prompts, ids, strict=True))
        if empty:
            note(f"{PROMPTS}: {counted(empty, 'text')} without tokens: what comes then is the beginning of one")
        context: int | None = getattr(self.model, "context", None)
        long = sum(context is not None and len(tokens) > context for tokens in ids)
        if long:
            read = f"longer than the model's context of {context} tokens: the model reads the last of them"
            note(f"{PROMPTS}: {counted(long, 'text')} {read}")
        tell_unknown(sum(map(self.tokenizer.unknown, ids)), PROMPTS)
        return pieces

    def rows(self, batch: Any, facts: Mapping[str, Any]) -> list[dict[str, Any]]:
        """By text ``tokens``, their number, ``loss``, in nats a token, and ``perplexity``.

        Texts that are longer than the model's context are read in windows of it, one after the other.
        """
        inputs: Tensor = unpacked(batch)[0]
        targets = inputs[:, 1:].masked_fill(inputs[:, 1:] == facts["pad_id"], IGNORED)
        context = getattr(self.model, "context", None) or targets.shape[1]
        total = torch.zeros(len(inputs), device=inputs.device)
        for start in range(0, targets.shape[1], context):
            wanted = targets[:, start : start + context]
            logits = in_full_precision(self(inputs[:, start : start + wanted.shape[1]]))
            losses = nn.functional.cross_entropy(logits.transpose(1, 2), wanted, ignore_index=IGNORED, reduction="none")
            total += losses.sum(1)
        numbers = (targets != IGNORED).sum(1)
        return [
            {"tokens": number, "loss": round(loss, DIGITS), "perplexity": round(math.exp(loss), DIGITS)}
            for number, loss in zip(numbers.tolist(), (total / numbers).tolist(), strict=True)
        ]


def _number(targets: Tensor) -> Tensor:
    """How many targets count."""
    return (targets != IGNORED).sum()
