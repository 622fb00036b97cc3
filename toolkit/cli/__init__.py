"""The command line: ``toolkit`` and ``python -m toolkit``. One file per command; heavy imports inside the commands."""

from toolkit.cli.start import main

__all__ = ["main"]
