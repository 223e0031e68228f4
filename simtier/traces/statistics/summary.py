"""From a stream of batches to the summary of a trace, in one pass and flat memory."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import pyarrow as pa

from simtier.errors import TraceError
from simtier.traces.statistics.arrivals import ArrivalCounter, Arrivals
from simtier.traces.statistics.blocks import BlockColumn, Blocks
from simtier.traces.statistics.columns import FlagColumn, Flags, LabelColumn, Labels, NumberColumn, Numbers
from simtier.traces.statistics.intervals import IntervalTotals, Rates
from simtier.traces.statistics.levels import Level, LevelClock
from simtier.traces.statistics.quantiles import ACCURACY, Floats
from simtier.traces.tables import SCHEMAS, Family

TIMES = ("arrival_s", "time_s")
LEVELS: Mapping[Family, str] = MappingProxyType({"bandwidth": "rate_bytes_per_s", "availability": "available"})
"""The column that holds from row to row, of the families that have one."""
EVENTS: tuple[Family, ...] = ("llm_requests", "invocations", "cold_starts")
"""The families whose rows are arrivals."""


@dataclass(frozen=True)
class Bounds:
    """How much of a stream is held at most.

    Attributes:
        values: numbers of a column whose percentiles are exact.
        labels: texts of a column that are told apart.
        blocks: prefix blocks that are counted exactly.
    """

    values: int = 2_000_000
    labels: int = 100_000
    blocks: int = 1_000_000


BOUNDS = Bounds()


@dataclass(frozen=True)
class Sessions:
    """Conversations of several requests.

    Attributes:
        count: sessions; those told apart if there are `more`.
        more: whether there are more than `count`; the turns are then not known.
        mean_turns: mean number of requests of a session.
        max_turns: largest number of requests of one session.
    """

    count: int
    more: bool
    mean_turns: float | None
    max_turns: int | None


@dataclass(frozen=True)
class Summary:
    """What is in a trace.

    Attributes:
        family: the family of its rows.
        rows: how many there are.
        span_s: seconds from the first row to the last; None for a family without times, or no rows.
        arrivals: when the rows arrive, for requests, invocations and cold starts.
        numbers: the columns of numbers, by name, but for the time.
        labels: the columns of text.
        flags: the columns of truth values.
        blocks: the columns of prefix blocks.
        sessions: conversations, where any row names one.
        rates: the totals of a `rates` trace.
        level: the time-weighted rate of a link, or availability of a spot market.
    """

    family: Family
    rows: int
    span_s: float | None
    arrivals: Arrivals | None
    numbers: Mapping[str, Numbers]
    labels: Mapping[str, Labels]
    flags: Mapping[str, Flags]
    blocks: Mapping[str, Blocks]
    sessions: Sessions | None
    rates: Rates | None
    level: Level | None

    def notes(self) -> tuple[str, ...]:
        """Return what is not exact, one sentence each."""
        named = {**self.numbers, **{f"{name} lengths": blocks.lengths for name, blocks in self.blocks.items()}}
        if self.arrivals:
            named["gaps"] = self.arrivals.gaps
        if self.rates:
            named["intervals"] = self.rates.intervals
        rounded = ", ".join(name for name, figures in named.items() if figures.approximate)
        notes = [f"percentiles are within {ACCURACY:.1%} of the exact ones: {rounded}"] if rounded else []
        notes += [
            f"{name} has more than {labels.distinct:,} different texts; the most frequent are of the first {labels.distinct:,}"
            for name, labels in self.labels.items()
            if labels.more
        ]
        notes += [
            f"the number of different {name} is an estimate"
            for name, blocks in self.blocks.items()
            if blocks.approximate
        ]
        return tuple(notes)

    def as_dict(self) -> dict[str, Any]:
        """Return all of it, `notes` among it, as JSON has it: what is not known is None, never NaN."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: _plain(value) for name, value in {**fields, "notes": self.notes()}.items()}


class Collector:
    """Collects a `Summary`; its columns can be looked at for more."""

    def __init__(self, family: Family, bounds: Bounds = BOUNDS) -> None:
        self.family = family
        self.bounds = bounds
        self.rows = 0
        self.numbers: dict[str, NumberColumn] = {}
        self.labels: dict[str, LabelColumn] = {}
        self.flags: dict[str, FlagColumn] = {}
        self.blocks: dict[str, BlockColumn] = {}
        self.arrivals = ArrivalCounter(bounds.values)
        self.intervals = IntervalTotals(bounds.values)
        self._level = LevelClock()
        self._time: tuple[float, float] | None = None

    def add(self, batch: Any) -> None:
        """Take in the next record batch; raises TraceError if time goes back."""
        if not batch.num_rows:
            return
        if self.family != "functions":
            self._add_times(batch)
        self.rows += batch.num_rows
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if name not in TIMES:
                self._column(name, column.type).add_column(column)

    def figures(self, facts: Mapping[str, str] = MappingProxyType({})) -> Summary:
        """Return the summary, once; `facts` are those of the trace's ledger, of which `period_s` and `absent` matter."""
        labels = {name: column.figures() for name, column in self.labels.items()}
        level = rates = None
        if self.family in LEVELS:
            level = self._level.figures(float(facts["period_s"]) if "period_s" in facts else None)
        if self.family == "rates":
            series = labels.get("series")
            count = series.distinct if series and not series.more else None
            rates = self.intervals.figures(count, absent_is_zero=facts.get("absent") == "zero")
        return Summary(
            self.family,
            self.rows,
            self._time[1] - self._time[0] if self._time else None,
            self.arrivals.figures() if self.family in EVENTS else None,
            {name: column.figures() for name, column in self.numbers.items()},
            labels,
            {name: column.figures() for name, column in self.flags.items()},
            {name: column.figures() for name, column in self.blocks.items()},
            self._sessions(),
            rates,
            level,
        )

    def _add_times(self, batch: Any) -> None:
        times = floats(batch, next(name for name in TIMES if name in batch.schema.names))
        self._time = (self._time[0] if self._time else float(times[0]), float(times[-1]))
        if self.family in EVENTS:
            self.arrivals.add(times)
        elif self.family == "rates":
            self.intervals.add(times, floats(batch, "length_s"), floats(batch, "value"))
        else:
            self._level.add(times, floats(batch, LEVELS[self.family]))

    def _column(self, name: str, kind: Any) -> Any:
        if pa.types.is_boolean(kind):
            return self.flags.setdefault(name, FlagColumn())
        if pa.types.is_list(kind):
            return self.blocks.get(name) or self.blocks.setdefault(
                name, BlockColumn(self.bounds.values, self.bounds.blocks)
            )
        if pa.types.is_floating(kind) or pa.types.is_integer(kind):
            return self.numbers.get(name) or self.numbers.setdefault(name, NumberColumn(self.bounds.values))
        return self.labels.get(name) or self.labels.setdefault(name, LabelColumn(self.bounds.labels))

    def _sessions(self) -> Sessions | None:
        column = self.labels.get("session")
        if column is None or not column.counts:
            return None
        turns, more = column.counts.values(), column.figures().more
        if more:
            return Sessions(len(turns), more, None, None)
        return Sessions(len(turns), more, sum(turns) / len(turns), max(turns))


def summarise(
    batches: Iterable[Any],
    family: Family | Any,
    facts: Mapping[str, str] = MappingProxyType({}),
    bounds: Bounds = BOUNDS,
) -> Summary:
    """Return the summary of a stream of record batches, read once.

    Args:
        batches: pyarrow record batches in the order of time.
        family: the family of their rows, or a schema of `simtier.traces.tables`, which names it.
        facts: what the trace says of itself (`Ledger.facts`), looked at after the last batch. `period_s` says how long the last
            row of a bandwidth or availability trace holds; `absent`, if it is `zero`, that intervals without rows had none.
        bounds: how much is held at most.

    Raises TraceError for an unknown family and for rows whose time goes back.
    """
    collector = Collector(family_of(family), bounds)
    for batch in batches:
        collector.add(batch)
    return collector.figures(facts)


def family_of(family: Family | Any) -> Family:
    """Return the family that a name or a schema stands for; raises TraceError if there is none."""
    name = family if isinstance(family, str) else ((family.metadata or {}).get(b"family", b"")).decode()
    if name not in SCHEMAS:
        raise TraceError(f"{name!r} is no family of traces: expected one of {', '.join(SCHEMAS)}")
    return cast("Family", name)


def floats(batch: Any, name: str) -> Floats:
    """Return a column as numbers, NaN where it is null."""
    return np.asarray(batch.column(name).to_numpy(zero_copy_only=False), np.float64)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, tuple):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
