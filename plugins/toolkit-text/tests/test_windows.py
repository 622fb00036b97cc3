"""Windows of a row of tokens: what is trained on, and that an evaluation counts every token once."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from toolkit_text import windows
from toolkit_text.austen import FILE
from toolkit_text.bpe import BPE
from toolkit_text.byte_level import Bytes
from toolkit_text.characters import Characters
from toolkit_text.plain_text import read_text
from toolkit_text.tokenizer import Tokenizer
from toolkit_text.unigram import Unigram
from toolkit_text.windows import IGNORED, EvaluationWindows, TrainingWindows, packed
from toolkit_text.words import Words


def characters(*texts: str) -> Tokenizer:
    return Characters().fit(texts)


def test_every_text_stands_behind_the_token_that_ends_texts() -> None:
    tokenizer = characters("abc")
    row = packed(["ab", "", "c", "x"], tokenizer)
    eos, unk = tokenizer.eos_id, tokenizer.unk_id
    a, b, c = tokenizer.encode("abc")
    assert row.tokens.tolist() == [eos, a, b, eos, c, eos, unk]
    assert (row.characters, row.unknown) == (4, 1)
    assert row.characters_per_token == pytest.approx(4 / 6)


def test_a_token_that_ends_texts_is_not_unknown_where_it_is_the_unknown_one_too() -> None:
    tokenizer = Tokenizer.from_bytes(characters("abc").to_bytes(), ("<pad>", "<unk>", "<bos>", "<unk>"))
    row = packed(["ab", "xc"], tokenizer)
    assert row.tokens.tolist().count(tokenizer.eos_id) == 3
    assert row.unknown == 1


@pytest.mark.parametrize(("size", "dtype"), [(256, torch.uint8), (257, torch.int16), (40_000, torch.int16)])
def test_the_row_is_as_small_as_the_vocabulary_allows_and_loses_nothing(size: int, dtype: torch.dtype) -> None:
    text = "".join(chr(0x10000 + number) for number in range(size - 4))
    tokenizer = characters(text)
    assert tokenizer.vocab_size == size
    row = packed([text], tokenizer)
    assert row.tokens.dtype is dtype
    found = EvaluationWindows(row.tokens, size, tokenizer.pad_id)
    _, targets = found[0]
    assert targets[: size - 4].tolist() == tokenizer.encode(text)


def test_a_vocabulary_of_more_than_two_bytes_takes_four() -> None:
    text = "".join(chr(0x10000 + number) for number in range(2**16 - 3))
    assert packed([text], characters(text)).tokens.dtype is torch.int32


NOVEL = read_text(FILE)[:30_000]


@pytest.mark.parametrize(
    "part", [Characters(), Bytes(), BPE(600), Unigram(600), Words(600)], ids=lambda part: type(part).__name__
)
def test_a_long_text_has_the_same_tokens_in_pieces(part: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = part.fit([NOVEL])
    monkeypatch.setattr(windows, "PIECE", 97)
    monkeypatch.setattr(windows, "PIECES_AT_ONCE", 5)
    row = packed([NOVEL, "It is a truth"], tokenizer)
    eos = tokenizer.eos_id
    assert row.tokens.long().tolist() == [eos, *tokenizer.encode(NOVEL), eos, *tokenizer.encode("It is a truth")]
    assert row.characters == len(NOVEL) + 13


def test_a_text_without_spaces_is_cut_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "PIECE", 10)
    tokenizer = characters("ab ")
    for text in ("ab" * 30, " " * 30, "a" + " " * 30, "a" * 10 + " b" * 9):
        assert packed([text], tokenizer).tokens.tolist() == [tokenizer.eos_id, *tokenizer.encode(text)]


@pytest.mark.parametrize("length", [9, 10, 11, 12, 13, 17])
def test_an_evaluation_predicts_every_token_but_the_first_once(length: int) -> None:
    tokens = torch.arange(10, 10 + length, dtype=torch.uint8)
    windows = EvaluationWindows(tokens, 4, pad_id=0)
    inputs, targets = windows.__getitems__(range(len(windows)))
    counted = targets != IGNORED
    assert targets[counted].tolist() == tokens[1:].tolist()
    assert inputs[counted].tolist() == tokens[:-1].tolist()
    assert set(inputs[~counted].tolist()) <= {0}
    assert bool(counted.any(1).all())
    for index in range(len(windows)):
        assert all(torch.equal(one, many[index]) for one, many in zip(windows[index], (inputs, targets), strict=True))


def test_training_windows_begin_anywhere_and_targets_are_one_place_further() -> None:
    tokens = torch.arange(50, dtype=torch.uint8)
    windows = TrainingWindows(tokens, 8)
    torch.manual_seed(0)
    begun = [set[int]() for _ in range(len(windows))]
    for _ in range(300):
        inputs, targets = windows.__getitems__(range(len(windows)))
        assert torch.equal(targets, inputs + 1)
        assert torch.equal(inputs, inputs[:, :1] + torch.arange(8))
        for seen, start in zip(begun, inputs[:, 0].tolist(), strict=True):
            seen.add(start)
    assert begun == [set(range(8 * index, 8 * index + 8)) for index in range(5)]
    assert inputs.dtype is targets.dtype is torch.int64


def test_a_batch_depends_on_torchs_global_generator_alone() -> None:
    windows = TrainingWindows(torch.randint(200, (5000,)), 16)
    torch.manual_seed(3)
    first = windows.__getitems__([5, 9, 1])
    torch.manual_seed(3)
    again = windows.__getitems__([5, 9, 1])
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))


def test_a_text_too_short_to_train_on_is_refused_with_what_would_do() -> None:
    assert len(TrainingWindows(torch.zeros(16), 8)) == 1
    with pytest.raises(ValueError, match="has 15 tokens, and windows of 8 need 16: give a longer text"):
        TrainingWindows(torch.zeros(15), 8)


def test_bytes_of_a_text_are_counted_as_its_characters() -> None:
    row = packed(["Äß"], Bytes().fit([]))
    assert row.characters_per_token == 2 / 4
