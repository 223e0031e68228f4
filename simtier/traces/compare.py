"""Two traces of one family side by side: a real slice and its look-alike."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from simtier.traces.statistics.columns import NumberColumn, Numbers
from simtier.traces.statistics.quantiles import distance
from simtier.traces.statistics.summary import BOUNDS, EVENTS, Bounds, Collector, Summary, family_of
from simtier.traces.tables import SCHEMAS, Family

NOTHING = "\N{EN DASH}"
_DIGITS = 4


@dataclass(frozen=True)
class Row:
    """One line of a comparison.

    Attributes:
        name: what is compared: a column, the gaps, or a single figure.
        unit: of the numbers; empty for counts and shares.
        real: mean, p50 and p99 of the first trace; a single figure has no percentiles. None where there are no values.
        other: the same of the second.
        ratio: the second's mean over the first's; None if that is 0 or unknown.
        distance: the Kolmogorov-Smirnov distance D between the two, from 0 to 1; None for a single figure.
        approximate: whether p50, p99 and D are from buckets 0.2 % wide instead of exact.
    """

    name: str
    unit: str
    real: tuple[float | None, float | None, float | None]
    other: tuple[float | None, float | None, float | None]
    ratio: float | None
    distance: float | None
    approximate: bool


@dataclass(frozen=True)
class Comparison:
    """Two traces of one family: their summaries, and the distances of their columns and `gap`s (or `interval`s) by name."""

    family: Family
    real: Summary
    other: Summary
    distances: Mapping[str, float | None]

    def rows(self) -> list[Row]:
        """Return the lines of a table: distributions first, then single figures; what neither trace has is left out."""
        return [*self._distributions(), *self._figures()]

    def _distributions(self) -> Iterator[Row]:
        mine, yours = _distributions(self.real), _distributions(self.other)
        for name in dict.fromkeys([*mine, *yours]):
            real, other = mine.get(name), yours.get(name)
            if (real and real.count) or (other and other.count):
                rounded = bool((real and real.approximate) or (other and other.approximate))
                first, second = _three(real), _three(other)
                yield Row(
                    name,
                    _unit(self.family, name),
                    first,
                    second,
                    _ratio(first, second),
                    self.distances.get(name),
                    rounded,
                )

    def _figures(self) -> Iterator[Row]:
        mine, yours = dict(_single(self.real)), dict(_single(self.other))
        for name in dict.fromkeys([*mine, *yours]):
            first, second = (mine.get(name), None, None), (yours.get(name), None, None)
            if first[0] is not None or second[0] is not None:
                unit = "B/s" if name == "rate over time" else "1/s" if name == "arrival rate" else ""
                yield Row(name, unit, first, second, _ratio(first, second), None, approximate=False)


def compare(
    real: Iterable[Any],
    other: Iterable[Any],
    family: Family | Any,
    facts: tuple[Mapping[str, str], Mapping[str, str]] = (MappingProxyType({}), MappingProxyType({})),
    bounds: Bounds = BOUNDS,
) -> Comparison:
    """Return the comparison of two streams of record batches of one family, each read once.

    `facts` are those of the two traces' ledgers, as for `summarise`. Distances are exact while each column of both traces has at
    most `bounds.values` numbers. Raises TraceError for an unknown family and for rows whose time goes back.
    """
    named = family_of(family)
    first, second = _collected(real, named, bounds), _collected(other, named, bounds)
    mine, yours = dict(_columns(first)), dict(_columns(second))
    distances = {
        name: distance(column.quantiles, yours[name].quantiles) for name, column in mine.items() if name in yours
    }
    return Comparison(named, first.figures(facts[0]), second.figures(facts[1]), MappingProxyType(distances))


def markdown(comparison: Comparison, real: str = "real", other: str = "look-alike") -> str:
    """Return the comparison as a Markdown table, with 4 significant digits and names for the two traces."""
    head = ["", f"{real}: mean", "p50", "p99", f"{other}: mean", "p50", "p99", "ratio of means", "KS distance"]
    lines = [head, ["---", *["---:"] * (len(head) - 1)]]
    for row in comparison.rows():
        name = f"{row.name} ({row.unit})" if row.unit else row.name
        numbers = [*row.real, *row.other, row.ratio]
        far = NOTHING if row.distance is None else f"{row.distance:.3f}"
        lines.append([name, *map(number, numbers), far])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def number(value: float | None) -> str:
    """Return a number with 4 significant digits, thousands apart; a dash for None."""
    if value is None:
        return NOTHING
    if value == 0:
        return "0"
    digits = _DIGITS - 1 - math.floor(math.log10(abs(value)))
    if digits > _DIGITS + 3:
        return f"{value:.{_DIGITS - 1}e}"
    text = f"{round(value, digits):,.{max(digits, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _collected(batches: Iterable[Any], family: Family, bounds: Bounds) -> Collector:
    collector = Collector(family, bounds)
    for batch in batches:
        collector.add(batch)
    return collector


def _columns(collector: Collector) -> Iterator[tuple[str, NumberColumn]]:
    """Yield what has a distribution, under the names that `_distributions` uses for the same of a summary."""
    if collector.family in EVENTS:
        yield "gap", collector.arrivals.gaps
    if collector.family == "rates":
        yield "interval", collector.intervals.totals
    yield from collector.numbers.items()
    for name, blocks in collector.blocks.items():
        yield name, blocks.lengths


def _distributions(summary: Summary) -> dict[str, Numbers]:
    found: dict[str, Numbers] = {}
    if summary.arrivals:
        found["gap"] = summary.arrivals.gaps
    if summary.rates:
        found["interval"] = summary.rates.intervals
    found.update(summary.numbers)
    found.update((name, blocks.lengths) for name, blocks in summary.blocks.items())
    return found


def _single(summary: Summary) -> Iterator[tuple[str, float | None]]:
    if summary.arrivals:
        yield "arrival rate", summary.arrivals.rate_per_s
        yield "gap CV", summary.arrivals.gap_cv
        yield "dispersion in 1 s", summary.arrivals.dispersion_1s
        yield "dispersion in 60 s", summary.arrivals.dispersion_60s
    if summary.rates:
        yield "interval CV", summary.rates.interval_cv
        yield "interval dispersion", summary.rates.interval_dispersion
        yield "correlation with 24 h later", summary.rates.lag_24h
    if summary.level:
        yield ("rate over time" if summary.family == "bandwidth" else "available over time"), summary.level.mean
        yield "share of time above 0", summary.level.share_above_zero
    for name, flags in summary.flags.items():
        yield f"share {name}", flags.share
    for blocks in summary.blocks.values():
        yield "block hit ratio", blocks.hit_ratio
    if summary.sessions:
        yield "turns a session", summary.sessions.mean_turns


def _three(figures: Numbers | None) -> tuple[float | None, float | None, float | None]:
    return (figures.mean, figures.p50, figures.p99) if figures else (None, None, None)


def _ratio(real: tuple[float | None, ...], other: tuple[float | None, ...]) -> float | None:
    return other[0] / real[0] if real[0] and other[0] is not None else None


def _unit(family: Family, name: str) -> str:
    if name == "gap":
        return "s"
    schema = SCHEMAS[family]
    return (schema.field(name).metadata or {}).get(b"unit", b"").decode() if name in schema.names else ""
