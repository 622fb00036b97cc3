"""Front ends: like librosa, the same with padding and without, the same in chunks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from toolkit_speech.features.leaf import Leaf, running_mean
from toolkit_speech.features.log_mel import SILENCE, LogMel
from toolkit_speech.features.mfcc import MFCC
from toolkit_speech.features.normalisation import LEAST_VARIANCE, Normalisation
from toolkit_speech.features.strided_conv import StridedConv
from torch import nn

LIBROSA = Path(__file__).parent / "librosa_features.npz"
RATE = 8000


@pytest.mark.parametrize("rate", [8000, 16000])
def test_features_are_librosas(rate: int) -> None:
    with np.load(LIBROSA) as file:
        wanted = {name.rpartition("_")[0]: torch.from_numpy(file[name]) for name in file if name.endswith(str(rate))}
    waveform = wanted["waveform"][None]
    lengths = torch.tensor([waveform.shape[1]])
    log_mel, _ = LogMel(rate, mels=40, normalisation="none")(waveform, lengths)
    assert (log_mel[0].T - wanted["mel"].clamp_min(SILENCE).log()).abs().max() < 1e-4
    mfcc, frames = MFCC(rate, mels=40, normalisation="none")(waveform, lengths)
    assert mfcc.shape == (1, int(frames), 39)
    for place, (name, off) in enumerate({"mfcc": 1e-3, "delta": 1e-4, "delta_delta": 1e-4}.items()):
        part = mfcc[0, :, 13 * place : 13 * (place + 1)].T
        # Coefficients are some hundred decibels: 1e-3 of them is a 1e-5th.
        assert (part - wanted[name]).abs().max() < off, name
        assert torch.allclose(part, wanted[name], rtol=1e-4, atol=1e-4), name


FRONT_ENDS: dict[str, Any] = {
    "log_mel": lambda: LogMel(RATE, mels=20),
    "log_mel running": lambda: LogMel(RATE, mels=20, normalisation="running").eval(),
    "mfcc": lambda: MFCC(RATE, mels=20),
    "mfcc none": lambda: MFCC(RATE, mels=20, normalisation="none"),
    "strided_conv": lambda: StridedConv(8, (5, 4, 4)),
    "leaf": lambda: Leaf(RATE, filters=8),
}


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_padding_changes_nothing(name: str) -> None:
    torch.manual_seed(0)
    front_end = FRONT_ENDS[name]()
    lengths = torch.tensor([4000, 2511, 1, 800])
    waveforms = torch.randn(4, 4600)  # and what is behind the ends is not looked at either
    features, frames = front_end(waveforms, lengths)
    assert features.shape == (4, features.shape[1], front_end.channels)
    assert features.dtype is torch.float32
    assert torch.isfinite(features).all()
    for number, length in enumerate(lengths.tolist()):
        alone, count = front_end(waveforms[number : number + 1, :length], torch.tensor([length]))
        assert int(count) == int(frames[number]) == alone.shape[1]
        assert torch.allclose(features[number, : int(count)], alone[0], atol=2e-4)
        assert features[number, int(count) :].eq(0).all()


@pytest.mark.parametrize("name", ["log_mel running", "mfcc none", "strided_conv"])
def test_frames_of_a_stretch_are_those_of_the_whole(name: str) -> None:
    torch.manual_seed(0)
    front_end = FRONT_ENDS[name]()
    assert front_end.streams
    waveform = torch.randn(1, 4000)
    whole, _ = front_end(waveform, torch.tensor([4000]))
    hop, reach = front_end.hop, front_end.reach
    first, end = 10 * hop, 3500
    part, frames = front_end(waveform[:, first:end], torch.tensor([end - first]))
    inside = [number for number in range(int(frames)) if number * hop >= reach and number * hop + reach <= end - first]
    assert len(inside) > 5
    assert torch.allclose(part[0, inside], whole[0, [10 + number for number in inside]], atol=2e-4)
    # The reach is not larger than needed: a frame hears what is a hop inside of it.
    other = waveform.clone()
    other[0, 2000 + reach - hop :] = 0
    changed, _ = front_end(other, torch.tensor([4000]))
    assert (changed - whole)[0, 2000 // hop].abs().max() > 1e-3
    assert torch.allclose(changed[0, : (2000 - hop) // hop], whole[0, : (2000 - hop) // hop], atol=2e-4)


def test_what_normalises_by_utterance_does_not_stream() -> None:
    assert not LogMel(RATE, mels=20).streams
    assert not Leaf(RATE).streams


def test_an_utterance_is_normalised_by_itself() -> None:
    torch.manual_seed(0)
    lengths = torch.tensor([4000, 2000])
    features, frames = LogMel(RATE, mels=20)(torch.randn(2, 4000) * torch.tensor([[1.0], [0.01]]), lengths)
    for each, count in zip(features, frames.tolist(), strict=True):
        assert each[:count].mean(0).abs().max() < 1e-4
        assert (each[:count].std(0, correction=0) - 1).abs().max() < 1e-3


def test_running_statistics_are_those_of_all_training_utterances() -> None:
    torch.manual_seed(0)
    normalisation = Normalisation("running", 3)
    batches = [5 * torch.randn(2, 7, 3) + torch.tensor([1.0, -2.0, 30.0]) for _ in range(4)]
    there = torch.tensor([[True] * 7, [True] * 4 + [False] * 3])
    for batch in batches:
        normalisation(batch.masked_fill(~there[:, :, None], 1e6), there)
    everything = torch.cat([batch[there] for batch in batches])
    assert torch.allclose(normalisation.mean, everything.mean(0), atol=1e-4)
    assert torch.allclose(normalisation.variance, everything.var(0, correction=0), rtol=1e-4)
    kept = normalisation.state_dict()
    assert set(kept) == {"mean", "variance", "frames"}
    again = Normalisation("running", 3).eval()
    again.load_state_dict(kept)
    found = again(batches[0], there)
    wanted = (batches[0] - everything.mean(0)) / (everything.var(0, correction=0) + LEAST_VARIANCE).sqrt()
    assert torch.allclose(found[there], wanted[there], atol=1e-4)
    assert torch.equal(again.mean, kept["mean"]), "evaluation does not change them"


@pytest.mark.parametrize("name", ["strided_conv", "leaf"])
def test_what_is_learnt_gets_gradients(name: str) -> None:
    torch.manual_seed(0)
    front_end: nn.Module = FRONT_ENDS[name]()
    features, _ = front_end(torch.randn(2, 2000), torch.tensor([2000, 1500]))
    (features * torch.randn_like(features)).sum().backward()
    for parameter_name, parameter in front_end.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert torch.isfinite(parameter.grad).all(), parameter_name
        assert parameter.grad.abs().sum() > 0, parameter_name


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_what_is_heard_gets_gradients(name: str) -> None:
    torch.manual_seed(0)
    waveforms = torch.randn(2, 2000, requires_grad=True)
    features, _ = FRONT_ENDS[name]()(waveforms, torch.tensor([2000, 1500]))
    (features * torch.randn_like(features)).sum().backward()
    assert waveforms.grad is not None
    assert torch.isfinite(waveforms.grad).all()
    assert waveforms.grad[:, :1500].abs().sum(1).min() > 0
    assert waveforms.grad[1, 1500:].eq(0).all(), "what is behind the end has no part in it"


def test_gabor_filters_begin_where_the_mel_bands_are() -> None:
    """A tone is loudest in the filter whose band it lies in."""
    front_end = Leaf(16000, filters=16)
    times = torch.arange(8000) / 16000
    edges = front_end.centres * 16000 / (2 * torch.pi)
    for number in (3, 8, 13):
        tone = 0.1 * torch.sin(2 * torch.pi * edges[number].item() * times)
        energy = torch.nn.functional.conv1d(tone[None, None], front_end._gabor()).detach()
        assert int(energy.unflatten(1, (2, 16)).square().sum((1, 3)).argmax()) == number


def test_a_running_mean_in_blocks_is_one_frame_by_frame() -> None:
    torch.manual_seed(0)
    values, share = torch.rand(2, 3, 150), torch.tensor([0.04, 0.5, 1.0])
    mean, wanted = values[:, :, 0], []
    for frame in values.unbind(2):
        mean = share * frame + (1 - share) * mean
        wanted.append(mean)
    assert torch.allclose(running_mean(values, share), torch.stack(wanted, dim=2), atol=1e-6)


def test_features_have_full_precision_under_autocast() -> None:
    torch.manual_seed(0)
    waveforms, lengths = torch.randn(1, 2000), torch.tensor([2000])
    for front_end in (LogMel(RATE, mels=20), MFCC(RATE, mels=20), Leaf(RATE, filters=8)):
        wanted, _ = front_end(waveforms, lengths)
        with torch.autocast("cpu", torch.bfloat16):
            found, _ = front_end(waveforms, lengths)
        assert torch.equal(found, wanted)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: LogMel(8000, mels=200), "mels=200: "),
        (lambda: LogMel(8000, highest=5000), "to 4000 Hz at most"),
        (lambda: LogMel(8000, window=0.0), "window=0.0, step=0.01: too short"),
        (lambda: MFCC(8000, coefficients=50), "coefficients=50, mels=40"),
        (lambda: StridedConv(strides=()), "strides=[]"),
        (lambda: Leaf(8000, filters=0), "filters=0"),
    ],
)
def test_arguments_that_cannot_be_are_told(make: Any, said: str) -> None:
    with pytest.raises(ValueError) as error:
        make()
    assert said in str(error.value)
