"""``python -m benchmarks``: all measurements, one after the other; the results go to benchmarks/RESULTS.md.

    python -m benchmarks [--rounds N] [--measurements 3] [--tiny] [--output FILE]

It takes one to two hours on two cores. Leave the machine alone meanwhile: what is measured on a busy one is discarded,
or wrong. The file is written anew after every table, so that nothing is lost when a later one fails.
"""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from benchmarks.frame import ROOT, add_options, settings_of
from benchmarks.machine import description

MODULES = ("step", "startup", "ddp", "loading", "memory", "gpu")


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "RESULTS.md", help="the file of results")
    options = parser.parse_args()
    settings = settings_of(options)
    parts = [
        "# Results",
        "Written by `python -m benchmarks`"
        + (
            " --tiny: the numbers mean nothing."
            if settings.tiny
            else "; how each table was measured is said in its module."
        ),
        description(),
    ]
    for name in MODULES:
        module = importlib.import_module(f"benchmarks.{name}")
        parts.append(f"## `python -m benchmarks.{name}`\n\n{(module.__doc__ or '').splitlines()[0]}")
        for table in module.tables(settings):
            print(f"{table}\n", flush=True)
            parts.append(f"```\n{table}\n```")
            options.output.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
