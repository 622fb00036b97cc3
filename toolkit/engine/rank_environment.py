"""Tells Lightning which process this one is, whoever has started it. Imports Lightning.

Lightning would ask the environment itself. Inside a SLURM job it then counts the job's tasks where nobody has used
srun, answers signals with checkpoints of its own, and warns on every machine that has an srun (2.6.6).
"""

from __future__ import annotations

import os

from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment

from toolkit.engine.ranks import LOOPBACK, free_port


class RankEnvironment(ClusterEnvironment):
    """What `toolkit.engine.ranks.Ranks.environment` has set for this process; where nothing is set, it is the only one.

    It never lets Lightning start processes.
    """

    def __init__(self) -> None:
        super().__init__()
        self._port = int(os.environ.get("MASTER_PORT") or 0)

    @property
    def creates_processes_externally(self) -> bool:
        return True

    @property
    def main_address(self) -> str:
        return os.environ.get("MASTER_ADDR") or LOOPBACK

    @property
    def main_port(self) -> int:
        # Asked for by a strategy that wants to be distributed with one process too.
        self._port = self._port or free_port(self.main_address)
        return self._port

    @staticmethod
    def detect() -> bool:
        return True

    def world_size(self) -> int:
        return int(os.environ.get("WORLD_SIZE") or 1)

    def set_world_size(self, size: int) -> None:
        """Does nothing: what the launcher has started is what there is."""

    def global_rank(self) -> int:
        return int(os.environ.get("RANK") or 0)

    def set_global_rank(self, rank: int) -> None:
        """Does nothing: the launcher has numbered the processes."""

    def local_rank(self) -> int:
        return int(os.environ.get("LOCAL_RANK") or 0)

    def node_rank(self) -> int:
        return int(os.environ.get("NODE_RANK") or 0)
