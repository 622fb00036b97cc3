"""Attention with a cache, with masks and in pieces says the same as attention to everything at once."""

from __future__ import annotations

import math

import pytest
import torch
from toolkit_text.transformer import Cache, Embedding, SelfAttention, Transformer, initialise
from torch import nn


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def spread(module: nn.Module) -> nn.Module:
    """With weights so large that a difference in what is seen shows."""
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.3)
    return module.eval()


def decoder(*, rotary: bool = True, cross: bool = False) -> Transformer:
    made = spread(Transformer(2, 16, 4, causal=True, rotary=rotary, cross=cross))
    assert isinstance(made, Transformer)
    return made


@pytest.mark.parametrize("rotary", [True, False])
@pytest.mark.parametrize("pieces", [(9,), (1,) * 9, (4, 5), (4, 1, 3, 1)])
def test_a_cache_gives_what_the_full_pass_gives(rotary: bool, pieces: tuple[int, ...]) -> None:
    model, tokens = decoder(rotary=rotary), torch.randn(3, 9, 16)
    whole, _ = model(tokens)
    cache: Cache | None = None
    parts = []
    for part in tokens.split(list(pieces), dim=1):
        seen, cache = model(part, cache=cache)
        parts.append(seen)
    assert cache is not None
    assert cache[0].length == 9
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, atol=1e-5, rtol=1e-5)


def test_a_causal_token_sees_nothing_that_comes_after_it() -> None:
    model, tokens = decoder(), torch.randn(2, 8, 16)
    changed = tokens.clone()
    changed[:, 5:] = torch.randn(2, 3, 16)
    torch.testing.assert_close(model(changed)[0][:, :5], model(tokens)[0][:, :5])
    assert not torch.allclose(model(changed)[0][:, 5:], model(tokens)[0][:, 5:])


@pytest.mark.parametrize("causal", [True, False])
def test_padding_changes_nothing(causal: bool) -> None:
    model = spread(Transformer(2, 16, 4, causal=causal, rotary=True))
    tokens, padding = torch.randn(3, 6, 16), torch.randn(3, 4, 16)
    alone, _ = model(tokens)
    mask = torch.arange(10).expand(3, 10) < 6
    padded, _ = model(torch.cat((tokens, padding), dim=1), key_mask=mask)
    torch.testing.assert_close(padded[:, :6], alone, atol=1e-5, rtol=1e-5)


def test_padding_in_front_changes_nothing_and_is_finite() -> None:
    # Rotary positions are relative: without the padding the tokens stand elsewhere and see the same.
    model, tokens = decoder(), torch.randn(2, 5, 16)
    mask = torch.arange(8).expand(2, 8) >= 3
    padded, cache = model(torch.cat((torch.randn(2, 3, 16), tokens), dim=1), key_mask=mask)
    alone, kept = model(tokens)
    assert padded.isfinite().all()
    torch.testing.assert_close(padded[:, 3:], alone, atol=1e-5, rtol=1e-5)
    following = torch.randn(2, 1, 16)
    after, _ = model(following, key_mask=torch.cat((mask, torch.ones(2, 1, dtype=torch.bool)), dim=1), cache=cache)
    torch.testing.assert_close(after, model(following, cache=kept)[0], atol=1e-5, rtol=1e-5)


def test_padding_of_the_source_changes_nothing() -> None:
    model, tokens, source = decoder(cross=True), torch.randn(2, 5, 16), torch.randn(2, 4, 16)
    alone, _ = model(tokens, memory=model.memory(source))
    padded = torch.cat((source, torch.randn(2, 3, 16)), dim=1)
    mask = torch.arange(7).expand(2, 7) < 4
    seen, _ = model(tokens, memory=model.memory(padded), memory_mask=mask)
    torch.testing.assert_close(seen, alone, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(model(tokens, memory=model.memory(padded))[0], alone, atol=1e-3)


def test_rows_of_a_cache_are_those_of_the_samples() -> None:
    model, tokens = decoder(), torch.randn(3, 4, 16)
    chosen, following = torch.tensor([2, 0]), torch.randn(2, 1, 16)
    cache = tuple(layer.rows(chosen) for layer in model(tokens)[1])
    expected, _ = model(following, cache=model(tokens[chosen])[1])
    torch.testing.assert_close(model(following, cache=cache)[0], expected)


def test_attention_is_torchs_own() -> None:
    ours, theirs = SelfAttention(16, 4), nn.MultiheadAttention(16, 4, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(ours.qkv.weight)
        theirs.in_proj_bias.copy_(ours.qkv.bias)
        theirs.out_proj.load_state_dict(ours.out.state_dict())
    tokens = torch.randn(2, 6, 16)
    hidden = torch.ones(6, 6).triu(1).bool()
    torch.testing.assert_close(ours(tokens, causal=True)[0], theirs(tokens, tokens, tokens, attn_mask=hidden)[0])


def test_rotary_attention_depends_on_distances_alone() -> None:
    model, token, other = decoder(), torch.randn(1, 1, 16), torch.randn(1, 1, 16)
    far = torch.cat((token, torch.randn(1, 3, 16), other), dim=1)
    only_first = torch.tensor([[True, False, False, False, True]])
    seen = model(far, key_mask=only_first)[0][:, -1]
    moved = torch.cat((torch.randn(1, 7, 16), far), dim=1)
    mask = torch.cat((torch.zeros(1, 7, dtype=torch.bool), only_first), dim=1)
    torch.testing.assert_close(model(moved, key_mask=mask)[0][:, -1], seen, atol=1e-5, rtol=1e-5)
    near = model(torch.cat((token, other), dim=1))[0][:, -1]
    assert not torch.allclose(near, seen, atol=1e-3)


def test_initialisation_is_that_of_gpt_2() -> None:
    model = nn.Sequential(Embedding(500, 64, context=50), Transformer(6, 64, 4, causal=True, cross=True))
    initialise(model)
    weights = {name: parameter for name, parameter in model.named_parameters() if parameter.dim() > 1}
    adding = [name for name in weights if name.endswith((".out.weight", "feed_forward.2.weight"))]
    assert len(adding) == 18
    for name, weight in weights.items():
        expected = 0.02 / math.sqrt(18) if name in adding else 0.02
        assert weight.std().item() == pytest.approx(expected, rel=0.1), name
    assert all(not p.any() for name, p in model.named_parameters() if name.endswith("bias"))


def test_learnt_positions_have_an_end() -> None:
    model = Embedding(10, 8, context=4)
    tokens = torch.tensor([[1, 1, 1, 1]])
    assert not torch.allclose(model(tokens)[0, 0], model(tokens)[0, 1])
    torch.testing.assert_close(model(tokens[:, :1], past=3)[:, 0], model(tokens)[:, 3])
    with pytest.raises(ValueError, match="5 tokens, where this model has positions for 4"):
        model(tokens, past=1)


def test_bfloat16_keeps_one_dtype() -> None:
    model, tokens = decoder(), torch.randn(2, 5, 16)
    whole, _ = model(tokens)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded, cache = model(tokens)
    assert cache[0].keys.dtype is cache[0].values.dtype is torch.bfloat16
    torch.testing.assert_close(rounded.float(), whole, atol=0.2, rtol=0.1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"heads": 3}, "width=16 cannot be shared by heads=3"), ({"heads": 16, "rotary": True}, "an even width / heads")],
)
def test_widths_that_do_not_fit_are_refused(arguments: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Transformer(1, 16, **arguments)  # type: ignore[arg-type]
