"""What can be wrong with a component's name or its plugin; each error's text is the message without a place.

Imports nothing heavy.
"""

from __future__ import annotations

from toolkit.errors import RequestError
from toolkit.registry.entry import Entry


class ComponentLookupError(RequestError):
    """A recipe's ``use`` does not lead to one component of this environment."""


class BadComponentName(ComponentLookupError):
    """``use`` is neither a short name, nor a full name, nor an import string, nor a file."""


class AbsentComponent(ComponentLookupError):
    """No installed plugin offers a component of this kind and name."""


class AmbiguousComponent(ComponentLookupError):
    """Several plugins, or one plugin several times, offer this kind and name."""


class OutdatedPlugin(ComponentLookupError):
    """The plugin that offers the component was built for another version of the toolkit."""


class CodeNotAllowed(ComponentLookupError):
    """``use`` names code outside the installed plugins, and the recipe was not allowed to run code."""


class BrokenComponent(RequestError):
    """An entry that could not be imported; ``entry`` is the entry and ``reason`` says what went wrong.

    The author's exception is kept as ``__cause__``.
    """

    def __init__(self, entry: Entry, message: str, reason: str) -> None:
        self.entry = entry
        self.reason = reason
        super().__init__(message)
