"""The JSON Schema of recipes, from what is installed, for editors; what it is made from, for the shell's completion.

Imports nothing heavy: components are imported in a child process, once for every state of a plugin.
"""

from toolkit.schema.gather import Gathered, Known, block_entry
from toolkit.schema.page import names_of
from toolkit.schema.write import recipe_schema, with_editor_line, write_schema

__all__ = [
    "Gathered",
    "Known",
    "block_entry",
    "names_of",
    "recipe_schema",
    "with_editor_line",
    "write_schema",
]
