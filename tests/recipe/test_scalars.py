"""Unquoted scalars follow YAML 1.2's core schema, and everything written is read back as it was."""

from __future__ import annotations

import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from toolkit.recipe import to_yaml
from toolkit.recipe.reader import read_text
from toolkit.recipe.scalars import read_scalar, write_scalar


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("off", "off"),
        ("12:30:00", "12:30:00"),
        ("1_000", "1_000"),
        ("1e-3", 0.001),
        ("1.", 1.0),
        (".5", 0.5),
        ("-7", -7),
        ("0777", 777),
        ("0o17", 15),
        ("0x1F", 31),
        ("true", True),
        ("False", False),
        ("tRue", "tRue"),
        ("~", None),
        ("", None),
        ("null", None),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("2026-11-23", "2026-11-23"),
        ("1.2.3", "1.2.3"),
        ("e5", "e5"),
    ],
)
def test_core_schema(text: str, value: object) -> None:
    assert read_scalar(text) == value
    assert type(read_scalar(text)) is type(value)


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(alphabet=st.characters(codec="utf-8")),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(alphabet=st.characters(codec="utf-8"), min_size=1), values, max_size=5))
def test_every_page_written_is_read_back(page: dict[str, object]) -> None:
    text = to_yaml(page)
    assert read_text(text, "page").plain() == page
    assert yaml.safe_load(text) == page if page else True, "another YAML reader agrees"


@given(scalars)
def test_every_scalar_keeps_its_type(value: object) -> None:
    assert read_text(f"key: {write_scalar(value)}", "page").plain() == {"key": value}  # type: ignore[arg-type]


def test_nan_survives() -> None:
    assert math.isnan(read_text("key: " + write_scalar(math.nan), "page").plain()["key"])
