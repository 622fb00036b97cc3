"""Commands that only look import nothing heavy, in a real process, whatever lies around."""

from __future__ import annotations

import json
import subprocess
import sys

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


def test_looking_imports_nothing_heavy(tmp_path):
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, cwd=tmp_path)
    told = [line for line in done.stderr.splitlines() if line.startswith("0 ")]
    assert told == [f"0 [] {words}" for words in LOOKING]


def test_python_m_toolkit_is_the_command(tmp_path):
    command = [sys.executable, "-m", "toolkit", "ls", "tasks", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert {told["name"] for told in json.loads(done.stdout)["components"]} >= {"classification", "regression"}
