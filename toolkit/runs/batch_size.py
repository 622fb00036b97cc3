"""What ``loader.batch_size: auto`` means for a run: the largest power of two that fits, found before it is built.

It is tried out in a process of its own on each device, so that neither weights nor random numbers of the run are
touched, and a process that the system kills for its memory is not this one. Imports Lightning.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from toolkit.engine.meeting import Meeting
from toolkit.engine.ranks import Ranks
from toolkit.engine.trainer import automatic_accelerator, processes
from toolkit.errors import EXIT_DONE, EXIT_REQUEST, RequestError, RunError
from toolkit.recipe import Recipe
from toolkit.recipe.replaced import replaced
from toolkit.runs.fits import CALL, Question, question_of

AUTO = "auto"
SHOWN_LINES = 40


def with_batch_size(recipe: Recipe, ranks: Ranks | None, meeting: Meeting | None) -> Recipe:
    """A recipe with the batch size that was found in the place of ``auto``; itself where it says another.

    Args:
        recipe: checked, and with as many devices as the run will have.
        ranks: the processes of a launcher, of which this one is rank 0.
        meeting: the connections with the others, each of which tries its own device.

    Raises:
        RequestError: not even one sample fits, or something of the recipe cannot be constructed.
        RunError: a component failed in the steps that were tried.
    """
    if recipe.get("loader", "batch_size") != AUTO:
        return recipe
    trainer = recipe.plain()["trainer"]
    print("loader.batch_size: auto: trying out what fits in memory", flush=True)
    here = ranks.local_world_size if ranks else processes(trainer)
    world = ranks.world_size if ranks else here
    accelerator = str(trainer.get("accelerator", AUTO))
    on_cpu = (automatic_accelerator() if accelerator == AUTO else accelerator) == "cpu"
    devices = trainer.get("devices")
    indices = [int(each) for each in devices] if isinstance(devices, list) else list(range(here))
    # On a CPU all processes of a machine would find the same.
    indices = indices[:1] if on_cpu else indices
    questions = [question_of(recipe, index=index, processes=world, sharing=here) for index in indices]
    if meeting is None:
        answers = ask(questions)
    else:
        meeting.gather()
        meeting.tell(fits=[dataclasses.asdict(each) for each in questions])
        answers = [*ask(questions[:1]), *_of_the_others(meeting)]
    least = min(answers, key=lambda each: int(each["size"]))
    size = int(least["size"])
    if size == 0:
        raise RequestError("loader.batch_size: not even a single sample fits in memory; take a smaller model")
    print(f"loader.batch_size: auto is {size} ({least['reason']})", flush=True)
    return replaced(recipe, ("loader", "batch_size"), size, f"auto, {least['reason']}")


def ask(questions: Sequence[Question]) -> list[Mapping[str, Any]]:
    """What processes answer that try devices at the same time.

    Raises:
        RequestError: the recipe is wrong.
        RunError: a component failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        asked = [_Asked(question, Path(folder), number) for number, question in enumerate(questions)]
        try:
            return [each.answer() for each in asked]
        finally:
            for each in asked:
                each.end()


def answer_rank_0(told: Mapping[str, Any], ranks: Ranks, allow_code: bool, meeting: Meeting) -> None:
    """As another process of a launcher, try the own device, and tell rank 0 what fits.

    Args:
        told: rank 0's message, with the questions to the processes of each machine.
        ranks: which process this is.
        allow_code: whether code named directly in the recipe may be run; rank 0 does not decide it.
        meeting: the connection with rank 0.
    """
    if ranks.local_rank >= len(told["fits"]):
        meeting.tell(fits={})
        return
    question = Question(**{**told["fits"][ranks.local_rank], "allow_code": allow_code})
    try:
        (answer,) = ask([question])
    except (RequestError, RunError) as error:
        answer = {"code": error.exit_code, "error": str(error)}
    meeting.tell(fits=dict(answer))


def _of_the_others(meeting: Meeting) -> list[Mapping[str, Any]]:
    """What the other processes of a launcher answer."""
    waiting, answers = set(range(1, meeting.ranks.world_size)), []
    while waiting:
        rank, message = meeting.events.get()
        if message is None:
            raise RunError(f"rank {rank} is gone, while it was tried out which batch size fits")
        if "fits" in message:
            waiting.discard(rank)
            answers.append(_checked(message["fits"]))
    return [answer for answer in answers if answer]


def _checked(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    if "error" in answer:
        raise (RequestError if answer["code"] == EXIT_REQUEST else RunError)(answer["error"])
    return answer


class _Asked:
    """A process that answers a question."""

    def __init__(self, question: Question, folder: Path, number: int) -> None:
        self._answer = folder / f"answer-{number}.json"
        self._errors = (folder / f"errors-{number}.txt").open("w+", encoding="utf-8")
        ours = ("TORCHELASTIC_", "MASTER_", "GROUP_", "ROLE_")
        alone = {"RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "NODE_RANK"}
        asked = json.dumps(dataclasses.asdict(question))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "toolkit.engine.worker", CALL, asked, str(self._answer)],
            env={name: text for name, text in os.environ.items() if not name.startswith(ours) and name not in alone},
            # Open for as long as this process lives, as `toolkit.engine.worker` wants it.
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            start_new_session=True,
        )

    def answer(self) -> Mapping[str, Any]:
        """What it answers, once it has ended."""
        code = self._process.wait()
        try:
            found: dict[str, Any] = json.loads(self._answer.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            found = {}
        # The system ends a process that takes too much memory; what fitted before that is known.
        if "error" in found or ("size" in found and code in (EXIT_DONE, -signal.SIGKILL)):
            return _checked(found)
        self._errors.seek(0)
        lines = "\n".join(self._errors.read().splitlines()[-SHOWN_LINES:])
        raise RuntimeError(f"the process that looks for loader.batch_size ended with {code}:\n{lines}")

    def end(self) -> None:
        """Ends it, if it has not."""
        self._process.kill()
        self._process.communicate()
        self._errors.close()
