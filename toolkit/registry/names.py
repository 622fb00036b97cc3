"""What names look like: of a distribution (PEP 503), of a component, of something in Python.

Imports nothing of the toolkit.
"""

from __future__ import annotations

import re

_SEPARATORS = re.compile(r"[-_.]+")
_DISTRIBUTION = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_COMPONENT = re.compile(r"[a-z][a-z0-9_]*")


def normalised(distribution: str) -> str:
    """A distribution's name as PEP 503 spells it: ``Acme_Nets`` and ``acme.nets`` are ``acme-nets``."""
    return _SEPARATORS.sub("-", distribution).lower()


def is_distribution_name(name: str) -> bool:
    """Whether ``name``, already normalised, is a name that a distribution can have."""
    return _DISTRIBUTION.fullmatch(name) is not None


def is_component_name(name: str) -> bool:
    """Whether ``name`` can name a component: small letters, digits and ``_``, beginning with a letter."""
    return _COMPONENT.fullmatch(name) is not None


def is_dotted(name: str) -> bool:
    """Whether ``name`` can be a module or an attribute in Python: identifiers with dots between them."""
    return all(part.isidentifier() for part in name.split("."))


def as_component_name(name: str) -> str:
    """The component name that ``name`` was most likely meant to be: ``TinyMLP`` and ``tiny-mlp`` are ``tiny_mlp``."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name.strip())
    return re.sub(r"\W+", "_", words).strip("_").lower()
