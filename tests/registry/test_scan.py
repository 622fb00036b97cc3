"""What a scan finds, what it reports, and that it agrees with ``importlib.metadata`` and imports nothing."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from toolkit.registry import Entry, Plugin, Registry

NET = {"toolkit.models": {"net": "acme_nets:Net"}}


def scan(*path: Path | str) -> tuple[Plugin, ...]:
    return Registry.scan([str(each) for each in path]).plugins


def stock_entry_points(path: list[str]) -> set[tuple[str, str, str, str]]:
    """What ``importlib.metadata`` finds in the toolkit's groups, written as the registry writes it."""
    found, seen = set(), set()
    for distribution in importlib.metadata.distributions(path=path):
        name = distribution.name.replace("_", "-").replace(".", "-").lower()
        if name in seen:
            continue
        seen.add(name)
        for point in distribution.entry_points:
            if point.group.startswith("toolkit."):
                found.add((name, point.group, point.name, point.value))
    return found


def our_entry_points(plugins: tuple[Plugin, ...]) -> set[tuple[str, str, str, str]]:
    from toolkit.registry import CASES, HOOKS, RECIPES, group

    found = set()
    for plugin in plugins:
        found |= {(plugin.distribution, group(entry.kind), entry.name, entry.value) for entry in plugin.entries}
        found |= {(plugin.distribution, RECIPES, *pair) for pair in plugin.recipes}
        found |= {(plugin.distribution, HOOKS, *pair) for pair in plugin.hooks}
        found |= {(plugin.distribution, CASES, *pair) for pair in plugin.cases}
    return found


def test_the_real_environment_is_seen_as_importlib_metadata_sees_it() -> None:
    ours = our_entry_points(Registry.scan().plugins)

    assert ours == stock_entry_points(sys.path)
    assert len(ours) > 100, "toolkit-core is not installed here, and this test saw nothing"


def test_an_entry_says_everything_the_metadata_says(install, site) -> None:
    folder = install(
        "Acme.Nets",
        "1.2",
        "[console_scripts]\nacme = acme:main\n\n[toolkit.models]\n# ours\nnet = acme_nets.big : Net.make [gpu]\n"
        "[toolkit.losses]\nfar=acme_nets:far\n[toolkit.recipes]\nacme = acme_nets.recipes\n"
        "[toolkit.hooks]\nwatch = acme_nets.hooks\nlisten = acme_nets.hooks:Listener",
        requires=("torch>=2", "Toolkit_Core (>=0.1,<2) ; python_version >= '3'", "toolkit-core-extra>=7"),
    )

    (plugin,) = scan(site)

    assert plugin == Plugin(
        distribution="acme-nets",
        version="1.2",
        location=folder,
        entries=(
            Entry("loss", "far", "acme_nets:far", "acme-nets", "1.2"),
            Entry("model", "net", "acme_nets.big:Net.make", "acme-nets", "1.2"),
        ),
        recipes=(("acme", "acme_nets.recipes"),),
        hooks=(("watch", "acme_nets.hooks"), ("listen", "acme_nets.hooks:Listener")),
        requires_core=">=0.1,<2",
    )
    assert plugin.entries[1].module == "acme_nets.big"
    assert plugin.entries[1].attribute == "Net.make"


def test_distributions_without_our_groups_are_no_plugins(install, site) -> None:
    install("plain", "1.0", {"console_scripts": {"toolkit.models": "plain:main"}})
    install("bare", "1.0")
    (site / "old.egg-info").write_text("Name: old\n")

    assert scan(site) == ()


def test_the_core_comes_first_and_the_others_by_name(install, site) -> None:
    for name in ("zebra", "toolkit-core", "acme-nets"):
        install(name, "1.0", NET)

    plugins = scan(site)

    assert [plugin.distribution for plugin in plugins] == ["toolkit-core", "acme-nets", "zebra"]
    assert {plugin.core_version for plugin in plugins} == {"1.0"}


def test_the_first_folder_on_the_path_wins(install, site, tmp_path) -> None:
    install("acme-nets", "1.0", NET, into=tmp_path / "first")
    install("Acme_Nets", "2.0", {"toolkit.models": {"other": "acme_nets:Other"}})
    path = [str(tmp_path / "first"), str(site)]

    assert (
        our_entry_points(scan(*path))
        == stock_entry_points(path)
        == {("acme-nets", "toolkit.models", "net", "acme_nets:Net")}
    )


def test_a_distribution_that_offers_nothing_hides_a_later_one_of_its_name(install, site, tmp_path) -> None:
    install("acme-nets", "0.9", into=tmp_path / "first")
    install("acme-nets", "1.0", NET)
    path = [str(tmp_path / "first"), str(site)]

    assert scan(*path) == ()
    assert stock_entry_points(path) == set()


def test_the_same_folder_twice_on_the_path_counts_once(install, site) -> None:
    install("acme-nets", "1.0", NET)

    assert len(scan(site, site, str(site) + os.sep)) == 1


def test_an_empty_path_entry_is_the_working_folder(install, site, monkeypatch) -> None:
    folder = install("acme-nets", "1.0", NET)
    monkeypatch.chdir(site)

    (plugin,) = scan("")

    assert plugin.location == folder


def test_metadata_of_a_source_tree_counts(install, site) -> None:
    folder = install("acme-nets", "1.0", NET, suffix="egg-info")
    folder.rename(site / "acme_nets.egg-info")

    (plugin,) = scan(site)

    assert (plugin.distribution, plugin.version, plugin.problems) == ("acme-nets", "1.0", ())
    assert our_entry_points((plugin,)) == stock_entry_points([str(site)])


def test_an_egg_counts(site) -> None:
    folder = site / "acme_nets-1.0-py3.11.egg" / "EGG-INFO"
    folder.mkdir(parents=True)
    (folder / "entry_points.txt").write_text("[toolkit.models]\nnet = acme_nets:Net\n")
    (folder / "PKG-INFO").write_text("Name: acme-nets\nVersion: 1.0\n")

    (plugin,) = scan(folder.parent)

    assert (plugin.distribution, plugin.version, plugin.problems) == ("acme-nets", "1.0", ())
    assert our_entry_points((plugin,)) == stock_entry_points([str(folder.parent)])


def test_a_zip_on_the_path_counts(install, site, tmp_path) -> None:
    install("acme-nets", "1.0", NET)
    install("bare", "1.0")
    archive = shutil.make_archive(str(tmp_path / "packages"), "zip", site)

    (plugin,) = scan(archive)

    assert (plugin.distribution, plugin.version, plugin.problems) == ("acme-nets", "1.0", ())
    assert our_entry_points((plugin,)) == stock_entry_points([archive])


def test_a_damaged_file_in_a_zip_is_a_problem_of_its_plugin(site, tmp_path) -> None:
    archive = tmp_path / "packages.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("acme_nets-1.0.dist-info/entry_points.txt", "[toolkit.models]\nnet = acme_nets:Net\n")
    archive.write_bytes(archive.read_bytes().replace(b"net = acme_nets:Net", b"net = acme_nets:Nut"))

    (plugin,) = scan(archive)

    assert plugin.entries == ()
    assert plugin.problems[0].startswith("its entry_points.txt cannot be read: Bad CRC-32")


def test_what_is_no_folder_is_passed_over(site, tmp_path, install) -> None:
    install("acme-nets", "1.0", NET)
    (tmp_path / "junk.zip").write_bytes(b"PK\x03\x04 junk")
    (tmp_path / "file").write_text("")

    path = [tmp_path / "absent", tmp_path / "junk.zip", tmp_path / "file", "a\0b", "\ud800", site]

    assert [plugin.distribution for plugin in scan(*path)] == ["acme-nets"]
    assert len(Registry.scan([None, b"x", site, str(site)]).plugins) == 1  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("entry_points", "problem"),
    [
        (b"[toolkit.models]\nnet = \xff\xfe\x00", "entry_points.txt is not UTF-8 text"),
        ("[toolkit.models]\nnet", "toolkit.models: 'net' is not of the form name = module:attribute"),
        ("[toolkit.models]\n= a:b", "toolkit.models: '= a:b' is not of the form name = module:attribute"),
        ("[toolkit.models]\nnet = a-b:c", "toolkit.models: 'net = a-b:c' is not of the form name = module:attribute"),
        ("[toolkit.models]\nnet = a..b:c", "toolkit.models: 'net = a..b:c' is not of the form name = module:attribute"),
        ("[toolkit.models]\nnet = a:b.", "toolkit.models: 'net = a:b.' is not of the form name = module:attribute"),
        ("[toolkit.hooks]\nnet = ./a.py", "toolkit.hooks: 'net = ./a.py' is not of the form name = module:attribute"),
        (
            "[toolkit.models]\nnet = acme_nets",
            "toolkit.models: 'net = acme_nets' names a module, not a component in it: name = module:attribute",
        ),
        (
            "[toolkit.recipes]\nacme = acme_nets:recipes",
            "toolkit.recipes: 'acme = acme_nets:recipes' names an attribute; "
            "recipes lie in a package: name = package.path",
        ),
        (
            "[toolkit.models]\nTinyMLP = acme_nets:TinyMLP",
            "toolkit.models: 'TinyMLP' cannot be written in a recipe; call it 'tiny_mlp'",
        ),
        ("[toolkit.models]\n3d = acme_nets:Net", "toolkit.models: '3d' cannot be written in a recipe"),
        ("[toolkit.models]\nnätz = acme_nets:Net", "toolkit.models: 'nätz' cannot be written in a recipe"),
        (
            "[toolkit.model]\nnet = acme_nets:Net\nother = acme_nets:Other",
            "nothing reads the entry-point group 'toolkit.model'. Did you mean 'toolkit.models'?",
        ),
        ("[toolkit.zoo]\nnet = acme_nets:Net", "nothing reads the entry-point group 'toolkit.zoo'."),
        (
            "[toolkit.models]\nnet = acme_nets:Net\n[toolkit.models]\nnet = acme_nets:Other",
            "offers the model 'net' more than once (acme_nets:Net, acme_nets:Other); none of them can be used",
        ),
    ],
)
def test_a_wrong_entry_point_is_reported_and_spares_the_others(install, site, entry_points, problem) -> None:
    good = "[toolkit.losses]\nfar = acme_nets:far\n"
    install(
        "acme-nets", "1.0", entry_points + good.encode() if isinstance(entry_points, bytes) else good + entry_points
    )
    install("other", "1.0", NET)

    plugin, other = scan(site)

    assert plugin.problems == (problem,)
    assert ("far" in [entry.name for entry in plugin.entries]) == (not isinstance(entry_points, bytes))
    assert other.problems == ()


def test_the_same_entry_written_twice_is_one_entry(install, site) -> None:
    install("acme-nets", "1.0", "[toolkit.models]\nnet = acme_nets:Net\nnet = acme_nets : Net\n")

    (plugin,) = scan(site)

    assert [entry.name for entry in plugin.entries] == ["net"]
    assert plugin.problems == ()


@pytest.mark.parametrize(
    ("metadata", "version", "problems"),
    [
        (None, "1.0", ("its METADATA is missing",)),
        (b"Name: acme-nets\nVersion: \xff\xff\n", "1.0", ("its metadata is not UTF-8 text",)),
        (b"\x00\x01\x02", "1.0", ("its metadata has no Name", "its metadata has no Version")),
        ("Name: acme-nets\n\nVersion: 7\n", "1.0", ("its metadata has no Version",)),
        ("Name: acme-nets\r\nVersion: 7\r\n\r\nVersion: 8\r\n", "7", ()),
        ("Name: other\nVersion: 7\n", "7", ("its metadata calls it 'other'",)),
        ("Name: ACME.nets\nVersion: 7\n", "7", ()),
        (
            "Name: acme-nets\nVersion: 7\nRequires-Dist: toolkit-core >= new\n",
            "7",
            ("its metadata asks for 'toolkit-core >= new', which cannot be read",),
        ),
        (
            "Name: acme-nets\nVersion: 7\nRequires-Dist: toolkit-core>=1; nonsense ~ 3\n",
            "7",
            ("its metadata asks for 'toolkit-core>=1; nonsense ~ 3', which cannot be read",),
        ),
    ],
)
def test_corrupt_metadata_is_reported_and_the_entries_stay(install, site, metadata, version, problems) -> None:
    install("acme-nets", "1.0", NET, metadata=metadata)

    (plugin,) = scan(site)

    assert (plugin.version, plugin.problems) == (version, problems)
    assert [entry.name for entry in plugin.entries] == ["net"]


def test_entry_points_that_cannot_be_opened_are_reported(install, site) -> None:
    folder = install("acme-nets", "1.0", NET)
    (folder / "entry_points.txt").unlink()
    (folder / "entry_points.txt").mkdir()

    (plugin,) = scan(site)

    assert plugin.entries == ()
    assert plugin.problems == ("its entry_points.txt cannot be read: Is a directory",)


@pytest.mark.parametrize("name", ["~cme_nets-1.0.dist-info", "-1.0.dist-info", "acme nets-1.0.dist-info", ".dist-info"])
def test_a_folder_with_no_distribution_name_offers_nothing_and_is_reported(install, site, name) -> None:
    folder = install("acme-nets", "1.0", NET)
    folder.rename(site / name)

    (plugin,) = scan(site)

    assert plugin.entries == ()
    assert plugin.problems == (f"{name!r} does not begin with a distribution's name; nothing of it is offered",)


def test_a_folder_name_that_is_not_text_is_reported_in_printable_words(install, site) -> None:
    folder = install("acme-nets", "1.0", NET)
    try:
        os.rename(os.fsencode(folder), os.fsencode(site) + b"/n\xe4tz-1.0.dist-info")
    except OSError:
        pytest.skip("this file system holds UTF-8 names only")

    (plugin,) = scan(site)

    f"{plugin} {plugin.problems}".encode()
    assert plugin.problems[0].startswith("'n\N{REPLACEMENT CHARACTER}tz-1.0.dist-info' does not begin with")


def test_metadata_of_two_versions_in_one_folder_is_reported(install, site) -> None:
    install("acme-nets", "1.0", NET)
    install("acme-nets", "2.0", NET)
    stock = stock_entry_points([str(site)])

    (plugin,) = scan(site)

    assert our_entry_points((plugin,)) == stock
    (problem,) = plugin.problems
    assert problem.startswith("its metadata lies there more than once (also acme_nets-")


def test_names_and_modules_in_any_script_are_read(install, site) -> None:
    install(
        "acme-nets",
        "1.0",
        {"toolkit.models": {"net": "größe.netz:Größe"}},
        metadata="Name: acme-nets\nVersion: 1.0\nAuthor: 山田\n\n説明\n",
    )

    (plugin,) = scan(site)

    assert plugin.entries[0].value == "größe.netz:Größe"
    assert plugin.problems == ()


@pytest.mark.parametrize(
    ("requires", "core", "another"),
    [
        ((), "0.1.0", False),
        (("toolkit-core",), "0.1.0", False),
        (("toolkit-core>=0.1,<0.2",), "0.1.0", False),
        (("toolkit-core>=0.1,<0.2",), "0.2.0", True),
        (("toolkit-core>=1",), "0.1.0", True),
        (("toolkit.core ~= 1.4",), "1.5", False),
        (("toolkit-core==0.1.*",), "0.2", True),
        (("toolkit-core[tensorboard]>=1",), "0.1.0", True),
        (("toolkit-core>=0.1", "toolkit-core<0.1"), "0.1.0", True),
        (("toolkit-core>=1 ; extra == 'test'",), "0.1.0", False),
        (("toolkit-core>=1 ; python_version > '3'",), "0.1.0", True),
        (("toolkit-core @ https://example.org/core.whl",), "0.1.0", False),
        (("toolkit-core>=0.1",), "0.2.dev3", False),
        (("toolkit-core>=1",), "not a version", False),
        (("toolkit-core>=1",), None, False),
    ],
)
def test_built_for_another_version_is_what_requires_dist_says(install, site, requires, core, another) -> None:
    install("acme-nets", "1.0", NET, requires=requires)
    if core is not None:
        install("toolkit-core", core, NET)

    plugin = Registry.scan([str(site)]).plugin("acme-nets")

    assert plugin is not None
    assert plugin.problems == ()
    assert plugin.built_for_another is another


def test_looking_imports_no_plugin_and_nothing_heavy(install, site, tmp_path) -> None:
    marker = tmp_path / "imported"
    source = f"open({str(marker)!r}, 'w')\n"
    install(
        "acme-nets",
        "1.0",
        {"toolkit.models": {"net": "acme_nets.big:Net"}, "toolkit.hooks": {"watch": "acme_nets.hooks"}},
        modules={"acme_nets/__init__.py": source, "acme_nets/big.py": source, "acme_nets/hooks.py": source},
    )
    program = (
        "import sys; before = set(sys.modules)\n"
        "from toolkit.registry import Registry\n"
        "from toolkit.registry.presence import absent_modules\n"
        "registry = Registry.scan()\n"
        "entry = registry.find('model', 'acme-nets/net')\n"
        "assert registry.hidden() == () and registry.doubled() == {}\n"
        "assert absent_modules([entry]) == ()\n"
        "heavy = 'torch pydantic typer omegaconf importlib.metadata email packaging zipfile subprocess'.split()\n"
        "print(sorted(set(heavy) & (set(sys.modules) - before)))\n"
    )
    path = os.pathsep.join([str(site), *filter(None, sys.path)])

    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True
    )

    assert (done.stdout, done.stderr) == ("[]\n", "")
    assert not marker.exists()
