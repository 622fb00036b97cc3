"""What the user should know of the data, and would not see otherwise. Imports nothing heavy."""

from __future__ import annotations

import sys


def note(text: str) -> None:
    """Tell the user, as the toolkit tells of how data is loaded."""
    print(f"note: {text}", file=sys.stderr, flush=True)


def counted(number: int, noun: str) -> str:
    """`1 empty line`, `2 empty lines`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def unknown_tokens(unknown: int, tokens: int, where: str) -> None:
    """Tell how many tokens the tokenizer does not know, if there are such."""
    if unknown:
        note(f"{unknown:,} of {counted(tokens, 'token')} of {where} are unknown to the tokenizer")
