"""Recipe text to nodes with places: the part of YAML that a recipe may use. Imports errors and PyYAML.

Reads PyYAML's events instead of its nodes: places are exact, anchors and tags can be refused where they stand,
and deep nesting costs no recursion.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from toolkit.errors import Place, Problem, RecipeError
from toolkit.recipe.node import Node, Scalar
from toolkit.recipe.scalars import read_scalar, write_scalar

MAX_DEPTH = 30

EDITOR_LINE = re.compile(r"#\s+yaml-language-server\s*:")
"""How a comment begins that tells an editor where the schema of the file is."""

_FAST_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_file(path: Path, source: str, via: str = "") -> tuple[Node, str]:
    """The nodes of a recipe file and its leading comment.

    ``source`` is the file's name for messages. Raises RecipeError with every problem of the file's form.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise RecipeError([Problem(Place(source, 1, 1, via), "", f"cannot be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
        message = f"byte 0x{error.object[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise RecipeError([Problem(Place(source, line, column, via), "", message)]) from error
    return read_text(text, source, via), leading_comment(text)


def read_text(text: str, source: str, via: str = "") -> Node:
    """The nodes of a recipe's text. Raises RecipeError with every problem of its form."""
    reader = _Reader(source, via)
    root = reader.read(text)
    if root.value is None and not reader.problems:
        root = Node({}, root.place, root.key_place)
    if not isinstance(root.value, dict) and not reader.problems:
        reader.report(root.place, "a recipe is a mapping of keys such as `task:` and `model:` to values")
    if reader.problems:
        raise RecipeError(reader.problems)
    return root


def read_value(text: str, place: Place) -> Node:
    """The right side of an override as a node, all of it at ``place``; text that is not valid YAML is a string.

    Raises RecipeError for YAML that a recipe may not hold (anchors, tags, repeated keys).
    """
    reader = _Reader(place.source, place.via, fixed=place)
    try:
        list(yaml.parse(text, Loader=yaml.SafeLoader))
    except yaml.YAMLError:
        return Node(text, place, place)
    value = reader.read(text)
    if reader.problems:
        raise RecipeError(reader.problems)
    return value


def leading_comment(text: str) -> str:
    """The comment lines a recipe begins with, without their ``#`` and without the line that is for an editor."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        if not EDITOR_LINE.match(line):
            lines.append(line[1:].removeprefix(" ").rstrip())
    return "\n".join(lines)


@dataclass
class _Open:
    """A mapping or list whose end has not been read yet."""

    place: Place
    key_place: Place
    children: dict[str, Node] | list[Node]
    key: str | None = None
    key_at: Place | None = None


@dataclass
class _Reader:
    source: str
    via: str
    fixed: Place | None = None
    problems: list[Problem] = field(default_factory=list)

    def read(self, text: str) -> Node:
        try:
            return self._build(yaml.parse(text, Loader=_FAST_LOADER))
        except yaml.YAMLError:
            self.problems.clear()
        try:
            # The pure Python parser's messages, the same on every machine.
            return self._build(yaml.parse(text, Loader=yaml.SafeLoader))
        except yaml.MarkedYAMLError as error:
            mark, message = _plain_words(error, text)
            self.report(self._place(mark), message)
        except yaml.reader.ReaderError as error:
            before = text[: error.position]
            place = self.fixed or Place(self.source, before.count("\n") + 1, len(before) - before.rfind("\n"), self.via)
            self.report(place, f"the character U+{ord(text[error.position]):04X} is not allowed in YAML")
        return Node(None, self._place(None), self._place(None))

    def report(self, place: Place, message: str, key: str = "") -> None:
        self.problems.append(Problem(place, key, message))

    def _place(self, mark: Any) -> Place:
        if self.fixed is not None:
            return self.fixed
        if mark is None:
            return Place(self.source, 1, 1, self.via)
        return Place(self.source, mark.line + 1, mark.column + 1, self.via)

    def _build(self, events: Any) -> Node:
        stack: list[_Open] = []
        root: Node | None = None
        documents = 0
        too_deep = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents == 2:
                    self.report(self._place(event.start_mark), "a recipe is one document; `---` starts a second one")
                continue
            if isinstance(event, (yaml.StreamStartEvent, yaml.StreamEndEvent, yaml.DocumentEndEvent)):
                continue
            place = self._place(event.start_mark)
            if too_deep:
                if isinstance(event, yaml.CollectionStartEvent):
                    too_deep += 1
                elif isinstance(event, yaml.CollectionEndEvent):
                    too_deep -= 1
                continue
            if isinstance(event, yaml.CollectionStartEvent):
                self._refuse_decoration(event, place)
                if len(stack) == MAX_DEPTH:
                    self.report(place, f"nested more than {MAX_DEPTH} levels deep")
                    too_deep = 1
                    self._add(stack, Node(None, place, place))
                    continue
                children: dict[str, Node] | list[Node] = {} if isinstance(event, yaml.MappingStartEvent) else []
                stack.append(_Open(place, place, children))
                continue
            if isinstance(event, yaml.CollectionEndEvent):
                closed = stack.pop()
                node = Node(closed.children, closed.place, closed.key_place)
            elif isinstance(event, yaml.AliasEvent):
                self.report(place, f"`*{event.anchor}` is a YAML alias; recipes refer to values as `${{key}}`")
                node = Node(None, place, place)
            else:
                self._refuse_decoration(event, place)
                node = Node(self._scalar(event, place), place, place)
            if stack:
                self._add(stack, node)
            elif documents == 1:
                root = node
        return root or Node(None, self._place(None), self._place(None))

    def _add(self, stack: list[_Open], node: Node) -> None:
        """Put a finished node into the mapping or list that is open: as a key, as a key's value, or as an item."""
        top = stack[-1]
        if isinstance(top.children, list):
            top.children.append(node)
        elif top.key_at is None:
            top.key, top.key_at = self._key(top.children, node), node.place
        else:
            if top.key is not None:
                top.children[top.key] = Node(node.value, node.place, top.key_at)
            top.key = top.key_at = None

    def _key(self, siblings: dict[str, Node], node: Node) -> str | None:
        """The text of a key, or None after reporting why it cannot be one."""
        if not isinstance(node.value, str):
            written = "a mapping or list" if isinstance(node.value, (dict, list)) else write_scalar(node.value)
            self.report(node.place, f"a key must be text, got {written}; put it in quotes if it is meant")
            return None
        if node.value in siblings:
            first = siblings[node.value].key_place
            where = f", first in line {first.line}" if first.line is not None else ""
            self.report(node.place, f"the key is written twice{where}; keep one", node.value)
            return None
        return node.value

    def _refuse_decoration(self, event: Any, place: Place) -> None:
        if event.anchor:
            self.report(place, f"`&{event.anchor}` is a YAML anchor; recipes refer to values as `${{key}}`")
        if event.tag:
            self.report(place, f"the YAML tag `{event.tag}` is not allowed: a recipe is plain data")

    def _scalar(self, event: Any, place: Place) -> Scalar:
        if any("\ud800" <= character <= "\udfff" for character in event.value):
            # "\ud800" in quotes: half a character, which no file and no terminal takes.
            self.report(place, "the text holds half of a character (a surrogate), which is not Unicode text")
            return None
        if not event.implicit[0]:
            return str(event.value)
        try:
            return read_scalar(event.value)
        except ValueError as error:
            self.report(place, f"{error}")
            return None


def _plain_words(error: yaml.MarkedYAMLError, text: str) -> tuple[Any, str]:
    """Where PyYAML's error is and what it says, in words about the recipe; its own, where we have no better."""
    problem, context = error.problem or "is not valid YAML", error.context or ""
    mark, begins = error.problem_mark or error.context_mark, error.context_mark
    lines = text.splitlines()
    line = lines[mark.line] if mark is not None and mark.line < len(lines) else ""
    if "'\\t'" in problem:
        return mark, "a tab cannot indent YAML; use spaces"
    if re.search(r"[{,\[].*\$\{", line) and ("flow" in context or "expected" in problem):
        return mark, "inside {...} or [...], put ${...} in quotes"
    if "mapping values are not allowed" in problem:
        return mark, "a second `: ` in one line; put the value in quotes, or the key on a line of its own"
    if mark is not None and begins is not None and context.startswith("while parsing a flow"):
        opening, closing = ("{", "}") if "mapping" in context else ("[", "]")
        if problem.endswith("'<stream end>'"):
            return begins, f"this `{opening}` is never closed; write its `{closing}`"
        if mark.line != begins.line:
            still_open = f"this `{opening}` is still open in line {mark.line + 1}"
            return begins, f"{still_open}; write its `{closing}`, or the comma that is missing there"
        unclosed = f"the `{closing}` of the `{opening}` in column {begins.column + 1}"
        return mark, f"a comma is missing before this, or {unclosed}"
    if begins is not None and "unexpected end of stream" in problem and "quoted" in context:
        return begins, "the quote that begins here is never closed"
    return mark, f"not valid YAML: {problem} {context}".rstrip()
