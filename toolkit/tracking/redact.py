"""Takes secrets out of text before it is written: every file of a run folder and every log line passes through here.

Imports the standard library only, so that it can be used before anything heavy is loaded.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

REDACTED = "<redacted>"

SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL|PASSWD|PASSPHRASE|JWT", re.IGNORECASE)
"""The names of environment variables whose values are taken for secrets, among them all that a recipe may not read."""

SHORTEST_SECRET = 6
"""Shorter values are left alone: replacing ``1`` or ``true`` everywhere would destroy a text and protect nobody."""

_NOT_SECRETS = frozenset({"default", "disable", "disabled", "enable", "enabled", "always", "offline", "online"})

# Both patterns begin with a literal, so that a long text without "://" costs one search. Passwords with an unescaped
# "/" are not valid URLs, but people write them; there a port followed by a path must not be taken for a password.
_USERINFO = re.compile(r"://([^\s/?#'\"<>\\]*)@")
_USERINFO_WITH_SLASH = re.compile(r"://[^\s/:@'\"<>]+:(?!\d+[/?#])[^\s'\"<>@]{0,256}@")

_NETRC_PASSWORD = re.compile(r"\bpassword\s+(?:\"([^\"]+)\"|(\S+))")


class Redactor:
    """Replaces known secrets, and user names with passwords in URLs, by ``<redacted>``.

    Text that has been redacted comes out unchanged when it is redacted again.

    Args:
        secrets: the values to replace. Values shorter than six characters are ignored.
    """

    __slots__ = ("_secrets",)

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        spellings = {spelling for secret in secrets for spelling in _spellings(secret)}
        # Longest first: a secret may contain another one.
        self._secrets = tuple(sorted(spellings, key=lambda spelling: (-len(spelling), spelling)))

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Redactor:
        """The redactor of this process: secret-looking variables of ``environ``, and the passwords in ``~/.netrc``.

        Args:
            environ: the environment variables to look at.
        """
        named = [value for name, value in environ.items() if SECRET_NAME.search(name) and _may_be_secret(value)]
        return cls([*named, *_netrc_passwords(environ)])

    def text(self, text: str) -> str:
        """``text`` without secrets."""
        if "://" in text:
            text = _USERINFO.sub(_without_userinfo, text)
            text = _USERINFO_WITH_SLASH.sub(f"://{REDACTED}@", text)
        pieces = [text]
        for secret in self._secrets:
            if secret in text:
                # Split first at what is already redacted, so that no secret is found across two markers.
                pieces = [part for piece in pieces for whole in piece.split(REDACTED) for part in whole.split(secret)]
        return REDACTED.join(pieces)

    def argv(self, arguments: Sequence[str]) -> list[str]:
        """A command line without secrets, one argument at a time."""
        return [self.text(argument) for argument in arguments]

    def values(self, value: Any) -> Any:
        """A copy of nested plain values (mappings, lists, tuples) in which every string, keys too, is without secrets.

        Other objects are returned as they are, except a number that spells a secret.
        """
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.values(key): self.values(item) for key, item in value.items()}
        if isinstance(value, tuple):
            return tuple(self.values(item) for item in value)
        if isinstance(value, list):
            return [self.values(item) for item in value]
        if isinstance(value, int | float) and str(value) in self._secrets:
            return REDACTED
        return value

    def __repr__(self) -> str:
        return f"Redactor({len(self._secrets)} secrets)"


def _without_userinfo(match: re.Match[str]) -> str:
    # "ssh://git@host" names an account and no secret; "https://TOKEN@host" is how tokens are given to git.
    web = match.string[max(0, match.start() - 5) : match.start()].lower().endswith(("http", "https"))
    return f"://{REDACTED}@" if web or ":" in match.group(1) else match.group(0)


def _may_be_secret(value: str) -> bool:
    # A variable such as SSL_KEY_FILE holds a path: replacing it would take the folder's name out of every text.
    return value.strip().lower() not in _NOT_SECRETS and not (os.path.isabs(value) and os.path.exists(value))


def _spellings(secret: str) -> set[str]:
    """A secret as it stands in plain text, in JSON, in Python's repr, in a URL and in a shell command."""
    secret = secret.strip()
    found = {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
    # Surrogates stand for undecodable bytes of the environment, which a URL cannot spell.
    if not any("\ud800" <= character <= "\udfff" for character in secret):
        found |= {quote(secret, safe=""), quote_plus(secret)}
    found.add(shlex.quote(secret).removeprefix("'").removesuffix("'"))
    # A private key is written line by line when it is indented or wrapped.
    found |= {line.strip() for line in secret.splitlines() if "-----" not in line}
    return {spelling for spelling in found if len(spelling) >= SHORTEST_SECRET and spelling not in REDACTED}


def _netrc_passwords(environ: Mapping[str, str]) -> list[str]:
    # Read by pattern and not with `netrc`: a file that module refuses still holds the key that wandb was given.
    home = Path(environ.get("HOME") or Path.home())
    found: list[str] = []
    for path in (environ.get("NETRC"), home / ".netrc", home / "_netrc"):
        if not path:
            continue
        try:
            text = Path(path).expanduser().read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        found += [quoted or plain for quoted, plain in _NETRC_PASSWORD.findall(text)]
    return found
