"""Rank 0 and the others: who is let in, what is told, and that an end is noticed."""

from __future__ import annotations

import dataclasses
import json
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from toolkit.engine import meeting as meetings
from toolkit.engine.meeting import Meeting, NotMet
from toolkit.engine.ranks import Ranks, ranks_here

SECONDS = 60

FOLLOWER = """
import sys
from toolkit.engine.meeting import Meeting
from toolkit.engine.ranks import Ranks
meeting = Meeting(Ranks(1, 3, 1, 3, 0, "127.0.0.1", int(sys.argv[1]), group="job"))
meeting.tell(ended=3)
print(meeting.events.get(timeout=60)[1]["run"], flush=True)
sys.stdin.read()
"""


@pytest.fixture
def ranks() -> list[Ranks]:
    return [dataclasses.replace(one, group="job") for one in ranks_here(3)]


@pytest.fixture
def rank_0(ranks: list[Ranks]) -> Iterator[Meeting]:
    meeting = Meeting(ranks[0])
    yield meeting
    meeting.close()


def test_a_process_that_is_killed_is_missed_at_once(ranks: list[Ranks], rank_0: Meeting) -> None:
    command = [sys.executable, "-c", FOLLOWER, str(ranks[0].port)]
    first = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    second = Meeting(ranks[2])
    rank_0.gather(SECONDS)
    assert rank_0.events.get(timeout=SECONDS) == (1, {"ended": 3})
    rank_0.tell(run="here")
    assert first.stdout is not None
    assert first.stdout.readline() == "here\n"
    assert second.events.get(timeout=SECONDS) == (0, {"run": "here"})
    first.kill()
    first.communicate(timeout=SECONDS)
    assert rank_0.events.get(timeout=SECONDS) == (1, None)
    # To who is gone nothing is told, and the others hear it.
    rank_0.tell(stop=15)
    assert second.events.get(timeout=SECONDS) == (0, {"stop": 15})
    rank_0.close()
    assert second.events.get(timeout=SECONDS) == (0, None)
    assert second.gone == {0}
    second.close()


@pytest.mark.parametrize(
    "hello",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"[1]\n",
        json.dumps({"rank": 1, "group": "of another job"}).encode() + b"\n",
        json.dumps({"rank": 7}).encode() + b"\n",
        b"",
    ],
)
def test_a_stranger_is_turned_away(ranks: list[Ranks], rank_0: Meeting, hello: bytes) -> None:
    with socket.create_connection((ranks[0].address, ranks[0].port), timeout=SECONDS) as stranger:
        stranger.sendall(hello)
        stranger.shutdown(socket.SHUT_WR)
        assert stranger.recv(1) == b""
    with pytest.raises(NotMet, match="to have started 3 processes, but rank 1, 2 did not come"):
        rank_0.gather(0)


def test_a_port_that_is_taken_is_told(ranks: list[Ranks], rank_0: Meeting) -> None:
    with pytest.raises(NotMet, match=f"cannot listen on port {ranks[0].port} .*set MASTER_PORT"):
        Meeting(ranks[0])


def test_a_rank_0_that_does_not_come_is_told(ranks: list[Ranks], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meetings, "ARRIVAL_SECONDS", 0)
    with pytest.raises(NotMet, match="rank 0 does not answer"):
        Meeting(ranks[1])
