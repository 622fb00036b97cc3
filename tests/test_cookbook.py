"""Every recipe of docs/cookbook.md: its files are written, its commands carried out, its claims looked at."""

from __future__ import annotations

import csv
import json
import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from toolkit.cli import main
from toolkit.engine.checkpoints import list_saved

PAGE = (Path(__file__).parent.parent / "docs" / "cookbook.md").read_text(encoding="utf-8")
INTRODUCTION, *SECTIONS = re.split(r"(?m)^## ", PAGE)
TITLED = {section.partition("\n")[0]: section for section in SECTIONS}


@dataclass(frozen=True)
class Done:
    """What the commands of a recipe left."""

    folder: Path
    printed: str

    @property
    def runs(self) -> list[Path]:
        """In the order they were started: by their names those of one second have none."""
        records = self.folder.glob("runs/*/*/run.json")
        return [path.parent for path in sorted(records, key=lambda path: json.loads(path.read_text())["started"])]

    def record(self, run: int = -1) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.runs[run] / "run.json").read_text())
        return content

    def column(self, name: str, run: int = -1) -> list[float]:
        with (self.runs[run] / "metrics.csv").open(newline="") as file:
            return [float(row[name]) for row in csv.DictReader(file) if row.get(name)]

    def weights(self, run: int = -1) -> dict[str, torch.Tensor]:
        *_, last = list_saved(self.runs[run] / "checkpoints")
        state: dict[str, torch.Tensor] = torch.load(last.path, weights_only=True)["state_dict"]
        return state


def carried_out(
    section: str, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Done:
    """Writes the files that a section shows, and carries out its commands in their folder."""
    monkeypatch.chdir(folder)
    for text, name in re.findall(r"(?ms)^```\w+\n(# ([\w.]+\.\w+)(?:: [^\n]*)?\n.*?)^```", INTRODUCTION + section):
        (folder / name).write_text(text)
    commands = [
        shlex.split(line) for block in re.findall(r"(?ms)^```sh\n(.*?)^```", section) for line in block.splitlines()
    ]
    assert commands
    printed = ""
    for program, *arguments in commands:
        if program == "toolkit":
            code = main(arguments)
            out, err = capsys.readouterr()
            assert code == 0, out + err
            printed += out
        elif program == "python":
            runpy.run_path(arguments[0], run_name="__main__")
        elif program == "rm":
            (folder / arguments[0]).unlink()
        else:
            assert [program, *arguments] == ["pip", "install", "."]
            install(folder, folder / "site")
            monkeypatch.syspath_prepend(folder / "site")
    return Done(folder, printed)


def install(project: Path, site: Path) -> None:
    """``pip install .`` into a folder of its own, from what is on this machine."""
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", str(site)]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, str(project)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def extends(done: Done) -> None:
    assert done.record()["optimizers"][0]["class"] == "torch.optim.adamw.AdamW"
    assert "  0.001   wider.yaml:4:29\n  0.1     base.yaml:7:27\n" in done.printed
    assert {"test/accuracy", "test/f1_score"} <= set(done.record()["metrics"])


def pretrained(done: Done) -> None:
    assert not (done.folder / "backbone.pt").exists()
    record = done.record()
    assert record["optimizers"][0]["groups"][0]["parameters"] == 10 * 16 * 4 * 4 + 10, "the head alone is trained"


def parts(done: Done) -> None:
    first, second = (set(done.weights(run)) for run in (0, 1))
    assert "model.body.0.weight" in first
    assert second == {"model.head.weight", "model.head.bias"} | {
        name for name in second if not name.startswith("model.")
    }


def loss(done: Done) -> None:
    assert done.record()["metrics"]["test/accuracy"] > 0.5
    assert "num_classes: 10" in (done.runs[0] / "recipe.yaml").read_text().partition("loss:")[2]


def unequal(done: Done) -> None:
    assert done.record()["metrics"]["test/accuracy"] > 0.8


def stream(done: Done) -> None:
    resumed, whole = done.weights(0), done.weights(1)
    assert len(done.runs) == 2
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)
    assert done.column("val/loss", 0) == done.column("val/loss", 1)[-len(done.column("val/loss", 0)) :]
    assert not any("beginning" in note for note in done.record(0)["notes"])


def transform(done: Done) -> None:
    shift = runpy.run_path(str(done.folder / "shift.py"))["RandomShift"](1)
    torch.manual_seed(0)
    images = torch.arange(200 * 9).view(200, 1, 3, 3)
    moved, targets = shift((images, "targets"))
    assert (moved.shape, moved.dtype, targets) == (images.shape, images.dtype, "targets")
    centres = {int(image[0, 1, 1] - 9 * number) for number, image in enumerate(moved)}
    assert centres == set(range(9)), "every shift, each of the sample's own pixels"
    assert done.record()["metrics"]["test/accuracy"] > 0.3


def mapping(done: Done) -> None:
    record = done.record()
    assert {"val/recall/worst", "val/recall/mean", "test/recall/mean"} <= set(record["metrics"])
    assert record["expect"]["test/recall/mean"]["met"]


def task(done: Done) -> None:
    assert {"train/consistency", "val/accuracy", "test/loss"} <= set(done.record()["metrics"])
    assert done.record()["loop"]["path"] == "fast"


def optimizer(done: Done) -> None:
    groups = done.record()["optimizers"][0]["groups"]
    assert {group["name"]: group["weight_decay"] for group in groups} == {"rest": 0.1, "*.bias, no decay": 0.0}
    assert done.record()["metrics"]["test/accuracy"] > 0.5


def scheduler(done: Done) -> None:
    (name,) = (
        column for column in (done.runs[0] / "metrics.csv").read_text().splitlines()[0].split(",") if "lr" in column
    )
    rates = done.column(name)
    steps = 2 * 17
    assert rates[0] < rates[5] < max(rates) == pytest.approx(0.1)
    assert rates[-1] == pytest.approx(0.1 * (1 / steps) / 0.3)


def callback(done: Done) -> None:
    values = done.column("smoothed/loss")
    assert len(values) == 4
    assert done.record()["loop"]["path"] == "fast"
    assert values[2] > 0.8 * values[1], "a new average would begin with the last loss"


def logger(done: Done) -> None:
    lines = [json.loads(line) for line in (done.runs[0] / "metrics.jsonl").read_text().splitlines()]
    assert len({(line["step"], *sorted(line)) for line in lines}) == len(lines), "nothing was logged twice"
    assert {line["run"] for line in lines} == {done.record()["id"]}
    assert sum("val/accuracy" in line for line in lines) == 3
    assert "To see what was logged: cat " in done.printed


def predictions(done: Done) -> None:
    rows = [json.loads(line) for line in (done.folder / "found.jsonl").read_text().splitlines()]
    assert [row["input"] for row in rows] == [f"points.txt:{line}" for line in (2, 3, 4)]
    assert [row["prediction"] for row in rows] == ["upper right", "upper left", "lower left"]


def hook(done: Done) -> None:
    (line,) = (done.folder / "ledger.tsv").read_text().splitlines()
    assert line.split("\t") == [done.record()["id"], "base", str(done.record()["metrics"]["test/accuracy"])]


CLAIMS: dict[str, Callable[[Done], None]] = {
    "A recipe that extends another": extends,
    "A model with a pretrained part": pretrained,
    "A part chosen in the recipe": parts,
    "A loss that needs a fact": loss,
    "A dataset with `collate` and samples of unequal length": unequal,
    "A stream that is resumed exactly": stream,
    "A transform of whole batches": transform,
    "A metric that returns a mapping": mapping,
    "A task with two losses": task,
    "An optimizer with parameter groups": optimizer,
    "A scheduler that knows how long the run is": scheduler,
    "A callback that leaves the steps alone": callback,
    "A logger": logger,
    "Predictions from files of your own": predictions,
    "A hook": hook,
}


def test_every_recipe_of_the_page_is_tried() -> None:
    assert list(TITLED) == list(CLAIMS)
    assert len(CLAIMS) >= 12


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("title", CLAIMS)
def test_a_recipe_does_what_the_page_says(
    title: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    CLAIMS[title](carried_out(TITLED[title], tmp_path, capsys, monkeypatch))
