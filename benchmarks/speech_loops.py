"""Recognition of spoken codes: a loop by hand, and the same as a recipe. Imports torch; the toolkit when it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from toolkit_speech.features.log_mel import LogMel
from toolkit_speech.features.mel import mel_filters
from toolkit_speech.models.cnn_bilstm import CNNBiLSTM
from toolkit_speech.models.streaming_lstm import StreamingLSTM
from toolkit_speech.recognition.greedy import greedy
from toolkit_speech.samples import Transcribed
from toolkit_speech.spoken_codes import spoken_codes
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from benchmarks.problem import now

RATE, VOCABULARY = 8000, 37
BATCH, TOGETHER = 16, 64
MELS, WINDOW, STEP = 40, 256, 160
CHANNELS, WIDTH, DEPTH, DROPOUT = 16, 128, 2, 0.1
STRIPES, FREQUENCIES, FRAMES, SHARE = 2, 8, 10, 0.2
LEARNING_RATE, DECAY, CLIP = 3e-3, 1e-2, 1.0
READ_EVERY = 50
CHUNK = RATE // 10
SEED = 0

FRONT_END = {"use": "log_mel", "mels": MELS, "window": WINDOW / RATE, "step": STEP / RATE}
RECIPE: dict[str, Any] = {
    "seed": SEED,
    "task": "ctc",
    "loader": {"batch_size": BATCH},
    "model": {
        "use": "cnn_bilstm",
        "front_end": FRONT_END,
        "augmentation": {"use": "spec_augment", "frequencies": FREQUENCIES, "frames": FRAMES},
        "channels": CHANNELS,
        "width": WIDTH,
        "depth": DEPTH,
        "dropout": DROPOUT,
    },
    "loss": None,
    "optimizer": {"use": "adamw", "lr": LEARNING_RATE, "weight_decay": DECAY},
    "metrics": {"cer": {}},
    "trainer": {"max_epochs": 2, "accelerator": "cpu", "gradient_clip_val": CLIP, "limit_val_batches": 0},
}


def training(variant: str, codes: int) -> float:
    """Milliseconds of training for a second of sound.

    Args:
        variant: ``by_hand`` or ``by_toolkit``.
        codes: to train on.
    """
    data = spoken_codes(codes, 1, 1).train
    seconds = _by_hand(data) if variant == "by_hand" else _by_toolkit(codes)
    return 1000 * seconds / _sound(data)


def _by_toolkit(codes: int) -> float:
    from benchmarks.with_toolkit import seconds_of_epoch

    dataset = {"use": "spoken_codes", "train_codes": codes, "val_codes": 1, "test_codes": 1}
    return seconds_of_epoch({**RECIPE, "dataset": dataset})


def _by_hand(data: Transcribed) -> float:
    """Seconds of the second epoch of two."""
    torch.manual_seed(SEED)
    samples = [data[number] for number in range(len(data))]
    network = _Network()
    parameters = list(network.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=LEARNING_RATE, weight_decay=DECAY, fused=True)
    began = 0.0
    for _ in range(2):
        began = now()
        for step, ((waveforms, lengths), targets) in enumerate(_batches(samples, data.lengths)):
            log_probs, frames = network(waveforms, lengths)
            characters = (targets >= 0).sum(1)
            losses = functional.ctc_loss(
                log_probs.transpose(0, 1), targets.clamp_min(0), frames, characters, reduction="sum"
            )
            loss = losses / characters.sum()
            for parameter in parameters:
                parameter.grad = None
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, CLIP)
            optimizer.step()
            if (step + 1) % READ_EVERY == 0:
                loss.item()
    return now() - began


def _batches(samples: list[Any], lengths: Tensor) -> Iterator[Any]:
    """Of codes of similar length, in random order."""
    order = lengths.argsort()
    starts = torch.arange(0, len(order), BATCH)
    for start in starts[torch.randperm(len(starts))].tolist():
        yield _padded([samples[number] for number in order[start : start + BATCH].tolist()])


def _padded(samples: list[Any]) -> tuple[tuple[Tensor, Tensor], Tensor]:
    waveforms = nn.utils.rnn.pad_sequence([waveform for (waveform, _), _ in samples], batch_first=True)
    targets = nn.utils.rnn.pad_sequence([target for _, target in samples], True, -100)
    return (waveforms, torch.stack([length for (_, length), _ in samples])), targets


@torch.inference_mode()
def hearing(variant: str, codes: int) -> float:
    """Milliseconds from waveforms to characters, for a second of sound.

    Args:
        variant: ``by_hand``, ``together``, ``alone``, ``whole`` or ``chunks``.
        codes: to hear, from the shortest to the longest.
    """
    torch.manual_seed(SEED)
    data = spoken_codes(1, 1, codes).test
    at_once = TOGETHER if variant in ("by_hand", "together") else 1
    order = data.lengths.argsort().tolist()
    samples = [data[number] for number in order]
    batches = [_padded(samples[start : start + at_once])[0] for start in range(0, len(samples), at_once)]
    hears = _hears(variant)
    hears(*batches[-1])  # what is made at the first call is no part of what is timed
    began = now()
    for waveforms, lengths in batches:
        hears(waveforms, lengths)
    return 1000 * (now() - began) / _sound(data)


def _hears(variant: str) -> Callable[[Tensor, Tensor], Any]:
    """From waveforms and lengths to tokens."""
    if variant == "by_hand":
        network = _Network().eval()

        def by_hand(waveforms: Tensor, lengths: Tensor) -> Any:
            log_probs, frames = network(waveforms, lengths)
            best = log_probs.argmax(2)
            said = [row[:count].unique_consecutive() for row, count in zip(best, frames.tolist(), strict=True)]
            return [tokens[tokens > 0].tolist() for tokens in said]

        return by_hand
    if variant in ("together", "alone"):
        front_end = LogMel(RATE, MELS, WINDOW / RATE, STEP / RATE)
        model = CNNBiLSTM(VOCABULARY, front_end, channels=CHANNELS, width=WIDTH, depth=DEPTH).eval()
        return lambda waveforms, lengths: greedy(*model((waveforms, lengths)))
    streaming = StreamingLSTM(VOCABULARY, LogMel(RATE, MELS, normalisation="running")).eval()
    if variant == "whole":
        return lambda waveforms, lengths: greedy(*streaming((waveforms, lengths)))

    def in_chunks(waveforms: Tensor, lengths: Tensor) -> Any:
        state, parts = None, []
        chunks = waveforms.split(CHUNK, dim=1)
        for number, chunk in enumerate(chunks):
            said, state = streaming.step(chunk, state, last=number == len(chunks) - 1)
            parts.append(said)
        log_probs = torch.cat(parts, dim=1)
        return greedy(log_probs, torch.tensor([log_probs.shape[1]]))

    return in_chunks


def _sound(data: Transcribed) -> float:
    """Seconds of all recordings."""
    return float(data.lengths.sum()) / RATE


class _Network(nn.Module):
    """What `CNNBiLSTM` is, of torch's own modules."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(WINDOW))
        self.register_buffer("filters", mel_filters(MELS, RATE, WINDOW, 0.0, RATE / 2))
        self.convolutions = nn.Sequential(
            nn.Conv2d(1, CHANNELS, (11, 3), stride=2, padding=(5, 1), bias=False),
            nn.BatchNorm2d(CHANNELS),
            nn.Hardtanh(0.0, 20.0),
            nn.Conv2d(CHANNELS, CHANNELS, (11, 5), stride=(2, 1), padding=(5, 2), bias=False),
            nn.BatchNorm2d(CHANNELS),
            nn.Hardtanh(0.0, 20.0),
        )
        widths = [CHANNELS * MELS // 4, *[WIDTH] * (DEPTH - 1)]
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for width in widths)
        self.lstms = nn.ModuleList(nn.LSTM(width, WIDTH // 2, batch_first=True, bidirectional=True) for width in widths)
        self.dropout = nn.Dropout(DROPOUT)
        self.out = nn.Linear(WIDTH, VOCABULARY)

    def forward(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        spectra = torch.stft(
            waveforms, WINDOW, STEP, window=self.window, center=True, pad_mode="constant", return_complex=True
        )
        features = (torch.view_as_real(spectra).square().sum(-1).transpose(1, 2) @ self.filters).clamp_min(1e-10).log()
        counts = 1 + lengths // STEP
        there = torch.arange(features.shape[1]) < counts[:, None]
        shares = (there / counts[:, None])[:, :, None]
        mean = (features * shares).sum(1, keepdim=True)
        variance = ((features - mean).square() * shares).sum(1, keepdim=True)
        features = (features - mean) * (variance + 1e-5).rsqrt() * there[:, :, None]
        if self.training:
            features = features.masked_fill(self._hidden(features, counts), 0.0)
        maps = self.convolutions(features.transpose(1, 2)[:, None])
        frames = (counts + 1) // 2
        values = maps.flatten(1, 2)
        for norm, lstm in zip(self.norms, self.lstms, strict=True):
            packed = pack_padded_sequence(
                self.dropout(norm(values)).transpose(1, 2), frames, batch_first=True, enforce_sorted=False
            )
            values = pad_packed_sequence(lstm(packed)[0], batch_first=True, total_length=maps.shape[3])[0]
            values = values.transpose(1, 2)
        return self.out(self.dropout(values.transpose(1, 2))).log_softmax(2), frames

    def _hidden(self, features: Tensor, counts: Tensor) -> Tensor:
        """Stripes of time and frequency, of each code its own."""
        batch, time, channels = features.shape
        hidden = torch.zeros(batch, time, channels, dtype=torch.bool)
        for _ in range(STRIPES):
            width = (torch.rand(batch, 1) * (FREQUENCIES + 1)).floor()
            start = (torch.rand(batch, 1) * (channels - width + 1)).floor()
            places = torch.arange(channels)
            hidden |= ((places >= start) & (places < start + width))[:, None, :]
            width = (torch.rand(batch, 1) * ((counts * SHARE).floor().clamp_max(FRAMES) + 1)[:, None]).floor()
            start = (torch.rand(batch, 1) * (counts[:, None] - width + 1)).floor()
            places = torch.arange(time)
            hidden |= ((places >= start) & (places < start + width))[:, :, None]
        return hidden
