"""No bytes in a metadata file can make reading it fail."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from toolkit.registry.metadata import read_entry_points, read_headers
from toolkit.registry.names import is_component_name

LINES = st.one_of(
    st.text(),
    st.sampled_from(
        ["[toolkit.models]", "[toolkit.hooks]", "[toolkit.recipes]", "[toolkit.]", "[]", "[[", "net = a:b", "="]
    ),
    st.builds("{} = {}:{}".format, st.text(max_size=5), st.text(max_size=5), st.text(max_size=5)),
    st.builds("{}: {}".format, st.sampled_from(["Name", "Version", "Requires-Dist"]), st.text()),
    st.builds("Requires-Dist: toolkit-core{}".format, st.text()),
)
FILES = st.one_of(st.binary(), st.lists(LINES).map("\n".join).map(lambda text: text.encode("utf-8", "replace")))


@given(FILES)
def test_any_entry_points_file_is_read(data) -> None:
    offers = read_entry_points(data, "acme-nets", "1.0")

    assert all(is_component_name(entry.name) and entry.module and entry.attribute for entry in offers.entries)


@given(FILES)
def test_any_metadata_file_is_read(data) -> None:
    headers = read_headers(data)

    assert all(isinstance(problem, str) and problem for problem in headers.problems)
