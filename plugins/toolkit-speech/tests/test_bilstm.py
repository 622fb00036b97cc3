"""The bidirectional LSTM of padded sequences says what torch's own says of packed ones."""

from __future__ import annotations

import torch
from toolkit_speech.models.bilstm import BiLSTM
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


def test_it_is_torchs_bidirectional_lstm_of_packed_sequences() -> None:
    torch.manual_seed(0)
    mine = BiLSTM(5, 8)
    known = nn.LSTM(5, 4, batch_first=True, bidirectional=True)
    with torch.no_grad():
        for ending, lstm in (("", mine.onwards), ("_reverse", mine.backwards)):
            for name, parameter in lstm.named_parameters():
                getattr(known, name + ending).copy_(parameter)
    frames, lengths = torch.randn(3, 7, 5, requires_grad=True), torch.tensor([4, 7, 1])
    packed = pack_padded_sequence(frames, lengths, batch_first=True, enforce_sorted=False)
    expected, _ = pad_packed_sequence(known(packed)[0], batch_first=True)
    there = (torch.arange(7) < lengths[:, None])[:, :, None]
    wanted = torch.randn(3, 7, 8) * there
    found = mine(frames, lengths)
    assert found.shape == (3, 7, 8)
    torch.testing.assert_close(found * there, expected, atol=1e-6, rtol=1e-5)
    gradients = [torch.autograd.grad((out * wanted).sum(), frames)[0] for out in (found, expected)]
    torch.testing.assert_close(*gradients, atol=1e-6, rtol=1e-5)
    assert gradients[0][2, 1:].eq(0).all(), "what is behind the end means nothing"
