"""Generation is what a slow and plain loop over the whole text would write, alone or in a batch."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from toolkit_text.bpe import BPE
from toolkit_text.byte_level import Bytes
from toolkit_text.characters import Characters
from toolkit_text.generation import Sampling, continuations, generate
from toolkit_text.gpt import GPT
from toolkit_text.hf_model import HuggingFace
from toolkit_text.recurrent_lm import GRULM, LSTMLM
from toolkit_text.tokenizer import Tokenizer
from torch import Tensor, nn

TEXT = "the quick brown fox jumps over the lazy dog. "
CONTEXT = 12


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Characters().fit([TEXT])


@pytest.fixture(params=["rotary", "learnt", "lstm", "gru", "hf"])
def model(request: pytest.FixtureRequest, tokenizer: Tokenizer) -> Any:
    if request.param == "hf":
        pytest.importorskip("transformers", reason="the extra hf is not installed")
    return made(request.param, tokenizer.vocab_size)


def made(name: str, size: int) -> Any:
    torch.manual_seed(1)
    found: nn.Module
    if name in ("rotary", "learnt"):
        found = GPT(size, CONTEXT, depth=2, width=16, heads=2, positions=name)  # type: ignore[arg-type]
    elif name == "hf":
        gpt2 = {"model_type": "gpt2", "n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": CONTEXT}
        found = HuggingFace("causal_lm", config=gpt2, vocab_size=size)
    else:
        found = {"lstm": LSTMLM, "gru": GRULM}[name](size, width=16)
    for parameter in found.parameters():
        nn.init.normal_(parameter, std=0.5)
    return found


def reference(
    model: Any, tokenizer: Tokenizer, prompt: str, max_tokens: int, sampling: Sampling, seed: int = 0
) -> list[int]:
    """The tokens that follow a prompt, each from a pass over all that the model may look at."""
    model.eval()
    random = torch.Generator().manual_seed(seed)
    text = tokenizer.encode(prompt) or [tokenizer.eos_id]
    written: list[int] = []
    while len(written) < max_tokens:
        start = 0
        while model.context is not None and len(text) - start > model.context:
            start += model.context // 2
        with torch.no_grad():
            logits: list[float] = model(torch.tensor([text[start:]]))[0, -1].double().tolist()
        for never in (tokenizer.pad_id, tokenizer.unk_id, tokenizer.bos_id):
            logits[never] = -math.inf
        for token in set(text):
            penalty = sampling.repetition_penalty
            logits[token] = logits[token] / penalty if logits[token] > 0 else logits[token] * penalty
        falling = sorted(range(len(logits)), key=lambda token: -logits[token])
        if sampling.temperature == 0:
            falling, sampled = falling[:1], False
        else:
            logits = [value / sampling.temperature for value in logits]
            falling, sampled = falling[: sampling.top_k], True
        weights = {token: math.exp(logits[token] - logits[falling[0]]) for token in falling}
        if sampled and sampling.top_p is not None:
            whole, kept, sum_so_far = sum(weights.values()), dict[int, float](), 0.0
            for token in falling:
                if sum_so_far >= sampling.top_p * whole:
                    break
                kept[token] = weights[token]
                sum_so_far += weights[token]
            weights = kept
        place = torch.rand((), dtype=torch.float64, generator=random).item() * sum(weights.values())
        for token in sorted(weights):
            place -= weights[token]
            if place < 0:
                break
        written.append(token)
        text.append(token)
        if token == tokenizer.eos_id:
            break
    return written


SAMPLINGS = [
    Sampling(temperature=0),
    Sampling(),
    Sampling(temperature=0.7, top_k=5),
    Sampling(top_p=0.6),
    Sampling(temperature=1.5, top_k=8, top_p=0.9, repetition_penalty=1.3),
]


@pytest.mark.parametrize("sampling", SAMPLINGS, ids=str)
@pytest.mark.parametrize("prompt", ["", "the quick", TEXT], ids=["empty", "short", "longer than the context"])
def test_it_is_what_a_plain_loop_writes(model: Any, tokenizer: Tokenizer, prompt: str, sampling: Sampling) -> None:
    (text,) = continuations(model, tokenizer, [prompt], max_tokens=25, sampling=sampling, seed=5)
    assert text == tokenizer.decode(reference(model, tokenizer, prompt, 25, sampling, seed=5))


@pytest.mark.parametrize("sampling", [SAMPLINGS[0], SAMPLINGS[4]], ids=str)
def test_a_batch_writes_what_each_prompt_alone_would_get(model: Any, tokenizer: Tokenizer, sampling: Sampling) -> None:
    prompts = ["the lazy dog", "", "fox", TEXT[:20]]
    together = continuations(model, tokenizer, prompts, max_tokens=20, sampling=sampling, seed=2)
    alone = [
        continuations(model, tokenizer, [prompt], max_tokens=20, sampling=sampling, seed=2 + number)[0]
        for number, prompt in enumerate(prompts)
    ]
    assert together == alone
    assert len(set(together)) > 1


def test_a_seed_gives_one_text_and_leaves_the_global_generator_alone(model: Any, tokenizer: Tokenizer) -> None:
    state = torch.get_rng_state()
    one, same, other = (continuations(model, tokenizer, ["the"], max_tokens=30, seed=seed) for seed in (1, 1, 2))
    assert one == same != other
    assert torch.equal(torch.get_rng_state(), state)
    first, second = continuations(model, tokenizer, ["the", "the"], max_tokens=30)
    assert first != second


def test_the_model_is_in_evaluation_meanwhile_and_then_as_before(tokenizer: Tokenizer) -> None:
    model = GPT(tokenizer.vocab_size, CONTEXT, depth=1, width=16, heads=2, dropout=0.5)
    model.transformer.norm.eval()
    pieces = generate(model, tokenizer, ["the"], max_tokens=5)
    next(pieces)
    assert not model.training
    assert torch.is_grad_enabled()
    pieces.close()  # type: ignore[attr-defined]
    assert model.training
    assert model.embedding.dropout.training
    assert not model.transformer.norm.training


class Says(nn.Module):
    """A model that says one text, token by token, whatever the prompt; then it ends it."""

    context = None

    def __init__(self, tokens: list[int], vocab_size: int, prompt_length: int = 1) -> None:
        super().__init__()
        self.tokens = tokens
        self.vocab_size = vocab_size
        self.offset = prompt_length - 1
        self.unused = nn.Parameter(torch.zeros(()))

    def step(self, tokens: Tensor, cache: int | None = None) -> tuple[Tensor, int]:
        read = (cache or 0) + tokens.shape[1]
        logits = torch.zeros(len(tokens), self.vocab_size)
        logits[:, self.tokens[read - 1 - self.offset]] = 50.0
        return logits, read


def says(text: str, tokenizer: Tokenizer) -> Says:
    return Says([*tokenizer.encode(text), tokenizer.eos_id], tokenizer.vocab_size)


def test_a_text_ends_where_the_model_ends_it(tokenizer: Tokenizer) -> None:
    assert continuations(says("the fox.", tokenizer), tokenizer, [""]) == ["the fox."]
    assert continuations(says("the fox.", tokenizer), tokenizer, [""], max_tokens=5) == ["the f"]
    assert continuations(says("the fox.", tokenizer), tokenizer, [""], max_tokens=0) == [""]
    assert continuations(says("the fox.", tokenizer), tokenizer, []) == []


@pytest.mark.parametrize(
    ("stop", "text"),
    [
        (["fox"], "the quick brown "),
        (["brown fox jumps", "qu"], "the "),
        (["own", "brown"], "the quick "),
        (["the"], ""),
        (["dog!"], TEXT),
        (["quack"], TEXT),
    ],
)
def test_stop_strings_end_a_text_and_no_part_of_one_is_shown(tokenizer: Tokenizer, stop: list[str], text: str) -> None:
    pieces = [piece for _, piece in generate(says(TEXT, tokenizer), tokenizer, [""], stop=stop)]
    assert "".join(pieces) == text
    # As it comes, and not when all is over.
    assert len(pieces) >= len(text) // 2


def test_what_a_stop_string_begins_with_is_given_when_the_tokens_are_up(tokenizer: Tokenizer) -> None:
    assert continuations(says(TEXT, tokenizer), tokenizer, [""], stop=["quiet"], max_tokens=7) == ["the qui"]


def test_a_character_of_several_tokens_comes_whole() -> None:
    tokenizer = Bytes().fit([])
    pieces = [piece for _, piece in generate(says("Äß!", tokenizer), tokenizer, [""])]
    assert pieces == ["Ä", "ß", "!"]


def test_words_go_on_with_a_space() -> None:
    tokenizer = BPE(vocab_size=300, min_count=1).fit([TEXT])
    ids = tokenizer.encode(" fox")
    model = Says([*ids, tokenizer.eos_id], tokenizer.vocab_size, len(tokenizer.encode("the quick")))
    assert continuations(model, tokenizer, ["the quick"]) == [" fox"]


def test_special_tokens_are_never_drawn(tokenizer: Tokenizer) -> None:
    class Wants(Says):
        def step(self, tokens: Tensor, cache: int | None = None) -> tuple[Tensor, int]:
            logits, read = super().step(tokens, cache)
            logits[:, [tokenizer.pad_id, tokenizer.unk_id, tokenizer.bos_id]] = 100.0
            return logits, read

    model = Wants([*tokenizer.encode("fox"), tokenizer.eos_id], tokenizer.vocab_size)
    assert continuations(model, tokenizer, [""]) == ["fox"]


def test_equal_logits_leave_no_more_than_top_k() -> None:
    found = Sampling(top_k=3).probabilities(torch.zeros(1, 10), torch.zeros(1, 1, dtype=torch.int64))
    assert sorted(found[0].tolist()) == pytest.approx([0] * 7 + [1 / 3] * 3)


def test_frequencies_are_the_probabilities(tokenizer: Tokenizer) -> None:
    model = made("lstm", tokenizer.vocab_size)
    texts = continuations(model, tokenizer, ["t"] * 2000, max_tokens=1)
    with torch.no_grad():
        logits = model.eval()(torch.tensor([tokenizer.encode("t")]))[0, -1]
    logits[[tokenizer.pad_id, tokenizer.unk_id, tokenizer.bos_id]] = -math.inf
    for token, probability in enumerate(logits.softmax(0).tolist()):
        if token > tokenizer.eos_id:
            share = texts.count(tokenizer.decode([token])) / len(texts)
            assert share == pytest.approx(probability, abs=0.05)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temperature": -1.0}, "temperature=-1.0: a number from 0 up"),
        ({"top_k": 0}, "top_k=0: a number of tokens from 1 up"),
        ({"top_p": 0.0}, "top_p=0.0: a probability above 0"),
        ({"repetition_penalty": 0.0}, "repetition_penalty=0.0: a number above 0"),
    ],
)
def test_arguments_that_cannot_be_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Sampling(**arguments)


def test_other_arguments_that_cannot_be_are_refused_at_once(tokenizer: Tokenizer) -> None:
    model = says("fox", tokenizer)
    with pytest.raises(ValueError, match="max_tokens=-1: a number of tokens from 0 up"):
        generate(model, tokenizer, [""], max_tokens=-1)
    with pytest.raises(ValueError, match="an empty string would end every text"):
        generate(model, tokenizer, [""], stop=[""])
