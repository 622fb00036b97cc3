"""Whether the memory of training on clicks depends on how many rows a table has.

    python -m benchmarks.clicks_on_disk [--rows 50000000] [--folder FOLDER] [--write PAGE.md]

Protocol. Clicks are drawn by toolkit-recsys's generator (`toolkit_recsys.clicks.generated`), ten pieces of 500,000
rows, which are written one after the other and then again, as Parquet: five fields of categories, of 10,000, 5,000, 5,
20 and 24 values, two numbers and the click. A table of a tenth of the rows, and one of all. Of each, in fresh processes
on one thread: the conversion of `click_table`, and one epoch of a factorization machine of width 8, batch 16,384,
validation and test on a hundredth of the rows each. What is told is the largest resident size of each process (VmHWM),
which counts the libraries it has loaded, and seconds. The files are removed afterwards; 50 million rows take 3 GB for a
while. One measurement: memory hardly varies, and seconds are those of whatever else the machine did.
"""

from __future__ import annotations

import argparse
import importlib
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.frame import call
from benchmarks.machine import description
from toolkit.errors import RequestError
from toolkit.tracking import pages

ROWS = 50_000_000
AT_ONCE, PIECES = 500_000, 10
PART, WRITES = "memory", "python -m benchmarks.clicks_on_disk --write"
"""The table's place on a page."""
FIELDS = ("user", "item", "device", "country", "hour")


def write(file: str, rows: int) -> float:
    """Writes a table; its size in MB."""
    torch, pa, parquet = (importlib.import_module(name) for name in ("torch", "pyarrow", "pyarrow.parquet"))
    generated: Any = importlib.import_module("toolkit_recsys.clicks.generated")
    torch.set_num_threads(1)
    world = generated.World(users=10_000, items=5_000, width=4, seed=0)
    generator = torch.Generator().manual_seed(1)
    size = min(AT_ONCE, rows)
    pieces = [pa.table(generated.as_table(world.draw(size, generator))) for _ in range(min(PIECES, -(-rows // size)))]
    with parquet.ParquetWriter(file, pieces[0].schema) as writer:
        for number, start in enumerate(range(0, rows, size)):
            writer.write_table(pieces[number % len(pieces)].slice(0, rows - start))
    return Path(file).stat().st_size / 1e6


def convert(file: str, cache: str) -> dict[str, float]:
    """Converts the table, in this process."""
    os.environ["TOOLKIT_CACHE"] = cache
    dataset: Any = importlib.import_module("toolkit_recsys.clicks.click_table")
    began = time.perf_counter()
    dataset.click_table(**_arguments(file))
    seconds = time.perf_counter() - began
    stored = sum(each.stat().st_size for each in Path(cache).rglob("*.npy")) / 1e6
    return {"seconds": seconds, "megabytes": _peak(), "stored": stored}


def train(file: str, cache: str) -> dict[str, float]:
    """An epoch on the table, in this process."""
    os.environ["TOOLKIT_CACHE"] = cache
    importlib.import_module("torch").set_num_threads(1)
    with_toolkit: Any = importlib.import_module("benchmarks.with_toolkit")
    recipe = {
        "dataset": {"use": "click_table", **_arguments(file)},
        "loader": {"batch_size": 16_384},
        "model": {"use": "fm", "width": 8},
        "loss": "bce_with_logits",
        "optimizer": {"use": "adam", "lr": 1e-3},
        "metrics": {"log_loss": {}},
    }
    seconds = with_toolkit.seconds_of_epoch(recipe, "trainer.max_epochs=1")
    return {"seconds": seconds, "megabytes": _peak()}


def _arguments(file: str) -> dict[str, Any]:
    columns = {"target": "click", "categorical": list(FIELDS), "numerical": ["age", "price"]}
    return {"file": file, **columns, "val_share": 0.01, "test_share": 0.01, "on_disk": True}


def _peak() -> float:
    large: Any = importlib.import_module("benchmarks.large")
    return float(large.peak_megabytes())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS, help="of the larger table")
    parser.add_argument("--folder", help="where the files are for a while")
    parser.add_argument("--write", type=Path, metavar="PAGE.md", help="a page with a place for the table")
    options = parser.parse_args()
    try:
        if options.write is not None:  # before what takes many minutes
            pages.place(options.write, PART, WRITES)
    except RequestError as error:
        parser.error(str(error))
    print(f"{description()}\n", flush=True)
    lines = ["| rows | Parquet | arrays | converting | an epoch of training |", "|---|---|---|---|---|"]
    print("\n".join(lines), flush=True)
    for rows in (options.rows // 10, options.rows):
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            file, cache = str(Path(folder) / "clicks.parquet"), str(Path(folder) / "cache")
            size = call("benchmarks.clicks_on_disk:write", file, rows)
            converted = call("benchmarks.clicks_on_disk:convert", file, cache)
            trained = call("benchmarks.clicks_on_disk:train", file, cache)
        parts = [f"{each['megabytes']:,.0f} MB, {each['seconds']:,.0f} s" for each in (converted, trained)]
        sizes = [f"{megabytes:,.0f} MB" for megabytes in (size, converted["stored"])]
        lines.append("| " + " | ".join([f"{rows:,}", *sizes, *parts]) + " |")
        print(lines[-1], flush=True)
    if options.write is not None:
        pages.put(options.write, PART, WRITES, "\n".join(lines))


if __name__ == "__main__":
    main()
