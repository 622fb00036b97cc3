"""Which process this one is, as torchrun and srun say it in the environment."""

from __future__ import annotations

from typing import Any

import pytest

from toolkit.engine.ranks import Ranks, find_ranks, first_host, ranks_here
from toolkit.errors import RequestError

TORCHRUN = {
    "TORCHELASTIC_RUN_ID": "none",
    "TORCHELASTIC_USE_AGENT_STORE": "True",
    "RANK": "3",
    "WORLD_SIZE": "4",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "2",
    "GROUP_RANK": "1",
    "MASTER_ADDR": "node07",
    "MASTER_PORT": "29500",
}
SRUN = {
    "SLURM_JOB_ID": "123456",
    "SLURM_STEP_ID": "0",
    "SLURM_PROCID": "3",
    "SLURM_LOCALID": "1",
    "SLURM_NODEID": "1",
    "SLURM_NTASKS": "4",
    "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_STEP_TASKS_PER_NODE": "2(x2)",
    "SLURM_STEP_NODELIST": "node[07-08]",
}


def of(found: Ranks | None) -> tuple[Any, ...]:
    assert found is not None
    return found.rank, found.world_size, found.local_rank, found.local_world_size, found.node_rank, found.nodes


def test_torchrun_and_srun_say_the_same_in_their_own_ways() -> None:
    torchrun, srun = find_ranks(TORCHRUN), find_ranks(SRUN)
    assert of(torchrun) == of(srun) == (3, 4, 1, 2, 1, 2)
    assert torchrun is not None
    assert srun is not None
    assert (torchrun.address, torchrun.port, torchrun.launcher) == ("node07", 29500, "torchrun")
    assert torchrun.agent_store
    # Every process comes to the same port by itself, and two steps of a job to different ones.
    assert (srun.address, srun.port, srun.launcher) == ("node07", 15000 + 4560, "srun")
    assert find_ranks({**SRUN, "SLURM_STEP_ID": "1"}) != srun
    assert not srun.agent_store


def test_what_a_worker_is_told_can_be_read_again() -> None:
    first, second = ranks_here(2)
    assert of(find_ranks(second.environment())) == of(second) == (1, 2, 1, 2, 0, 1)
    assert first.port == second.port


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {**TORCHRUN, "WORLD_SIZE": "1", "RANK": "0", "LOCAL_WORLD_SIZE": "1"},
        # The batch script itself, in which srun has started nothing.
        {name: value for name, value in SRUN.items() if "STEP" not in name} | {"SLURM_PROCID": "0"},
        {**SRUN, "SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0", "SLURM_STEP_TASKS_PER_NODE": "1"},
        {"LOCAL_RANK": "0"},
    ],
)
def test_one_process_is_no_group(environment: dict[str, str]) -> None:
    assert find_ranks(environment) is None


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"WORLD_SIZE": "2", "RANK": "0", "MASTER_ADDR": "a"}, "LOCAL_RANK, LOCAL_WORLD_SIZE, MASTER_PORT are not set"),
        ({**TORCHRUN, "RANK": "first"}, "RANK must be a number, not 'first'"),
        ({**SRUN, "SLURM_STEP_TASKS_PER_NODE": "2,1"}, "unequal numbers of processes"),
        ({**TORCHRUN, "WORLD_SIZE": "3"}, "every machine must have as many"),
    ],
)
def test_what_a_launcher_leaves_open_is_asked_for(environment: dict[str, str], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        find_ranks(environment)


@pytest.mark.parametrize(
    ("nodes", "first"),
    [
        ("vm", "vm"),
        ("a,b", "a"),
        ("gpu[07-09,12],big1", "gpu07"),
        ("gpu[3]", "gpu3"),
        ("rack[1-2]n[5,7].local", "rack1n5.local"),
    ],
)
def test_the_first_of_slurms_hosts(nodes: str, first: str) -> None:
    assert first_host(nodes) == first
