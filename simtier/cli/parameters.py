"""Parameters of a policy from the command line: `--set margin=0.2`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import typer


def given(texts: Sequence[str] | None) -> dict[str, Any]:
    """Return the values by name, read as YAML; raises typer.BadParameter for a text that is not name=value."""
    from simtier.scenario.document import parse_value

    found: dict[str, Any] = {}
    for text in texts or ():
        name, sign, value = text.partition("=")
        if not sign or not name.strip().isidentifier():
            raise typer.BadParameter(f"--set {text} is not of the form name=value, as in margin=0.2")
        found[name.strip()] = parse_value(value)
    return found
