"""What commands print: tables that fit the terminal, unfolded plain lines through a pipe, and JSON.

Imports rich only to draw a table or a heading; ``--json`` and errors never need it.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

UNFOLDED = 10_000
"""The width of a pipe: one row stays one line, so that ``grep`` and ``cut`` see all of it."""

GAP = 2
"""Spaces between the columns of a table."""

NARROWEST = 8
"""How wide a column that folds stays, however narrow the terminal is."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    heading: str
    style: str = ""
    fold: bool = False
    """Broken over several lines where the table is wider than the terminal, between words if that is enough; the
    others are kept whole."""
    spare: bool = False
    """Left out where the table is wider than the terminal; ``show`` and ``--json`` still tell it."""


def say(text: str = "") -> None:
    """Print a text to stdout as it is."""
    print(text)


def note(text: str) -> None:
    """Print a text to stderr: something to know about what stands on stdout, not a part of it."""
    sys.stdout.flush()
    print(text, file=sys.stderr)


def print_json(value: Any) -> None:
    """Print a value as indented JSON, keys in the order given; in ASCII, which every locale can write."""
    print(json.dumps(value, indent=2, allow_nan=False))


def heading(text: str) -> None:
    """Print the heading of a part of a listing."""
    from rich.text import Text

    _print(Text(text, style="bold"))


def table(columns: Sequence[Column], rows: Iterable[Sequence[str]], *, indent: int = 2, headings: bool = False) -> None:
    """Print rows in aligned columns without lines around them.

    Args:
        columns: one for each cell of a row.
        rows: the cells' texts; nothing in them is taken for markup.
        indent: spaces before each line.
        headings: whether the first line names the columns.
    """
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    listed = [tuple(row) for row in rows]
    console = _console()
    kept = list(range(len(columns)))
    while True:
        cells = [[*([columns[index].heading] if headings else []), *(row[index] for row in listed)] for index in kept]
        room = console.width - indent - GAP * (len(kept) - 1)
        spare = [index for index in kept if columns[index].spare]
        if not spare or sum(map(_widest, cells)) <= room:
            break
        kept.remove(spare[-1])
    widths = _fitted(cells, [columns[index].fold for index in kept], room)
    drawn = Table(box=None, show_header=headings, header_style="dim", pad_edge=False, padding=(0, GAP, 0, 0))
    for index, fitted in zip(kept, widths, strict=True):
        column = columns[index]
        drawn.add_column(column.heading, style=column.style, width=fitted, overflow="fold")
    for row in listed:
        drawn.add_row(*(Text(row[index]) for index in kept))
    # A table that cannot be made narrow enough is wider than the terminal: rich would cut it.
    console.width = max(console.width, console.width - room + sum(widths))
    _print(Padding(drawn, (0, 0, 0, indent), expand=False), console)


def _fitted(cells: Sequence[Sequence[str]], folds: Sequence[bool], room: int) -> list[int]:
    """The width of each column: as wide as what is in it or, where there is not the room, those that fold narrower.

    The widest gives first, and none less than its longest word as long as another can give.
    """
    widths = [_widest(column) for column in cells]
    words = [_widest(word for cell in column for word in cell.split()) for column in cells]
    for narrowest in (words, [min(NARROWEST, width) for width in widths]):
        while sum(widths) > room:
            giving = [i for i, fold in enumerate(folds) if fold and widths[i] > narrowest[i]]
            if not giving:
                break
            widths[max(giving, key=widths.__getitem__)] -= 1
    return widths


def _widest(texts: Iterable[str]) -> int:
    from rich.cells import cell_len

    return max((cell_len(line) for text in texts for line in text.split("\n")), default=0)


def width() -> int:
    """The columns there are: ``COLUMNS`` where it is set, else the terminal's; without bounds through a pipe."""
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told) > 0:
        return int(told)
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else UNFOLDED


def _console() -> Console:
    from rich.console import Console

    return Console(file=sys.stdout, width=width(), highlight=False, markup=False, emoji=False, legacy_windows=False)


def _print(drawn: Any, console: Console | None = None) -> None:
    console = console or _console()
    with console.capture() as capture:
        console.print(drawn)
    # rich fills every cell up to its column's width.
    sys.stdout.write("".join(line.rstrip() + "\n" for line in capture.get().removesuffix("\n").split("\n")))
