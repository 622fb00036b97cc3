"""Files of text, for language models. Imports torch, nothing of the toolkit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from toolkit_text.language_data import cut, language_splits, stand_in
from toolkit_text.notes import counted, note
from toolkit_text.reading import READING_FILE, FileReading
from toolkit_text.splits import Splits
from toolkit_text.tables import is_table, opened, read_table
from toolkit_text.text_reader import TextReader
from toolkit_text.tokenizer import TokenizerPart


def plain_text(
    train: str | Sequence[str],
    tokenizer: TokenizerPart,
    context: int = 64,
    val: str | Sequence[str] | None = None,
    test: str | Sequence[str] | None = None,
    val_share: float = 0.1,
    test_share: float = 0.0,
    encoding: str = "utf-8",
    column: str = "text",
    run_files: Mapping[str, bytes] | None = None,
) -> Splits:
    r"""Files of text, for language models. A file is one text; of a table every row is one.

    The texts of a split are one row of tokens, each text behind the token that ends a text, and the row is cut into
    windows. Batches are `(inputs, targets)`, both int64 `(batch, context)`; targets are the tokens one place further.
    In training sample `i` begins at a random place between token `i * context` and `(i + 1) * context`. The other
    splits are cut into windows one after the other: every token is predicted once, from those of its window before it.

    Where no files are given to validate or to test on, the last shares of the text are that: first what trains, then
    what validates, then what tests. The tokenizer learns from what trains alone. A line may end in `\n` or `\r\n`,
    which is read as `\n`. Files may be compressed: `.gz`, `.xz`. Tables are `.jsonl`, `.csv`, `.tsv` and `.parquet`;
    rows with an empty text are left out, which a note tells.

    Facts: `vocab_size`, `pad_id`, `bos_id`, `eos_id`, and by split `characters_per_token`, for bits per character.

    Has `plain_text.stand_in(seed)`, random tokens out of 100.

    Arguments:
        train: the file to train on, or several.
        tokenizer: what makes tokens of text.
        context: tokens of a window.
        val: files to validate on.
        test: files to test on.
        val_share: the share of the text to validate on, where `val` is not given; 0 for none.
        test_share: the share of the text to test on, where `test` is not given; 0 for none.
        encoding: of the files, as Python calls it.
        column: of tables, where the texts are.
        run_files: given by the core.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a file is empty, not in this encoding, or a table without this column; a share is none; a text is
            too short for the context.
    """
    given = {"val": val, "test": test}
    shares = {"val": val_share, "test": test_share}
    shares = {split: share for split, share in shares.items() if given[split] is None}
    texts = cut(_read(train, "train", encoding, column), shares)
    texts |= {split: _read(files, split, encoding, column) for split, files in given.items() if files is not None}
    splits = language_splits(texts, tokenizer, context, run_files)
    reading = FileReading(column=column, encoding=encoding)
    return replace(splits, run_files={**splits.run_files, READING_FILE: reading.to_bytes()})


def read_text(path: Path, encoding: str = "utf-8") -> str:
    """What a file says, with lines that end in a line feed.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is empty, or not in this encoding; the message begins with the file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{str(path)!r} is not a file; give a file of text")
    with opened(path, encoding) as stream:
        text = stream.read().replace("\r\n", "\n")
    if not text:
        raise ValueError(f"{path}: is empty")
    return text


def _read(files: str | Sequence[str], name: str, encoding: str, column: str) -> list[str]:
    paths = [Path(file).expanduser() for file in ([files] if isinstance(files, str) else files)]
    if not paths:
        raise ValueError(f"{name}=[]: names no file")
    texts = list[str]()
    for path in paths:
        texts += _rows(path, encoding, column) if is_table(path) else [read_text(path, encoding)]
    return texts


def _rows(path: Path, encoding: str, column: str) -> list[str]:
    texts = read_table(path, [column], encoding=encoding).columns[column]
    filled = [text for text in texts if text]
    if len(filled) < len(texts):
        note(f"{path}: {counted(len(texts) - len(filled), 'row')} with an empty {column!r} left out")
    if not filled:
        raise ValueError(f"{path}: no row has anything in {column!r}")
    return filled


def _stand_in(seed: int) -> Splits:
    return stand_in(100, 64, seed)


# Attributes of the function: the toolkit looks for `stand_in` and `reader` on whatever a recipe names as its dataset.
plain_text.stand_in = _stand_in  # type: ignore[attr-defined]
plain_text.reader = TextReader  # type: ignore[attr-defined]
