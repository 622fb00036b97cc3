"""`loader.batch_size: auto`: found once, without touching the run, and by all of its processes together."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from toolkit.engine.meeting import Meeting
from toolkit.engine.ranks import ranks_here
from toolkit.errors import RequestError, RunError
from toolkit.recipe import load
from toolkit.runs import RunFailed, fits, resume, run
from toolkit.runs.batch_size import with_batch_size
from toolkit.tracking.folder import RunFolder

HUNGRY = """
import torch
from parts import Net


class Hungry(Net):
    '''Asks for more memory than there is, from a number of samples on.'''

    def __init__(self, num_classes=3, most=16):
        super().__init__(num_classes)
        self.most = most

    def forward(self, inputs):
        if len(inputs) > self.most:
            torch.empty(len(inputs), 10**13)
        return super().forward(inputs)


class Wide(Net):
    '''Takes 4 MiB for each sample.'''

    def forward(self, inputs):
        return super().forward(inputs) + 0 * inputs[:, :1].repeat(1, 1 << 20).mean(1, keepdim=True)
"""

AUTO = {"loader": {"batch_size": "auto"}, "dataset": {"use": "./parts.py:Splits", "samples": 600}}


@pytest.fixture(autouse=True)
def models(forked_ranks: None, tmp_path: Path) -> None:
    (tmp_path / "hungry.py").write_text(HUNGRY)


def hungry(most: int) -> dict[str, Any]:
    return {**AUTO, "model": {"use": "./hungry.py:Hungry", "most": most}}


def test_what_fits_is_kept_with_the_run_and_taken_by_a_resume(
    recipe: Any, tmp_path: Path, monkeypatch: Any, capsys: Any, agree: Any
) -> None:
    monkeypatch.setenv("ENDS", "batch:1:raise")
    with pytest.raises(RunFailed) as caught:
        run(recipe(**hungry(16)))
    folder = RunFolder(caught.value.folder)
    said = "loader.batch_size: auto is 16 (the largest power of two that fits in memory)\n"
    assert said in capsys.readouterr().out
    assert "batch_size: 16" in folder.recipe_yaml.read_text()
    assert "# auto, the largest power of two that fits in memory" in folder.recipe_yaml.read_text()
    monkeypatch.delenv("ENDS")
    resumed = resume(folder.id, allow_code=True)
    assert "trying out" not in capsys.readouterr().out
    # As if 16 had been written: nothing was drawn and no weight was touched.
    written = run(recipe(**{**hungry(16), "loader": {"batch_size": 16}}), root=tmp_path / "written")
    assert resumed.metrics == written.metrics
    assert agree(folder.checkpoints / "epoch-0004.ckpt", written.folder / "checkpoints" / "epoch-0004.ckpt")


def test_an_epoch_keeps_some_steps(recipe: Any, capsys: Any) -> None:
    done = run(recipe("trainer.max_epochs=1", **AUTO))
    assert "auto is 64 (the largest power of two with 8 steps in an epoch)" in capsys.readouterr().out
    assert "batch_size: 64" in RunFolder(done.folder).recipe_yaml.read_text()


MEASURED = """
import sys
from toolkit.engine.memory import peak_memory
from toolkit.runs import fits

room = int(sys.argv[3])
fits.available_memory = lambda: int((peak_memory() + room) / fits.CPU_PART)
before = peak_memory()
code = fits.main(sys.argv[1], sys.argv[2])
assert peak_memory() < before + 2 * room
sys.exit(code)
"""


def test_what_a_batch_takes_on_a_cpu_is_measured(recipe_file: Any, tmp_path: Path) -> None:
    dataset = {"use": "./parts.py:Splits", "samples": 4096}
    path = recipe_file({**AUTO, "dataset": dataset, "model": {"use": "./hungry.py:Wide"}})
    asked = fits.question_of(load(str(path), allow_code=True), index=0, processes=1, sharing=1)
    # In a process of its own, as in a run: what earlier tests have held and given back would be taken first.
    words = [json.dumps(dataclasses.asdict(asked)), str(tmp_path / "answer"), str(400 << 20)]
    subprocess.run([sys.executable, "-c", MEASURED, *words], check=True)
    answer = json.loads((tmp_path / "answer").read_text())
    assert answer["reason"] == "the largest power of two that fits in memory"
    # 4 MiB a sample, kept once or twice.
    assert answer["size"] in (16, 32, 64)


def test_what_cannot_be_tried_says_why(recipe: Any, runs: Path) -> None:
    with pytest.raises(RequestError, match="not even a single sample fits in memory"):
        run(recipe(**hungry(0)))
    with pytest.raises(RunError, match=r"batch_size: auto: a step with 2 samples failed: .*raised ValueError: the net"):
        run(recipe(**AUTO, model={"use": "./parts.py:Broken"}))
    assert not runs.exists()


def test_of_several_processes_the_smallest_counts(recipe: Any) -> None:
    ranks = ranks_here(2)
    found: dict[str, Any] = {}

    def rank_1() -> None:
        meeting = Meeting(ranks[1])
        _, found["asked"] = meeting.events.get(timeout=60)
        meeting.tell(fits={"size": 8, "reason": "of a smaller device"})
        assert meeting.events.get(timeout=300) == (0, None)
        meeting.close()

    other = threading.Thread(target=rank_1)
    other.start()
    meeting = Meeting(ranks[0])
    sized = with_batch_size(recipe(**hungry(16)), ranks[0], meeting)
    meeting.close()
    other.join(60)
    assert sized.get("loader", "batch_size") == 8
    assert str(sized.place("loader", "batch_size")) == "auto, of a smaller device"
    # On a CPU one process of each machine tries; it knows that two share the memory.
    (question,) = found["asked"]["fits"]
    assert (question["processes"], question["sharing"], question["index"]) == (2, 2, 0)


def test_a_run_without_enough_memory_says_what_to_set(recipe: Any) -> None:
    with pytest.raises(RunFailed) as caught:
        run(recipe(**{**hungry(8), "loader": {"batch_size": 16}}))
    assert caught.value.reason == (
        "out of memory: the run asked for 582.08 TiB of the machine's memory, with loader.batch_size=16, "
        "trainer.precision=32-true; set a smaller loader.batch_size (or auto), and trainer.accumulate_grad_batches to "
        "make up for it, or trainer.precision=bf16-mixed"
    )
