"""Replications without a value: how many lost it, and whether that alone is a regression."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb, isfinite

from simtier.study.check.play import Column, Seeds


@dataclass(frozen=True)
class Kept:
    """In how many replications a metric has a value, before and now.

    Attributes:
        had: replications of the baseline with a value.
        of: replications of the baseline.
        lost: how many of `had` have none now; of other requests, how many fewer replications have one.
        p_value: probability that so few have one now, if none was more likely than another to have one: Fisher's exact test to one side.
    """

    had: int
    of: int
    lost: int
    p_value: float


def kept(before: Column, now: Column, seeds: Seeds) -> Kept:
    """Return in how many replications a metric kept a value; paired ones are the same replications.

    Source: Fisher, The Design of Experiments, 1935, section 11 ("the lady tasting tea").
    """
    had, has, n, m = number(before), number(now), len(before), len(now)
    if seeds == "paired":
        lost = sum(_is_value(old) and not _is_value(new) for old, new in zip(before, now, strict=True))
    else:
        lost = max(had - has, 0)
    fewer = sum(comb(m, k) * comb(n, had + has - k) for k in range(has + 1))
    return Kept(had, n, lost, fewer / comb(n + m, had + has))


def gone(found: Kept, seeds: Seeds, alpha: float) -> bool:
    """Return whether the loss is a regression: any is, but of other requests where the baseline lacks values too, one that chance explains."""
    return found.lost > 0 and (seeds == "paired" or found.had == found.of or found.p_value <= alpha)


def as_many(before: Column, now: Column) -> tuple[Column, Column]:
    """Return both with as many values as the one that has fewer: its first ones; None in place of the rest."""
    room = min(number(before), number(now))
    return _first(before, room), _first(now, room)


def number(column: Column) -> int:
    """Return how many replications have a value."""
    return sum(map(_is_value, column))


def _first(column: Column, room: int) -> Column:
    return tuple(value if number(column[: place + 1]) <= room else None for place, value in enumerate(column))


def _is_value(value: float | None) -> bool:
    return value is not None and isfinite(value)
