"""`toolkit run --resume auto` from the command line, and who speaks where a launcher has started several processes."""

from __future__ import annotations

from typing import Any

import pytest

from toolkit.cli.voice import one_voice
from toolkit.engine.ranks import ToldByRankZero
from toolkit.errors import EXIT_INTERRUPTED, EXIT_REQUEST, EXIT_RUN, RequestError

pytestmark = pytest.mark.usefixtures("undrawn")

PAGE = """\
# A small network on the digits, for two epochs.
extends: vision/digits
model: {use: mlp, hidden: [8]}
loss: {label_smoothing: 0.0}
scheduler: null
trainer: {max_epochs: 2, accelerator: cpu}
loggers: {wandb: null}
callbacks: {stop: {}}
"""

STOP = """\
import os
import signal

from pytorch_lightning import Callback


class Stop(Callback):
    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch == 1 and os.environ.get("STOP"):
            os.kill(os.getpid(), signal.SIGINT)
"""


def test_resume_auto_says_which_run_goes_on(toolkit: Any, install: Any, monkeypatch: Any, tmp_path: Any) -> None:
    install("acme", {"callbacks": {"stop": "acme:Stop"}}, {"acme.py": STOP})
    (tmp_path / "here" / "small.yaml").write_text(PAGE)
    monkeypatch.setenv("STOP", "1")
    stopped = toolkit("run", "./small.yaml", "--resume", "auto")
    assert stopped.code == EXIT_INTERRUPTED
    assert stopped.out.startswith("no run of small with these values is unfinished: a new one begins\n")
    monkeypatch.delenv("STOP")
    gone_on = toolkit("run", "./small.yaml", "--resume", "auto")
    assert gone_on.code == 0, gone_on.err
    run_id = gone_on.out.split()[1]
    assert gone_on.out.startswith(f"run {run_id} is unfinished (interrupted): it goes on\n")
    assert "goes on  after 1 epoch, from epoch-0001.ckpt" in gone_on.out
    assert f"toolkit resume {run_id}" in stopped.err
    wrong = toolkit("run", "./small.yaml", "--resume", "last")
    assert (wrong.code, wrong.err) == (
        EXIT_REQUEST,
        "resume can only be 'auto', not 'last'. To go on with one run: toolkit resume RUN\n",
    )


@pytest.mark.parametrize(
    ("rank", "local_rank", "error", "silent"),
    [
        (0, 0, RequestError("wrong"), False),
        (1, 1, RequestError("wrong"), True),
        # The first process of another machine tells what is wrong there, but not what rank 0 tells.
        (2, 0, RequestError("wrong"), False),
        (2, 0, ToldByRankZero("wrong", EXIT_RUN), True),
    ],
)
def test_one_process_tells_what_is_wrong(
    monkeypatch: Any, rank: int, local_rank: int, error: Exception, silent: bool
) -> None:
    told = {"RANK": rank, "WORLD_SIZE": 4, "LOCAL_RANK": local_rank, "LOCAL_WORLD_SIZE": 2, "MASTER_PORT": 1}
    for name, value in {**told, "MASTER_ADDR": "localhost"}.items():
        monkeypatch.setenv(name, str(value))
    with pytest.raises(SystemExit if silent else type(error)) as caught:
        fails(error, first=rank == 0)
    if silent:
        assert caught.value.code == error.exit_code


def fails(error: Exception, *, first: bool) -> None:
    with one_voice() as speaks:
        assert speaks is first
        raise error
