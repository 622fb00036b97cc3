"""Write the pairs of English and German texts that come with this package: `interface_strings.tsv.xz`.

    python plugins/toolkit-text/scripts/make_interface_strings.py en-de.tsv.gz

The file holds strings of Home Assistant's interface with their translations, one pair in a line: split, component,
source, target. Running this again gives the same rows.
"""

from __future__ import annotations

import gzip
import lzma
import sys
from pathlib import Path

FILE = Path(__file__).resolve().parent.parent / "toolkit_text" / "data" / "interface_strings.tsv.xz"
FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 4, "lp": 0, "pb": 0}]
"""Those that make text smallest."""
SPLITS = {"train": "train", "valid": "val", "test": "test"}


def main() -> None:
    with gzip.open(sys.argv[1], "rt", encoding="utf-8", newline="\n") as stream:
        rows = [line.rstrip("\n").split("\t") for line in stream]
    named = [(SPLITS[split], component, source, target) for split, component, source, target in rows]
    assert len({source for _, _, source, _ in named}) == len(named), "no source is in two splits"
    lines = ["\t".join(row) + "\n" for row in [("split", "component", "source", "target"), *named]]
    FILE.write_bytes(lzma.compress("".join(lines).encode(), format=lzma.FORMAT_XZ, filters=FILTERS))
    print(FILE, FILE.stat().st_size)


if __name__ == "__main__":
    main()
