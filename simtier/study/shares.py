"""Shares as people write them: `2%`, `2 %` or 0.02."""

from __future__ import annotations

import math

from simtier.errors import StudyError


def read(text: str) -> tuple[float, bool]:
    """Return the number that `text` begins with, and whether a % follows it; raises ValueError if there is no such number or more than that."""
    number, percent, rest = text.partition("%")
    if rest.strip():
        raise ValueError(f"{rest.strip()!r} stands after the %")
    return float(number), bool(percent)


def share(text: str, name: str) -> float:
    """Return the share that `text` says, between 0 and 1; `name` is what it is called in the message of the StudyError it raises otherwise."""
    try:
        number, percent = read(text)
    except ValueError:
        number, percent = math.nan, False
    value = number / 100 if percent else number
    if not 0 < value < 1:
        raise StudyError(f"{name} must be a share between 0 and 1, such as 2% or 0.02, not {text!r}")
    return value


def error_rate(alpha: float) -> float:
    """Return `alpha`; raises StudyError unless it lies in (0, 0.5]."""
    if not 0 < alpha <= 0.5:
        raise StudyError(f"--alpha must be an error rate above 0 and at most 0.5, such as 0.05, not {alpha:g}")
    return alpha
