"""What the commands about traces share."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import typer

if TYPE_CHECKING:
    from simtier.traces.ledger import OnError


def error_rule(text: str) -> OnError:
    """Return what a bad row does, or end with a usage error."""
    from simtier.traces.shown import shown

    if text not in ("fail", "drop"):
        raise typer.BadParameter(f"{shown(text)}: expected fail or drop", param_hint="--on-error")
    return cast("OnError", text)
