"""Commands that are given their words as they were typed, without the conversion that Typer would do.

Typer 0.29 imports pydantic to convert any value, even a text or an option that was left out: 100 ms, as much as Typer
and rich together. All arguments here are texts, lists of texts and flags: there is nothing to convert.
"""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand, TyperGroup

from toolkit.errors import RequestError, did_you_mean


class AsTyped:
    """What Typer calls to convert the value of an argument or option."""

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value as it is; several as a list."""
        if param.multiple or param.nargs == -1:
            return list(value or ())
        return value


def _as_typed(parameters: list[Any]) -> list[Any]:
    for parameter in parameters:
        # Other versions of Typer have no such attribute, and convert texts without pydantic.
        if hasattr(parameter, "_runtime_param"):
            parameter._runtime_param = AsTyped()
        # Nor does help say "<str>" behind each of them.
        parameter.display_type = _no_type
    return parameters


def _no_type(ctx: Any) -> None:
    return None


class Command(TyperCommand):
    """One command."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its arguments and options, ``--help`` included."""
        return _as_typed(super().get_params(ctx))


class Group(TyperGroup):
    """The commands together, and the options before them."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The options before a command, ``--help`` included."""
        return _as_typed(super().get_params(ctx))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is meant. Raises RequestError for one that is not there."""
        name = args[0]
        if name not in self.commands and not name.startswith("-") and not ctx.resilient_parsing:
            hint = did_you_mean(name, self.commands) or " `toolkit --help` lists the commands."
            raise RequestError(f"there is no command {name!r}.{hint}")
        return super().resolve_command(ctx, args)
