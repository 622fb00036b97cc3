"""Commands that only look import nothing heavy, in a real process, whatever lies around."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

HEAVY = (
    "torch",
    "torchvision",
    "torchmetrics",
    "pytorch_lightning",
    "wandb",
    "matplotlib",
    "pydantic",
    "toolkit_vision",
)

LOOKING = (
    ["--help"],
    ["run", "--help"],
    ["ls"],
    ["ls", "models", "--json"],
    ["show", "vision/digits", "optimizer.lr=0.2"],
    ["show", "vision/digits", "--why", "optimizer.lr"],
    ["cp", "vision/digits"],
    ["schema"],
    ["new", "light-nets"],
    ["plugins"],
    ["runs"],
)

SCRIPT = f"""
import sys
from toolkit.cli import main
for words in {LOOKING!r}:
    code = main(words)
    heavy = sorted({HEAVY!r} & {{name.partition(".")[0] for name in sys.modules}})
    print(code, heavy, words, file=sys.stderr)
""".replace(f"{HEAVY!r} &", f"set({HEAVY!r}) &")


@pytest.mark.usefixtures("signatures")
def test_looking_imports_nothing_heavy(tmp_path):
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, cwd=tmp_path)
    told = [line for line in done.stderr.splitlines() if line.startswith("0 ")]
    assert told == [f"0 [] {words}" for words in LOOKING]


REFUSED = """
import sys
from toolkit.cli import main
codes = [main(["resume", "last", "model.width=3"]), main(["resume", "last"]), main(["test", "last", "optimizer.lr=1"])]
print(codes, "torch" in sys.modules)
"""


def test_what_no_resume_and_no_test_can_change_is_refused_before_torch_is_imported(tmp_path):
    folder = tmp_path / "runs" / "small" / "20260101-100000-aaaa"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"status": "finished"}))
    environment = {name: value for name, value in os.environ.items() if name != "TOOLKIT_RUNS"}
    done = subprocess.run(
        [sys.executable, "-c", REFUSED], capture_output=True, text=True, cwd=tmp_path, env=environment
    )
    assert done.stdout == "[2, 2, 2] False\n"
    changes, finished, tests = done.stderr.splitlines()
    assert changes.startswith("'model.width=3': a resume can change trainer.max_*, trainer.devices, loggers only.")
    assert finished.startswith("run 20260101-100000-aaaa is finished. To train it longer: ")
    assert tests.startswith("'optimizer.lr=1': a test can change dataset, ")


def test_python_m_toolkit_is_the_command(tmp_path):
    command = [sys.executable, "-m", "toolkit", "ls", "tasks", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert {told["name"] for told in json.loads(done.stdout)["components"]} >= {"classification", "regression"}
