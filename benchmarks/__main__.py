"""``python -m benchmarks``: all measurements, one after the other; the results go to benchmarks/RESULTS.md.

    python -m benchmarks [MODULE...] [--rounds N] [--measurements 3] [--tiny] [--output FILE]

All take some three hours on two cores; with names (``step``, ``ddp``) only those are made anew, and what the file has
of others stays. Leave the machine alone meanwhile: what is measured on a busy one is discarded, or wrong. The file is
written after every table, so that nothing is lost when a later one fails.
"""

from __future__ import annotations

import argparse
import importlib
import re
from pathlib import Path

from benchmarks.frame import ROOT, add_options, settings_of
from benchmarks.machine import description

MODULES = (
    "step",
    "step_two_threads",
    "step_others",
    "startup",
    "ddp",
    "loading",
    "memory",
    "language_model",
    "recsys",
    "speech",
    "gpu",
)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = ", ".join(MODULES)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=f"among {names}; all if none is named")
    add_options(parser)
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "RESULTS.md", help="the file of results")
    options = parser.parse_args()
    unknown = sorted(set(options.modules) - set(MODULES))
    if unknown:
        parser.error(f"there is no module {', '.join(unknown)}; there are {names}")
    settings = settings_of(options)
    head = "# Results\n\nWritten by `python -m benchmarks`; how each table was measured is said in its module."
    if settings.tiny:
        head += " --tiny: the numbers mean nothing."
    sections = _sections(options.output.read_text(encoding="utf-8")) if options.output.exists() else {}
    for name in options.modules or MODULES:
        module = importlib.import_module(f"benchmarks.{name}")
        parts = [f"## `python -m benchmarks.{name}`", (module.__doc__ or "").splitlines()[0], description()]
        for table in module.tables(settings):
            print(f"{table}\n", flush=True)
            parts.append(f"```\n{table}\n```")
            sections[name] = "\n\n".join(parts)
            text = "\n\n".join([head, *(sections[each] for each in MODULES if each in sections)])
            options.output.write_text(f"{text}\n", encoding="utf-8")


def _sections(results: str) -> dict[str, str]:
    """By module its part of a file of results."""
    parts = re.split(r"(?m)^(?=## `python -m benchmarks\.\w+`$)", results)[1:]
    return {part.split("`")[1].rpartition(".")[2]: part.strip() for part in parts}


if __name__ == "__main__":
    main()
