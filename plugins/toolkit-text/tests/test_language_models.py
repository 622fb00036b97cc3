"""Language models: steps with a cache say what the whole text says, and nothing looks ahead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from toolkit_text.gpt import GPT
from toolkit_text.recurrent_lm import GRULM, LSTMLM
from torch import Tensor, nn

VOCABULARY = 11
MODELS: dict[str, Callable[..., Any]] = {
    "rotary": lambda **more: GPT(VOCABULARY, 16, depth=2, width=16, heads=2, **more),
    "learnt": lambda **more: GPT(VOCABULARY, 16, depth=2, width=16, heads=2, positions="learnt", **more),
    "lstm": lambda **more: LSTMLM(VOCABULARY, width=12, **more),
    "gru": lambda **more: GRULM(VOCABULARY, width=12, **more),
}


@pytest.fixture(params=list(MODELS))
def model(request: pytest.FixtureRequest) -> nn.Module:
    torch.manual_seed(0)
    made: nn.Module = MODELS[request.param]()
    # Larger than they begin, so that a difference in what is seen shows.
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=0.4)
    return made.eval()


def tokens(batch: int = 3, length: int = 10) -> Tensor:
    return torch.randint(VOCABULARY, (batch, length))


@pytest.mark.parametrize("pieces", [(1,) * 10, (4, 1, 1, 4), (10,)])
def test_steps_with_a_cache_give_the_logits_of_the_full_pass(model: Any, pieces: tuple[int, ...]) -> None:
    text = tokens()
    whole = model(text)
    cache, read = None, 0
    for part in text.split(list(pieces), dim=1):
        read += part.shape[1]
        logits, cache = model.step(part, cache)
        torch.testing.assert_close(logits, whole[:, read - 1], atol=1e-5, rtol=1e-5)


def test_a_cache_is_a_value_that_a_step_does_not_change(model: Any) -> None:
    text, following = tokens(), tokens(length=1)
    _, cache = model.step(text)
    first, _ = model.step(following, cache)
    model.step(tokens(length=2), cache)
    torch.testing.assert_close(model.step(following, cache)[0], first)


def test_padding_after_a_text_changes_nothing(model: Any) -> None:
    text = tokens(length=7)
    padded = torch.cat((text, torch.zeros(3, 5, dtype=torch.int64)), dim=1)
    torch.testing.assert_close(model(padded)[:, :7], model(text), atol=1e-5, rtol=1e-5)


def test_a_token_changes_what_comes_after_it_and_nothing_before(model: Any) -> None:
    text = tokens()
    other = text.clone()
    other[:, 4] = (other[:, 4] + 1) % VOCABULARY
    before, after = model(text), model(other)
    torch.testing.assert_close(after[:, :4], before[:, :4])
    assert bool(((after - before).abs().amax((0, 2))[4:] > 1e-4).all())


@pytest.mark.parametrize("name", list(MODELS))
def test_tied_weights_are_one_tensor(name: str) -> None:
    tied, untied = (MODELS[name](tied=tied) for tied in (True, False))
    assert tied.head.weight is (tied.embedding.tokens if name in ("rotary", "learnt") else tied.embedding).weight
    fewer = sum(one.numel() for one in untied.parameters()) - sum(one.numel() for one in tied.parameters())
    assert fewer == tied.head.weight.numel()
    loss = nn.functional.cross_entropy(tied(tokens()).flatten(0, 1), tokens().flatten())
    loss.backward()
    assert all(parameter.grad is not None for parameter in tied.parameters())


@pytest.mark.parametrize("name", list(MODELS))
def test_the_first_guess_is_about_even(name: str) -> None:
    torch.manual_seed(0)
    for tied in (True, False):
        logits = MODELS[name](tied=tied)(tokens(64, 16))
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), tokens(64, 16).flatten())
        assert loss.item() == pytest.approx(torch.tensor(VOCABULARY).log().item(), abs=0.3)


@pytest.mark.parametrize("name", list(MODELS))
def test_dropout_is_off_in_evaluation(name: str) -> None:
    made, text = MODELS[name](dropout=0.5), tokens()
    assert not torch.equal(made(text), made(text))
    made.eval()
    assert torch.equal(made(text), made(text))


def test_gpt_2_small_has_124_million_parameters() -> None:
    def parameters(size: int, context: int, depth: int, width: int) -> int:
        return (size + context) * width + depth * (12 * width**2 + 13 * width) + 2 * width

    made = GPT(23, 7, depth=3, width=8, heads=2, positions="learnt")
    assert sum(parameter.numel() for parameter in made.parameters()) == parameters(23, 7, 3, 8)
    assert parameters(50257, 1024, 12, 768) == 124_439_808


def test_a_text_longer_than_the_learnt_positions_is_refused() -> None:
    with pytest.raises(ValueError, match="17 tokens, where this model has positions for 16"):
        MODELS["learnt"]()(tokens(length=17))
