"""The models that write: what padding, chunks and caches may not change; and the search with a decoder."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import pytest
import torch
from toolkit_speech.features.log_mel import LogMel
from toolkit_speech.features.mfcc import MFCC
from toolkit_speech.features.strided_conv import StridedConv
from toolkit_speech.models.batch_norm import MaskedBatchNorm
from toolkit_speech.models.cnn_bilstm import CNNBiLSTM
from toolkit_speech.models.conformer_ctc import ConformerCTC
from toolkit_speech.models.conformer_seq2seq import ConformerSeq2Seq
from toolkit_speech.models.streaming_lstm import StreamingLSTM
from toolkit_speech.recognition.beam_search import beam_search, rows_of
from torch import Tensor, nn

RATE = 1000
VOCAB = 6
LENGTHS = [700, 433, 90, 5]


def front_end(**arguments: Any) -> LogMel:
    return LogMel(RATE, mels=20, **arguments)


CTC = {
    "cnn_bilstm": lambda: CNNBiLSTM(VOCAB, front_end(), channels=4, width=16, depth=2),
    "conformer_ctc": lambda: ConformerCTC(VOCAB, front_end(), width=16, depth=2, heads=2, kernel=7),
    "streaming_lstm": lambda: StreamingLSTM(VOCAB, front_end(normalisation="running"), width=16),
}


def writer(vocab_size: int = VOCAB, seed: int = 0) -> ConformerSeq2Seq:
    torch.manual_seed(seed)
    model = ConformerSeq2Seq(vocab_size, front_end(), width=16, encoder_depth=1, decoder_depth=2, heads=2, kernel=5)
    nn.init.normal_(model.out.weight, std=0.8)  # so that no two tokens are alike
    return model.eval()


@pytest.fixture(params=CTC)
def model(request: pytest.FixtureRequest) -> nn.Module:
    torch.manual_seed(0)
    return CTC[request.param]().eval()


def sounds(lengths: list[int]) -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    waveforms = torch.randn(len(lengths), max(lengths))
    for row, length in zip(waveforms, lengths, strict=True):
        row[length:] = 0
    return waveforms, torch.tensor(lengths)


def test_padding_changes_nothing(model: nn.Module) -> None:
    waveforms, lengths = sounds(LENGTHS)
    for module in model.modules():
        if isinstance(module, MaskedBatchNorm) and module.running_mean is not None:
            nn.init.uniform_(module.running_mean, 0.5, 1.5)
    together, frames = model((waveforms, lengths))
    assert together.shape == (4, int(frames.max()), VOCAB)
    for row, length in enumerate(LENGTHS):
        alone, count = model((waveforms[row : row + 1, :length], lengths[row : row + 1]))
        assert count.item() == frames[row]
        torch.testing.assert_close(together[row, : frames[row]], alone[0, : frames[row]], atol=1e-5, rtol=1e-4)
    noisy = torch.cat((waveforms, torch.randn(4, 200)), dim=1)
    wider, again = model((noisy, lengths))
    assert torch.equal(again, frames)
    for row, count in enumerate(frames.tolist()):
        torch.testing.assert_close(wider[row, :count], together[row, :count], atol=1e-5, rtol=1e-4)


def test_padding_changes_nothing_in_training_either(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    waveforms, lengths = sounds(LENGTHS)
    wider = torch.cat((waveforms, torch.randn(4, 300)), dim=1)
    # Of each a model of its own: what is remembered of the training data changes with every batch.
    first, second = (copy.deepcopy(model).train()((each, lengths)) for each in (waveforms, wider))
    assert torch.equal(first[1], second[1])
    for row, count in enumerate(first[1].tolist()):
        torch.testing.assert_close(first[0][row, :count], second[0][row, :count], atol=1e-4, rtol=1e-4)


def test_outputs_are_log_probabilities_and_every_parameter_is_trained(model: nn.Module) -> None:
    said, frames = model.train()(sounds([700, 433]))
    total = said.logsumexp(2)[torch.arange(said.shape[1]) < frames[:, None]]
    torch.testing.assert_close(total, torch.zeros_like(total), atol=1e-5, rtol=0)
    (said[:, :, 1] - said[:, :, 2]).sum().backward()
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []


def test_a_sound_that_is_too_short_for_any_frame_is_no_error(model: nn.Module) -> None:
    said, frames = model.train()((torch.zeros(2, 3), torch.tensor([3, 2])))
    assert said.shape[1] >= int(frames.max())
    said.sum().backward()
    assert torch.isfinite(said).all()


def test_half_precision_trains(model: nn.Module) -> None:
    heard = sounds([700, 433])
    with torch.autocast("cpu", torch.bfloat16):
        said, frames = model.train()(heard)
    assert torch.isfinite(said[0, : int(frames[0])]).all()
    said[:, :, 1].float().sum().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters() if parameter.grad is not None)


def test_the_streaming_model_hears_nothing_that_comes_later() -> None:
    torch.manual_seed(0)
    model = StreamingLSTM(VOCAB, front_end(normalisation="none"), width=16).eval()
    waveforms, lengths = sounds([600])
    said, _ = model((waveforms, lengths))
    later = waveforms.clone()
    later[:, 400:] = torch.randn(1, 200)
    changed, _ = model((later, lengths))
    # A frame of 20 ms is complete when the window around its second 10 ms is.
    assert torch.equal(said[:, :18], changed[:, :18])
    assert not torch.allclose(said[:, 20:], changed[:, 20:])


FRONT_ENDS = {
    "log_mel": lambda: front_end(normalisation="running"),
    "mfcc": lambda: MFCC(RATE, mels=20, normalisation="none"),
    "strided_conv": lambda: StridedConv(12, (5, 2)),
}


@pytest.mark.parametrize("name", FRONT_ENDS)
@pytest.mark.parametrize("stride", [1, 3])
@pytest.mark.parametrize("chunks", [[617], [1, 2, 3, 611], [100] * 6 + [17], [0, 300, 0, 317, 0], [37] * 16 + [25]])
def test_a_stream_gives_what_the_whole_gives(name: str, stride: int, chunks: list[int]) -> None:
    torch.manual_seed(0)
    front = FRONT_ENDS[name]()
    model = StreamingLSTM(VOCAB, front, width=16, stride=stride)
    waveforms = torch.randn(2, 617)
    lengths = torch.tensor([617, 617])
    model.train()((waveforms + 1, lengths))  # running statistics that are not those of the beginning
    model.eval()
    whole, frames = model((waveforms, lengths))
    parts, state = [], None
    for number, chunk in enumerate(waveforms.split(chunks, dim=1)):
        said, state = model.step(chunk, state, last=number == len(chunks) - 1)
        parts.append(said)
    streamed = torch.cat(parts, dim=1)
    assert streamed.shape[1] == int(frames[0])
    torch.testing.assert_close(streamed, whole, atol=1e-5, rtol=1e-4)


def test_a_stream_speaks_while_it_is_heard_and_remembers_little() -> None:
    torch.manual_seed(0)
    model = StreamingLSTM(VOCAB, front_end(normalisation="none"), width=16).eval()
    state, said = None, 0
    for _ in range(30):
        out, state = model.step(torch.randn(1, 100), state)
        said += out.shape[1]
        assert state.features.samples.shape[1] < 60
    assert said >= 3000 // 20 - 2


def test_what_looks_at_the_whole_utterance_takes_no_chunks() -> None:
    model = StreamingLSTM(VOCAB, front_end(), width=16)
    with pytest.raises(ValueError, match="looks at the whole utterance"):
        model.step(torch.randn(1, 100))


# Attention.


def texts(count: int, length: int) -> Tensor:
    return torch.randint(1, VOCAB, (count, length), generator=torch.Generator().manual_seed(2))


def test_padding_changes_nothing_of_what_is_written() -> None:
    model = writer()
    waveforms, lengths = sounds(LENGTHS)
    tokens = texts(4, 5)
    together = model(((waveforms, lengths), tokens))
    assert together.shape == (4, 5, VOCAB)
    for row, length in enumerate(LENGTHS):
        alone = model(((waveforms[row : row + 1, :length], lengths[row : row + 1]), tokens[row : row + 1, :3]))
        torch.testing.assert_close(together[row, :3], alone[0], atol=1e-5, rtol=1e-4)


def test_a_step_with_its_cache_gives_what_the_whole_pass_gives() -> None:
    model, heard, tokens = writer(), sounds(LENGTHS), texts(4, 6)
    whole = model((heard, tokens))
    memory, cache = model.encode(heard), None
    for place in range(6):
        logits, cache = model.step(tokens[:, place], memory, cache)
        torch.testing.assert_close(logits, whole[:, place], atol=1e-5, rtol=1e-4)


def test_the_writer_trains_in_half_precision() -> None:
    model = writer().train()
    with torch.autocast("cpu", torch.bfloat16):
        logits = model((sounds([700, 433]), texts(2, 4)))
    logits.float().logsumexp(2).sum().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters() if parameter.grad is not None)


def test_the_writer_hears_and_every_parameter_is_trained() -> None:
    model, heard, tokens = writer(), sounds([700, 433]), texts(2, 4)
    before = model((heard, tokens))
    other = (heard[0].roll(200, dims=1), heard[1])
    assert not torch.allclose(model((other, tokens)), before, atol=1e-3)
    model.train()((heard, tokens)).logsumexp(2).sum().backward()
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []


def test_greedy_search_takes_the_most_probable_token_each_time() -> None:
    model = writer()
    waveforms, lengths = sounds([700, 433, 90])
    found = beam_search(model, (waveforms, lengths), max_length=7)
    frames = model.encode((waveforms, lengths)).there.sum(1).tolist()
    for row, tokens in enumerate(found):
        heard = (waveforms[row : row + 1, : lengths[row]], lengths[row : row + 1])
        said = [0]
        while len(said) <= min(7, frames[row]):
            token = int(model((heard, torch.tensor([said])))[0, -1].argmax())
            if token == 0:
                break
            said.append(token)
        assert tokens == said[1:]


@pytest.mark.parametrize("length_penalty", [0.0, 0.7, 1.5])
def test_a_wide_beam_finds_the_best_of_all(length_penalty: float) -> None:
    for seed in range(3):
        model = writer(vocab_size=4, seed=seed)
        waveforms, lengths = sounds([700, 433])
        found = beam_search(model, (waveforms, lengths), beam=200, length_penalty=length_penalty, max_length=4)
        for row in range(2):
            heard = (waveforms[row : row + 1, : lengths[row]], lengths[row : row + 1])
            assert found[row] == best_of_all(model, heard, length_penalty)


def best_of_all(model: Any, heard: tuple[Tensor, Tensor], length_penalty: float) -> list[int]:
    """The best of all texts of up to 4 tokens with their end, by looking at each."""
    memory = model.encode(heard)
    best, found = -float("inf"), list[int]()
    for length in range(4):
        every = torch.tensor([[0, *tokens] for tokens in itertools.product([1, 2, 3], repeat=length)])
        logits, _ = model._decoded(every, rows_of(memory, torch.zeros(len(every), dtype=torch.int64)), None)
        wanted = torch.nn.functional.pad(every[:, 1:], (0, 1))
        scores = logits.log_softmax(2).gather(2, wanted[:, :, None]).sum((1, 2)) / (length + 1) ** length_penalty
        score, number = scores.max(0)
        if score.item() > best:
            best, found = score.item(), every[number, 1:].tolist()
    return found


def test_a_batch_is_searched_as_each_sound_alone() -> None:
    model = writer()
    waveforms, lengths = sounds([700, 433, 90, 320])
    together = beam_search(model, (waveforms, lengths), beam=3)
    alone = [
        beam_search(model, (waveforms[row : row + 1, :length], lengths[row : row + 1]), beam=3)[0]
        for row, length in enumerate(lengths.tolist())
    ]
    assert together == alone


@pytest.mark.parametrize("wrong", [{"beam": 0}, {"max_length": 0}, {"length_penalty": -1.0}])
def test_a_search_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="from 1 up"):
        beam_search(writer(), sounds([90]), **wrong)


def test_widths_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="width=15"):
        CNNBiLSTM(VOCAB, front_end(), width=15)
    with pytest.raises(ValueError, match="heads=5"):
        ConformerCTC(VOCAB, front_end(), width=16, heads=5)
    with pytest.raises(ValueError, match="kernel=4"):
        ConformerCTC(VOCAB, front_end(), kernel=4)
    with pytest.raises(ValueError, match="stride=0"):
        StreamingLSTM(VOCAB, front_end(), stride=0)
