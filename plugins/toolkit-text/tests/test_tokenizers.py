"""Tokenizers: text to numbers and back, the file that a run keeps, and what they refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toolkit_text.bpe import BPE
from toolkit_text.byte_level import Bytes
from toolkit_text.characters import Characters
from toolkit_text.tokenizer import FILE, SPECIALS, Tokenizer, TokenizerPart, fitted
from toolkit_text.tokenizer_file import TokenizerFile
from toolkit_text.unigram import Unigram
from toolkit_text.words import Words

TEXTS = [
    "It is a truth universally acknowledged, that a single man\n\nin possession of a good fortune, " * 3,
    "ümläute",
]
PARTS: list[TokenizerPart] = [Characters(), Bytes(), BPE(300), Unigram(60), Words(min_count=1)]
LOSSLESS = [Bytes().fit(TEXTS), BPE(300).fit(TEXTS)]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: type(part).__name__)
def test_special_tokens_are_the_first_and_a_file_gives_the_same_tokenizer(part: TokenizerPart) -> None:
    tokenizer = part.fit(TEXTS)
    assert tokenizer.facts == {"vocab_size": tokenizer.vocab_size, "pad_id": 0, "bos_id": 2, "eos_id": 3}
    again = Tokenizer.from_bytes(tokenizer.to_bytes())
    assert again.facts == tokenizer.facts
    ids = tokenizer.encode(TEXTS[0])
    assert again.encode_all(TEXTS) == [ids, tokenizer.encode(TEXTS[1])]
    assert max(ids) < tokenizer.vocab_size
    assert min(ids) >= len(SPECIALS), "a special token came out of plain text"
    pieces = again.pieces()
    assert "".join(pieces.add(token) for token in ids) == again.decode(ids)


@given(st.text())
@settings(deadline=None)
def test_bytes_and_bpe_lose_nothing(text: str) -> None:
    for tokenizer in LOSSLESS:
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids) == text
        assert all(each >= len(SPECIALS) for each in ids)


def test_names_of_special_tokens_in_a_text_are_plain_text() -> None:
    tokenizer = Tokenizer.from_bytes(Bytes().fit([]).to_bytes())
    assert len(tokenizer.encode("<eos>")) == 5
    assert tokenizer.decode([tokenizer.bos_id, *tokenizer.encode("a"), tokenizer.eos_id]) == "a"


def test_characters_that_are_rare_are_unknown() -> None:
    tokenizer = Characters(min_count=2).fit(["aab"])
    assert tokenizer.encode("ab") == [4, tokenizer.unk_id]
    assert tokenizer.decode(tokenizer.encode("a\na")) == "aa"


def test_a_character_of_several_tokens_comes_with_the_last() -> None:
    tokenizer = Bytes().fit([])
    pieces = tokenizer.pieces()
    assert [pieces.add(token) for token in tokenizer.encode("aü")] == ["a", "", "ü"]


def test_a_run_that_goes_on_has_the_tokenizer_that_it_began_with() -> None:
    began = Characters().fit(["abc"])
    assert fitted(Characters(), ["xyz"], {FILE: began.to_bytes()}).encode("c") == began.encode("c")
    assert fitted(Characters(), ["xyz"], None).encode("c") == [began.unk_id]


def test_a_file_of_somebody_elses_special_tokens(tmp_path: Path) -> None:
    file = tmp_path / "tokenizer.json"
    file.write_bytes(Bytes().fit([]).to_bytes().replace(b"<eos>", b"</s>"))
    with pytest.raises(ValueError, match=f"{file}: the tokenizer has no token <eos>"):
        TokenizerFile(str(file))
    tokenizer = TokenizerFile(str(file), ["<pad>", "<unk>", "</s>", "</s>"]).fit([])
    assert tokenizer.bos_id == tokenizer.eos_id == 3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: BPE(100), "vocab_size=100: 260 tokens are needed"),
        (lambda folder: Characters(0), "min_count=0"),
        (lambda folder: TokenizerFile(f"{folder}/none.json"), "is not a file"),
        (lambda folder: TokenizerFile(str(_written(folder))), "not a tokenizer.json"),
        (lambda folder: TokenizerFile(str(_written(folder)), ["<pad>"]), "four names"),
    ],
)
def test_what_cannot_be(make: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        make(tmp_path)


def _written(folder: Path) -> Path:
    path = folder / "bad.json"
    path.write_text("{")
    return path


def test_what_a_run_keeps_remembers_how_special_tokens_are_called(tmp_path: Path) -> None:
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    file = tmp_path / "tokenizer.json"
    text = Characters().fit(TEXTS).to_bytes().decode()
    for ours, theirs in zip(SPECIALS, names, strict=True):
        text = text.replace(ours, theirs)
    file.write_text(text, encoding="utf-8")
    first = fitted(TokenizerFile(str(file), specials=names), [], None)
    again = fitted(Characters(), ["other texts"], first.to_files())
    assert again.specials == tuple(names)
    assert again.facts == first.facts
    assert again.encode("müde") == first.encode("müde")
