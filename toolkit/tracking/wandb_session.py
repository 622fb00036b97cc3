"""Opens and closes one W&B run so that wandb asks nothing, prints nothing and is told no secret. Imports wandb late.

What wandb 0.31 writes into its files, and is therefore given in a cleaned form here: the command line (``sys.argv``
at the moment of ``wandb.init``), the git remote, and every environment variable that begins with ``SLURM_``, which
on some clusters includes a token.
"""

from __future__ import annotations

import logging
import netrc
import os
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from toolkit.errors import RequestError, did_you_mean
from toolkit.tracking.redact import SECRET_NAME, Redactor

if TYPE_CHECKING:
    import wandb

Mode = Literal["online", "offline", "disabled"]

SECONDS = (
    # How long the start of a run waits for the server before the run goes on offline.
    ("WANDB_INIT_TIMEOUT", "init_timeout", 10),
    # How long the end of a run waits for the rest of the upload; what is left is on disk.
    ("WANDB_FINISH_TIMEOUT", "finish_timeout", 30),
    # How often wandb writes to disk. What it holds is lost when the run is killed, and its own 15 s is a lot (0.31).
    ("WANDB__TRANSACTION_LOG_FLUSH_INTERVAL", "x_transaction_log_flush_interval", 1),
)
"""Variable by which a user may decide otherwise, name of wandb's setting, and our value in seconds."""

_PRIVATE: tuple[Mode, ...] = ("online", "offline", "disabled")
_SPELLINGS: Mapping[str, Mode] = {"run": "online", "shared": "online", "dryrun": "offline"}
_FATAL = re.compile(r"fatal error while uploading|will not be synced", re.IGNORECASE)


class Messages:
    """Takes what wandb would print, and remembers whether it said that it had given up uploading."""

    def __init__(self) -> None:
        self.gave_up = False

    def info(self, message: str) -> None:
        logging.getLogger("toolkit.wandb").debug(message)

    def warning(self, message: str) -> None:
        self.gave_up = self.gave_up or bool(_FATAL.search(message))
        logging.getLogger("toolkit.wandb").debug(message)

    error = warning


def refuse_unknown_mode(environ: Mapping[str, str] = os.environ) -> None:
    """Raises RequestError for a ``WANDB_MODE`` that wandb would raise at, later and without naming it."""
    mode = environ.get("WANDB_MODE")
    if mode is not None and mode not in (*_PRIVATE, *_SPELLINGS):
        allowed = ", ".join((*_PRIVATE, *_SPELLINGS))
        raise RequestError(
            f"WANDB_MODE={mode}: W&B has no such mode; it takes {allowed}.{did_you_mean(mode.lower(), _PRIVATE)}"
        )


def choose_mode(asked: Mode | None, configured: str | None) -> Mode:
    """The mode that keeps more to itself, of the recipe's and of the environment's or wandb's own settings.

    Args:
        asked: what the recipe says.
        configured: wandb's setting; ``WANDB_MODE`` is looked up here.
    """
    spelled = (os.environ.get("WANDB_MODE") or configured or "online").lower()
    outside = _SPELLINGS.get(spelled, spelled)
    return max((mode for mode in (asked or "online", outside) if mode in _PRIVATE), key=_PRIVATE.index)


def find_key(base_url: str, configured: str | None) -> str | None:
    """The API key for a server: ``WANDB_API_KEY``, else the netrc file's, else the one in wandb's settings.

    Args:
        base_url: the server.
        configured: the key in wandb's settings.
    """
    key = os.environ.get("WANDB_API_KEY") or _netrc_key(urlsplit(base_url).netloc) or configured
    return key.strip() if key else None


def _netrc_key(machine: str) -> str | None:
    home = Path.home()
    named = os.environ.get("NETRC")
    for path in [Path(named).expanduser()] if named else [home / ".netrc", home / "_netrc"]:
        # wandb, too, goes on without a netrc file that cannot be read.
        with suppress(OSError, netrc.NetrcParseError):
            found = netrc.netrc(path).authenticators(machine)
            return found[2] if found else None
    return None


def make_settings(values: Mapping[str, Any]) -> wandb.Settings:
    """wandb's settings with these values and ours; names that the installed wandb does not know are left out.

    Raises:
        ValueError: wandb refuses one, such as a project with a slash in its name.
    """
    import wandb
    from wandb.errors import UsageError

    ours = {
        "silent": True,
        # What the run prints may hold what only our own redactor knows; it is in the run's logs/.
        "console": "off",
        # The diff of a working tree and the source are saved, redacted, by the run itself.
        "disable_git": True,
        "disable_code": True,
        "save_code": False,
        "label_disable": True,
        "symlink": False,
        "finish_timeout_raises": True,
    }
    for variable, name, seconds in SECONDS:
        if variable not in os.environ:
            ours[name] = seconds
    known = wandb.Settings.model_fields
    given = {name: value for name, value in {**ours, **values}.items() if name in known and value is not None}
    try:
        return wandb.Settings(**given)
    except UsageError as error:
        raise ValueError(str(error)) from error


@contextmanager
def quiet(messages: Messages) -> Iterator[None]:
    """Until it is left, wandb prints nothing in this process: it also reports from threads of its own."""
    import wandb

    before = wandb.setup().settings
    wandb.termsetup(wandb.Settings(silent=True), messages)
    # wandb notes its own steps in a file of the run's folder. On a full disk each note would print a traceback.
    notes = logging.getLogger("wandb")
    level = notes.level
    notes.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        notes.setLevel(level)
        wandb.termsetup(before, None)


@contextmanager
def told_no_secrets(redactor: Redactor) -> Iterator[None]:
    """Inside, ``sys.argv`` is redacted and the environment has no token in a ``SLURM_`` variable."""
    arguments = sys.argv
    hidden = {
        name: value
        for name, value in os.environ.items()
        if name.startswith("SLURM_") and (SECRET_NAME.search(name) or redactor.text(value) != value)
    }
    sys.argv = redactor.argv(arguments)
    for name in hidden:
        del os.environ[name]
    try:
        yield
    finally:
        sys.argv = arguments
        os.environ.update(hidden)


@contextmanager
def data_in(folder: Path) -> Iterator[None]:
    """Inside, what wandb keeps for uploads lies in a folder of the run, and not in the home of whoever runs it.

    A table is an artifact too, whose files wandb holds until they are uploaded; where it cannot write them it raises,
    and a container's home need not be writable. ``WANDB_DATA_DIR`` goes before.
    """
    if "WANDB_DATA_DIR" in os.environ:
        yield
        return
    os.environ["WANDB_DATA_DIR"] = str(folder)
    try:
        yield
    finally:
        del os.environ["WANDB_DATA_DIR"]


def end_service(seconds: float) -> None:
    """Ends wandb's own process, and kills it when it has not ended in time.

    wandb waits for it without a limit, here and again as the interpreter exits, and in the middle of an upload it may
    never end (0.31): the program would not end either, and the process would stay behind.

    Args:
        seconds: how long it is waited for. A Ctrl-C cuts this short.
    """
    import wandb

    # wandb tells nobody which process it is. Without these names it is waited for all the same, and not killed.
    process: Any = wandb.setup()
    for name in ("_connection", "_proc", "_process"):
        process = getattr(process, name, None)
    ending = threading.Thread(target=_teardown, daemon=True)
    ending.start()
    try:
        ending.join(seconds)
    finally:
        if ending.is_alive() and process is not None:
            process.kill()
            ending.join()


def _teardown() -> None:
    import wandb

    # It may have ended by itself before.
    with suppress(Exception):
        wandb.teardown()
