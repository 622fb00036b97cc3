"""A new plugin's package, written from templates. Imports neither torch nor any plugin."""

from toolkit.scaffold.author import NOBODY
from toolkit.scaffold.choice import CHOICES, DEFAULT_CHOICE, chosen_examples
from toolkit.scaffold.names import Names, check_free, check_name
from toolkit.scaffold.write import Scaffold, components, plan, write

__all__ = [
    "CHOICES",
    "DEFAULT_CHOICE",
    "NOBODY",
    "Names",
    "Scaffold",
    "check_free",
    "check_name",
    "chosen_examples",
    "components",
    "plan",
    "write",
]
