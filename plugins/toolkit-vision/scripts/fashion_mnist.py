"""The table of Fashion-MNIST, from the runs of three recipes.

    toolkit run vision/mnist-mlp dataset=fashion_mnist
    toolkit run vision/fashion-mnist
    toolkit run vision/fashion-mnist-long
    python plugins/toolkit-vision/scripts/fashion_mnist.py runs/vision plugins/toolkit-vision/README.md

Of each recipe the newest finished run counts in which nothing else was changed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from toolkit.errors import RequestError
from toolkit.tracking.console import duration
from toolkit.tracking.pages import put
from toolkit.tracking.provenance import short_commit

PUBLISHED = {
    "MLP": "88.3",
    "two convolutions and pooling": "87.6 to 93.4",
    "ResNet-18": "94.9",
    "WRN-28-10": "95.9",
}
"""What the dataset's repository lists: test accuracies in per cent."""
RECIPES = {
    "mnist-mlp": ("MLP 784-128-10", ["dataset=fashion_mnist"]),
    "fashion-mnist": ("ResNet-9, 16 wide", []),
    "fashion-mnist-long": ("ResNet-9, 24 wide, of the picture and its mirror image", []),
}
"""By recipe its network, and what is told on the command line."""
WRITES = "scripts/fashion_mnist.py"
HEAD = ("network", "test", "validation", "time", "from")


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    runs, readme = map(Path, sys.argv[1:])
    found = [HEAD, ("---",) * len(HEAD)]
    found += [(network, accuracy, "", "", "the repository's table") for network, accuracy in PUBLISHED.items()]
    found += [row(newest(runs / recipe, told), network, told) for recipe, (network, told) in RECIPES.items()]
    try:
        put(readme, "fashion-mnist", WRITES, "\n".join(f"| {' | '.join(cells)} |" for cells in found))
    except RequestError as error:
        sys.exit(str(error))


def newest(runs: Path, told: list[str]) -> dict[str, Any]:
    """What the newest finished run of a recipe has recorded."""
    for file in sorted(runs.glob("*/run.json"), reverse=True):
        record: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        # Where the files lie changes nothing.
        changed = [each for each in record["overrides"] if not each.startswith("dataset.root=")]
        if record["status"] == "finished" and changed == told:
            return record
    sys.exit(f"{runs}: no finished run with {told or 'nothing'} on the command line")


def row(record: dict[str, Any], network: str, told: list[str]) -> tuple[str, ...]:
    """Accuracies of the best checkpoint in per cent, and what they took."""
    command = " ".join(["toolkit run", record["recipe"], *told])
    machine = record["machine"]
    threads = f"{machine['threads']} thread{'s' if machine['threads'] > 1 else ''}"
    return (
        network,
        f"{100 * record['metrics']['test/accuracy']:.2f}",
        f"{100 * record['best']['value']:.2f}",
        f"{duration(record['seconds'])}, {threads} ({machine['processor']})",
        f"`{command}`, commit {short_commit(record['git'])}",
    )


if __name__ == "__main__":
    main()
