"""From counts by the interval to invocations: a choice of the model, named and seeded, with durations drawn for each function.

When within its minute an invocation came, a count does not say. `uniform` takes independent uniform times, which is a Poisson process
given its count; `even` spaces them equally from a random phase, and so shows less variation than any real traffic; `poisson` takes the
count for a mean and draws the number as well; `gamma` draws gaps of a given coefficient of variation, one more than counted, and
stretches them to fill the interval, so that the count is kept. No choice links one interval to the next.

Every number depends on the key, the series' name, the interval's start and the place within it, and on nothing else: leaving out a
function or a day shifts nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from scipy import special, stats

from simtier.errors import TraceError
from simtier.traces.durations import Durations
from simtier.traces.hashing import Floats, Keys, mixed, text_key, uniform
from simtier.traces.ledger import Ledger
from simtier.traces.tables import batch

ARRIVALS_AT_ONCE = 100_000
ROWS_AT_ONCE = 65_536
_NUMBER, _WHEN, _HOW_LONG = 1, 2, 3
"""Salts: how many, when, and how long are drawn apart."""


@dataclass(frozen=True)
class Expansion:
    """How counts become arrivals.

    Attributes:
        process: see the module.
        cv: of the gaps, for gamma.
        default_duration_s: for series whose durations are not known; None: they are left out and counted.
    """

    process: Literal["uniform", "even", "poisson", "gamma"]
    cv: float | None = None
    default_duration_s: float | None = None


@dataclass
class _Pending:
    """Arrivals that are made and not given out: times, series codes, durations."""

    times: Floats
    codes: Any
    durations: Floats

    def joined(self, other: _Pending) -> _Pending:
        times = np.concatenate([self.times, other.times])
        order = np.argsort(times, kind="stable")
        codes, durations = np.concatenate([self.codes, other.codes]), np.concatenate([self.durations, other.durations])
        return _Pending(times[order], codes[order], durations[order])

    def split(self, number: int) -> tuple[_Pending, _Pending]:
        first = _Pending(self.times[:number], self.codes[:number], self.durations[:number])
        return first, _Pending(self.times[number:], self.codes[number:], self.durations[number:])


def expand(
    batches: Iterable[Any], how: Expansion, key: int, functions: Any, ledger: Ledger | None = None
) -> Iterator[Any]:
    """Yield invocations, in order of time, for the counts in `batches` of the family rates.

    Args:
        batches: rows in order of their intervals' starts.
        how: the choice.
        key: 64 bits from the scenario's seed.
        functions: table of the family functions with their durations, or None.
        ledger: gets the number of invocations left out, by reason, and notes.

    Raises TraceError for a negative count, for one that is not whole (unless poisson), and if no duration is known and no default given.
    """
    if functions is None and how.default_duration_s is None:
        raise TraceError(
            "counts have no durations: give `default_duration` in `expand`, or a table of functions beside them"
        )
    series = _Series(Durations(functions, how.default_duration_s))
    pending = _Pending(np.empty(0), np.empty(0, np.int32), np.empty(0))
    for piece in _pieces(batches):
        starts = piece.column("time_s").to_numpy()
        pending = pending.joined(_arrivals(piece, how, key, series))
        # Whatever is still to come begins at the last start seen, or later.
        ready, pending = pending.split(int(np.searchsorted(pending.times, starts[-1])))
        yield from _batches(ready, series)
    yield from _batches(pending, series)
    if ledger is not None and series.unknown:
        ledger.drop("function without known durations", series.unknown)


def _pieces(batches: Iterable[Any]) -> Iterator[Any]:
    """Yield the rows in pieces that do not become too many arrivals at once, where that can be helped."""
    for rows in batches:
        _check(rows)
        total = np.cumsum(rows.column("value").to_numpy())
        first = 0
        while first < rows.num_rows:
            done = total[first - 1] if first else 0.0
            last = max(int(np.searchsorted(total, done + ARRIVALS_AT_ONCE, side="right")), first + 1)
            yield rows.slice(first, last - first)
            first = last


def _check(rows: Any) -> None:
    values = rows.column("value").to_numpy()
    wrong = np.flatnonzero(~(values >= 0))
    if len(wrong):
        start = rows.column("time_s")[int(wrong[0])].as_py()
        raise TraceError(
            f"the count {values[wrong[0]]!r} of the interval at {start:g} s is negative, so nothing can arrive"
        )


def _arrivals(piece: Any, how: Expansion, key: int, series: _Series) -> _Pending:
    """Return the arrivals of a piece, in order of time."""
    starts, lengths = piece.column("time_s").to_numpy(), piece.column("length_s").to_numpy()
    codes = series.codes(piece.column("series"))
    cells = mixed(series.keys[codes] ^ mixed(np.rint(starts * 1000).astype(np.int64).astype(np.uint64), key))
    counts = _counts(piece, how, cells)
    counts[~series.known[codes]] = 0
    cell = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(cell)) - np.repeat(np.cumsum(counts) - counts, counts)
    share = _shares(how, cells, counts, cell, place)
    # A rounded sum must not leave the interval, lest it come before what is given out already.
    times = np.minimum(starts[cell] + share * lengths[cell], np.nextafter(starts + lengths, -np.inf)[cell])
    durations = series.durations.draw(codes[cell], uniform(cells[cell], mixed(place.astype(np.uint64), _HOW_LONG)))
    series.unknown += int(piece.column("value").to_numpy()[~series.known[codes]].sum())
    order = np.argsort(times, kind="stable")
    return _Pending(times[order], codes[cell][order], durations[order])


def _counts(piece: Any, how: Expansion, cells: Keys) -> Any:
    values = piece.column("value").to_numpy()
    if how.process == "poisson":
        return stats.poisson.ppf(uniform(cells, _NUMBER), values).astype(np.int64)
    if not (values == np.rint(values)).all():
        wrong = values[values != np.rint(values)][0]
        raise TraceError(f"the count {wrong!r} is not whole: only `poisson` takes counts for means")
    return values.astype(np.int64)


def _shares(how: Expansion, cells: Keys, counts: Any, cell: Any, place: Any) -> Floats:
    """Return where in its interval each arrival lies, from 0 to 1."""
    if how.process == "even":
        return np.asarray((place + uniform(cells, _WHEN)[cell]) / counts[cell])
    if how.process != "gamma":
        return uniform(cells[cell], mixed(place.astype(np.uint64), _WHEN))
    assert how.cv is not None
    gap_of = np.repeat(np.arange(len(counts)), counts + 1)
    number = np.arange(len(gap_of)) - np.repeat(np.cumsum(counts + 1) - counts - 1, counts + 1)
    drawn = uniform(cells[gap_of], mixed(number.astype(np.uint64), _WHEN))
    gaps = special.gammaincinv(1 / how.cv**2, np.maximum(drawn, 2.0**-54))
    sums = np.cumsum(gaps)
    before = np.concatenate([[0.0], sums])[np.cumsum(counts + 1) - counts - 1]
    whole = np.add.reduceat(gaps, np.cumsum(counts + 1) - counts - 1) if len(counts) else np.empty(0)
    inside = number < counts[gap_of]
    return np.asarray(np.clip((sums[inside] - before[cell]) / np.maximum(whole[cell], 5e-324), 0.0, 1.0))


class _Series:
    """The series seen so far: a number, 64 bits and a row of the table of functions for each."""

    def __init__(self, durations: Durations) -> None:
        self.durations = durations
        self.names: list[str] = []
        self.keys: Keys = np.empty(0, np.uint64)
        self.known = np.empty(0, bool)
        self.unknown = 0
        self._codes: dict[str, int] = {}

    def codes(self, column: Any) -> Any:
        """Return the number of each row's series."""
        texts = column.dictionary.to_pylist()
        new = [text for text in texts if text not in self._codes]
        if new:
            self._codes.update({text: len(self.names) + place for place, text in enumerate(new)})
            self.names += new
            self.keys = np.concatenate([self.keys, np.array([text_key(text) for text in new], np.uint64)])
            self.known = np.concatenate([self.known, self.durations.add(new)])
        numbers = np.array([self._codes[text] for text in texts], dtype=np.int32)
        return numbers[column.indices.to_numpy()]


def _batches(ready: _Pending, series: _Series) -> Iterator[Any]:
    for first in range(0, len(ready.times), ROWS_AT_ONCE):
        part, ready_codes = slice(first, first + ROWS_AT_ONCE), ready.codes
        codes = ready_codes[part]
        columns = {
            "arrival_s": ready.times[part],
            "duration_s": ready.durations[part],
            "function": pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(series.names)),
            **series.durations.attributes(codes),
        }
        yield batch("invocations", columns, len(codes))
