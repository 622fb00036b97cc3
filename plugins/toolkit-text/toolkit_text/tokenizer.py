"""What a trained tokenizer is here: one of Hugging Face's, with four special tokens. Imports no torch."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import tokenizers

PAD, UNK, BOS, EOS = SPECIALS = ("<pad>", "<unk>", "<bos>", "<eos>")
"""Padding, an unknown token, begin and end of a text: the first four numbers of a tokenizer that is trained here."""
FILE = "tokenizer.json"
"""What a run keeps the tokenizer of its data as; the format is that of the library `tokenizers`."""
SPECIALS_FILE = "special_tokens_map.json"
"""What says how that file calls the special tokens, as folders of the Hugging Face hub do."""
_ROLES = ("pad_token", "unk_token", "bos_token", "eos_token")


class Tokenizer:
    """From text to the numbers of tokens and back.

    Arguments:
        inner: the tokenizer of the library `tokenizers`.
        specials: what it calls padding, unknown tokens, beginning and end, in this order.

    Raises:
        ValueError: one of the special tokens is not in its vocabulary.
    """

    def __init__(self, inner: tokenizers.Tokenizer, specials: Sequence[str] = SPECIALS) -> None:
        numbers = {name: inner.token_to_id(name) for name in specials}
        missing = [name for name, number in numbers.items() if number is None]
        if missing:
            raise ValueError(f"the tokenizer has no token {', '.join(missing)}; name those that it has")
        # "<eos>" in somebody's text is five characters. Not in the file, so that it is set whenever one is read.
        inner.encode_special_tokens = True
        self._inner = inner
        self.specials = tuple(specials)
        ids: list[int] = [numbers[name] for name in specials]  # type: ignore[misc]  # none is missing
        self.pad_id, self.unk_id, self.bos_id, self.eos_id = ids
        self.vocab_size: int = inner.get_vocab_size()

    @property
    def facts(self) -> dict[str, Any]:
        """What a model has to know: `vocab_size`, `pad_id`, `bos_id`, `eos_id`."""
        return {name: getattr(self, name) for name in ("vocab_size", "pad_id", "bos_id", "eos_id")}

    def encode(self, text: str) -> list[int]:
        """The tokens of a text, none added at its ends."""
        ids: list[int] = self._inner.encode(text, add_special_tokens=False).ids
        return ids

    def encode_all(self, texts: Iterable[str]) -> list[list[int]]:
        """The tokens of many texts, encoded by several threads."""
        return [each.ids for each in self._inner.encode_batch_fast(list(texts), add_special_tokens=False)]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of tokens, without the special ones."""
        text: str = self._inner.decode(list(ids), skip_special_tokens=True)
        return text

    def unknown(self, ids: Sequence[int]) -> int:
        """How many tokens of a text stand for what the tokenizer does not know.

        Arguments:
            ids: as `encode` gives them: the token that ends texts may be the unknown one too.
        """
        return ids.count(self.unk_id)

    def pieces(self) -> Pieces:
        """For decoding one token after another."""
        return Pieces(self._inner)

    def to_bytes(self) -> bytes:
        """As a file, for `from_bytes`."""
        return self._inner.to_str(pretty=False).encode()

    def to_files(self) -> dict[str, bytes]:
        """What a run keeps, by the names of files, for `from_files`."""
        specials = dict(zip(_ROLES, self.specials, strict=True))
        return {FILE: self.to_bytes(), SPECIALS_FILE: json.dumps(specials).encode()}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Tokenizer:
        """From what a run has kept.

        Raises:
            ValueError: it is no tokenizer.
            KeyError: there is none.
        """
        named = json.loads(files[SPECIALS_FILE]) if SPECIALS_FILE in files else dict(zip(_ROLES, SPECIALS, strict=True))
        return cls.from_bytes(files[FILE], [named[role] for role in _ROLES])

    @classmethod
    def from_bytes(cls, file: bytes, specials: Sequence[str] = SPECIALS) -> Tokenizer:
        """From a file in the format of the library `tokenizers`.

        Raises:
            ValueError: it is no such file.
        """
        try:
            inner = tokenizers.Tokenizer.from_buffer(file)
        except Exception as error:  # the library raises nothing more special
            raise ValueError(f"not a tokenizer.json of the library tokenizers: {error}") from error
        return cls(inner, specials)


class Pieces:
    """The text of tokens that come one by one; a character of several tokens comes with the last of them."""

    def __init__(self, inner: tokenizers.Tokenizer) -> None:
        self._inner = inner
        self._stream = tokenizers.decoders.DecodeStream(skip_special_tokens=True)

    def add(self, token: int) -> str:
        """What the text grows by."""
        return self._stream.step(self._inner, token) or ""


class TokenizerPart(Protocol):
    """A tokenizer as a recipe names it: a part that learns from texts what it needs. A shape, not a base class."""

    def fit(self, texts: Iterable[str]) -> Tokenizer:
        """The tokenizer for data like these texts.

        Raises:
            ValueError: they do not suffice; the message names the argument to change.
        """
        ...


def fitted(part: TokenizerPart, texts: Iterable[str], run_files: Mapping[str, bytes] | None) -> Tokenizer:
    """The tokenizer that the run keeps already, else one that learns from `texts`, which should be those to train on.

    Arguments:
        part: the tokenizer as the recipe has it.
        texts: to learn from.
        run_files: what a run that is resumed or tested has kept, by name; None in a new one.
    """
    return Tokenizer.from_files(run_files) if run_files and FILE in run_files else part.fit(texts)


def checked_size(vocab_size: int, least: int) -> int:
    """`vocab_size`, of which `least` tokens are there before anything is learnt.

    Raises:
        ValueError: it is less.
    """
    if vocab_size < least:
        raise ValueError(f"vocab_size={vocab_size}: {least} tokens are needed for single symbols and special tokens")
    return vocab_size
