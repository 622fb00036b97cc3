"""Resolves ``${key}`` and ``${oc.env:NAME[,default]}``, and remembers what touched the environment.

Our own instead of OmegaConf's: only two forms may resolve, a value must know whether the environment took part in it
(also through another key), and every mistake must be named at its place. Imports no more than the reader does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from toolkit.errors import Problem, RecipeError, nearest
from toolkit.recipe.node import KeyPath, Node
from toolkit.recipe.reader import read_value
from toolkit.recipe.scalars import write_scalar

_SECRET = re.compile("KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)
_REFERENCE = re.compile(r"(?P<escape>\\\$\{)|\$\{(?P<inside>[^{}]*)\}|(?P<broken>\$\{)")
_KEY = re.compile(r"[A-Za-z_][\w/-]*(\.[\w/-]+)*")
_ENVIRONMENT = re.compile(r"oc\.env:(?P<name>[A-Za-z_]\w*)(,(?P<default>.*))?", re.DOTALL)

MAX_SIZE = 100_000
"""Characters and values that references may write out in all: `a: ${b}${b}` thirty times over is a bomb."""


@dataclass
class Resolution:
    """A recipe's nodes with every reference resolved."""

    root: Node
    written: dict[KeyPath, str]
    """The text of each value that held a reference, as it was written."""
    from_env: frozenset[KeyPath]
    """Those whose resolution touched the environment."""
    env_names: tuple[str, ...]
    """The environment variables read."""
    problems: list[Problem] = field(default_factory=list)


def interpolate(root: Node, environ: Mapping[str, str]) -> Resolution:
    """Resolve every reference in a recipe. What cannot be resolved becomes a problem and the value None."""
    resolver = _Resolver(root, environ)
    resolved = resolver.resolve(root, ())
    return Resolution(
        root=resolved,
        written=resolver.written,
        from_env=frozenset(resolver.from_env),
        env_names=tuple(sorted(resolver.env_names)),
        problems=resolver.problems,
    )


def looks_secret(name: str) -> bool:
    """Whether an environment variable's name says that its value is a secret."""
    return _SECRET.search(name) is not None


class _Resolver:
    def __init__(self, root: Node, environ: Mapping[str, str]) -> None:
        self.root = root
        self.environ = environ
        self.done: dict[KeyPath, Node] = {}
        self.under_way: list[KeyPath] = []
        self.written: dict[KeyPath, str] = {}
        self.from_env: set[KeyPath] = set()
        self.env_names: set[str] = set()
        self.problems: list[Problem] = []
        self.size = 0

    def resolve(self, node: Node, path: KeyPath) -> Node:
        if path in self.done:
            return self.done[path]
        if isinstance(node.value, str) and "${" in node.value:
            resolved = self._text(node.value, node, path)
        else:
            self.under_way.append(path)
            resolved = node.map_children(lambda key, child: self.resolve(child, (*path, key)))
            self.under_way.pop()
        self.done[path] = resolved
        return resolved

    def _text(self, text: str, node: Node, path: KeyPath) -> Node:
        self.written[path] = text
        self.under_way.append(path)
        try:
            whole = _REFERENCE.fullmatch(text)
            if whole and whole["inside"] is not None:
                found = self._value(whole["inside"], node, path)
                return _placed(found, node)
            pieces = _REFERENCE.sub(lambda match: self._piece(match, node, path), text)
            return Node(pieces, node.place, node.key_place)
        except _Unresolved as unresolved:
            if unresolved.message:
                self.problems.append(Problem(node.place, ".".join(map(str, path)), unresolved.message))
            return Node(None, node.place, node.key_place)
        finally:
            self.under_way.pop()

    def _piece(self, match: re.Match[str], node: Node, path: KeyPath) -> str:
        if match["escape"]:
            return "${"
        if match["broken"]:
            raise _Unresolved("`${` without its `}`, or one inside another; write \\${ for the characters themselves")
        value = self._value(match["inside"], node, path).value
        if isinstance(value, (dict, list)):
            raise _Unresolved(f"${{{match['inside']}}} is not a single value, so it cannot stand inside a text")
        text = value if isinstance(value, str) else write_scalar(value)
        self._grow(len(text))
        return text

    def _value(self, inside: str, node: Node, path: KeyPath) -> Node:
        environment = _ENVIRONMENT.fullmatch(inside)
        if environment:
            self.from_env.add(path)
            return self._from_environment(environment["name"], environment["default"], node)
        if not _KEY.fullmatch(inside):
            raise _Unresolved(
                f"${{{inside}}} does not resolve: "
                "a recipe may write ${key}, ${oc.env:NAME} and ${oc.env:NAME,default}"
            )
        return self._from_key(inside, path)

    def _from_environment(self, name: str, default: str | None, node: Node) -> Node:
        if looks_secret(name):
            raise _Unresolved(
                f"{name} looks like a secret, and secrets do not belong in recipes; wandb and hubs read their own"
            )
        self.env_names.add(name)
        text = self.environ.get(name, default)
        if text is None:
            raise _Unresolved(
                f"the environment variable {name} is not set; set it, or give a default: ${{oc.env:{name},default}}"
            )
        try:
            value = read_value(text.strip(), node.place)
        except RecipeError:
            value = Node(text, node.place, node.key_place)
        # One variable is one value: a path such as [a] or {b: c} stays the text it is.
        return Node(text, node.place, node.key_place) if isinstance(value.value, (dict, list)) else value

    def _from_key(self, key: str, path: KeyPath) -> Node:
        found: Node = self.root
        at: KeyPath = ()
        for part in key.split("."):
            children = found.mapping
            if children is None:
                # What stands here may itself be a reference to a mapping.
                children = self.resolve(found, at).mapping if at not in self.under_way else None
            if children is None or part not in children:
                offered = children or {}
                # What is offered can be put between the braces as it stands.
                close = nearest(part, offered)
                hint = f" Did you mean {'.'.join(map(str, (*at, close)))!r}?" if close else ""
                raise _Unresolved(f"${{{key}}}: the recipe has no {key!r}.{hint}")
            found, at = children[part], (*at, part)
        if at in self.under_way or path[: len(at)] == at:
            raise _Unresolved(f"${{{key}}} refers back to itself")
        problems = len(self.problems)
        resolved = self.resolve(found, at)
        if len(self.problems) > problems:
            raise _Unresolved("")
        if any(touched[: len(at)] == at for touched in self.from_env):
            self.from_env.add(path)
        self._grow(sum(len(inner.value) if isinstance(inner.value, str) else 1 for _, inner in resolved.walk()))
        return resolved

    def _grow(self, size: int) -> None:
        self.size += size
        if self.size > MAX_SIZE:
            raise _Unresolved(f"the references of this recipe write out more than {MAX_SIZE} values and characters")


class _Unresolved(Exception):
    """A reference cannot be resolved; an empty message means that it has been reported already."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def _placed(found: Node, node: Node) -> Node:
    """A value that a reference found, at the place of the reference."""
    moved = found.map_children(lambda _key, child: _placed(child, node))
    return Node(moved.value, node.place, node.key_place)
