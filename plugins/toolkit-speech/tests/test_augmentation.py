"""Random changes of waveforms and spectrograms: what they do, to each sample by itself, and not behind its end."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from toolkit_speech.transforms.gain import RandomGain
from toolkit_speech.transforms.interpolate import stretched
from toolkit_speech.transforms.noise import RandomNoise
from toolkit_speech.transforms.resampling import RandomResampling
from toolkit_speech.transforms.reverberation import RandomReverberation
from toolkit_speech.transforms.spec_augment import SpecAugment
from toolkit_speech.transforms.speed import RandomSpeed
from torch import Tensor

RATE = 8000
TRANSFORMS: dict[str, Any] = {
    "gain": RandomGain(),
    "speed": RandomSpeed(),
    "noise": RandomNoise(p=1.0),
    "resampling": RandomResampling(p=1.0),
    "reverberation": RandomReverberation(RATE, p=1.0),
}


def tones(hertz: float = 440.0, count: int = 6, samples: int = 4000, loud: float = 0.3) -> Tensor:
    return (loud * torch.sin(2 * torch.pi * hertz * torch.arange(samples) / RATE)).repeat(count, 1)


def hisses() -> Tensor:
    """The same noise six times, which has all frequencies."""
    return 0.1 * torch.randn(4000, generator=torch.Generator().manual_seed(0)).repeat(6, 1)


def batch_of(waveforms: Tensor) -> Any:
    lengths = torch.full((len(waveforms),), waveforms.shape[1])
    lengths[1::2] //= 2
    there = torch.arange(waveforms.shape[1]) < lengths[:, None]
    return (waveforms * there, lengths), torch.arange(len(waveforms))


@pytest.mark.parametrize("name", TRANSFORMS)
def test_each_sample_is_changed_by_itself_and_silence_stays_behind_it(name: str) -> None:
    torch.manual_seed(0)
    batch = batch_of(hisses())
    before = batch[0][0].clone()
    (waveforms, lengths), targets = TRANSFORMS[name](batch)
    assert torch.equal(targets, batch[1])
    assert torch.equal(batch[0][0], before), "the batch that was given stays"
    assert waveforms.dtype is torch.float32
    assert torch.isfinite(waveforms).all()
    assert lengths.shape == (6,)
    assert int(lengths.max()) <= waveforms.shape[1]
    for waveform, length in zip(waveforms, lengths.tolist(), strict=True):
        assert waveform[length:].eq(0).all()
        assert waveform[:length].abs().sum() > 0
    samples = waveforms[0::2, :3000]
    assert all((samples[0] - other).abs().max() > 1e-3 for other in samples[1:]), "one number for all"
    torch.manual_seed(0)
    again, _ = TRANSFORMS[name](batch_of(hisses()))
    assert torch.equal(again[0], waveforms), "only torch's global generator decides"


@pytest.mark.parametrize("name", ["noise", "resampling", "reverberation"])
def test_a_probability_of_zero_changes_nothing(name: str) -> None:
    kinds: dict[str, Any] = {
        "noise": RandomNoise(p=0.0),
        "resampling": RandomResampling(p=0.0),
        "reverberation": RandomReverberation(RATE, p=0.0),
    }
    batch = batch_of(tones())
    (waveforms, lengths), _ = kinds[name](batch)
    assert torch.equal(waveforms, batch[0][0])
    assert torch.equal(lengths, batch[0][1])


def test_gain_is_in_decibels() -> None:
    (waveforms, _), _ = RandomGain((6.0, 6.0))(batch_of(tones()))
    assert torch.allclose(waveforms, batch_of(tones())[0][0] * 10 ** (6 / 20))


@pytest.mark.parametrize("factor", [0.8, 1.0, 1.25])
def test_a_faster_tone_is_higher_and_shorter(factor: float) -> None:
    (waveforms, lengths), _ = RandomSpeed((factor, factor))(batch_of(tones()))
    assert lengths[:2].tolist() == [round(4000 / factor), round(2000 / factor)]
    assert waveforms.shape[1] == math.ceil(4000 / factor)
    wanted = tones(440.0 * factor, samples=waveforms.shape[1])
    assert (waveforms[0] - wanted[0])[10:-10].abs().max() < 5e-3


def test_a_stretch_of_one_is_the_waveform_itself() -> None:
    waveforms = torch.randn(2, 50)
    assert torch.allclose(stretched(waveforms, torch.ones(2), 50), waveforms, atol=1e-6)
    assert stretched(waveforms, torch.ones(2), 60)[:, 50:].eq(0).all()


@pytest.mark.parametrize("snr", [0.0, 20.0])
def test_noise_is_as_loud_as_it_says(snr: float) -> None:
    torch.manual_seed(0)
    batch = batch_of(tones())
    (waveforms, lengths), _ = RandomNoise((snr, snr), p=1.0)(batch)
    noise = waveforms - batch[0][0]
    power = [part.square().sum(1) / lengths for part in (batch[0][0], noise)]
    assert torch.allclose(10 * torch.log10(power[0] / power[1]), torch.full((6,), snr), atol=1e-2)


def test_noise_leaves_silence_silent() -> None:
    (waveforms, _), _ = RandomNoise(p=1.0)(batch_of(torch.zeros(4, 1000)))
    assert waveforms.eq(0).all()


def test_a_lower_rate_lacks_high_frequencies_and_keeps_the_others() -> None:
    low, high = tones(600.0), tones(3000.0)
    transform = RandomResampling((0.5, 0.5), p=1.0)  # half of 4000 Hz
    kept, lost = (transform(((each, torch.full((6,), 4000)), None))[0][0] for each in (low, high))
    assert (kept - low)[:, 300:-300].abs().max() < 2e-3
    assert lost[:, 300:-300].abs().max() < 2e-3


def test_a_room_goes_on_after_the_sound_and_dies_away() -> None:
    torch.manual_seed(0)
    click = torch.zeros(4, RATE)
    click[:, 100] = 1.0
    lengths = torch.full((4,), RATE)
    (waveforms, _), _ = RandomReverberation(RATE, (0.3, 0.3), (0.0, 0.0), p=1.0)(((click, lengths), None))
    assert torch.allclose(waveforms.square().sum(1), torch.ones(4), atol=1e-3), "as loud as before"
    assert waveforms[:, :99].abs().max() < 1e-4, "nothing comes before the sound, nor around from its end"
    assert (waveforms[:, 100].square() - 0.5).abs().max() < 0.05, "as loud as all that follows it"
    # 60 dB in 0.3 s are 20 dB in each tenth of a second.
    tenths = waveforms[:, 101 : 101 + 1600].square().unflatten(1, (2, 800)).sum(2).mean(0)
    assert 17 < 10 * math.log10(tenths[0] / tenths[1]) < 23


def test_stripes_hide_time_and_frequencies_in_training_alone() -> None:
    torch.manual_seed(0)
    augment = SpecAugment(frequency_masks=1, frequencies=5, time_masks=2, frames=10, share=0.1)
    features = torch.ones(64, 200, 20)
    lengths = torch.tensor([200, 50] * 32)
    hidden = augment(features, lengths).eq(0)
    over_time, over_channels = hidden.all(1), hidden.all(2)  # whole channels, whole frames
    assert torch.equal(hidden, over_time[:, None, :] | over_channels[:, :, None]), "stripes and nothing else"
    channels, frames = over_time.sum(1), over_channels.sum(1)
    assert int(channels.max()) == 5
    assert int(channels.min()) == 0
    assert 10 < int(frames[0::2].max()) <= 20
    assert int(frames[1::2].max()) <= 10, "a tenth of 50 frames, twice"
    assert not over_channels[1::2, 50:].any(), "none behind the end"
    assert over_channels[0::2, 150:].any(), "at the end of the longer ones too"
    assert len({tuple(row.tolist()) for row in over_time}) > 10, "each has its own"
    assert augment.eval()(features, lengths) is features


def test_the_widths_of_stripes_are_uniform() -> None:
    torch.manual_seed(0)
    augment = SpecAugment(frequency_masks=1, frequencies=4, time_masks=0)
    hidden = augment(torch.ones(5000, 1, 10), torch.ones(5000, dtype=torch.long)).eq(0).sum((1, 2))
    counts = torch.bincount(hidden, minlength=5) / 5000
    assert (counts - 0.2).abs().max() < 0.03


def test_more_is_hidden_nowhere_than_there_is() -> None:
    torch.manual_seed(0)
    augment = SpecAugment(frequencies=100, frames=100, share=1.0)
    assert augment(torch.ones(8, 5, 3), torch.tensor([5, 1] * 4)).shape == (8, 5, 3)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: RandomGain((3.0, -3.0)), "decibels=[3.0, -3.0]: expected [least, most]"),
        (lambda: RandomGain((-math.inf, 0.0)), "decibels=[-inf, 0.0]: expected [least, most]"),
        (lambda: RandomSpeed((0.1, 1.0)), "factors=[0.1, 1.0]: expected [least, most], 0.5 to 2"),
        (lambda: RandomNoise(p=2.0), "p=2.0: expected a number from 0 to 1"),
        (lambda: RandomResampling((0.5,)), "rates=[0.5]: expected [least, most], 0.05 to 1"),
        (lambda: SpecAugment(frames=-1), "frames=-1: expected a number from 0 up"),
    ],
)
def test_arguments_that_cannot_be_are_told(make: Any, said: str) -> None:
    with pytest.raises(ValueError) as error:
        make()
    assert str(error.value) == said


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        (
            (torch.zeros(2, 3), torch.zeros(2)),
            "a batch of sounds is a pair ((waveforms, lengths), targets), not a tuple",
        ),
        (((torch.zeros(2, 3), torch.zeros(3)), None), "these have [2, 3] in float32 and [3]"),
    ],
)
def test_a_batch_that_holds_no_sounds_is_told(batch: Any, said: str) -> None:
    with pytest.raises(ValueError) as error:
        RandomGain()(batch)
    assert said in str(error.value)
