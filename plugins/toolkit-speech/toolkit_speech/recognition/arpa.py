"""Reads language models in the ARPA format, which SRILM and KenLM write. Imports nothing heavy."""

from __future__ import annotations

import gzip
import math
from collections.abc import Iterator
from pathlib import Path

from toolkit_speech.recognition.ngram import NGramModel, Words


def read_arpa(path: Path) -> NGramModel:
    """The model in a file, which may be compressed (`.gz`).

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no ARPA file; the message begins with the file and the line.
    """
    log_probs: dict[Words, float] = {}
    backoffs: dict[Words, float] = {}
    order = section = 0
    ended = False
    for number, line in _lines(path):
        text = line.strip()
        if not text or not (section or text.startswith("\\")):
            continue  # a comment before the data, or the numbers of n-grams
        if text == "\\end\\":
            ended = True
            break
        if text == "\\data\\":
            continue
        if text.startswith("\\") and text.endswith("-grams:"):
            section = _whole(text[1:-7], path, number)
            order = max(order, section)
            continue
        fields = text.split()
        if not section or len(fields) not in (section + 1, section + 2):
            raise ValueError(f"{path}:{number}: no line of an ARPA file: {text[:60]!r}")
        try:
            values = [float(fields[0]), *(float(field) for field in fields[section + 1 :])]
        except ValueError:
            raise ValueError(f"{path}:{number}: no line of an ARPA file: {text[:60]!r}") from None
        words = tuple(fields[1 : section + 1])
        log_probs[words] = values[0] * math.log(10)
        if len(values) > 1:
            backoffs[words] = values[1] * math.log(10)
    if not ended or not log_probs:
        raise ValueError(f"{path}: no ARPA file, or only a part of one: it has no line '\\end\\' after n-grams")
    return NGramModel(order, log_probs, backoffs)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as stream:
        try:
            yield from enumerate(stream, start=1)
        except (UnicodeDecodeError, gzip.BadGzipFile, EOFError) as error:
            raise ValueError(f"{path}: cannot be read as text: {error}") from error


def _whole(text: str, path: Path, line: int) -> int:
    if not text.isdigit():
        raise ValueError(f"{path}:{line}: no line of an ARPA file: '\\{text}-grams:'")
    return int(text)
