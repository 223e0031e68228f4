"""Tables and numbers as the command line prints them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

_PREFIXES = (
    (1e15, "P"),
    (1e12, "T"),
    (1e9, "G"),
    (1e6, "M"),
    (1e3, "k"),
    (1.0, ""),
    (1e-3, "m"),
    (1e-6, "u"),
    (1e-9, "n"),
)

_WIDTH = 140


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Return a table; the first column is text to the left, the others stand to the right."""
    made = Table(title=title, title_justify="left", title_style="bold")
    for number, column in enumerate(columns):
        made.add_column(column, justify="left" if number == 0 else "right", no_wrap=number == 0, overflow="fold")
    for row in rows:
        made.add_row(*row)
    return made


def console() -> Console:
    """Return the console for results, on stdout, with names printed as they are; wide where no terminal sets the width."""
    made = Console(markup=False, highlight=False)
    if not made.is_terminal:
        made.width = _WIDTH
    return made


def amount(value: float, unit: str) -> str:
    """Return `value`, in the SI unit `unit`, with three digits and a prefix: 0.0986 s is "98.6 ms"."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g} {unit}"
    factor, prefix = next((each for each in _PREFIXES if abs(value) >= each[0] * 0.9995), _PREFIXES[-1])
    return f"{_digits(value / factor)} {prefix}{unit}"


def measured(metrics: Mapping[str, Any] | None, key: str, unit: str) -> str:
    """Return the metric `key` with its unit and, if there is one, its 95 % half-width; "-" for no value.

    The unit "%" shows a share as percent; an empty one, a plain number.
    """
    value = (metrics or {}).get(key)
    if value is None:
        return "-"
    half = (metrics or {}).get("half_width_95", {}).get(key)
    return _one(value, unit) + (f" ± {_one(half, unit)}" if half else "")


def _one(value: float, unit: str) -> str:
    if unit == "%":
        return f"{100 * value:.1f} %"
    if unit and unit != "USD":
        return amount(value, unit)
    number = f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"
    return f"{number} {unit}".strip()


def _digits(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 99.95 else f"{value:.1f}" if abs(value) >= 9.995 else f"{value:.2f}"
