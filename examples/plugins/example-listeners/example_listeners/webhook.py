"""Tells a webhook that a run has begun, finished or failed. Imports requests, and the mark of a listener.

The address comes from the environment, `TOOLKIT_WEBHOOK`, and from nowhere else: it often holds a secret, and a recipe
is shared. Without it nothing happens. It is in no message either.
"""

from __future__ import annotations

import os
import threading
from typing import Any
from urllib.parse import urlsplit

import requests

from toolkit.hooks import hookimpl

VARIABLE = "TOOLKIT_WEBHOOK"
SECONDS = 5.0
"""So long a run waits for the webhook at most, each of the two times."""

_told: set[str] = set()
"""The runs that have been told that their webhook does not work."""


@hookimpl(tryfirst=True)
def toolkit_run_started(run: Any) -> None:
    """Posts `{"event": "started", ...}`; first, so that the toolkit's header can tell that nobody took it."""
    _post(run, "started", {"status": "running"})


@hookimpl
def toolkit_run_finished(run: Any, result: Any) -> None:
    """Posts `{"event": "finished", ...}` with the metrics that were reached."""
    _post(run, "finished", {"status": result.status, "seconds": run.record["seconds"], "metrics": dict(result.metrics)})


@hookimpl
def toolkit_run_failed(run: Any, error: BaseException) -> None:
    """Posts `{"event": "failed", ...}` with the reason as `run.json` has it, without secrets, and the last metrics."""
    names = ("status", "reason", "seconds", "metrics")
    _post(run, "failed", {name: run.record[name] for name in names})


def _post(run: Any, event: str, news: dict[str, Any]) -> None:
    address = os.environ.get(VARIABLE)
    if not address or not run.is_main:
        return
    content = {"event": event, "run": run.id, "recipe": run.name, "name": run.record["name"], **news}
    failed = _delivered(address, content)
    if failed and run.id not in _told:
        _told.add(run.id)
        message = f"webhook: {_shown(address)} was not told that the run has {_SAID[event]} ({failed})"
        run.add_note(message)
        run.write()
        if event != "started":  # else the header shows the note
            print(message, flush=True)


_SAID = {"started": "begun", "finished": "finished", "failed": "failed"}


def _shown(address: str) -> str:
    try:
        return urlsplit(address).hostname or f"the address in {VARIABLE}"
    except ValueError:
        return f"the address in {VARIABLE}"


def _delivered(address: str, content: dict[str, Any]) -> str:
    """Why the webhook did not take the news; an empty text if it did."""
    answer: list[str] = []

    def post() -> None:
        try:
            # Answered as soon as there are headers: nobody reads what a webhook has to say.
            with requests.post(address, json=content, timeout=SECONDS, allow_redirects=False, stream=True) as response:
                answer.append("" if response.ok else f"HTTP status {response.status_code}")
        # Whatever it is: addresses that are none raise errors of several libraries, and no run is to end by one. Only
        # the class, because the text has the address in it.
        except Exception as error:
            answer.append(type(error).__name__)

    # In a thread, because the timeout of requests is not one for looking up a name, or for headers that drip.
    thread = threading.Thread(target=post, daemon=True)
    thread.start()
    thread.join(SECONDS)
    return answer[0] if answer else f"no answer in {SECONDS:.0f} s"
