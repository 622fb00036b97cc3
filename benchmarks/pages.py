"""Parts of Markdown pages that are written by a measurement, between two lines that say so. Imports nothing heavy."""

from __future__ import annotations

from pathlib import Path


def markers(part: str, command: str) -> tuple[str, str]:
    """The lines before and behind a part."""
    return f"<!-- {part}: begin (written by `{command}`, do not edit) -->", f"<!-- {part}: end -->"


def place(page: Path, part: str, command: str) -> tuple[str, str]:
    """What stands on a page up to a part, and from its end on.

    Raises:
        ValueError: the page has no such part; the message says which lines to put there.
    """
    begin, end = markers(part, command)
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    _, ended, after = rest.partition(end)
    if not (found and ended):
        raise ValueError(f"{page} has no place for {part}. Put these two lines in it:\n{begin}\n{end}")
    return f"{before}{begin}\n", f"{end}{after}"


def put(page: Path, part: str, command: str, text: str) -> None:
    """Writes a part of a page anew."""
    before, after = place(page, part, command)
    page.write_text(f"{before}{text}\n{after}", encoding="utf-8")
