"""What importing a component gives, and that every way to break an import is told as the plugin's."""

from __future__ import annotations

import pickle
import subprocess
import sys
import textwrap
import types

import pytest

from toolkit.registry import BrokenComponent, Component, Entry, Registry, load


def broken(entry: Entry) -> BrokenComponent:
    with pytest.raises(BrokenComponent) as caught:
        load(entry)
    error = caught.value
    assert error.entry == entry
    assert error.exit_code == 2
    assert isinstance(error.__cause__, BaseException)
    return error


def test_a_class_a_method_and_a_function_load(install, importable) -> None:
    source = "class Net:\n    @classmethod\n    def make(cls): ...\ndef net(): ...\n"
    offers = {"net": "acme_nets:Net", "make": "acme_nets:Net.make", "function": "acme_nets:net"}
    install("acme-nets", "1.0", {"toolkit.models": offers}, modules={"acme_nets.py": source})
    registry = Registry.scan()

    net = load(registry.find("model", "acme-nets/net"))

    assert net == Component(registry.find("model", "net"), sys.modules["acme_nets"].Net)
    assert load(registry.find("model", "make")).target == net.target.make
    assert load(registry.find("model", "function")).target() is None


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import flash_attn", "ModuleNotFoundError: No module named 'flash_attn'"),
        ("from os import nothing", "ImportError: cannot import name 'nothing' from 'os' ("),
        ("def Net(:", "SyntaxError: invalid syntax (big.py, line 1)"),
        ("raise RuntimeError('no\\n licence')", "RuntimeError: no licence"),
        ("raise RuntimeError", "RuntimeError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("import sys; sys.exit()", "SystemExit"),
        ("class Own(BaseException): ...\nraise Own('end')", "Own: end"),
        ("class Own(Exception):\n    def __str__(self): return 1 / 0\nraise Own", "Own"),
        ("raise ValueError('x' * 1000)", "ValueError: " + "x" * 297 + "..."),
        ("def Nett(): ...", "AttributeError: module 'acme_nets.big' has no attribute 'Net'. Did you mean 'Nett'?"),
        ("zebra = 1", "AttributeError: module 'acme_nets.big' has no attribute 'Net'"),
        ("def __getattr__(name): raise OSError(name)", "OSError: "),
    ],
)
def test_a_broken_module_is_told_as_the_plugins(install, importable, source, reason) -> None:
    modules = {"acme_nets/__init__.py": "", "acme_nets/big.py": source, "acme_nets/fine.py": "def net(): ..."}
    offers = {"net": "acme_nets.big:Net", "fine": "acme_nets.fine:net"}
    install("acme-nets", "1.0", {"toolkit.models": offers}, modules=modules)
    registry = Registry.scan()

    error = broken(registry.find("model", "net"))

    first, last = str(error).splitlines()
    assert first.startswith(f"model 'net' (acme-nets 1.0, acme_nets.big:Net) could not be imported: {reason}")
    assert last == "Only recipes that use it are affected."
    assert first.endswith(error.reason)
    assert load(registry.find("model", "fine")).target() is None


def test_the_message_is_the_designed_one(install, importable) -> None:
    modules = {"acme_nets/__init__.py": "", "acme_nets/big.py": "import flash_attn"}
    install("acme-nets", "1.0", {"toolkit.models": {"net": "acme_nets.big:Net"}}, modules=modules)

    error = broken(Registry.scan().find("model", "net"))

    assert str(error) == (
        "model 'net' (acme-nets 1.0, acme_nets.big:Net) could not be imported: "
        "ModuleNotFoundError: No module named 'flash_attn'\n"
        "Only recipes that use it are affected."
    )
    assert isinstance(error.__cause__, ModuleNotFoundError)


def test_a_plugin_whose_module_is_absent(install, importable) -> None:
    install("acme-nets", "1.0", {"toolkit.models": {"net": "acme_nets.big:Net"}})

    error = broken(Registry.scan().find("model", "net"))

    assert error.reason == "ModuleNotFoundError: No module named 'acme_nets'"


def test_an_interrupt_passes_through(install, importable) -> None:
    install(
        "acme-nets",
        "1.0",
        {"toolkit.models": {"net": "acme_nets:Net"}},
        modules={"acme_nets.py": "raise KeyboardInterrupt"},
    )

    with pytest.raises(KeyboardInterrupt):
        load(Registry.scan().find("model", "net"))


@pytest.mark.parametrize(
    ("version", "value", "reason"),
    [
        ("2.8.0+cpu", "torch.optim:Muon", "needs torch >= 2.9 (2.8.0+cpu is installed)"),
        ("2.8.0", "torch.optim:Later", "needs a newer torch than 2.8.0, which has no torch.optim:Later"),
        ("2.8.0", "torch.optim.later:X", "needs a newer torch than 2.8.0, which has no torch.optim.later:X"),
        ("2.14.1", "torch.optim:Muon", "needs a newer torch than 2.14.1, which has no torch.optim:Muon"),
        ("own build", "torch.optim:Muon", "needs a newer torch than own build, which has no torch.optim:Muon"),
    ],
)
def test_what_the_installed_torch_lacks_is_told_from_what_is_broken(monkeypatch, version, value, reason) -> None:
    torch, optim = types.ModuleType("torch"), types.ModuleType("torch.optim")
    torch.__version__ = version  # type: ignore[attr-defined]
    optim.__path__ = []
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch.optim", optim)

    error = broken(Entry("optimizer", "muon", value, "toolkit-core", "0.1.0"))

    assert (
        str(error) == f"optimizer 'muon' (toolkit-core 0.1.0, {value}) {reason}\nOnly recipes that use it are affected."
    )
    assert error.reason == reason


def test_a_torchmetric_may_also_lack_a_package(monkeypatch) -> None:
    metrics, video = types.ModuleType("torchmetrics"), types.ModuleType("torchmetrics.video")
    metrics.__version__ = "1.7.0"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torchmetrics", metrics)
    monkeypatch.setitem(sys.modules, "torchmetrics.video", video)

    assert broken(Entry("metric", "x", "torchmetrics.video:Later", "toolkit-core", "0.1.0")).reason == (
        "needs a newer torchmetrics than 1.7.0, which has no torchmetrics.video:Later, "
        "or a package that torchmetrics uses for it"
    )


def test_a_library_that_breaks_for_another_reason_is_not_called_old(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "torchmetrics", None)

    error = broken(Entry("metric", "accuracy", "torchmetrics:Accuracy", "toolkit-core", "0.1.0"))

    assert error.reason.startswith("ModuleNotFoundError: ")


def test_the_table_of_versions_names_built_ins_only() -> None:
    from toolkit.registry.newer import _SINCE

    assert set(_SINCE) <= {entry.value for entry in Registry.scan().entries() if entry.distribution == "toolkit-core"}


# Code named in a recipe.


def code(folder, use: str) -> Component:
    return load(Registry(()).find("model", use, allow_code=True, folder=folder))


def test_a_file_loads_once_and_can_be_pickled(tmp_path, importable) -> None:
    (tmp_path / "own_net.py").write_text("class Net: ...\nclass Loss: ...\n")

    net, loss = code(tmp_path, "./own_net.py:Net").target, code(tmp_path, "./own_net.py:Loss").target

    assert sys.modules[net.__module__] is sys.modules[loss.__module__]
    assert net.__module__ == "own_net"
    assert isinstance(pickle.loads(pickle.dumps(net())), net)


def test_a_file_may_import_its_neighbours(tmp_path, importable) -> None:
    (tmp_path / "own_net.py").write_text("from own_helpers import width\nclass Net: width = width\n")
    (tmp_path / "own_helpers.py").write_text("width = 7\n")

    assert code(tmp_path, "./own_net.py:Net").target.width == 7


def test_a_file_cannot_take_the_place_of_another_module(tmp_path, importable) -> None:
    (tmp_path / "json.py").write_text("class Net: ...\n")
    (tmp_path / "colorsys.py").write_text("class Net: ...\n")

    net, other = code(tmp_path, "./json.py:Net").target, code(tmp_path, "./colorsys.py:Net").target

    assert (net.__module__[:5], other.__module__[:9]) == ("json_", "colorsys_")
    assert code(tmp_path, "./json.py:Net").target is net
    assert isinstance(pickle.loads(pickle.dumps(net())), net)
    import colorsys
    import json

    assert not hasattr(json, "Net")
    assert not hasattr(colorsys, "Net")


def test_files_of_one_name_in_two_folders_stay_apart(tmp_path, importable) -> None:
    for width in (1, 2):
        (tmp_path / str(width)).mkdir()
        (tmp_path / str(width) / "own_net.py").write_text(f"class Net: width = {width}\n")

    assert [code(tmp_path / str(width), "./own_net.py:Net").target.width for width in (1, 2, 1, 2)] == [1, 2, 1, 2]


def test_a_file_name_that_no_import_could_name_loads(tmp_path, importable) -> None:
    (tmp_path / "my-net 2.0.py").write_text("class Net: ...\n")

    assert code(tmp_path, "./my-net 2.0.py:Net").target.__name__ == "Net"


@pytest.mark.parametrize(("name", "first"), [("own_net", "own_net"), ("json", "json")])
def test_a_broken_file_says_so_each_time_and_leaves_nothing_behind(tmp_path, importable, name, first) -> None:
    (tmp_path / f"{name}.py").write_text("import flash_attn\n")

    for _ in range(2):
        with pytest.raises(BrokenComponent) as caught:
            code(tmp_path, f"./{name}.py:Net")
        assert str(caught.value) == (
            f"model './{name}.py:Net' ({tmp_path}/{name}.py:Net) could not be imported: "
            "ModuleNotFoundError: No module named 'flash_attn'"
        )
    (tmp_path / f"{name}.py").write_text("class Net: mended = True\n")
    assert code(tmp_path, f"./{name}.py:Net").target.mended


def test_an_import_string_for_a_file_hints_at_its_right_form() -> None:
    with pytest.raises(BrokenComponent) as caught:
        code(None, "own_absent_net:Net")

    assert str(caught.value) == (
        "model 'own_absent_net:Net' (own_absent_net:Net) could not be imported: "
        "ModuleNotFoundError: No module named 'own_absent_net'\n"
        "A file beside the recipe is written ./own_absent_net.py:Net"
    )


def test_worker_processes_started_afresh_find_the_classes_of_a_file(tmp_path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "own_net.py").write_text("class Net: width = 7\n")
    program = tmp_path / "main.py"
    program.write_text(
        textwrap.dedent(
            """
            import multiprocessing, pathlib, sys
            from toolkit.registry import Registry, load

            def width(net, answers):
                answers.put(net.width)

            if __name__ == "__main__":
                folder = pathlib.Path(sys.argv[1])
                entry = Registry(()).find("model", "./own_net.py:Net", allow_code=True, folder=folder)
                spawn = multiprocessing.get_context("spawn")
                answers = spawn.Queue()
                worker = spawn.Process(target=width, args=(load(entry).target(), answers))
                worker.start()
                print(answers.get(timeout=60))
                worker.join()
            """
        )
    )

    done = subprocess.run(
        [sys.executable, str(program), str(tmp_path / "code")], capture_output=True, text=True, timeout=120
    )

    assert (done.stdout, done.stderr) == ("7\n", "")
