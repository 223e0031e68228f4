"""Axes of amounts: ticks with the unit and prefix that suit all of them, and as many decimals as tell them apart."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from matplotlib.ticker import Formatter, MaxNLocator

from simtier.report.numbers import quantity

_MOST = 9


class Amounts(Formatter):
    """Writes ticks of a linear axis in an SI unit, such as `120 ms`; "%" for shares of 1, empty for plain numbers.

    Args:
        unit: as simtier.report.numbers.quantity takes it.
    """

    def __init__(self, unit: str) -> None:
        self._unit = unit

    def __call__(self, x: float, pos: int | None = None) -> str:  # noqa: ARG002 - matplotlib says where the tick is
        """Return the text of a tick by itself."""
        return self.format_ticks([x])[0]

    def format_ticks(self, values: Iterable[float]) -> list[str]:
        """Return the texts of all ticks of an axis."""
        ticks = [float(each) for each in values]
        factor, name = _scale(max(map(abs, ticks), default=0.0), self._unit)
        numbers = [each / factor for each in ticks]
        decimals = next((each for each in range(_MOST) if all(_is_round(number, each) for number in numbers)), _MOST)
        return [f"{number:,.{decimals}f} {name}".strip() for number in numbers]


def _is_round(number: float, decimals: int) -> bool:
    """Return whether a number needs no more decimals than these."""
    scaled = number * 10.0**decimals
    return abs(scaled - round(scaled)) < 1e-9 * max(abs(scaled), 1.0)


def _scale(largest: float, unit: str) -> tuple[float, str]:
    if unit == "%":
        return 0.01, "%"
    if largest == 0:
        return 1.0, unit
    name = quantity(largest, unit).partition(" ")[2]
    prefix = name.removesuffix(unit) if unit else ""
    powers = {"P": 15, "T": 12, "G": 9, "M": 6, "k": 3, "m": -3, "µ": -6, "n": -9}
    return (10.0 ** powers[prefix], name) if prefix in powers else (1.0, unit)


def amount_axis(axis: Any, unit: str, ticks: int = 5) -> None:
    """Label a linear axis of amounts."""
    axis.set_major_locator(MaxNLocator(ticks, min_n_ticks=2, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(Amounts(unit))
