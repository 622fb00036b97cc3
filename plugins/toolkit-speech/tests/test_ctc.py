"""The task ctc: its loss, what it does with utterances that no path fits, and what it tells of a sound."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from toolkit_speech.alphabet import Alphabet
from toolkit_speech.features.log_mel import LogMel
from toolkit_speech.models.cnn_bilstm import CNNBiLSTM
from toolkit_speech.models.conformer_ctc import ConformerCTC
from toolkit_speech.models.conformer_seq2seq import ConformerSeq2Seq
from toolkit_speech.models.streaming_lstm import StreamingLSTM
from toolkit_speech.recognition.ctc import CTC
from toolkit_speech.recognition.ctc_loss import ctc_losses
from toolkit_speech.recognition.language_models import NGram
from toolkit_speech.recognition.prefix_beam import PrefixBeam
from toolkit_speech.recognition.task import words
from toolkit_speech.recognition.transcription import Transcription
from torch import Tensor, nn

RATE = 1000
ALPHABET = Alphabet("ab ")
FILES = {**ALPHABET.to_files(), "transcripts.txt": b"ab\nba\n\na b"}


class Given(nn.Module):
    """Says what it is told, whatever it hears: frames of 10 samples."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = nn.Parameter(logits)

    def forward(self, heard: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        waveforms, lengths = heard
        return self.logits[: len(waveforms)], lengths // 10


def task_of(model: nn.Module, **arguments: Any) -> CTC:
    return CTC(model, run_files=FILES, sample_rate=RATE, **arguments)


def probability(log_probs: Tensor, text: list[int]) -> float:
    """Of a text, by looking at every path."""
    total = 0.0
    for path in itertools.product(range(log_probs.shape[1]), repeat=len(log_probs)):
        if [token for token, _ in itertools.groupby(path) if token] == text:
            total += math.exp(sum(log_probs[number, token].item() for number, token in enumerate(path)))
    return total


def test_losses_are_those_of_all_paths() -> None:
    torch.manual_seed(0)
    log_probs = torch.randn(4, 5, 4).log_softmax(2)
    lengths = torch.tensor([5, 3, 4, 5])
    texts = [[1, 1], [2], [], [3, 1, 3]]
    targets = torch.tensor([[1, 1, -100], [2, -100, -100], [-100] * 3, [3, 1, 3]])
    found = ctc_losses(log_probs, lengths, targets)
    expected = [-math.log(probability(log_probs[row, : lengths[row]], text)) for row, text in enumerate(texts)]
    assert found.losses.tolist() == pytest.approx(expected, rel=1e-5)
    assert found.characters.tolist() == [2, 1, 0, 3]
    assert found.possible.all()


def test_what_no_path_fits_teaches_nothing_and_is_counted() -> None:
    torch.manual_seed(0)
    logits = torch.randn(4, 3, 4, requires_grad=True)
    targets = torch.tensor([[1, 2, 3, -100], [1, 1, 2, -100], [1, 2, 3, 1], [-100] * 4])
    found = ctc_losses(logits.log_softmax(2), torch.tensor([3, 3, 3, 0]), targets)
    assert found.possible.tolist() == [True, False, False, False]
    assert found.losses[1:].tolist() == [0, 0, 0]
    assert found.characters.tolist() == [3, 0, 0, 0]
    found.losses.sum().backward()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    assert logits.grad[0].any()
    assert not logits.grad[1:].any()


def test_the_loss_of_a_batch_is_over_its_characters() -> None:
    torch.manual_seed(0)
    task = task_of(Given(torch.randn(3, 6, 4)))
    heard = (torch.zeros(3, 60), torch.tensor([60, 50, 10]))
    targets = torch.tensor([[1, 2, 1], [3, -100, -100], [1, 2, -100]])
    scored = task.scored(heard, targets)
    log_probs, lengths = scored.outputs
    expected = sum(
        -math.log(probability(log_probs[row, : lengths[row]], text)) for row, text in enumerate([[1, 2, 1], [3]])
    )
    assert scored.loss.item() == pytest.approx(expected / 4, rel=1e-5)
    assert scored.counts.tolist() == [[4, 1]]


def test_a_batch_without_any_character_has_a_loss_of_0_to_go_back_through() -> None:
    task = task_of(Given(torch.randn(2, 6, 4)))
    scored = task.scored((torch.zeros(2, 60), torch.tensor([10, 10])), torch.tensor([[1, 2], [1, 1]]))
    scored.loss.backward()
    assert scored.loss.item() == 0
    assert scored.counts.tolist() == [[0, 2]]


def test_the_means_of_an_epoch_are_those_of_all_its_characters() -> None:
    torch.manual_seed(0)
    task = task_of(Given(torch.randn(3, 6, 4)))
    targets = torch.tensor([[1, 2, 1], [3, -100, -100], [1, 1, -100]])
    heard = (torch.zeros(3, 60), torch.tensor([60, 60, 20]))
    whole = task.computed((heard, targets))
    # One row at a time the model says what it says of the first: so the same row three times.
    for number in range(2):
        task.keep(task.computed((heard, targets))._replace(loss=whole.loss.detach()), number)
    task._measure()
    train: Any = task.losses["train/loss"]
    short: Any = task.too_short["train/too_short"]
    assert train.compute().item() == pytest.approx(whole.loss.item(), rel=1e-5)
    assert train.samples.item() == 8
    assert short.compute().item() == 2


def test_a_language_model_learns_from_the_texts_of_the_run() -> None:
    # "a" and "b" sound the same at the end; after a b an a has been seen, a b never.
    logits = torch.full((1, 2, 4), -9.0)
    logits[0, 0, 2], logits[0, 1, 1], logits[0, 1, 2] = 9.0, 5.0, 5.1
    logits[0, 1, 0] = 5.1
    heard = (torch.zeros(1, 20), torch.tensor([20]))
    task = task_of(Given(logits), decoder=PrefixBeam(language_model=NGram(3), weight=2.0))
    outputs = task.outputs_of(heard)
    assert task.tokens_of(heard, outputs, careful=False) == [[2]]
    assert task.tokens_of(heard, outputs, careful=True) == [[2, 1]]
    with pytest.raises(ValueError, match="keeps no transcripts"):
        CTC(Given(logits), run_files=ALPHABET.to_files(), decoder=PrefixBeam(language_model=NGram()))


def test_rows_tell_words_and_when_they_are_said() -> None:
    logits = torch.full((2, 10, 4), -9.0)
    for frame, token in enumerate([0, 1, 1, 2, 0, 3, 0, 0, 1, 0]):
        logits[0, frame, token] = 9.0
    logits[1, :, 0] = 9.0
    heard = (torch.zeros(2, 100), torch.tensor([100, 50]))
    task = task_of(Given(logits))
    batch = task.unlabelled(heard)
    assert task.rows(batch, {}) == [
        {
            "transcript": "ab a",
            "words": [
                {"word": "ab", "begin": 0.01, "end": 0.04},
                {"word": "a", "begin": 0.08, "end": 0.09},
            ],
        },
        {"transcript": "", "words": []},
    ]


def test_words_of_characters() -> None:
    spans = [(0.1 * place, 0.1 * place + 0.1) for place in range(5)]
    assert words(list(" ab  "), spans, 2.0) == [{"word": "ab", "begin": 0.2, "end": 0.6}]
    assert words([], [], 2.0) == words(list("ab"), [], 2.0) == []


def test_models_that_do_not_fit_are_told_of() -> None:
    with pytest.raises(ValueError, match="gives no alphabet"):
        CTC(Given(torch.zeros(1, 1, 4)))
    heard = (torch.zeros(1, 20), torch.tensor([20]))
    with pytest.raises(ValueError, match=r"returns outputs \(batch, frames, vocab_size\)"):
        task_of(nn.Identity()).scored(heard, torch.tensor([[1]]))
    with pytest.raises(ValueError, match="Identity cannot write: it has no method 'encode'"):
        Transcription(nn.Identity(), nn.CrossEntropyLoss(), run_files=FILES)
    writer = ConformerSeq2Seq(4, LogMel(RATE, mels=20), width=16, encoder_depth=1, heads=2)
    with pytest.raises(ValueError, match="beam=0: from 1 up"):
        Transcription(writer, nn.CrossEntropyLoss(), run_files=FILES, beam=0)


def test_the_attention_tasks_targets_begin_and_end() -> None:
    seen: list[Tensor] = []

    class Listening(nn.Module):
        def forward(self, inputs: tuple[Any, Tensor]) -> Tensor:
            seen.append(inputs[1])
            return torch.zeros(*inputs[1].shape, 4)

        encode = step = None

    model = Listening()
    model.encode = model.step = lambda *_: None  # type: ignore[assignment]
    task = Transcription(model, nn.CrossEntropyLoss(reduction="mean"), run_files=FILES)
    scored = task.scored(
        (torch.zeros(3, 20), torch.tensor([20, 20, 20])), torch.tensor([[1, 2], [3, -100], [-100] * 2])
    )
    assert seen[0].tolist() == [[0, 1, 2], [0, 3, 0], [0, 0, 0]]
    assert scored.counts.tolist() == [[6]]
    assert scored.loss.item() == pytest.approx(math.log(4))


TONES: tuple[tuple[int, ...], ...] = ((1, 2), (2, 1), (1, 1))
"""What is said: 1 by a low tone, 2 by a high one."""


def spoken() -> tuple[tuple[Tensor, Tensor], Tensor]:
    time = torch.arange(300) / RATE
    tones = {1: torch.sin(2 * math.pi * 100 * time), 2: torch.sin(2 * math.pi * 300 * time)}
    waveforms = torch.stack([torch.cat((tones[one], torch.zeros(60), tones[two][:240])) for one, two in TONES])
    return (waveforms, torch.tensor([600] * 3)), torch.tensor(TONES)


LEARNERS: dict[str, Any] = {
    "cnn_bilstm": lambda front: task_of(CNNBiLSTM(4, front, channels=4, width=32, depth=1, dropout=0.0)),
    "conformer_ctc": lambda front: task_of(ConformerCTC(4, front, width=32, depth=1, heads=2, kernel=5, dropout=0.0)),
    "streaming_lstm": lambda front: task_of(StreamingLSTM(4, front, width=32, depth=1, dropout=0.0)),
    "conformer_seq2seq": lambda front: Transcription(
        ConformerSeq2Seq(4, front, width=32, encoder_depth=1, decoder_depth=1, heads=2, kernel=5, dropout=0.0),
        nn.CrossEntropyLoss(),
        run_files=FILES,
        beam=3,
    ),
}


@pytest.mark.parametrize("name", LEARNERS)
def test_a_model_learns_what_it_is_given(name: str) -> None:
    torch.manual_seed(0)
    task = LEARNERS[name](LogMel(RATE, mels=20))
    heard, targets = spoken()
    optimizer = torch.optim.Adam(task.parameters(), lr=0.004)
    for _ in range(200):
        optimizer.zero_grad()
        task.scored(heard, targets).loss.backward()
        optimizer.step()
    task.eval()
    for careful in (False, True):
        assert task.tokens_of(heard, task.outputs_of(heard), careful=careful) == targets.tolist()
