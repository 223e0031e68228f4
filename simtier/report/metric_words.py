"""Metrics by their dotted names: which unit their numbers have, and how numbers and differences are shown."""

from __future__ import annotations

import math

from simtier.report.numbers import NOTHING, Shown, quantity
from simtier.statistics import Comparison, Interval

POINTS = "percentage points"
_POINTS = "points"
_ENDS = {"_per_s": "/s", "_byte_s": "B s", "_s": "s", "_j": "J", "_usd": "USD", "_bytes": "B", "_w": "W"}
_SHARES = ("attainment", "ratio", "share", "utilisation", "met", "goodput")


def unit(metric: str) -> str:
    """Return the unit of a metric's numbers, as `simtier.report.numbers.quantity` takes it; "%" for shares of 1, empty for plain numbers."""
    for part in reversed(metric.split(".")):
        for end, name in _ENDS.items():
            if part.endswith(end):
                return name
        if part.endswith(_SHARES):
            return "%"
    return ""


def group(metric: str) -> str:
    """Return what a metric is shown with: its name without its last part, or the whole run's."""
    return metric.rpartition(".")[0] or "the whole run"


def last(metric: str) -> str:
    """Return the last part of a metric's name."""
    return metric.rpartition(".")[2]


def number(metric: str, value: float | None, half: float | None = None) -> Shown:
    """Return a metric's value with the half-width of its interval, both NaN or None if not known."""
    if value is None or math.isnan(value):
        return Shown(NOTHING)
    known = None if half is None or not math.isfinite(half) else half
    return Shown(quantity(value, unit(metric), known), repr(value))


def mean(metric: str, interval: Interval) -> Shown:
    """Return a mean with its interval."""
    return number(metric, interval.mean, interval.half_width)


def in_points(metric: str) -> bool:
    """Return whether differences of a metric are told in percentage points: those of shares, of which per cent would be read as either."""
    return unit(metric) == "%"


def scale(metric: str, comparison: Comparison) -> float | None:
    """Return what differences are divided by to be told: 1 for shares, else the size of the base's mean; None if that is 0 or not known."""
    if in_points(metric):
        return 1.0
    return abs(comparison.base) if comparison.base and math.isfinite(comparison.base) else None


def relative(metric: str, comparison: Comparison) -> Shown:
    """Return a difference with its sign in per cent of the base, or of a share in percentage points; a dash if the base is 0."""
    by = scale(metric, comparison)
    if by is None or math.isnan(comparison.difference):
        return Shown(NOTHING)
    value = 100 * comparison.difference / by
    return Shown(f"{_sign(value)}{figures(abs(value))} {_POINTS if in_points(metric) else '%'}", repr(value))


def amount(metric: str, value: float, half: float | None = None) -> Shown:
    """Return a difference in the metric's unit, in percentage points for shares, with its sign and the half-width of its interval."""
    if math.isnan(value):
        return Shown(NOTHING)
    known = half if half and math.isfinite(half) else None
    if in_points(metric):
        width = "" if known is None else f" ± {figures(100 * known, 2)}"
        return Shown(f"{_sign(value)}{figures(100 * abs(value))}{width} {_POINTS}", repr(value))
    return Shown(f"{_sign(value)}{quantity(abs(value), unit(metric), known)}", repr(value))


def figures(value: float, significant: int = 3) -> str:
    """Return a number of 0 or more with so many significant figures, and no power of ten."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    decimals = max(significant - 1 - math.floor(math.log10(value) + 1e-12), 0)
    return f"{value:,.{min(decimals, 9)}f}" if decimals <= 9 else f"{value:.1e}"


def _sign(value: float) -> str:
    return "" if value == 0 else "+" if value > 0 else "\N{MINUS SIGN}"
