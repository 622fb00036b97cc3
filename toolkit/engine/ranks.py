"""Which of several processes this one is, as torchrun, srun or the toolkit itself tells it. Imports nothing heavy."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from toolkit.errors import RequestError, ToolkitError

LOOPBACK = "127.0.0.1"
SRUN = "srun"
TORCHRUN = "torchrun"


class ToldByRankZero(ToolkitError):
    """The run has ended elsewhere, and rank 0 tells of it: this process only ends with the same exit code."""

    def __init__(self, reason: str, exit_code: int) -> None:
        super().__init__(reason)
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class Ranks:
    """One process among several, and where they find each other."""

    rank: int
    world_size: int
    local_rank: int
    """The same among the processes of its machine."""
    local_world_size: int
    node_rank: int
    """Which of the machines it is on."""
    address: str
    """The machine of rank 0, as the others reach it."""
    port: int
    """A port of that machine."""
    launcher: str = "the toolkit"
    """Who has started the processes, for messages."""
    agent_store: bool = False
    """Whether a store of torchrun's answers on that port; the port is free otherwise."""
    group: str = ""
    """What tells these processes from those of another job that use the same port."""

    @property
    def nodes(self) -> int:
        """On how many machines the processes are."""
        return self.world_size // self.local_world_size

    def environment(self) -> dict[str, str]:
        """The variables that tell torch and Lightning all this."""
        return {
            "MASTER_ADDR": self.address,
            "MASTER_PORT": str(self.port),
            "WORLD_SIZE": str(self.world_size),
            "RANK": str(self.rank),
            "LOCAL_RANK": str(self.local_rank),
            "LOCAL_WORLD_SIZE": str(self.local_world_size),
            "GROUP_RANK": str(self.node_rank),
            "NODE_RANK": str(self.node_rank),
        }


def ranks_here(count: int) -> list[Ranks]:
    """Several processes of this machine that find each other over the loopback interface."""
    port = free_port(LOOPBACK)
    return [Ranks(rank, count, rank, count, 0, LOOPBACK, port) for rank in range(count)]


def find_ranks(environ: Mapping[str, str] = os.environ) -> Ranks | None:
    """Which of the processes of a launcher this one is; None where nobody else has started several of them.

    Raises:
        RequestError: a launcher says less than is needed, or starts unequal numbers of processes on its machines.
    """
    if "TORCHELASTIC_RUN_ID" in environ:
        found = _of_variables(environ, TORCHRUN)
    elif "SLURM_PROCID" in environ and "SLURM_STEP_ID" in environ:
        # In a batch script itself, where srun has started nothing, there is no step.
        found = _of_slurm(environ)
    elif _number(environ, "WORLD_SIZE", 1) > 1:
        found = _of_variables(environ, "the launcher")
    else:
        return None
    if found.world_size % found.local_world_size:
        raise RequestError(
            f"{found.launcher} has started {found.world_size} processes, {found.local_world_size} of them on one "
            "machine: every machine must have as many"
        )
    return found if found.world_size > 1 else None


def free_port(address: str) -> int:
    """A port of this machine that nothing listens on at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def _of_variables(environ: Mapping[str, str], launcher: str) -> Ranks:
    """What torchrun sets, and whoever follows it."""
    needed = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
    missing = [name for name in needed if not environ.get(name)]
    if missing:
        raise RequestError(
            f"WORLD_SIZE is {environ.get('WORLD_SIZE')}, but {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} not set. Start the processes with torchrun or srun, or call "
            "`toolkit run` once: with trainer.devices it starts them itself."
        )
    rank, local = _number(environ, "RANK"), _number(environ, "LOCAL_WORLD_SIZE")
    return Ranks(
        rank=rank,
        world_size=_number(environ, "WORLD_SIZE"),
        local_rank=_number(environ, "LOCAL_RANK"),
        local_world_size=local,
        node_rank=_number(environ, "GROUP_RANK", rank // max(1, local)),
        address=environ["MASTER_ADDR"],
        port=_number(environ, "MASTER_PORT"),
        launcher=launcher,
        agent_store=environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True",
        group=f"{environ.get('TORCHELASTIC_RUN_ID', '')} {environ['MASTER_PORT']}",
    )


def _of_slurm(environ: Mapping[str, str]) -> Ranks:
    world = _number(environ, "SLURM_STEP_NUM_TASKS", _number(environ, "SLURM_NTASKS", 1))
    job, step = environ.get("SLURM_JOB_ID", "0"), environ["SLURM_STEP_ID"]
    nodes = environ.get("SLURM_STEP_NODELIST") or environ.get("SLURM_JOB_NODELIST") or LOOPBACK
    digits = re.sub(r"\D", "", f"{job}{step}")
    return Ranks(
        rank=_number(environ, "SLURM_PROCID"),
        world_size=world,
        local_rank=_number(environ, "SLURM_LOCALID"),
        local_world_size=_tasks_of_a_node(environ, world),
        node_rank=_number(environ, "SLURM_NODEID", 0),
        address=environ.get("MASTER_ADDR") or first_host(nodes),
        # Every process must come to the same one by itself: from the job's number, above what systems give away.
        port=_number(environ, "MASTER_PORT", 15000 + int(digits[-4:] or 0)),
        launcher=SRUN,
        group=f"{job}.{step}",
    )


def _tasks_of_a_node(environ: Mapping[str, str], world: int) -> int:
    """From ``SLURM_STEP_TASKS_PER_NODE``, such as ``2(x3)`` or ``2,1``."""
    told = environ.get("SLURM_STEP_TASKS_PER_NODE") or environ.get("SLURM_TASKS_PER_NODE") or str(world)
    counts = re.findall(r"(\d+)(?:\(x\d+\))?", told)
    if len(set(counts)) != 1:
        raise RequestError(
            f"srun has started unequal numbers of processes on its machines ({told}); ask for --ntasks-per-node"
        )
    return min(int(counts[0]), world)


def first_host(nodes: str) -> str:
    """The first host of a list as SLURM writes it: ``gpu[07-09,12],big1`` begins with ``gpu07``."""
    first = re.match(r"[^,\[\s]+(?:\[[^\]]*\][^,\[\s]*)*", nodes)
    text = first[0] if first else nodes
    return re.sub(r"\[([^\],-]*)[^\]]*\]", r"\1", text)


def _number(environ: Mapping[str, str], name: str, default: int | None = None) -> int:
    text = environ.get(name)
    if not text and default is not None:
        return default
    try:
        return int(text or "")
    except ValueError as error:
        raise RequestError(f"the environment variable {name} must be a number, not {text!r}") from error
