"""Text from language models, token by token. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from toolkit_text.tokenizer import Pieces, Tokenizer


class LanguageModel(Protocol):
    """A model that texts can be made with. A shape, not a base class: any module with these will do."""

    @property
    def context(self) -> int | None:
        """Tokens that the model can look at, at most; None where there is no such number."""
        ...

    def step(self, tokens: Tensor, cache: Any = None) -> tuple[Tensor, Any]:
        """What comes after tokens, in evaluation.

        Arguments:
            tokens: int64 `(batch, length)`, at least one. They come after those of the cache, and with those they are
                `context` at most.
            cache: what an earlier call returned; None at the beginning. It is a value: the model keeps nothing, and
                does not change it.

        Returns:
            The logits `(batch, vocab_size)` of what follows the last token, and the cache with all tokens.
        """
        ...


@dataclass(frozen=True)
class Sampling:
    """How a token is drawn from logits.

    What changes the logits comes in this order: `repetition_penalty`, `temperature`, `top_k`, `top_p`.

    Arguments:
        temperature: the logits are divided by it; 0 takes the most probable token.
        top_k: only so many of the most probable tokens can be drawn.
        top_p: only the most probable tokens that together have this probability can be drawn, as few as suffice
            ("The Curious Case of Neural Text Degeneration", Holtzman et al., 2020).
        repetition_penalty: logits of tokens that the text or its prompt has already are divided by it where they are
            positive, and multiplied where not ("CTRL", Keskar et al., 2019).

    Raises:
        ValueError: an argument that cannot be.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        if self.temperature < 0:
            raise ValueError(f"temperature={self.temperature}: a number from 0 up")
        if self.top_k is not None and self.top_k < 1:
            raise ValueError(f"top_k={self.top_k}: a number of tokens from 1 up")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise ValueError(f"top_p={self.top_p}: a probability above 0, up to 1")
        if self.repetition_penalty <= 0:
            raise ValueError(f"repetition_penalty={self.repetition_penalty}: a number above 0; 1 for none")

    def probabilities(self, logits: Tensor, before: Tensor) -> Tensor:
        """With what probability each token is drawn, float64 `(batch, vocab_size)`.

        Arguments:
            logits: `(batch, vocab_size)`.
            before: the tokens so far, `(batch, length)`.
        """
        logits = logits.double()
        if self.repetition_penalty != 1:
            seen = logits.gather(1, before)
            worse = torch.where(seen > 0, seen / self.repetition_penalty, seen * self.repetition_penalty)
            logits = logits.scatter(1, before, worse)
        if self.temperature == 0:
            return torch.zeros_like(logits).scatter(1, logits.argmax(1, keepdim=True), 1.0)
        logits = logits / self.temperature
        if self.top_k is not None and self.top_k < logits.shape[1]:
            # By places and not by value: of equal logits no more than `top_k` are left.
            kept = logits.topk(self.top_k, dim=1)
            logits = torch.full_like(logits, -torch.inf).scatter(1, kept.indices, kept.values)
        probabilities = logits.softmax(1)
        if self.top_p is not None and self.top_p < 1:
            falling = probabilities.sort(dim=1, descending=True, stable=True)
            # A token is left out when those before it suffice already; the first never is.
            enough = falling.values.cumsum(1) - falling.values >= self.top_p
            probabilities = probabilities.scatter(1, falling.indices, falling.values.masked_fill(enough, 0.0))
            probabilities = probabilities / probabilities.sum(1, keepdim=True)
        return probabilities


def generate(
    model: LanguageModel,
    tokenizer: Tokenizer,
    prompts: Sequence[str],
    *,
    max_tokens: int = 200,
    sampling: Sampling | None = None,
    stop: Sequence[str] = (),
    seed: int = 0,
) -> Iterator[tuple[int, str]]:
    """Goes on with texts; yields the number of the prompt and the next piece of its text, as it comes.

    The texts of several prompts are those that each prompt alone would get: all begin together, and a prompt that is
    longer is read on, token by token, while the shorter ones are written. Text `i` draws from a generator of its own,
    seeded with `seed + i`. An empty prompt is the token that ends a text, after which another begins.

    A text ends with the token for that, before a stop string, or after `max_tokens`. Padding, the beginning of a text
    and the unknown token are never drawn. A character of several tokens comes when it is complete.

    Where a text with its prompt becomes longer than the model's context, the model looks at its last tokens: whenever
    the context is full, the first half of it is left out and the rest read again. So a token is drawn from at least
    half a context of those before it, and a text of n tokens costs about n / (context / 2) readings of half a context
    besides its steps. Without that every token would cost the reading of a whole context.

    Arguments:
        model: a module too; it is in evaluation while it is asked, and afterwards as before.
        tokenizer: of the data that it was trained on.
        prompts: texts to go on with.
        max_tokens: of each text, without its prompt.
        sampling: how tokens are drawn; from what the model says, unchanged, where it is left out.
        stop: strings that end a text; they are no part of it.
        seed: of what is drawn.

    Raises:
        ValueError: an argument that cannot be.
    """
    sampling = sampling or Sampling()
    if max_tokens < 0:
        raise ValueError(f"max_tokens={max_tokens}: a number of tokens from 0 up")
    if "" in stop:
        raise ValueError("stop: an empty string would end every text at once")
    texts = [_Text(tokenizer, prompt, stop, seed + number) for number, prompt in enumerate(prompts)]
    return _evaluating(model, _pieces(model, tokenizer, texts, max_tokens, sampling) if texts and max_tokens else ())


def continuations(model: LanguageModel, tokenizer: Tokenizer, prompts: Sequence[str], **arguments: Any) -> list[str]:
    """What `generate` gives for each prompt, whole; the arguments are the same."""
    texts = [""] * len(prompts)
    for number, piece in generate(model, tokenizer, prompts, **arguments):
        texts[number] += piece
    return texts


class _Text:
    """A text that is being written."""

    def __init__(self, tokenizer: Tokenizer, prompt: str, stop: Sequence[str], seed: int) -> None:
        self.prompt = tokenizer.encode(prompt) or [tokenizer.eos_id]
        self.random = torch.Generator().manual_seed(seed)
        self.done = False
        self._eos_id = tokenizer.eos_id
        # A tokenizer may write a word that follows another with a space, and the first without.
        self._pieces = _after(tokenizer.pieces(), self.prompt)
        self._held = _Held(stop)

    def add(self, token: int) -> str:
        """What the text grows by."""
        if token == self._eos_id:
            return self.end()
        text = self._held.add(self._pieces.add(token))
        self.done = self._held.stopped
        return text

    def end(self) -> str:
        """What was held back, when nothing more comes."""
        self.done = True
        return self._held.rest()


class _Held:
    """Text that is given on when it is certain that no stop string has begun in it."""

    def __init__(self, stop: Sequence[str]) -> None:
        self.stopped = False
        self._stop = tuple(stop)
        self._text = ""

    def add(self, piece: str) -> str:
        self._text += piece
        found = [place for place in map(self._text.find, self._stop) if place >= 0]
        if found:
            self.stopped = True
            given, self._text = self._text[: min(found)], ""
            return given
        begun = max((self._begun(stop) for stop in self._stop), default=0)
        split = len(self._text) - begun
        given, self._text = self._text[:split], self._text[split:]
        return given

    def rest(self) -> str:
        given, self._text = self._text, ""
        return given

    def _begun(self, stop: str) -> int:
        """How many of the text's last characters are the first of a stop string."""
        longest = min(len(stop) - 1, len(self._text))
        return next((size for size in range(longest, 0, -1) if stop.startswith(self._text[-size:])), 0)


def _pieces(
    model: LanguageModel, tokenizer: Tokenizer, texts: Sequence[_Text], max_tokens: int, sampling: Sampling
) -> Iterator[tuple[int, str]]:
    never = sorted({tokenizer.pad_id, tokenizer.bos_id, tokenizer.unk_id} - {tokenizer.eos_id})
    tokens = torch.tensor([text.prompt[: min(len(each.prompt) for each in texts)] for text in texts])
    reading = _Reading(model)
    while not all(text.done for text in texts):
        logits = reading.logits_after(tokens)
        logits[:, never] = -torch.inf
        probabilities = sampling.probabilities(logits, tokens)
        place, following = tokens.shape[1], []
        for number, text in enumerate(texts):
            if place < len(text.prompt):
                following.append(text.prompt[place])
                continue
            token = _drawn(probabilities[number], text.random)
            following.append(token)
            if text.done:
                continue
            piece = text.add(token)
            if not text.done and place + 1 - len(text.prompt) == max_tokens:
                piece += text.end()
            if piece:
                yield number, piece
        tokens = torch.cat((tokens, torch.tensor(following)[:, None]), dim=1)


class _Reading:
    """What a model says after texts that grow, each time with what it was given before in its cache."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        module: Any = model
        self._device = next(module.parameters()).device
        self._cache: Any = None
        self._begin = 0
        self._read = 0

    def logits_after(self, tokens: Tensor) -> Tensor:
        """Logits `(batch, vocab_size)`, on the CPU, of what follows tokens `(batch, length)`."""
        length = tokens.shape[1]
        begin = window_start(length, self._model.context)
        if begin != self._begin:
            self._cache, self._begin, self._read = None, begin, begin
        # Not around the pieces: a generator that waits would leave gradients off for whoever asks it.
        with torch.no_grad():
            logits, self._cache = self._model.step(tokens[:, self._read :].to(self._device), self._cache)
        self._read = length
        return logits.float().cpu()


def _evaluating(model: LanguageModel, pieces: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    module: Any = model
    training = [part for part in module.modules() if part.training]
    module.eval()
    try:
        yield from pieces
    finally:
        for part in training:
            part.training = True


def window_start(length: int, context: int | None) -> int:
    """Where in a text of `length` tokens those begin that the model looks at, for the next one; see `generate`."""
    if context is None or length <= context:
        return 0
    left_out = max(1, context // 2)
    return -(-(length - context) // left_out) * left_out


def _drawn(probabilities: Tensor, random: torch.Generator) -> int:
    """A token, from one number of the generator: the same whatever is drawn beside it."""
    sums = probabilities.cumsum(0)
    place = torch.rand((), dtype=torch.float64, generator=random) * sums[-1]
    # The first whose sum is above it, so that one of probability 0 is never taken.
    return min(int(torch.searchsorted(sums, place, right=True)), len(sums) - 1)


def _after(pieces: Pieces, tokens: Sequence[int]) -> Pieces:
    for token in tokens:
        pieces.add(token)
    return pieces
