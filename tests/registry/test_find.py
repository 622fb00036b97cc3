"""How a name finds one entry, and what is said when it does not."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from toolkit.errors import RequestError
from toolkit.registry import (
    KINDS,
    AbsentComponent,
    AmbiguousComponent,
    BadComponentName,
    CodeNotAllowed,
    Entry,
    OutdatedPlugin,
    Registry,
)

INSTALL = "in a checkout of the toolkit, pip install -e plugins/toolkit-vision"

CORE_OFFERS = {
    "toolkit.losses": {"cross_entropy": "torch.nn:CrossEntropyLoss", "ctc": "torch.nn:CTCLoss"},
    "toolkit.optimizers": {"adamw": "torch.optim:AdamW", "sgd": "torch.optim:SGD"},
    "toolkit.metrics": {"accuracy": "torchmetrics:Accuracy"},
}
VISION_OFFERS = {"toolkit.models": {"small_cnn": "toolkit_vision:SmallCNN", "mlp": "toolkit_vision:MLP"}}


@pytest.fixture
def registry(install, site):
    """The core and whatever else a test installs; scanned when it is called."""
    install("toolkit-core", "0.1.0", CORE_OFFERS)
    return lambda: Registry.scan([str(site)])


def message(registry: Registry, kind: str, use: str, error: type[RequestError] = AbsentComponent, **options) -> str:
    with pytest.raises(error) as caught:
        registry.find(kind, use, **options)
    assert type(caught.value) is error
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_a_short_name_finds_the_only_offer(install, registry) -> None:
    install("acme-nets", "1.0", {"toolkit.models": {"net": "acme_nets:Net"}})

    assert registry().find("model", "net") == Entry("model", "net", "acme_nets:Net", "acme-nets", "1.0")
    assert registry().find("loss", "ctc").full_name == "toolkit-core/ctc"


@pytest.mark.parametrize("use", ["acme-nets/net", "Acme_Nets/net", "acme.nets/net", "ACME-__NETS/net"])
def test_a_full_name_is_read_in_any_spelling_of_the_distribution(install, registry, use) -> None:
    install("acme-nets", "1.0", {"toolkit.models": {"net": "acme_nets:Net"}})

    assert registry().find("model", use).distribution == "acme-nets"


def test_one_name_may_mean_another_thing_in_another_kind(install, registry) -> None:
    install("acme-nets", "1.0", {"toolkit.models": {"ctc": "acme_nets:Net"}})

    assert registry().find("model", "ctc").value == "acme_nets:Net"
    assert registry().find("loss", "ctc").value == "torch.nn:CTCLoss"
    assert registry().hidden() == ()


def test_the_cores_names_are_reserved_and_the_hidden_one_has_its_full_name(install, registry) -> None:
    install("acme-nets", "1.0", {"toolkit.losses": {"ctc": "acme_nets:CTC"}})
    hidden = Entry("loss", "ctc", "acme_nets:CTC", "acme-nets", "1.0")

    assert registry().find("loss", "ctc", shipped_by="acme-nets").distribution == "toolkit-core"
    assert registry().find("loss", "acme-nets/ctc") == hidden
    assert registry().hidden() == (hidden,)
    assert registry().doubled() == {}


def test_two_offers_are_an_error_that_prints_both_full_names(install, registry) -> None:
    install("toolkit-tiny", "0.1.0", {"toolkit.models": {"tiny_mlp": "toolkit_tiny:TinyMLP"}})
    install("acme-nets", "1.0", {"toolkit.models": {"tiny_mlp": "acme_nets:TinyMLP"}})

    assert message(registry(), "model", "tiny_mlp", AmbiguousComponent) == (
        "two installed plugins offer 'tiny_mlp':\n"
        "  use: acme-nets/tiny_mlp       (acme-nets 1.0, acme_nets:TinyMLP)\n"
        "  use: toolkit-tiny/tiny_mlp    (toolkit-tiny 0.1.0, toolkit_tiny:TinyMLP)\n"
        "Put one of these lines in the recipe."
    )
    ((key, entries),) = registry().doubled().items()
    assert key == ("model", "tiny_mlp")
    assert [entry.distribution for entry in entries] == ["acme-nets", "toolkit-tiny"]
    for entry in entries:
        assert registry().find("model", entry.full_name) == entry


@pytest.mark.parametrize("shipped_by", ["toolkit-tiny", "Toolkit_Tiny"])
def test_a_plugins_own_recipe_means_its_own_component(install, registry, shipped_by) -> None:
    install("toolkit-tiny", "0.1.0", {"toolkit.models": {"tiny_mlp": "toolkit_tiny:TinyMLP"}})
    install("acme-nets", "1.0", {"toolkit.models": {"tiny_mlp": "acme_nets:TinyMLP"}})

    assert registry().find("model", "tiny_mlp", shipped_by=shipped_by).distribution == "toolkit-tiny"
    message(registry(), "model", "tiny_mlp", AmbiguousComponent, shipped_by="someone-else")


def test_an_outdated_plugin_is_reported_as_such(install, registry) -> None:
    install("acme-nets", "1.0", {"toolkit.models": {"net": "acme_nets:Net"}}, requires=("toolkit-core>=2,<3",))
    expected = (
        "model 'net' (acme-nets 1.0, acme_nets:Net) was built for another toolkit version: "
        "acme-nets 1.0 asks for toolkit-core >=2,<3, and 0.1.0 is installed.\n"
        "Install a version of it that goes with this one: pip install --upgrade acme-nets"
    )

    assert message(registry(), "model", "net", OutdatedPlugin) == expected
    assert message(registry(), "model", "acme-nets/net", OutdatedPlugin) == expected
    assert registry().find("loss", "ctc").distribution == "toolkit-core"


def test_an_outdated_plugin_does_not_make_the_name_of_another_ambiguous(install, registry) -> None:
    install("acme-nets", "1.0", {"toolkit.models": {"net": "acme_nets:Net"}}, requires=("toolkit-core>=2",))
    install("zebra", "1.0", {"toolkit.models": {"net": "zebra:Net"}})

    assert registry().find("model", "net").distribution == "zebra"
    assert [entry.distribution for entry in registry().doubled()["model", "net"]] == ["acme-nets", "zebra"]
    message(registry(), "model", "net", OutdatedPlugin, shipped_by="acme-nets")


def test_a_name_offered_twice_by_one_plugin_names_none_of_the_two(install, registry) -> None:
    install("acme-nets", "1.0", "[toolkit.models]\nnet = acme_nets:Net\nnet = acme_nets:Other\nfine = acme_nets:Fine")
    expected = (
        "acme-nets 1.0 offers the model 'net' more than once (acme_nets:Net, acme_nets:Other).\n"
        "None of them can be used until its author gives each a name of its own."
    )

    assert message(registry(), "model", "net", AmbiguousComponent) == expected
    assert message(registry(), "model", "acme-nets/net", AmbiguousComponent) == expected
    assert registry().find("model", "fine").value == "acme_nets:Fine"
    assert registry().doubled() == {}

    install("zebra", "1.0", {"toolkit.models": {"net": "zebra:Net"}})
    assert registry().find("model", "net").distribution == "zebra"


def test_what_an_author_has_not_installed_since_is_told(install, registry, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    metadata = install("acme-nets", "1.0", {"toolkit.models": {"net": "acme_nets:Net"}})
    project = tmp_path / "acme-nets"
    project.mkdir()
    (metadata / "RECORD").touch()
    (metadata / "direct_url.json").write_text(json.dumps({"url": project.as_uri(), "dir_info": {"editable": True}}))
    told = (
        "The pyproject.toml of acme-nets names it, and is read when the package is installed: pip install -e acme-nets"
    )
    page = project / "pyproject.toml"
    page.write_text('[project.entry-points."toolkit.models"]\nnet = "acme_nets:Net"\nnets = "acme_nets:Nets"\n')
    assert message(registry(), "model", "nets") == f"no installed plugin offers the model 'nets'. {told}"
    assert message(registry(), "model", "acme-nets/nets") == f"acme-nets 1.0 offers no model 'nets'. {told}"
    assert message(registry(), "loss", "nets").endswith("`toolkit ls` lists what there is.")
    for other in ("[project]\nname = 3\n", "[project", '[project]\nentry-points = "none"\n'):
        page.write_text(other)
        assert message(registry(), "model", "nets").endswith("Did you mean 'net'?")
    (metadata / "direct_url.json").unlink()
    page.write_text('[project.entry-points."toolkit.models"]\nnets = "acme_nets:Nets"\n')
    assert message(registry(), "model", "nets").endswith("Did you mean 'net'?")


@pytest.mark.parametrize(
    ("kind", "use", "expected"),
    [
        ("model", "small_cn", "no installed plugin offers the model 'small_cn'. Did you mean 'small_cnn'?"),
        ("loss", "cros_entropy", "no installed plugin offers the loss 'cros_entropy'. Did you mean 'cross_entropy'?"),
        ("loss", "adamw", "no installed plugin offers the loss 'adamw'. 'adamw' is an optimizer, not a loss."),
        (
            "optimizer",
            "ctc",
            "no installed plugin offers the optimizer 'ctc'. 'ctc' is a loss and a task, not an optimizer.",
        ),
        ("model", "xyzzy", "no installed plugin offers the model 'xyzzy'. `toolkit ls` lists what there is."),
        (
            "model",
            "toolkit_vision/smal_cnn",
            "toolkit-vision 0.1.0 offers no model 'smal_cnn'. Did you mean 'toolkit-vision/small_cnn'?",
        ),
        (
            "dataset",
            "toolkit-vision/mlp",
            "toolkit-vision 0.1.0 offers no dataset 'mlp'. 'mlp' is a model, not a dataset.",
        ),
        ("part", "toolkit-vision/x", "toolkit-vision 0.1.0 offers no part 'x'. `toolkit ls` lists what there is."),
        (
            "model",
            "tolkit-vision/mlp",
            "no installed plugin is called 'tolkit-vision'. Did you mean 'toolkit-vision/mlp'?",
        ),
        ("model", "zoo/mlp", "no installed plugin is called 'zoo'. Did you mean 'toolkit-vision/mlp'?"),
        ("model", "zoo/net", "no installed plugin is called 'zoo'. `toolkit plugins` lists those that are."),
    ],
)
def test_absence_says_what_there_is(install, registry, kind, use, expected) -> None:
    install("toolkit-vision", "0.1.0", VISION_OFFERS)

    assert message(registry(), kind, use) == expected


@pytest.mark.parametrize(
    ("kind", "use", "expected"),
    [
        (
            "model",
            "small_cnn",
            f"no installed plugin offers the model 'small_cnn'. toolkit-vision offers it: {INSTALL}",
        ),
        (
            "model",
            "smal_cnn",
            "no installed plugin offers the model 'smal_cnn'. "
            f"Did you mean 'small_cnn'? toolkit-vision offers it: {INSTALL}",
        ),
        ("model", "mnist", "no installed plugin offers the model 'mnist'. 'mnist' is a dataset, not a model."),
        (
            "model",
            "toolkit-vision/small_cnn",
            f"no installed plugin is called 'toolkit-vision'. It is one of the toolkit's own: {INSTALL}",
        ),
        (
            "optimizer",
            "digits",
            "no installed plugin offers the optimizer 'digits'. 'digits' is a dataset, not an optimizer.",
        ),
    ],
)
def test_absence_names_the_first_party_plugin_to_install(registry, kind, use, expected) -> None:
    assert message(registry(), kind, use) == expected


def test_absence_points_at_plugins_with_problems(install, registry) -> None:
    install("acme-nets", "1.0", {"toolkit.model": {"gadget": "acme_nets:Net"}})

    assert message(registry(), "model", "gadget") == (
        "no installed plugin offers the model 'gadget'. "
        "There are problems with acme-nets 1.0: `toolkit plugins` tells them."
    )
    assert message(registry(), "model", "acme-nets/gadget") == (
        "acme-nets 1.0 offers no model 'gadget'. There are problems with acme-nets 1.0: `toolkit plugins` tells them."
    )


def test_absence_of_the_core_itself_is_said(site) -> None:
    assert message(Registry.scan([str(site)]), "optimizer", "adamw") == (
        "no installed plugin offers the optimizer 'adamw'. "
        "toolkit-core itself is not installed in this environment, so that nothing of it is offered."
    )


@pytest.mark.parametrize(
    ("use", "hint"),
    [
        ("SmallCNN", " Did you mean 'small_cnn'?"),
        ("small-cnn", " Did you mean 'small_cnn'?"),
        ("toolkit-vision/Small_CNN", " Did you mean 'small_cnn'?"),
        ("SmallCN", " Did you mean 'small_cnn'?"),
        ("ViT", ""),
        ("3d", ""),
        ("", ""),
        ("größe", ""),
    ],
)
def test_a_name_of_the_wrong_form_is_told_from_an_absent_one(install, registry, use, hint) -> None:
    install("toolkit-vision", "0.1.0", VISION_OFFERS)

    assert message(registry(), "model", use, BadComponentName) == (
        f"{use!r} cannot be the name of a model: names are small letters, digits and _, and begin with a letter.{hint}"
    )


def test_a_class_name_hints_at_the_first_party_plugin_too(registry) -> None:
    assert message(registry(), "model", "SmallCNN", BadComponentName) == (
        "'SmallCNN' cannot be the name of a model: names are small letters, digits and _, and begin with a letter. "
        f"Did you mean 'small_cnn'? toolkit-vision offers it: {INSTALL}"
    )


@pytest.mark.parametrize("use", ["./net.py", "/home/net.py", "net.py", "../net.py"])
def test_a_file_without_the_class_is_told_so(registry, use) -> None:
    assert message(registry(), "model", use, BadComponentName) == (
        f"{use!r} cannot be the name of a model. "
        "A file is named together with the class or function in it: ./net.py:Net"
    )


@pytest.mark.parametrize("use", ["acme_nets:Net", "./net.py:Net", "/tmp/net.py:Net", "os:system", ":", "a:b/c"])
def test_code_needs_leave(registry, use) -> None:
    assert message(registry(), "model", use, CodeNotAllowed) == (
        f"{use!r} is code outside the installed plugins, and a recipe runs such code only when told to: "
        "a recipe from a stranger must not run a stranger's code.\n"
        "If you trust this recipe and that code, add --allow-code (in Python: allow_code=True)."
    )


def test_allowed_code_is_an_entry_without_a_distribution(registry, tmp_path) -> None:
    (tmp_path / "net.py").write_text("raise SystemExit\n")
    options = {"allow_code": True, "folder": tmp_path}

    entry = registry().find("model", "./net.py:Net", **options)

    assert entry == Entry("model", "./net.py:Net", f"{tmp_path}/net.py:Net", "", "")
    assert (entry.module, entry.attribute, entry.full_name) == (f"{tmp_path}/net.py", "Net", "./net.py:Net")
    assert str(entry) == f"model './net.py:Net' ({tmp_path}/net.py:Net)"
    assert registry().find("model", f"{tmp_path}/net.py:Net", **options).module == f"{tmp_path}/net.py"
    assert registry().find("loss", "acme.nets:Net.make", **options).value == "acme.nets:Net.make"


def test_code_is_relative_to_the_working_folder_where_no_folder_is_given(registry, tmp_path, monkeypatch) -> None:
    (tmp_path / "net.py").write_text("")
    monkeypatch.chdir(tmp_path)

    assert registry().find("model", "./net.py:Net", allow_code=True).module == str(tmp_path / "net.py")


@pytest.mark.parametrize(
    ("use", "error", "expected"),
    [
        ("./absent.py:Net", AbsentComponent, "'./absent.py:Net': there is no file {folder}/absent.py"),
        ("./:Net", AbsentComponent, "'./:Net': there is no file {folder}"),
        ("./notes.txt:Net", BadComponentName, "'./notes.txt:Net': 'notes.txt' is not a Python file (.py)"),
        (
            "./net.py:",
            BadComponentName,
            "'./net.py:' does not end in :Name, the class or function that is meant. "
            "Write pkg.mod:Name for an installed module, ./net.py:Net for a file beside the recipe.",
        ),
        (
            "nets/net.py:Net",
            BadComponentName,
            "'nets/net.py:Net' is not an import string. Did you mean './nets/net.py:Net'? A file begins with ./ or /.",
        ),
        (
            "net.py:Net",
            BadComponentName,
            "'net.py:Net' is not an import string. Did you mean './net.py:Net'? A file begins with ./ or /.",
        ),
        (
            "acme-nets:Net",
            BadComponentName,
            "'acme-nets:Net' is not an import string. "
            "Write pkg.mod:Name for an installed module, ./net.py:Net for a file beside the recipe.",
        ),
    ],
)
def test_code_of_a_wrong_form(registry, tmp_path, use, error, expected) -> None:
    (tmp_path / "notes.txt").write_text("")
    said = message(registry(), "model", use, error, allow_code=True, folder=tmp_path)

    assert said == expected.format(folder=tmp_path)


def test_a_kind_that_is_none_is_a_bug_of_the_caller(registry) -> None:
    with pytest.raises(ValueError, match=re.escape("'models' is not a kind of component")):
        registry().find("models", "mlp")


NAMES = st.one_of(
    st.text(),
    st.from_regex(r"[a-z_./:0-9A-Z~-]{0,12}", fullmatch=True),
    st.builds("{}{}{}".format, st.text(max_size=5), st.sampled_from("/:"), st.text(max_size=5)),
    st.sampled_from(["ctc", "adamw", "toolkit-core/ctc", "Toolkit_Core/sgd", "net", "acme-nets/net"]),
)


@pytest.fixture(scope="module")
def crowded(tmp_path_factory, install_plugin) -> Registry:
    site = tmp_path_factory.mktemp("site")
    for name, version, groups in [
        (
            "toolkit-core",
            "0.1",
            "[toolkit.losses]\nctc=torch.nn:CTCLoss\n[toolkit.optimizers]\nadamw=torch.optim:AdamW",
        ),
        ("acme-nets", "1", "[toolkit.models]\nnet=a:A\nnet=b:B\n[toolkit.model]\nx=y:z"),
        ("zebra", "2", "[toolkit.models]\nmlp=a:A\n[toolkit.losses]\nctc=a:B"),
        ("toolkit-tiny", "0.1", "[toolkit.models]\nmlp=t:A"),
    ]:
        install_plugin(site, name, groups, version=version, requires="toolkit-core<1")
    return Registry.scan([str(site)])


@given(kind=st.sampled_from(KINDS), use=NAMES, shipped_by=st.one_of(st.just(""), NAMES), allow_code=st.booleans())
@example(kind="model", use="./" + "a" * 5000 + ":Net", shipped_by="", allow_code=True)
@example(kind="model", use="./\0:Net", shipped_by="", allow_code=True)
@example(kind="model", use="./\ud800:Net", shipped_by="", allow_code=True)
@example(kind="model", use="a" * 5000, shipped_by="", allow_code=True)
def test_any_name_finds_an_entry_or_is_a_request_error(crowded, kind, use, shipped_by, allow_code) -> None:
    entry = None
    with contextlib.suppress(RequestError):
        entry = crowded.find(kind, use, shipped_by=shipped_by, allow_code=allow_code, folder=Path("/nowhere"))

    assert entry is None or (entry.kind == kind and (entry.distribution or allow_code))
