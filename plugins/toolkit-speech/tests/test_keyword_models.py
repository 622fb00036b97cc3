"""The keyword spotters, and the batch normalisation that they share with others."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from toolkit_speech.features.log_mel import LogMel
from toolkit_speech.models.batch_norm import MaskedBatchNorm
from toolkit_speech.models.bc_resnet import BCResNet
from toolkit_speech.models.ds_cnn import DSCNN
from toolkit_speech.models.keyword_cnn import KeywordCNN
from toolkit_speech.transforms.spec_augment import SpecAugment
from torch import Tensor, nn

RATE = 1000
LENGTHS = [700, 433, 90, 5]
MODELS: dict[str, Callable[[nn.Module, nn.Module | None], nn.Module]] = {
    "keyword_cnn": lambda front, augmentation: KeywordCNN(5, front, augmentation, width=8),
    "ds_cnn": lambda front, augmentation: DSCNN(5, front, augmentation, width=8, depth=2),
    "bc_resnet": lambda front, augmentation: BCResNet(5, front, augmentation),
}


def front_end() -> LogMel:
    return LogMel(RATE, mels=20)


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> nn.Module:
    torch.manual_seed(0)
    return MODELS[request.param](front_end(), None)


def sounds(lengths: list[int]) -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    waveforms = torch.randn(len(lengths), max(lengths))
    for row, length in zip(waveforms, lengths, strict=True):
        row[length:] = 0
    return waveforms, torch.tensor(lengths)


def settled(model: nn.Module) -> nn.Module:
    """With the statistics of some sounds, and scales that are not those of the beginning."""
    for module in model.modules():
        if isinstance(module, MaskedBatchNorm):
            module.momentum = 1.0
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
    model.train()(sounds([700, 600, 500]))
    return model.eval()


def without_dropout(model: nn.Module) -> nn.Module:
    for module in model.modules():
        if isinstance(module, (nn.Dropout, nn.Dropout2d)):
            module.p = 0.0
    return model


def test_padding_changes_nothing(model: nn.Module) -> None:
    settled(model)
    waveforms, lengths = sounds(LENGTHS)
    together = model((waveforms, lengths))
    assert together.shape == (4, 5)
    for row, length in enumerate(LENGTHS):
        alone = model((waveforms[row : row + 1, :length], lengths[row : row + 1]))
        torch.testing.assert_close(together[row], alone[0], atol=1e-4, rtol=1e-4)
    noisy = torch.cat((waveforms, torch.randn(4, 200)), dim=1)
    torch.testing.assert_close(model((noisy, lengths)), together, atol=1e-4, rtol=1e-4)


def test_padding_changes_nothing_in_training_either(model: nn.Module) -> None:
    without_dropout(model).train()
    waveforms, lengths = sounds(LENGTHS)
    wider = torch.cat((waveforms, torch.zeros(4, 300)), dim=1)
    torch.testing.assert_close(model((wider, lengths)), model((waveforms, lengths)), atol=1e-4, rtol=1e-4)


def test_every_parameter_is_trained(model: nn.Module) -> None:
    model.train()(sounds(LENGTHS)).square().sum().backward()
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []


def test_half_precision_trains(model: nn.Module) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        logits = model.train()(sounds(LENGTHS))
    logits.float().square().sum().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters() if parameter.grad is not None)


def test_what_is_heard_matters(model: nn.Module) -> None:
    settled(model)
    waveforms, lengths = sounds(LENGTHS)
    other = torch.sin(torch.arange(700) / 3).expand(4, 700)
    changes = (model((waveforms, lengths)) - model((other, lengths))).abs().amax(1)
    # The last sound has a single frame, which is its own mean.
    assert changes[:3].min() > 1e-3


@pytest.mark.parametrize("name", MODELS)
def test_augmentation_acts_in_training_alone(name: str) -> None:
    model = MODELS[name](front_end(), SpecAugment(frequencies=10, frames=20)).eval()
    heard = sounds([700, 650])
    assert torch.equal(model(heard), model(heard))
    without_dropout(model).train()
    assert not torch.allclose(model(heard), model(heard), atol=1e-4)


def test_masked_batch_norm_is_torchs_over_the_frames_that_there_are() -> None:
    torch.manual_seed(0)
    ours, theirs = MaskedBatchNorm(3), nn.BatchNorm1d(3)
    inputs, lengths = torch.randn(4, 3, 2, 7) + 2, torch.tensor([7, 4, 1, 0])
    there = torch.arange(7) < lengths[:, None]
    real = inputs.permute(0, 3, 2, 1)[there].flatten(0, 1)
    for training in (True, False):
        ours.train(training)
        theirs.train(training)
        found = ours(inputs, there)
        expected = theirs(real)
        torch.testing.assert_close(found.permute(0, 3, 2, 1)[there].flatten(0, 1), expected)
        assert not found.permute(0, 3, 2, 1)[~there].any()
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        torch.testing.assert_close(getattr(ours, name), getattr(theirs, name))


def test_a_batch_of_nothing_is_normalised_to_nothing() -> None:
    norm = MaskedBatchNorm(3)
    assert not norm(torch.randn(2, 3, 5), torch.zeros(2, 5, dtype=torch.bool)).any()
    assert torch.isfinite(norm.running_mean).all()


def test_front_ends_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="Identity does not say how many `channels`"):
        BCResNet(5, nn.Identity())
    with pytest.raises(ValueError, match="4 numbers in a frame"):
        BCResNet(5, LogMel(RATE, mels=4))
