"""The encoder-decoders, and the search for translations with them."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from toolkit_text.ensemble import Ensemble
from toolkit_text.translation.attention_rnn import AttentionRNN
from toolkit_text.translation.beam_search import beam_search, rows_of
from toolkit_text.translation.lexicon import FILE, Lexicon
from toolkit_text.translation.transformer import TransformerSeq2Seq
from torch import Tensor, nn

PAD, UNK, BOS, EOS = range(4)
VOCAB = 12
SEARCH = {"pad_id": PAD, "bos_id": BOS, "eos_id": EOS}
MODELS = {
    "transformer": lambda vocab_size: TransformerSeq2Seq(vocab_size, PAD, 16, 2, 2, 2),
    "copying transformer": lambda vocab_size: TransformerSeq2Seq(vocab_size, PAD, 16, 1, 1, 2, copy=True),
    "transformer with a lexicon": lambda vocab_size: TransformerSeq2Seq(
        vocab_size, PAD, 16, 1, 1, 2, copy=True, run_files={FILE: lexicon(vocab_size).to_bytes()}
    ),
    "gru": lambda vocab_size: AttentionRNN(vocab_size, PAD, 16, depth=2),
    "lstm": lambda vocab_size: AttentionRNN(vocab_size, PAD, 16, cell="lstm"),
    "ensemble": lambda vocab_size: Ensemble(
        {name: MODELS[name](vocab_size) for name in ("copying transformer", "gru")}
    ),
}


def lexicon(vocab_size: int) -> Lexicon:
    return Lexicon([[token, vocab_size - 1 - token] for token in range(vocab_size)], [[0.7, 0.3]] * vocab_size)


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> Any:
    return made(request.param)


def made(name: str, vocab_size: int = VOCAB, seed: int = 0) -> Any:
    torch.manual_seed(seed)
    model = MODELS[name](vocab_size)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.4)  # so that what is seen shows, and no two tokens are alike
    return model.eval()


def texts(lengths: list[int], *, seed: int = 0) -> Tensor:
    """Sources that end in eos and are padded."""
    generator = torch.Generator().manual_seed(seed)
    batch = torch.randint(4, VOCAB, (len(lengths), max(lengths)), generator=generator)
    for row, length in zip(batch, lengths, strict=True):
        row[length - 1] = EOS
        row[length:] = PAD
    return batch


def test_padding_changes_nothing(model: Any) -> None:
    source, target = texts([7, 3, 5]), texts([4, 6, 2], seed=1)
    together = model((source, target))
    for row, (m, n) in enumerate(zip([7, 3, 5], [4, 6, 2], strict=True)):
        alone = model((source[row : row + 1, :m], target[row : row + 1, :n]))
        torch.testing.assert_close(together[row, :n], alone[0], atol=1e-5, rtol=1e-5)
    wider = torch.cat((source, torch.full((3, 4), PAD)), dim=1)
    torch.testing.assert_close(model((wider, target)), together, atol=1e-5, rtol=1e-5)


def test_a_step_with_its_cache_gives_what_the_whole_pass_gives(model: Any) -> None:
    source, target = texts([7, 3, 5]), texts([6, 6, 6], seed=1)
    whole = model((source, target))
    memory, cache = model.encode(source), None
    for place in range(6):
        logits, cache = model.step(target[:, place], memory, cache)
        torch.testing.assert_close(logits, whole[:, place], atol=1e-5, rtol=1e-5)


def test_the_source_is_looked_at_and_what_comes_later_is_not(model: Any) -> None:
    source, target = texts([6, 6]), texts([5, 5], seed=1)
    before = model((source, target))
    later = target.clone()
    later[:, 3] = (target[:, 3] - 3) % (VOCAB - 4) + 4
    assert torch.equal(model((source, later))[:, :3], before[:, :3])
    other = source.clone()
    other[:, 0] = (source[:, 0] - 3) % (VOCAB - 4) + 4
    assert not torch.allclose(model((other, target)), before, atol=1e-3)


def test_every_parameter_is_trained(model: Any) -> None:
    model.train()((texts([5, 3]), texts([4, 4], seed=1))).logsumexp(2).sum().backward()
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []


def test_greedy_search_takes_the_most_probable_token_each_time(model: Any) -> None:
    source = texts([7, 2, 5, 4])
    found = beam_search(model, source, **SEARCH, max_length=9)
    for row, tokens in enumerate(found):
        said = [BOS]
        while len(said) <= 9:
            logits = model((source[row : row + 1], torch.tensor([said])))[0, -1]
            logits[[PAD, BOS]] = -torch.inf
            said.append(int(logits.argmax()))
            if said[-1] == EOS:
                break
        assert tokens == [token for token in said if token not in (BOS, EOS)]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("length_penalty", [0.0, 0.7, 1.5])
def test_a_wide_beam_finds_the_best_of_all(name: str, length_penalty: float) -> None:
    for seed in range(3):
        model = made(name, vocab_size=7, seed=seed)
        source = texts([5, 3]) % 7
        source[source < 4] = EOS
        source[1, 3:] = PAD
        found = beam_search(model, source, **SEARCH, beam=400, length_penalty=length_penalty, max_length=4)
        for row in range(2):
            tokens, _ = best_of_all(model, source[row : row + 1, : [5, 3][row]], length_penalty)
            assert found[row] == tokens


def best_of_all(model: Any, source: Tensor, length_penalty: float) -> tuple[list[int], float]:
    """The best of all texts of up to 4 tokens with eos, by looking at each."""
    best, found = -float("inf"), list[int]()
    for length in range(4):
        for tokens in itertools.product([UNK, 4, 5, 6], repeat=length):
            logits = model((source, torch.tensor([[BOS, *tokens]])))[0]
            logits[:, [PAD, BOS]] = -torch.inf
            chosen = logits.log_softmax(1)[torch.arange(length + 1), torch.tensor([*tokens, EOS])]
            score = chosen.sum().item() / (length + 1) ** length_penalty
            if score > best:
                best, found = score, list(tokens)
    return found, best


def test_a_wider_beam_finds_nothing_less_probable(model: Any) -> None:
    source = texts([7, 2, 5, 4, 6])

    def score(tokens: list[int], row: int) -> float:
        logits = model((source[row : row + 1], torch.tensor([[BOS, *tokens]])))[0]
        logits[:, [PAD, BOS]] = -torch.inf
        return logits.log_softmax(1)[torch.arange(len(tokens) + 1), torch.tensor([*tokens, EOS])].sum().item()

    narrow, wide = (beam_search(model, source, **SEARCH, beam=beam, length_penalty=0.0) for beam in (1, 64))
    better = [score(wide[row], row) - score(narrow[row], row) for row in range(5)]
    assert min(better) > -1e-4
    assert max(better) > 0.01


def test_a_batch_is_searched_as_each_text_alone(model: Any) -> None:
    lengths = [7, 2, 5, 4, 6]
    source = texts(lengths)
    together = beam_search(model, source, **SEARCH, beam=3)
    alone = [
        beam_search(model, source[row : row + 1, :length], **SEARCH, beam=3)[0] for row, length in enumerate(lengths)
    ]
    assert together == alone
    assert len({len(tokens) for tokens in together}) > 1, "searches that end together show nothing"


def test_what_does_not_end_is_cut_off(model: Any) -> None:
    class Endless(nn.Module):
        encode = staticmethod(model.encode)

        def step(self, *given: Any) -> Any:
            logits, cache = model.step(*given)
            logits[:, EOS] = -torch.inf
            return logits, cache

    found = beam_search(Endless(), texts([3, 9]), **SEARCH, beam=2)
    assert [len(tokens) for tokens in found] == [16, 28]
    assert [len(tokens) for tokens in beam_search(Endless(), texts([3, 9]), **SEARCH, max_length=20)] == [16, 20]


def test_rows_of_a_state() -> None:
    state = ((torch.arange(3), None or torch.arange(6).reshape(3, 2)), torch.arange(3))
    (first, second), third = rows_of(state, torch.tensor([2, 2, 0]))
    assert first.tolist() == third.tolist() == [2, 2, 0]
    assert second.tolist() == [[4, 5], [4, 5], [0, 1]]


@pytest.mark.parametrize("wrong", [{"beam": 0}, {"max_length": 0}, {"length_penalty": -1.0}])
def test_a_search_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="from 1 up"):
        beam_search(made("gru"), texts([3]), **SEARCH, **wrong)


def test_widths_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="width=15"):
        AttentionRNN(VOCAB, PAD, width=15)
    with pytest.raises(ValueError, match="heads=5"):
        TransformerSeq2Seq(VOCAB, PAD, width=16, heads=5)


def test_an_ensemble_deals_pairs_out_whole_and_translates_only_where_all_can() -> None:
    ensemble = made("ensemble")
    source, target = texts([7, 3, 5]).repeat(4, 1), texts([4, 6, 2], seed=1).repeat(4, 1)
    alone = torch.stack([model((source, target)) for model in ensemble.model.values()])
    for part in ensemble.modules():
        part.training = part is ensemble  # so that nothing is dropped
    dealt = ensemble((source, target))
    own = torch.isclose(dealt, alone, atol=1e-5).flatten(2).all(2)
    # To each pair one of the models has answered, and each of them to half of the pairs.
    assert own.sum(0).tolist() == [1] * 12
    assert own.sum(1).tolist() == [6, 6]
    lone = Ensemble({name: nn.Embedding(VOCAB, VOCAB) for name in ("one", "two")})
    assert not hasattr(lone, "encode")
    assert not hasattr(lone, "step")
