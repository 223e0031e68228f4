"""Numbers as people read them: three digits, a prefix, the unit, and the half-width if there is one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NOTHING = "\N{EN DASH}"
"""Shown where there is no value."""
TIMES = "\N{MULTIPLICATION SIGN}"

_PREFIXES = (
    (1e15, "P"),
    (1e12, "T"),
    (1e9, "G"),
    (1e6, "M"),
    (1e3, "k"),
    (1.0, ""),
    (1e-3, "m"),
    (1e-6, "µ"),
    (1e-9, "n"),
)
_ROUNDING = 1e-9
_PLAIN = ("", "%", "USD", "/s")
"""Units that take no prefix."""


@dataclass(frozen=True)
class Shown:
    """A number on the page.

    Attributes:
        text: as people read it.
        exact: the number itself in SI units, for machines; empty if there is none.
        bar: share from 0 to 1 drawn behind it; None for no bar.
    """

    text: str
    exact: str = ""
    bar: float | None = None


def quantity(value: float | None, unit: str, half: float | None = None) -> str:
    """Return `value`, in the SI unit `unit`, with a prefix and the half-width of its interval: "98.6 ± 1.2 ms".

    Unit "%" shows a share as percent, an empty one a plain number. No value is a dash.
    """
    if value is None:
        return NOTHING
    if half is not None and half < _ROUNDING * abs(value):
        half = None  # all replications agree but for rounding
    if isinstance(value, int) and not half:
        return f"{value:,} {unit}".strip()
    if not math.isfinite(value):
        return f"{'unlimited' if value > 0 else value} {unit}".strip()
    least = 0.0005 if unit == "%" else 0.001 if not unit else 0.0
    if 0 < max(abs(value), half or 0.0) < least:
        return "< 0.1 %" if unit == "%" else "< 0.001"
    if unit == "%" and half is None and 0.9995 <= value < 1:
        return "> 99.9 %"
    factor, prefix = _scale(value, half, unit)
    number = _digits(value / factor, None if not half else half / factor, percent=unit == "%")
    return f"{number} {prefix}{unit}".strip()


def given(value: float, unit: str) -> str:
    """Return a value that somebody chose, such as a target or a latency, without digits that say nothing: "30 s"."""
    if not math.isfinite(value):
        return quantity(value, unit)
    factor, prefix = _scale(value, None, unit)
    number = value / factor
    return (
        f"{number:,.0f} {prefix}{unit}"
        if number >= 1000 and number == round(number)
        else f"{number:.6g} {prefix}{unit}"
    )


def measured(metrics: Mapping[str, Any] | None, key: str, unit: str, *, bar: bool = False) -> Shown:
    """Return the metric `key` of a summary with its unit and, if there is one, its 95 % half-width."""
    value = (metrics or {}).get(key)
    half = ((metrics or {}).get("half_width_95") or {}).get(key)
    share = min(max(float(value), 0.0), 1.0) if bar and value is not None else None
    return Shown(quantity(value, unit, half), "" if value is None else repr(value), share)


def mean_memory(metrics: Mapping[str, Any], key: str, window_s: float) -> Shown:
    """Return the memory held on average over the time counted, from the memory-time `key` of a platform."""
    memory = metrics["memory"]
    widths = memory.get("half_width_95") or {}
    half = widths.get(key)
    value = memory[key] / window_s
    return Shown(quantity(value, "B", None if half is None else half / window_s), repr(value))


_TARGETS = {
    "target_s": "are answered within {}",
    "ttft_s": "get their first token within {}",
    "tpot_s": "take {} per token or less",
    "ttft_slowdown": "get their first token within {} times as long as alone",
    "tpot_slowdown": "take {} times as long per token as alone or less",
    "latency_slowdown": "get their last token within {} times as long as alone",
}


def promised(slo: Mapping[str, Any], show: Callable[[float, str], str] = given) -> str:
    """Return what an objective asks of requests, in words: "get their first token within 200 ms and take 50 ms per token or less"."""
    *others, last = (
        text.format(show(slo[key], "s") if key.endswith("_s") else f"{slo[key]:g}")
        for key, text in _TARGETS.items()
        if slo.get(key) is not None
    )
    return f"{', '.join(others)} and {last}" if others else last


def targets(slo: Mapping[str, Any]) -> int:
    """Return how many targets an objective has."""
    return sum(slo.get(key) is not None for key in _TARGETS)


def percent(share: float) -> str:
    """Return a share as percent: "68.6 %"."""
    return quantity(float(share), "%")


def shorten(text: str, most: int = 34) -> str:
    """Return `text`, its middle left out if it is long."""
    return text if len(text) <= most else f"{text[: most // 2 - 1]}…{text[-(most // 2) :]}"


def listing(names: Sequence[str], most: int = 8) -> str:
    """Return names as a text, the first `most` of them and how many more there are."""
    shown = ", ".join(shorten(name, 44) for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def _scale(value: float, half: float | None, unit: str) -> tuple[float, str]:
    if unit == "%":
        return 0.01, ""
    if unit in _PLAIN:
        return 1.0, ""
    size = max(abs(value), half or 0.0)
    prefixes = _PREFIXES[5:] if unit == "s" else _PREFIXES  # nobody reads kiloseconds
    return next((each for each in prefixes if size >= each[0] * 0.9995), (1.0, "") if size == 0 else _PREFIXES[-1])


def _digits(value: float, half: float | None, *, percent: bool) -> str:
    if half is None:
        if value == 0:
            return "0"
        return f"{value:.1f}" if percent else f"{value:,.{_decimals(value, 3)}f}"
    decimals = min(_decimals(half, 2), 1) if percent else _decimals(half, 2)
    return f"{value:,.{decimals}f} ± {half:,.{decimals}f}"


def _decimals(value: float, significant: int) -> int:
    """Return how many decimals show `value` with so many digits; none for large ones, nine at most."""
    if value == 0:
        return 0
    return min(max(significant - 1 - math.floor(math.log10(abs(value)) + 1e-12), 0), 9)
