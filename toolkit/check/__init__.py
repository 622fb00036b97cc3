"""Checks a whole recipe before anything is started: names, arguments, types, and what disagrees between blocks.

Stage 1 (`resolve`, `check`) needs the recipe and what is installed; stage 2 (`check_facts`) also the built dataset.
"""

from toolkit.check.blocks import Block, Checked, all_blocks
from toolkit.check.expect import Expectation, read_expectation
from toolkit.check.facts import check_facts
from toolkit.check.resolve import check, resolve, resolve_block
from toolkit.check.signature import MISSING, Parameter, Signature, signature_of
from toolkit.check.types import converted

__all__ = [
    "MISSING",
    "Block",
    "Checked",
    "Expectation",
    "Parameter",
    "Signature",
    "all_blocks",
    "check",
    "check_facts",
    "converted",
    "read_expectation",
    "resolve",
    "resolve_block",
    "signature_of",
]
