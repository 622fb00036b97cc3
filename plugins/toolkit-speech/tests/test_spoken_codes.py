"""Codes that are composed of recorded symbols: held-out compositions, lengths, the same whenever they are made."""

from __future__ import annotations

import pytest
import torch
from toolkit_speech.alphabet import Alphabet
from toolkit_speech.spoken_codes import spoken_codes
from toolkit_speech.symbols import SYMBOLS


def test_no_code_is_in_two_splits() -> None:
    data = spoken_codes(300, 50, 60)
    codes = [set(split.transcripts) for split in (data.train, data.val, data.test)]
    assert [len(each) for each in codes] == [300, 50, 60]
    assert len(set().union(*codes)) == 410
    assert {len(code) for code in codes[0]} == {3, 4, 5, 6}
    assert set("".join(codes[0])) == set(SYMBOLS)
    assert data.facts == {"sample_rate": 8000, "vocab_size": 37, "pad_id": 0}
    assert Alphabet.from_files(data.run_files).characters[1:] == list(SYMBOLS)


def test_a_code_is_as_long_as_it_says_and_always_the_same() -> None:
    data = spoken_codes(20, 5, 5)
    (waveforms, lengths), targets = data.train.__getitems__(range(20))
    assert lengths.tolist() == data.train.lengths.tolist()
    assert waveforms.shape == (20, int(lengths.max()))
    assert torch.isfinite(waveforms).all()
    for number, (waveform, length) in enumerate(zip(waveforms, lengths.tolist(), strict=True)):
        assert waveform[length:].eq(0).all()
        assert 0.01 < float(waveform[:length].square().mean().sqrt()) < 0.3
        code = data.train.transcripts[number]
        assert targets[number, : len(code)].tolist() == [SYMBOLS.index(symbol) + 1 for symbol in code]
        assert length > 0.2 * 8000 * len(code)
    again = spoken_codes(20, 9, 7)
    assert torch.equal(again.train[3][0][0], data.train[3][0][0]), "whatever the other splits are"
    assert spoken_codes(20, 5, 5, code_seed=1).train.transcripts != data.train.transcripts


def test_global_generators_have_no_part_in_it() -> None:
    data = spoken_codes(4, 1, 1)
    torch.manual_seed(1)
    one = data.train[0][0][0]
    torch.manual_seed(2)
    assert torch.equal(data.train[0][0][0], one)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"symbols": (1, 1)}, "4800 codes: a split has at least one, and with symbols=[1, 1] there are 18 at most"),
        ({"symbols": (3,)}, "symbols=[3]: expected [least, most], both from 1 up"),
        ({"val_codes": 0}, "4400 codes: a split has at least one, and with symbols=[3, 6] there are 23328 at most"),
    ],
)
def test_codes_that_cannot_be_are_told(arguments: dict, said: str) -> None:
    with pytest.raises(ValueError) as error:
        spoken_codes(**arguments)
    assert str(error.value) == said
