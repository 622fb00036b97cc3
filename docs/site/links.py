"""Links from one file of the repository to another, as links from one page of the site to another."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass

_FENCE = re.compile(r"(?ms)^(?P<fence>```+|~~~+).*?^(?P=fence)[^\S\n]*$")
_LINK = re.compile(r"(?P<image>!?)\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<target>[^()\s]+)\)")


@dataclass(frozen=True)
class Sources:
    """Which files of the repository are pages, or lie beside them."""

    pages: Mapping[str, str]
    """By the path of a file outside the documentation's folder its page, or with an anchor the page that shows it."""
    folder: str
    """The documentation's folder, whose files all have their own names on the site."""

    def uri(self, path: str) -> str | None:
        """Where a file of the repository is on the site; None if it is not there."""
        if path in self.pages:
            return self.pages[path]
        inside = path.startswith(f"{self.folder}/")
        return path.removeprefix(f"{self.folder}/") if inside else None


def rewritten(markdown: str, source: str, uri: str, sources: Sources) -> str:
    """A page with its links made right for where it is shown.

    What is not on the site, such as a file of code, is named and not linked: the repository has no address.

    Args:
        markdown: the page.
        source: the path of its file in the repository.
        uri: its own place on the site.
        sources: where other files are.
    """

    def link(match: re.Match[str]) -> str:
        target, _, anchor = match["target"].partition("#")
        if not target or ":" in target:
            return match[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        place = sources.uri(path)
        if place is None:
            return f"{match['text']} (`{path}`)"
        page, _, where = place.partition("#")
        anchor = anchor or where
        relative = posixpath.relpath(page, posixpath.dirname(uri) or ".")
        return f"{match['image']}[{match['text']}]({relative}{'#' if anchor else ''}{anchor})"

    parts, end = [], 0
    for fence in _FENCE.finditer(markdown):
        parts += [_LINK.sub(link, markdown[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*parts, _LINK.sub(link, markdown[end:])])
