"""Shares as people write them: `2%`, `2 %` or 0.02."""

from __future__ import annotations

from simtier.errors import StudyError


def share(text: str, name: str) -> float:
    """Return the share that `text` says, between 0 and 1; `name` is what it is called in the message of the StudyError it raises otherwise."""
    number, percent, rest = text.partition("%")
    try:
        value = float(number) / (100 if percent else 1)
    except ValueError:
        value = -1.0
    if rest.strip() or not 0 < value < 1:
        raise StudyError(f"{name} must be a share between 0 and 1, such as 2% or 0.02, not {text!r}")
    return value


def error_rate(alpha: float) -> float:
    """Return `alpha`; raises StudyError unless it lies in (0, 0.5]."""
    if not 0 < alpha <= 0.5:
        raise StudyError(f"--alpha must be an error rate above 0 and at most 0.5, such as 0.05, not {alpha:g}")
    return alpha
