"""``toolkit schema``, the line that ``toolkit cp`` writes, and the cache that both read signatures from."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from jsonschema import Draft7Validator

pytestmark = pytest.mark.usefixtures("signatures")

RECIPE = {"task": "classification", "dataset": "digits", "trainer": {"max_epochs": 1}}


@pytest.fixture
def schema(toolkit):
    def schema() -> Draft7Validator:
        answer = toolkit("schema")
        assert answer.code == 0
        return Draft7Validator(json.loads(answer.out))

    return schema


def test_the_schema_is_printed_or_written(acme, toolkit, tmp_path):
    printed = toolkit("schema")
    assert printed.code == 0
    assert json.loads(printed.out)["$schema"] == "http://json-schema.org/draft-07/schema#"
    written = toolkit("schema", "--write")
    assert (written.code, written.out, written.err) == (
        0,
        ".toolkit/recipe.schema.json\n",
        "The first line of a recipe beside it: # yaml-language-server: $schema=.toolkit/recipe.schema.json\n",
    )
    folder = tmp_path / "here" / ".toolkit"
    assert (folder / "recipe.schema.json").read_text() == printed.out
    assert (folder / ".gitignore").read_text() == "*\n"


def test_a_plugin_is_in_it_with_types_defaults_and_documentation(acme, schema):
    validator = schema()
    net = validator.schema["definitions"]["model:acme-nets:acme_net"]
    assert net["properties"]["use"]["description"].startswith("A small net.")
    assert net["properties"]["width"]["description"] == "channels of every layer. (a whole number; default 8)"
    assert net["properties"]["width"]["default"] == 8
    for name in ("acme_net", "acme-nets/acme_net"):
        assert validator.is_valid({**RECIPE, "model": {"use": name, "width": 4, "shape": [2, 2], "act": "relu"}})
        assert not validator.is_valid({**RECIPE, "model": {"use": name, "widht": 4}})
        assert not validator.is_valid({**RECIPE, "model": {"use": name, "shape": [2]}})


def test_a_name_that_the_core_has_too_means_the_core_s(acme, schema):
    names = schema().schema["definitions"]["use:loss"]["anyOf"][0]["enum"]
    assert {"mse", "toolkit-core/mse", "acme-nets/mse"} <= set(names)
    assert names.count("mse") == 1


def test_what_cannot_be_imported_is_told_once_and_left_open(acme, toolkit, schema):
    told = toolkit("schema").err
    assert told == (
        "Reading the arguments of acme-nets: some seconds, this once.\n"
        "acme-nets: acme_wave could not be imported (ModuleNotFoundError: No module named 'acme_nets.absent'); "
        "the schema leaves the arguments open. `toolkit plugins --import` tells more.\n"
    )
    again = toolkit("schema")
    assert (again.code, again.err) == (0, "")
    validator = schema()
    assert validator.is_valid({**RECIPE, "scheduler": {"use": "acme_wave", "anything": 3}})
    assert not validator.is_valid({**RECIPE, "scheduler": {"use": "acme_wav", "anything": 3}})


def test_a_plugin_that_ends_the_process_keeps_the_others_in(install, acme, toolkit, schema):
    install(
        "deadly",
        {"models": {"deadly": "deadly:Net", "deadly_too": "deadly:Other", "alive": "alive:Net"}},
        {
            "deadly.py": "import os\nos._exit(3)\n",
            "alive.py": "class Net:\n    def __init__(self, width: int = 3): ...\n",
        },
    )
    told = toolkit("schema").err
    assert "deadly: deadly, deadly_too could not be imported (the Python process ended itself with status 3)" in told
    validator = schema()
    assert validator.is_valid({**RECIPE, "model": {"use": "deadly", "anything": 3}})
    assert not validator.is_valid({**RECIPE, "model": {"use": "alive", "anything": 3}})
    assert not validator.is_valid({**RECIPE, "model": {"use": "acme_net", "anything": 3}})


def test_another_text_of_a_source_is_read_again(acme, toolkit, schema, site):
    assert not schema().is_valid({**RECIPE, "model": {"use": "acme_net", "depth": 3}})
    assert toolkit("schema").err == ""
    file = site / "acme_nets" / "__init__.py"
    file.write_text(file.read_text().replace("width: int = 8", "width: int = 8, depth: int = 3"))
    told = toolkit("schema")
    assert told.err.startswith("Reading the arguments of acme-nets: ")
    assert Draft7Validator(json.loads(told.out)).is_valid({**RECIPE, "model": {"use": "acme_net", "depth": 3}})


def test_an_installed_plugin_is_known_by_its_version(acme, toolkit, schema, site):
    """What an installer copied is not looked at file by file: another version, or a new record, is read again."""
    metadata = site / "acme_nets-1.0.dist-info"
    (metadata / "RECORD").write_text("acme_nets/__init__.py,,\n")
    assert toolkit("schema").err.startswith("Reading the arguments of acme-nets: ")
    (site / "acme_nets" / "__init__.py").touch()
    assert toolkit("schema").err == ""
    metadata.rename(site / "acme_nets-1.1.dist-info")
    assert toolkit("schema").err.startswith("Reading the arguments of acme-nets: ")
    (site / "acme_nets-1.1.dist-info" / "RECORD").write_text("acme_nets/__init__.py,sha256=x,\n")
    assert toolkit("schema").err.startswith("Reading the arguments of acme-nets: ")


def test_another_version_of_what_a_plugin_asks_for_is_read_again(install, toolkit, site):
    install("uses", {"models": {"uses_net": "uses:Net"}}, {"uses.py": "class Net: ...\n"}, requires="Some_Base>=1")
    (site / "some_base-1.0.dist-info").mkdir()
    (site / "unrelated-1.0.dist-info").mkdir()
    assert toolkit("schema").err.startswith("Reading the arguments of uses: ")
    (site / "unrelated-1.0.dist-info").rename(site / "unrelated-1.1.dist-info")
    assert toolkit("schema").err == ""
    (site / "some_base-1.0.dist-info").rename(site / "some_base-1.1.dist-info")
    assert toolkit("schema").err.startswith("Reading the arguments of uses: ")


def test_what_was_broken_is_tried_again_once_another_package_is_there(install, toolkit, site):
    source = "import lately\n\nclass Net:\n    def __init__(self, width: int = 3): ...\n"
    install("hopeful", {"models": {"hopeful_net": "hopeful:Net"}}, {"hopeful.py": source})
    assert "No module named 'lately'" in toolkit("schema").err
    (site / "lately.py").write_text("")
    (site / "lately-1.0.dist-info").mkdir()
    told = toolkit("schema")
    assert told.err == "Reading the arguments of hopeful: some seconds, this once.\n"
    assert not Draft7Validator(json.loads(told.out)).is_valid({**RECIPE, "model": {"use": "hopeful_net", "w": 3}})


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data.replace(b"channels", b"chappels"),
        lambda data: b"\x00" * len(data),
    ],
    ids=["half", "changed", "zeros"],
)
def test_a_damaged_file_is_as_good_as_none(acme, toolkit, signatures, damage):
    expected = toolkit("schema").out
    (file,) = (signatures / "signatures").glob("acme-nets-*.json")
    file.write_bytes(damage(file.read_bytes()))
    told = toolkit("schema")
    assert told.err.startswith("Reading the arguments of acme-nets: ")
    assert told.out == expected
    assert toolkit("schema").err == ""


def test_several_processes_may_read_and_write_at_once(acme, tmp_path):
    script = "import sys; sys.path.insert(0, sys.argv[1]); from toolkit.cli import main; sys.exit(main(['schema']))"
    command = [sys.executable, "-c", script, str(tmp_path / "site")]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(3)]
    answers = [process.communicate() for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], answers
    assert len({out for out, _ in answers}) == 1
    # In a process like theirs: setuptools, once a test has imported it here, has put packages of its own on the path.
    later = subprocess.run(command, capture_output=True)
    assert (later.stdout, later.stderr) == (answers[0][0], b"")


def test_old_files_do_not_pile_up(acme, toolkit, signatures, site, monkeypatch):
    monkeypatch.setattr("toolkit.schema.stored.KEPT", 2)
    file = site / "acme_nets" / "__init__.py"
    for number in range(3):
        file.write_text(file.read_text() + f"# {number}\n")
        assert toolkit("schema").err.startswith("Reading the arguments of acme-nets: ")
    assert len(list((signatures / "signatures").glob("acme-nets-*.json"))) == 2
    assert toolkit("schema").err == ""


def test_where_the_cache_cannot_be_written_it_says_so(acme, toolkit, signatures):
    toolkit("schema")
    (file,) = (signatures / "signatures").glob("acme-nets-*.json")
    file.unlink()
    file.mkdir()
    answer = toolkit("schema")
    assert answer.code == 0
    assert "What was read could not be kept for the next time: " in answer.err


def test_a_copy_leads_an_editor_to_the_schema(acme, toolkit, tmp_path):
    toolkit("schema")
    here = tmp_path / "here"
    (here / "deep" / "er").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    assert toolkit("cp", "acme/child").code == 0
    assert toolkit("cp", "acme/child", "deep/er/").code == 0
    assert toolkit("cp", "acme/child", str(tmp_path / "elsewhere")).code == 0
    for file, schema in (
        (here / "child.yaml", ".toolkit/recipe.schema.json"),
        (here / "deep" / "er" / "child.yaml", "../../.toolkit/recipe.schema.json"),
        (tmp_path / "elsewhere" / "child.yaml", ".toolkit/recipe.schema.json"),
    ):
        assert file.read_text().splitlines()[0] == f"# yaml-language-server: $schema={schema}"
        assert (file.parent / schema).is_file()


def test_the_line_is_no_part_of_what_the_recipe_says_of_itself(acme, toolkit):
    toolkit("cp", "acme/child")
    told = json.loads(toolkit("show", "./child.yaml", "--json").out)
    assert told["title"] == "A child of the base."


def test_a_copy_of_a_copy_has_one_line(acme, toolkit, tmp_path):
    toolkit("cp", "acme/child")
    (tmp_path / "here" / "deep").mkdir()
    toolkit("cp", "./child.yaml", "deep/child.yaml")
    lines = (tmp_path / "here" / "deep" / "child.yaml").read_text().splitlines()
    assert lines[:2] == ["# yaml-language-server: $schema=../.toolkit/recipe.schema.json", "# A child of the base."]


def test_a_copy_is_made_where_the_schema_cannot_be(acme, toolkit, tmp_path):
    here = tmp_path / "here"
    (here / ".toolkit").write_text("mine\n")
    answer = toolkit("cp", "acme/child")
    assert (answer.code, answer.out) == (0, "child.yaml\n")
    assert "No schema for editors: .toolkit/recipe.schema.json cannot be written: " in answer.err
    assert (here / ".toolkit").read_text() == "mine\n"


def test_a_plugin_for_another_toolkit_is_not_offered(install, schema):
    install("old", {"models": {"old_net": "old:Net"}}, {"old.py": "raise AssertionError"}, requires="toolkit-core>=99")
    validator = schema()
    assert not validator.is_valid({**RECIPE, "model": "old_net"})


def test_nothing_is_imported_here(acme, tmp_path):
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from toolkit.cli import main\n"
        "code = main(['schema'])\n"
        "heavy = {'torch', 'pytorch_lightning', 'pydantic', 'acme_nets'} & set(sys.modules)\n"
        "print(code, sorted(heavy), file=sys.stderr)"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "site")]
    first, again = (subprocess.run(command, capture_output=True, text=True, cwd=tmp_path) for _ in range(2))
    assert first.stderr.endswith("tells more.\n0 []\n")
    assert again.stderr == "0 []\n"
