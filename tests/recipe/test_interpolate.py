"""References: what resolves, what is refused, and what is known to have touched the environment."""

from __future__ import annotations

from typing import Any

import pytest

from toolkit.recipe.interpolate import Resolution, interpolate
from toolkit.recipe.reader import read_text

ENVIRONMENT = {"DATA": "/data", "COUNT": "3", "LIST": "[1, 2]", "WANDB_API_KEY": "canary"}


def resolve(text: str) -> Resolution:
    return interpolate(read_text(text, "r.yaml"), ENVIRONMENT)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("seed: 7\na: ${seed}\n", 7),
        ("a: ${b.c}\nb: {c: [1, 2]}\n", [1, 2]),
        ("a: ${b}\nb: {c: 1}\n", {"c": 1}),
        ("a: run-${b}-${c}\nb: x\nc: 1.5\n", "run-x-1.5"),
        ("a: ${b}\nb: ${c}\nc: 1\n", 1),
        ("a: ${b.c.d}\nb: {c: '${e}'}\ne: {d: 4}\n", 4),
        ("a: ${expect.test/accuracy}\nexpect: {test/accuracy: '>= 1'}\n", ">= 1"),
        ("a: ${oc.env:DATA}\n", "/data"),
        ("a: ${oc.env:COUNT}\n", 3),
        ("a: ${oc.env:LIST}\n", "[1, 2]"),
        ("a: ${oc.env:ABSENT,5}\n", 5),
        ("a: ${oc.env:ABSENT,./data}\n", "./data"),
        ("a: ${oc.env:DATA}/mnist\n", "/data/mnist"),
        ("a: '\\${seed}'\n", "${seed}"),
    ],
)
def test_resolves(text: str, expected: Any) -> None:
    found = resolve(text)
    assert not found.problems
    assert found.root.plain()["a"] == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: ${seeed}\nseed: 1\n", "a: ${seeed}: the recipe has no 'seeed'. Did you mean 'seed'?"),
        ("a: ${b}\nb: ${a}\n", "refers back to itself"),
        ("a: ${a}\n", "refers back to itself"),
        ("a: {b: '${a}'}\n", "refers back to itself"),
        ("a: x${b}\nb: [1]\n", "${b} is not a single value, so it cannot stand inside a text"),
        ("a: ${oc.env:ABSENT}\n", "the environment variable ABSENT is not set; set it, or give a default"),
        ("a: ${oc.env:WANDB_API_KEY}\n", "secrets do not belong in recipes; wandb and hubs read their own"),
        ("a: ${oc.decode:1}\n", "${oc.decode:1} does not resolve: a recipe may write ${key}, ${oc.env:NAME}"),
        ("a: ${.b}\nb: 1\n", "${.b} does not resolve"),
        ("a: ${b\n", "`${` without its `}`"),
        ("a: ${oc.env:X,${b}}\nb: 1\n", "`${` without its `}`, or one inside another"),
    ],
)
def test_refused(text: str, message: str) -> None:
    found = resolve(text)
    assert message in "\n".join(problem.text for problem in found.problems)


def test_references_cannot_grow_without_end() -> None:
    bomb = "a0: 0123456789\n" + "".join(f"a{i}: ${{a{i - 1}}}${{a{i - 1}}}\n" for i in range(1, 40))
    assert "write out more than" in resolve(bomb).problems[0].message
    lists = "a0: [1, 1, 1]\n" + "".join(f"a{i}: ['${{a{i - 1}}}', '${{a{i - 1}}}']\n" for i in range(1, 20))
    assert "write out more than" in resolve(lists).problems[0].message


def test_what_touched_the_environment_is_known() -> None:
    found = resolve("root: ${oc.env:DATA}\na: ${root}/x\nb: {c: '${a}'}\nd: ${b}\nseed: 1\ne: ${seed}\n")
    assert found.from_env == {("root",), ("a",), ("b", "c"), ("d",)}
    assert found.written["a",] == "${root}/x"
    assert found.env_names == ("DATA",)
