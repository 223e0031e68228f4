"""What the process that evaluates a policy is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Task:
    """What to do.

    Attributes:
        suite: the suite file.
        traces: directories in which traces are looked for first.
        policy: a built-in name, module:Class, file.py:Class, or file.py.
        parameters: of the policy, as a scenario writes them.
        stages: what to play, in this order.
        threshold: mean score of the cheap stage that the stages after it need; None for none.
    """

    suite: str
    traces: tuple[str, ...]
    policy: str
    parameters: Mapping[str, Any]
    stages: tuple[str, ...]
    threshold: float | None
