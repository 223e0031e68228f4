"""`simtier schema`: the JSON Schema of scenario files, for editors."""

from __future__ import annotations

import json

import typer


def schema() -> None:
    """Print the JSON Schema of scenario files."""
    from simtier.scenario import Scenario

    typer.echo(json.dumps(Scenario.model_json_schema(), indent=2))
