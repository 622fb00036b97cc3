"""Parts of Markdown pages that a command writes, between two lines that say so. Imports nothing heavy."""

from __future__ import annotations

from pathlib import Path

from toolkit.errors import RequestError
from toolkit.tracking.files import write_atomic


def markers(part: str, command: str) -> tuple[str, str]:
    """The lines before and behind a part."""
    return f"<!-- {part}: begin (written by `{command}`, do not edit) -->", f"<!-- {part}: end -->"


def place(page: Path, part: str, command: str) -> tuple[str, str, str]:
    """What stands on a page before, between and after the lines of a part.

    Raises:
        RequestError: the page cannot be read, or has not both lines; the message says which to put there.
    """
    begin, end = markers(part, command)
    try:
        text = page.read_text(encoding="utf-8")
    except OSError as error:
        raise RequestError(f"{page}: {error.strerror}") from error
    before, found, rest = text.partition(begin)
    inside, ended, after = rest.partition(end)
    if not (found and ended):
        raise RequestError(f"{page} has no place for {part}. Put these two lines in it:\n{begin}\n{end}")
    return before, inside, after


def put(page: Path, part: str, command: str, text: str) -> None:
    """Writes a part of a page anew. Raises RequestError as `place` does."""
    begin, end = markers(part, command)
    before, _, after = place(page, part, command)
    write_atomic(page, f"{before}{begin}\n{text}\n{end}{after}".encode())
