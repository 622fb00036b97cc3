"""What docstrings tell of arguments, in each of the forms that authors use."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from toolkit.check.docstrings import LONGEST, argument_docs, own_doc, summary


def google(width, depth, rates):
    """A net.

    Args:
        width (int, optional): channels of every layer,
            of both sides. Default: ``8``
        depth: layers; see :class:`~torch.nn.Linear`
        *rates (list(float)): one each
    Returns:
        depth: nothing of the kind.
    """


def numpy(width, depth):
    """A net.

    Parameters
    ----------
    width : int
        Channels.
    depth
        Layers.

    Returns
    -------
    nothing : None
        Of the kind.
    """


def sphinx(width, depth):
    """A net.

    :param int width: channels
        of every layer
    :param depth: layers
    :return: nothing
    """


class Base:
    """A base.

    Args:
        width: the base's.
        shared: of both.
    """


class Net(Base):
    """A net."""

    def __init__(self, width, **kwargs):
        """Make it.

        Args:
            width: its own.
        """


@dataclass
class Settings:
    """Some settings."""

    width: int = 8
    """Channels."""
    depth: int = 3


@pytest.mark.parametrize(
    ("target", "told"),
    [
        (
            google,
            {
                "width": "channels of every layer, of both sides. Default: `8`",
                "depth": "layers; see `torch.nn.Linear`",
                "rates": "one each",
            },
        ),
        (numpy, {"width": "Channels.", "depth": "Layers."}),
        (sphinx, {"width": "channels of every layer", "depth": "layers"}),
        (Net, {"width": "its own.", "shared": "of both."}),
        (Settings, {"width": "Channels."}),
        (max, {}),
    ],
)
def test_arguments(target, told):
    assert argument_docs(target) == told


def test_a_summary_ends_where_sections_begin():
    assert [summary(own_doc(target)) for target in (google, numpy, sphinx, Net)] == ["A net."] * 4
    assert summary("See `that page`_ or `this <x://y>`__, not ``that_``.") == "See that page or this, not `that_`."
    assert summary("One.\n\nTwo\nlines.\n\n>>> three()\nfour") == "One.\n\nTwo lines."


def test_a_long_text_is_cut_between_words():
    text = summary("word " * 1000)
    assert len(text) <= LONGEST
    assert text.endswith("word…")
