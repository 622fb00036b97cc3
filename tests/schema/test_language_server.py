"""The schema at work in the YAML language server, which is what editors run: completion, hover, and what it underlines.

The server is installed from npm into pytest's folder of caches, once, and spoken to as an editor does: LSP over stdio.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (shutil.which("node") and shutil.which("npm")), reason="node and npm are not installed"),
]

VERSION = "1.25.0"
PATIENCE_S = 60
"""The longest wait for one answer of the server."""


class Editor:
    """What an editor says to the server and hears from it."""

    def __init__(self, server: Path, folder: Path) -> None:
        self.process = subprocess.Popen(
            ["node", str(server), "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder
        )
        self.heard: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.underlined: dict[str, list[dict[str, Any]]] = {}
        self.asked = 0
        threading.Thread(target=self._listen, daemon=True).start()
        self.ask("initialize", {"processId": None, "rootUri": folder.as_uri(), "capabilities": CAPABILITIES})
        self.tell("initialized", {})

    def _listen(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        while header := stream.readline():
            length = int(header.partition(b":")[2])
            while stream.readline().strip():
                pass
            self.heard.put(json.loads(stream.read(length)))

    def _send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def tell(self, method: str, params: dict[str, Any]) -> None:
        self._send({"method": method, "params": params})

    def ask(self, method: str, params: dict[str, Any]) -> Any:
        self.asked += 1
        self._send({"id": self.asked, "method": method, "params": params})
        while True:
            message = self._hear()
            if message.get("id") == self.asked and "method" not in message:
                assert "error" not in message, message
                return message["result"]

    def _hear(self) -> dict[str, Any]:
        """The next message; what the server asks is answered, and what it underlines is remembered."""
        message = self.heard.get(timeout=PATIENCE_S)
        if message.get("method") == "textDocument/publishDiagnostics":
            self.underlined[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif message.get("method") == "workspace/configuration":
            settings = [SETTINGS if item.get("section") == "yaml" else {} for item in message["params"]["items"]]
            self._send({"id": message["id"], "result": settings})
        elif "id" in message and "method" in message:
            self._send({"id": message["id"], "result": None})
        return message

    def open(self, file: Path) -> str:
        document = {"uri": file.as_uri(), "languageId": "yaml", "version": 1, "text": file.read_text()}
        self.tell("textDocument/didOpen", {"textDocument": document})
        return file.as_uri()

    def underlined_in(self, file: Path) -> list[dict[str, Any]]:
        uri = self.open(file)
        while uri not in self.underlined:
            self._hear()
        return self.underlined[uri]

    def at(self, method: str, file: Path, line: int, column: int) -> Any:
        place = {"textDocument": {"uri": self.open(file)}, "position": {"line": line, "character": column}}
        return self.ask(f"textDocument/{method}", place)

    def close(self) -> None:
        self.ask("shutdown", {})
        self.tell("exit", {})
        self.process.wait(timeout=PATIENCE_S)


SETTINGS = {"validate": True, "hover": True, "completion": True, "schemaStore": {"enable": False}}
CAPABILITIES = {
    "textDocument": {
        "completion": {"completionItem": {"snippetSupport": True, "documentationFormat": ["markdown"]}},
        "hover": {"contentFormat": ["markdown"]},
    },
    "workspace": {"configuration": True},
}


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Path:
    """The installed server's program."""
    folder = Path(request.config.cache.mkdir(f"yaml-language-server-{VERSION}"))
    program = folder / "node_modules" / "yaml-language-server" / "bin" / "yaml-language-server"
    if not program.is_file():
        command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder)]
        done = subprocess.run([*command, f"yaml-language-server@{VERSION}"], capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip(f"npm cannot install the server: {done.stderr.splitlines()[-1:]}")
    return program


PLUGIN = '''
class Net:
    """A net of squares.

    Args:
        num_classes: width of the output.
        squares: how many squares there are.
        norm: what is normalised.
    """

    def __init__(self, num_classes: int, squares: int = 8, norm: Literal["batch", "layer"] = "batch"): ...
'''


@pytest.fixture(scope="module")
def folder(
    tmp_path_factory: pytest.TempPathFactory, signature_cache: Path, install_plugin: Callable[..., Path]
) -> Path:
    """A project's folder with a plugin installed for it, a copied recipe and the schema that `toolkit cp` wrote."""
    site = tmp_path_factory.mktemp("site")
    offers = {"models": {"square_net": "acme_squares:Net"}}
    install_plugin(site, "acme-squares", offers, {"acme_squares.py": f"from typing import Literal\n{PLUGIN}"})
    here = tmp_path_factory.mktemp("here")
    script = "import sys; from toolkit.cli import main; sys.exit(main(['cp', 'vision/digits']))"
    cache = shutil.copytree(signature_cache, site / "cache")
    environment = {**os.environ, "PYTHONPATH": str(site), "TOOLKIT_CACHE": str(cache)}
    done = subprocess.run([sys.executable, "-c", script], cwd=here, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return here


@pytest.fixture(scope="module")
def editor(server: Path, folder: Path) -> Iterator[Editor]:
    editor = Editor(server, folder)
    yield editor
    editor.close()


Recipe = Callable[[str], tuple[Path, int, int]]


@pytest.fixture
def recipe(folder: Path, request: pytest.FixtureRequest) -> Recipe:
    """A recipe behind the line of the copy: its file, and line and column (from 0) of ``|``, where the cursor is."""
    line = (folder / "digits.yaml").read_text().splitlines()[0]
    assert line == "# yaml-language-server: $schema=.toolkit/recipe.schema.json"

    def write(text: str) -> tuple[Path, int, int]:
        file = folder / f"{request.node.name.partition('[')[0]}-{len(list(folder.iterdir()))}.yaml"
        before = f"{line}\n{text}".partition("|")[0]
        file.write_text(f"{line}\n{text}".replace("|", "", 1))
        return file, before.count("\n"), len(before) - before.rfind("\n") - 1

    return write


def labels(completion: Any) -> dict[str, Any]:
    """What is offered, by label."""
    items = completion["items"] if isinstance(completion, dict) else completion
    return {item["label"]: item for item in items}


def test_the_copied_recipe_has_nothing_underlined(editor: Editor, folder: Path) -> None:
    assert editor.underlined_in(folder / "digits.yaml") == []


def test_arguments_of_a_plugin_are_completed(editor: Editor, recipe: Recipe) -> None:
    offered = labels(editor.at("completion", *recipe("model:\n  use: square_net\n  |\n")))
    assert {"squares", "norm", "num_classes", "freeze"} <= set(offered)
    assert "width" not in offered
    assert "how many squares there are." in str(offered["squares"]["documentation"])


def test_names_of_components_are_completed(editor: Editor, recipe: Recipe) -> None:
    offered = labels(editor.at("completion", *recipe("model: |\n")))
    assert {"square_net", "acme-squares/square_net", "small_cnn"} <= set(offered)
    offered = labels(editor.at("completion", *recipe("model:\n  use: |\n")))
    assert {"square_net", "acme-squares/square_net", "small_cnn"} <= set(offered)
    assert "accuracy" in labels(editor.at("completion", *recipe("metrics:\n  |\n")))


def test_values_are_completed(editor: Editor, recipe: Recipe) -> None:
    offered = labels(editor.at("completion", *recipe("model:\n  use: square_net\n  norm: |\n")))
    assert {"batch", "layer"} <= set(offered)
    assert "vision/digits" in labels(editor.at("completion", *recipe("extends: |\n")))
    assert "max_epochs" in labels(editor.at("completion", *recipe("trainer:\n  |\n")))


def test_documentation_is_shown(editor: Editor, recipe: Recipe) -> None:
    def shown(text: str) -> str:
        return str(editor.at("hover", *recipe(text))["contents"]["value"])

    assert "how many squares there are." in shown("model:\n  use: square_net\n  squa|res: 3\n")
    assert "A net of squares." in shown("model:\n  u|se: square_net\n")
    assert "momentum factor" in shown("optimizer: {use: sgd, mom|entum: 0.9}\n")
    assert "What is trained." in shown("mod|el: {use: square_net}\n")


@pytest.mark.parametrize(
    "text",
    [
        "model:\n  use: square_net\n  |squars: 3\n",
        "model:\n  use: square_net\n  squares: |many\n",
        "model:\n  use: square_net\n  norm: |group\n",
        "model:\n  use: |squar_net\n",
        "model: |squar_net\n",
        "optimizer: {use: sgd, lr: 0.1, |momentun: 0.9}\n",
        "metrics:\n  accuracy:\n    |topk: 3\n",
        "trainer: {|max_epoch: 3}\n",
        "|optimiser: sgd\n",
        "seed: |text\n",
    ],
)
def test_a_mistake_is_underlined_where_it_is(editor: Editor, recipe: Recipe, text: str) -> None:
    file, line, column = recipe(f"extends: vision/digits\n{text}")
    found = editor.underlined_in(file)
    assert [each["range"]["start"] for each in found] == [{"line": line, "character": column}]


ENDS = "trainer: {max_epochs: 1}\n"


def test_what_is_missing_is_told(editor: Editor, recipe: Recipe) -> None:
    file, *_ = recipe(f"task: classification\ndataset: image_folder|\n{ENDS}")
    (found,) = editor.underlined_in(file)
    assert found["range"]["start"] == {"line": 2, "character": 9}
    file, *_ = recipe(f"task: classification\ndataset: {{use: image_folder}}|\n{ENDS}")
    (found,) = editor.underlined_in(file)
    assert "root" in found["message"]
