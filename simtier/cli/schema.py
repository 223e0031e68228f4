"""`simtier schema`: the JSON Schema of scenario files, for editors."""

from __future__ import annotations

import json
from typing import Any

import typer


def schema() -> None:
    """Print the JSON Schema of scenario files."""
    from simtier.scenario import Scenario

    typer.echo(json.dumps(_without_numbers_for_texts(Scenario.model_json_schema()), indent=2, allow_nan=False))


def _without_numbers_for_texts(part: Any) -> Any:
    """Drop defaults that pydantic gives as SI numbers where the file has a text with a unit; the reference lists them."""
    if isinstance(part, list):
        return [_without_numbers_for_texts(each) for each in part]
    if not isinstance(part, dict):
        return part
    kept = {key: _without_numbers_for_texts(value) for key, value in part.items()}
    numbers_fit = "number" in json.dumps(kept.get("anyOf", kept.get("type", ""))) or kept.get("type") == "integer"
    if isinstance(kept.get("default"), float) and not numbers_fit:
        del kept["default"]
    return kept
