"""What docstrings tell of a component and of each of its arguments, in Google's, NumPy's and Sphinx's forms.

Reads text; imports nothing of the toolkit.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import re
import textwrap
from collections.abc import Iterator
from typing import Any

LONGEST = 600
"""Characters of a description: an editor shows it beside the cursor."""

_SECTION = re.compile(r"(?:Keyword )?(Args|Arguments|Parameters|Attributes)( \(.*\))?:?", re.IGNORECASE)
_ANY_SECTION = re.compile(
    r"((?:Keyword )?(?:Args|Arguments|Parameters|Attributes)|Returns?|Raises|Yields|Examples?|Shape|Notes?|References?"
    r"|Inputs?|Outputs?|Warnings?|See Also)( \(.*\))?:?:?"
    # A session, a directive, Sphinx's fields, and what torchmetrics begins its sections with.
    r"|>>> .*|\.\. .*|:(param|type|return|raises)\b.*|As (input|output) (to|of) .*",
    re.IGNORECASE,
)
_NAMES = r"(?P<names>\*{0,2}\w+(?:\s*,\s*\*{0,2}\w+)*)"
_ITEM = re.compile(_NAMES + r"\s*(\([^:]*\)|\(.*?\))?\s*:(?!:)\s*(?P<text>.*)")
_NUMPY_ITEM = re.compile(_NAMES + r"\s*(:.*)?")
_SPHINX = re.compile(r"^:param\s+(?:[^:]*\s)?(\w+):\s*(.*(?:\n(?!\s*:).+)*)", re.MULTILINE)


def own_doc(target: Any) -> str:
    """A component's own docstring: not that of a base class, which tells of something else."""
    own = target.__dict__.get("__doc__") if isinstance(target, type) else getattr(target, "__doc__", None)
    if not isinstance(own, str) and isinstance(target, type):
        own = getattr(target.__dict__.get("__init__"), "__doc__", None)
    return inspect.cleandoc(own) if isinstance(own, str) else ""


def summary(doc: str) -> str:
    """The paragraphs before the first section, as many as fit."""
    lines = []
    for line in doc.splitlines():
        if _ANY_SECTION.fullmatch(line.strip()):
            break
        lines.append(line)
    text = ""
    for paragraph in re.split(r"\n\s*\n", "\n".join(lines).strip()):
        joined = plain(paragraph)
        if text and len(text) + len(joined) > LONGEST:
            break
        text = f"{text}\n\n{joined}" if text else joined
    return _shortened(text)


def first_sentence(doc: str) -> str:
    """The first sentence of a docstring."""
    return re.split(r"(?<=[.!?])\s+(?=[A-Z`])", summary(doc).partition("\n\n")[0], maxsplit=1)[0]


def argument_docs(target: Any) -> dict[str, str]:
    """By name, what the docstrings of a component and of its base classes say of arguments; the nearest counts."""
    found: dict[str, str] = {}
    for text in docstrings(target):
        for name, told in (*_google(text), *_numpy(text), *_SPHINX.findall(text)):
            if told.strip():
                found.setdefault(name.lstrip("*"), _shortened(plain(told)))
    if isinstance(target, type):
        for cls in target.__mro__[:-1]:
            for name, told in _attributes(cls):
                found.setdefault(name, _shortened(plain(told)))
    return found


def docstrings(target: Any) -> Iterator[str]:
    """Those of a component, of its constructors and of its base classes, the nearest first."""
    owners = target.__mro__[:-1] if isinstance(target, type) else (getattr(target, "func", target),)
    for owner in owners:
        own = vars(owner) if isinstance(owner, type) else {"__doc__": getattr(owner, "__doc__", None)}
        methods = [getattr(own.get(name), "__doc__", None) for name in ("__init__", "__new__")]
        for doc in (own.get("__doc__"), *methods):
            if isinstance(doc, str):
                yield inspect.cleandoc(doc)


def _google(text: str) -> Iterator[tuple[str, str]]:
    """``Args:`` and, deeper, ``name (type): text``."""
    lines = text.splitlines()
    for start, line in enumerate(lines):
        if not (_SECTION.fullmatch(line.strip()) and line.rstrip().endswith(":")):
            continue
        yield from _items(_below(lines[start + 1 :], _indent(line) + 1), _ITEM)


def _numpy(text: str) -> Iterator[tuple[str, str]]:
    """``Parameters`` over a line, then ``name : type`` and, deeper, the text."""
    lines = text.splitlines()
    for start in range(len(lines) - 1):
        if _SECTION.fullmatch(lines[start].strip()) and re.fullmatch(r"\s*-{3,}\s*", lines[start + 1]):
            body = []
            for index, line in enumerate(lines[start + 2 :], start + 2):
                if index + 1 < len(lines) and re.fullmatch(r"\s*-{3,}\s*", lines[index + 1]):
                    break
                body.append(line)
            yield from _items(body, _NUMPY_ITEM)


def _below(lines: list[str], indent: int) -> list[str]:
    """The lines up to one that is not indented as far."""
    for index, line in enumerate(lines):
        if line.strip() and _indent(line) < indent:
            return lines[:index]
    return lines


def _items(lines: list[str], form: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    depth = min((_indent(line) for line in lines if line.strip()), default=0)
    names: list[str] = []
    text: list[str] = []
    for line in lines:
        start = form.fullmatch(line.strip()) if line.strip() and _indent(line) == depth else None
        if start:
            yield from ((name, "\n".join(text)) for name in names)
            names = [name.strip() for name in start["names"].split(",")]
            text = [start.groupdict().get("text") or ""]
        elif names:
            text.append(line)
    yield from ((name, "\n".join(text)) for name in names)


def _attributes(cls: type) -> Iterator[tuple[str, str]]:
    """The texts below a class's annotated names, as dataclasses have them."""
    if not inspect.get_annotations(cls) or not hasattr(cls, "__dataclass_fields__"):
        return
    try:
        body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
    except (OSError, TypeError, SyntaxError):  # its source is not on this machine
        return
    statements = body.body if isinstance(body, ast.ClassDef) else []
    for field, text in itertools.pairwise(statements):
        told = text.value.value if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant) else None
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(told, str):
            yield field.target.id, told


def plain(text: str) -> str:
    """One paragraph on one line, with reStructuredText's roles, links and doubled backticks as Markdown has them."""
    text = re.sub(r":[\w:]+:`~?([^`]*)`", r"`\1`", text)
    text = re.sub(r"(?<!`)`([^`<]+?)(\s*<[^`>]*>)?`__?(?!\w)", r"\1", text)
    return " ".join(text.replace("``", "`").split())


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1].rpartition(" ")[0] + "…"


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
