"""Who is named as the author and the holder of the licence: whoever git commits as. Imports nothing heavy."""

from __future__ import annotations

import subprocess

NOBODY = "YOUR NAME"
"""Stands where git knows no name: files are valid with it, and nobody takes it for one."""


def author() -> str:
    """The name that git commits with, or `NOBODY`."""
    try:
        done = subprocess.run(["git", "config", "user.name"], capture_output=True, text=True, check=False)
    except OSError:  # there is no git
        return NOBODY
    name = " ".join(done.stdout.split())
    return name if done.returncode == 0 and name.isprintable() and name else NOBODY
