"""Click logs that papers report on, from a folder with their files. Imports torch.

None is downloaded: their terms do not let others pass them on, or nobody vouches for a checksum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from toolkit.data import Splits
from toolkit_recsys.clicks.dataset import click_splits, divided, of_files, stand_in
from toolkit_recsys.clicks.learning import Asked, Part
from toolkit_recsys.clicks.row_reader import RowReader
from toolkit_recsys.clicks.tables import Table, open_table

CRITEO_NUMBERS = tuple(f"I{number}" for number in range(1, 14))
CRITEO_CATEGORIES = tuple(f"C{number}" for number in range(1, 27))
AVAZU_CATEGORIES = (
    *("C1", "banner_pos", "site_id", "site_domain", "site_category", "app_id", "app_domain", "app_category"),
    *("device_id", "device_ip", "device_model", "device_type", "device_conn_type"),
    *(f"C{number}" for number in range(14, 22)),
)
FRAPPE_CATEGORIES = (
    *("user", "item", "daytime", "weekday", "isweekend", "homework", "cost", "weather", "country", "city"),
)


def criteo(
    root: str,
    buckets: int = 1_000_000,
    min_count: int = 10,
    val_share: float = 0.1,
    test_share: float = 0.1,
    split_seed: int = 0,
    run_files: Mapping[str, bytes] | None = None,
) -> Splits:
    """Criteo's log of the Display Advertising Challenge (2014): 45.8 million rows, 13 counts and 26 categories.

    Counts go in by their logarithms. The ten columns of the most values are hashed, the others have vocabularies. Rows
    are divided at random, and stay on the disk; see `click_table`, whose batches and facts these are.

    Not run here. Its terms allow no redistribution: get it from Criteo's AI Lab. Has `criteo.stand_in(seed)`.

    Arguments:
        root: folder of `train.parquet` with the columns `label`, `I1` to `I13` and `C1` to `C26`, or of `train.txt` as
        it
            was published.
        buckets: into how many numbers a hashed column goes.
        min_count: how often a value of the others has to come in training to get a number of its own.
        val_share: which share to validate on.
        test_share: which share to test on.
        split_seed: which rows.
        run_files: given by the toolkit: what a run that goes on has learnt.

    Raises:
        FileNotFoundError: neither file is there.
        ValueError: it is no such table.
    """
    folder = Path(root).expanduser()
    # The most values of all in published counts, from 35 thousand to 10 million.
    many = ("C3", "C4", "C7", "C10", "C12", "C15", "C16", "C21", "C24", "C26")
    columns = ("label", *CRITEO_NUMBERS, *CRITEO_CATEGORIES)
    plain = not (folder / "train.parquet").is_file()
    asked = Asked(
        "label",
        CRITEO_CATEGORIES,
        CRITEO_NUMBERS,
        {},
        threshold=None,
        kind="click",
        log=CRITEO_NUMBERS,
        hashing=dict.fromkeys(many, buckets),
        min_count=min_count,
        longest=1,
        names=columns if plain else None,
        delimiter="\t" if plain else None,
    )
    table = open_table(folder / ("train.txt" if plain else "train.parquet"), asked.names, asked.delimiter)
    return _at_random(table, asked, val_share, test_share, split_seed, run_files)


def avazu(
    root: str,
    buckets: int = 1_000_000,
    min_count: int = 10,
    val_share: float = 0.1,
    test_share: float = 0.1,
    split_seed: int = 0,
    run_files: Mapping[str, bytes] | None = None,
) -> Splits:
    """Avazu's log of mobile advertisements (2014): 40.4 million rows, 21 categories.

    Devices and their addresses are hashed. The columns `id` and `hour` are left out. Rows are divided at random, and
    stay on the disk; see `click_table`, whose batches and facts these are.

    Not run here. Its terms allow no redistribution: get it from its Kaggle competition. Has `avazu.stand_in(seed)`.

    Arguments:
        root: folder of `train.csv` or `train.gz`, renamed to `train.csv.gz`, as they were published.
        buckets: into how many numbers a hashed column goes.
        min_count: how often a value of the others has to come in training to get a number of its own.
        val_share: which share to validate on.
        test_share: which share to test on.
        split_seed: which rows.
        run_files: given by the toolkit: what a run that goes on has learnt.

    Raises:
        FileNotFoundError: neither file is there.
        ValueError: it is no such table.
    """
    folder = Path(root).expanduser()
    packed = folder / "train.csv.gz"
    table = open_table(packed if packed.is_file() else folder / "train.csv")
    hashing = dict.fromkeys(("device_id", "device_ip"), buckets)
    asked = Asked("click", AVAZU_CATEGORIES, (), {}, None, "click", (), hashing, min_count, longest=1)
    return _at_random(table, asked, val_share, test_share, split_seed, run_files)


def frappe(root: str, min_count: int = 1, run_files: Mapping[str, bytes] | None = None) -> Splits:
    """Frappe's log of the use of mobile apps (Baltrunas et al. 2015): 288,609 rows in 10 categories.

    The version that papers on click prediction use (He and Chua 2017), of which two rows of three are drawn as not
    used, and whose splits are published. Batches and facts are those of `click_table`.

    Not run here. Has `frappe.stand_in(seed)`.

    Arguments:
        root: folder of `frappe.train.libfm`, `frappe.validation.libfm` and `frappe.test.libfm`.
        min_count: how often a value has to come in training to get a number of its own.
        run_files: given by the toolkit: what a run that goes on has learnt.

    Raises:
        FileNotFoundError: a file is not there.
        ValueError: one is no such table.
    """
    columns = ("label", *FRAPPE_CATEGORIES)
    # A row is `1 451:1 4149:1 ...`, where every place is a field: a table of tokens that blanks separate.
    asked = Asked("label", FRAPPE_CATEGORIES, (), {}, 1.0, "click", (), {}, min_count, 1, columns, " ")
    names = {"train": "train", "val": "validation", "test": "test"}
    files = {split: Path(root).expanduser() / f"frappe.{name}.libfm" for split, name in names.items()}
    parts = of_files({split: open_table(path, asked.names, asked.delimiter) for split, path in files.items()})
    return click_splits(parts, asked, None, run_files)


def _at_random(
    table: Table,
    asked: Asked,
    val_share: float,
    test_share: float,
    seed: int,
    run_files: Mapping[str, bytes] | None,
) -> Splits:
    ways = dict.fromkeys(("split", "time", "group", "fold"))
    division = divided(table, **ways, folds=5, val_share=val_share, test_share=test_share, seed=seed)
    return click_splits([Part(table, division)], asked, True, run_files)


def _no_multi(fields: Sequence[str], numerical: int) -> object:
    return lambda seed: stand_in(seed, len(fields), numerical, 0)


# Attributes of the functions: the toolkit looks for `stand_in` and `reader` on whatever a recipe names as its dataset.
criteo.stand_in = _no_multi(CRITEO_CATEGORIES, len(CRITEO_NUMBERS))  # type: ignore[attr-defined]
avazu.stand_in = _no_multi(AVAZU_CATEGORIES, 0)  # type: ignore[attr-defined]
frappe.stand_in = _no_multi(FRAPPE_CATEGORIES, 0)  # type: ignore[attr-defined]
criteo.reader = avazu.reader = frappe.reader = RowReader  # type: ignore[attr-defined]
