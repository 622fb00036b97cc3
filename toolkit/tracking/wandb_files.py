"""What wandb leaves in a run's folder: which of its folders still have to be uploaded, and what they hold already.

Imports nothing heavy; wandb's record format only inside the function that reads it.
"""

from __future__ import annotations

import shlex
import struct
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path

from toolkit.errors import shown_path

AXIS = "trainer/global_step"
"""The metric that is every chart's horizontal axis. W&B's own ``_step`` counts rows, from zero again after a resume."""

BLOCK = 32768
HEADER = 7


def session_folders(save_dir: Path, run_id: str) -> list[Path]:
    """The folders that wandb made for a run, one for each process that logged to it, oldest first.

    Args:
        save_dir: the run's folder, above ``wandb/``.
        run_id: the run's id.
    """
    # A folder without a log is what wandb left where it could not start.
    found = {log.parent for log in (save_dir / "wandb").glob(f"*run-*-{run_id}*/*.wandb")}
    return sorted(found, key=lambda path: path.name.removeprefix("offline-"))


def is_uploaded(folder: Path) -> bool:
    """Whether the server has everything in ``folder``: ``wandb sync`` and `mark_uploaded` leave a file that says so."""
    return any(folder.glob("*.wandb.synced"))


def mark_uploaded(folder: Path) -> None:
    """Leaves the same file as ``wandb sync``: this folder was uploaded while the run went on, to its end."""
    for log in folder.glob("*.wandb"):
        log.with_name(log.name + ".synced").touch()


def upload_command(save_dir: Path, run_id: str) -> str | None:
    """The command that uploads what the server does not have yet; None when it has everything.

    One command, because ``wandb sync`` uploads the folders of one run in the order of their start.
    """
    waiting = [folder for folder in session_folders(save_dir, run_id) if not is_uploaded(folder)]
    if not waiting:
        return None
    # Without it wandb 0.31 passes over folders of runs that were online, in silence and with exit code 0.
    online = [] if all(folder.name.startswith("offline-") for folder in waiting) else ["--include-online"]
    return shlex.join(["wandb", "sync", *online, *map(shown_path, waiting)])


def last_logged(folders: Iterable[Path]) -> dict[str, int]:
    """The last step that was logged of every metric, as wandb's own files tell it.

    Args:
        folders: what `session_folders` found.
    """
    found: dict[str, int] = {}
    for folder in folders:
        for path in folder.glob("*.wandb"):
            for names, step in _rows(path):
                for name in names:
                    found[name] = max(step, found.get(name, step))
    return found


def _rows(path: Path) -> Iterator[tuple[list[str], int]]:
    """The names logged in every row of a ``.wandb`` file, and the row's step."""
    # Generated modules without types.
    decode_error = import_module("google.protobuf.message").DecodeError
    make_record = import_module("wandb.proto.wandb_internal_pb2").Record
    for content in _records(path.read_bytes()):
        record = make_record()
        try:
            record.ParseFromString(content)
        except decode_error:
            return
        if record.WhichOneof("record_type") != "history":
            continue
        # A picture stands there as several items, whose further keys are its width, its file and so on.
        values = {(*item.nested_key, item.key)[0]: item.value_json for item in record.history.item}
        step = values.pop(AXIS, None)
        if step is not None:
            yield [name for name in values if not name.startswith("_")], int(float(step))


def _records(content: bytes) -> Iterator[bytes]:
    """The records of a ``.wandb`` file: LevelDB's log format behind a header of seven bytes.

    Ends at the first piece that is not whole: a process that was killed leaves one.
    """
    position, record = HEADER, b""
    while True:
        rest_of_block = BLOCK - position % BLOCK
        if rest_of_block < HEADER:
            position += rest_of_block
        if position + HEADER > len(content):
            return
        _, length, kind = struct.unpack_from("<IHB", content, position)
        position += HEADER
        if kind == 0 or position + length > len(content):
            return
        first, last = kind in (1, 2), kind in (1, 4)
        record = content[position : position + length] if first else record + content[position : position + length]
        position += length
        if last:
            yield record
