"""Where the processes that a launcher has started agree on a run: messages between rank 0 and the others.

A connection each, kept open as long as the run lasts: a process that dies, in whatever way, closes it, and nobody has
to guess from a silence. Imports torch only where torchrun's own store tells where rank 0 listens.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import queue
import socket
import threading
import time
from collections.abc import Mapping
from typing import Any

from toolkit.engine.ranks import Ranks
from toolkit.errors import RunError

ARRIVAL_SECONDS = 600
"""How long the processes wait for each other at the beginning; on a cluster some start minutes after others."""

_HELLO_SECONDS = 10
_RETRY_SECONDS = 0.2
_LONGEST_HELLO = 1 << 10
_LONGEST = 1 << 24
_KEY = "toolkit/meeting"

Event = tuple[int, Mapping[str, Any] | None]
"""Which rank, and what it says; None where its connection is closed."""


class NotMet(RunError):
    """The processes of a launcher did not find each other."""


class Meeting:
    """The connections of this process: rank 0's to every other, or another's to rank 0.

    Args:
        ranks: which of the processes this one is.

    Raises:
        NotMet: rank 0 cannot listen where the launcher says, or does not answer.
    """

    def __init__(self, ranks: Ranks) -> None:
        self.ranks = ranks
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        """What the others say, in the order in which it arrived."""
        self.gone: set[int] = set()
        """The ranks whose connections are closed."""
        self._peers: dict[int, socket.socket] = {}
        self._sending = threading.Lock()
        self._everybody = threading.Event()
        self._listener: socket.socket | None = None
        if ranks.rank == 0:
            self._listen()
        else:
            self._connect()

    def gather(self, seconds: float = ARRIVAL_SECONDS) -> None:
        """Waits, as rank 0, until every other process is there.

        Raises:
            NotMet: not all have come.
        """
        if not self._everybody.wait(seconds):
            absent = sorted(set(range(1, self.ranks.world_size)) - self._peers.keys())
            raise NotMet(
                f"{self.ranks.launcher} is to have started {self.ranks.world_size} processes, but rank "
                f"{', '.join(map(str, absent))} did not come within {seconds / 60:.0f} minutes"
            )

    def tell(self, **message: Any) -> None:
        """Sends a message to every process that this one is connected with; one that is gone is told nothing."""
        line = json.dumps(message).encode() + b"\n"
        with self._sending:
            for peer in self._peers.values():
                # Its closed connection is an event of its own.
                with contextlib.suppress(OSError):
                    peer.sendall(line)

    def close(self) -> None:
        """Closes the connections, which the others take for this process's end."""
        if self._listener is not None:
            _shut(self._listener)
        for peer in self._peers.values():
            _shut(peer)

    def _listen(self) -> None:
        ranks = self.ranks
        # Where torchrun's store has the port, the others are told through it which one is ours.
        port = 0 if ranks.agent_store else ranks.port
        try:
            self._listener = _server(interface(ranks), port, ranks.world_size)
        except OSError as error:
            raise NotMet(
                f"rank 0 cannot listen on port {port} of {ranks.address} ({error.strerror}); "
                "set MASTER_PORT to a free port for all processes"
            ) from error
        if ranks.agent_store:
            _store(ranks).set(_KEY, str(self._listener.getsockname()[1]))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return  # the meeting is over
            threading.Thread(target=self._welcome, args=(peer,), daemon=True).start()

    def _welcome(self, peer: socket.socket) -> None:
        """Takes a process in; whoever does not belong here is turned away."""
        peer.settimeout(_HELLO_SECONDS)
        lines = peer.makefile("rb")
        hello = _read(lines, _LONGEST_HELLO)
        rank = hello.get("rank") if hello else None
        known = isinstance(rank, int) and 0 < rank < self.ranks.world_size
        if hello is None or not known or hello.get("group") != _digest(self.ranks):
            _shut(peer)
            return
        assert isinstance(rank, int)
        with self._sending:
            if rank in self._peers:
                _shut(peer)
                return
            _keep_alive(peer)
            peer.settimeout(None)
            peer.sendall(b"{}\n")
            self._peers[rank] = peer
            if len(self._peers) == self.ranks.world_size - 1:
                self._everybody.set()
        self._receive(rank, lines)

    def _connect(self) -> None:
        deadline = time.monotonic() + ARRIVAL_SECONDS
        hello = json.dumps({"rank": self.ranks.rank, "group": _digest(self.ranks)}).encode() + b"\n"
        store = _store(self.ranks) if self.ranks.agent_store else None
        while True:
            # The store's errors are RuntimeErrors.
            with contextlib.suppress(OSError, RuntimeError):
                port = self.ranks.port if store is None else int(store.get(_KEY))
                peer = socket.create_connection((self.ranks.address, port), timeout=_HELLO_SECONDS)
                peer.sendall(hello)
                lines = peer.makefile("rb")
                if _read(lines) is not None:
                    peer.settimeout(None)
                    _keep_alive(peer)
                    self._peers[0] = peer
                    threading.Thread(target=self._receive, args=(0, lines), daemon=True).start()
                    return
                _shut(peer)
            if time.monotonic() > deadline:
                raise NotMet(
                    f"rank 0 does not answer at {self.ranks.address}, within {ARRIVAL_SECONDS / 60:.0f} minutes"
                )
            # Rank 0 may not be there yet, or still be at the end of an earlier run of the same program.
            time.sleep(_RETRY_SECONDS)

    def _receive(self, rank: int, lines: Any) -> None:
        while (message := _read(lines)) is not None:
            self.events.put((rank, message))
        self.gone.add(rank)
        self.events.put((rank, None))


def _store(ranks: Ranks) -> Any:
    """The store of torchrun's agent, through which rank 0 tells where it listens."""
    from datetime import timedelta

    from torch.distributed import TCPStore  # type: ignore[attr-defined]  # defined where there is distributed torch

    return TCPStore(ranks.address, ranks.port, is_master=False, timeout=timedelta(seconds=_HELLO_SECONDS))


def _digest(ranks: Ranks) -> str:
    return hashlib.sha256(ranks.group.encode()).hexdigest()


def interface(ranks: Ranks) -> str:
    """The address that rank 0 listens at: one that only this machine reaches, where all processes are on it."""
    if ranks.nodes > 1:
        # A machine's own name may mean its loopback interface to itself.
        return ""
    with contextlib.suppress(OSError):
        found = socket.gethostbyname(ranks.address)
        if found.startswith("127."):
            return found
    return ""


def _server(address: str, port: int, processes: int) -> socket.socket:
    if not address and socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=processes)
    return socket.create_server((address, port), backlog=processes)


def _read(lines: Any, longest: int = _LONGEST) -> dict[str, Any] | None:
    """The next message; None where the connection is closed, or what comes is none of ours."""
    try:
        message = json.loads(lines.readline(longest) or "null")
    except (OSError, ValueError):
        return None
    return message if isinstance(message, dict) else None


def _keep_alive(peer: socket.socket) -> None:
    """Lets a machine that is gone without a word be noticed after a quarter of a minute."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 5), ("TCP_KEEPINTVL", 3), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):  # not every system has them
            peer.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _shut(connection: socket.socket) -> None:
    # Shut down first: a thread may be reading from it, and would keep it open.
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
