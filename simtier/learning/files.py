"""Agents on disk: one JSON file with the decision that was learnt and what the agent knows about it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simtier.errors import PolicyError
from simtier.learning.decisions import Decision, decision_from

FORMAT = 1
"""Version of the file's format."""


def write_agent(file: Path | str, decision: Decision, agent: Mapping[str, Any] | None = None) -> None:
    """Write a decision, and what an agent knows if it can be written as plain data; raises PolicyError if the disk says no."""
    text = json.dumps({"format": FORMAT, "decision": decision.written(), "agent": agent}, indent=1, allow_nan=False)
    try:
        Path(file).write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise PolicyError(f"cannot write the agent to {file}: {error.strerror or error}") from error


def read_agent(file: Path | str) -> tuple[Decision, Mapping[str, Any] | None]:
    """Return what `write_agent` wrote; raises PolicyError if there is no such file, or it is of another format."""
    try:
        kept = json.loads(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        where = Path(file).absolute().parent
        raise PolicyError(f"cannot read the agent {str(file)!r} in {where}: {error.strerror or error}") from error
    except ValueError as error:
        raise PolicyError(f"{file} is no agent: it is not JSON ({error})") from error
    if not isinstance(kept, dict) or not isinstance(kept.get("decision"), dict):
        raise PolicyError(f"{file} is no agent: it has no `decision`; agents write themselves with `save`")
    if kept.get("format") != FORMAT:
        raise PolicyError(
            f"{file} has format {kept.get('format')!r}; this version reads {FORMAT}: train the agent anew"
        )
    return decision_from(kept["decision"]), kept.get("agent")
