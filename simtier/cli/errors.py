"""What an error looks like to the user: its sentence on stderr and an exit code; a traceback only with --debug."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from simtier.errors import ScenarioError, SimtierError

DEBUG = "simtier.debug"
"""Under this key the command's context remembers that --debug was given."""


class Group(TyperGroup):
    """The commands, with simtier's errors turned into messages and exit codes."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; simtier's errors end it with their message and exit code."""
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort, typer.TyperException, BrokenPipeError):
            raise
        except Exception as error:
            if ctx.meta.get(DEBUG):
                raise
            typer.echo(message(error), err=True)
            raise typer.Exit(error.exit_code if isinstance(error, SimtierError) else 1) from error


def message(error: Exception) -> str:
    """Return what to tell the user about `error`."""
    if isinstance(error, ScenarioError):
        return str(error)
    if isinstance(error, SimtierError):
        return f"error: {error}"
    return f"internal error: {type(error).__name__}: {error} (run again with --debug for the traceback, and please report it)"
