"""From counts by the interval to invocations: a choice of the model, named and seeded, with durations drawn for each function.

When within its minute an invocation came, a count does not say. `uniform` takes independent uniform times, which is a Poisson process
given its count; `even` spaces them equally from a random phase, and so shows less variation than any real traffic; `poisson` takes the
count for a mean and draws the number as well; `gamma` draws gaps of a given coefficient of variation, one more than counted, and
stretches them to fill the interval, so that the count is kept. As they share one interval, the n + 1 gaps' squared CV is
n / ((n + 1) / cv^2 + 1): it comes near to cv^2 where counts are well above cv^2, and is less elsewhere; cv 1 is `uniform`. No choice
links one interval to the next, and within an interval the rate is taken to be constant.

Every number depends on the key, the series' name, the interval's start (to the millisecond) and the place within it, and on nothing
else: leaving out a function or an interval shifts nothing. So a series must have one row for each start.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import special

from simtier.errors import TraceError
from simtier.traces.durations import Durations
from simtier.traces.hashing import Floats, Keys, mixed, text_key, uniform
from simtier.traces.ledger import Ledger
from simtier.traces.shown import shown
from simtier.traces.tables import batch

ARRIVALS_AT_ONCE = 100_000
ROWS_AT_ONCE = 65_536
MOST_IN_ONE = 10_000_000
"""Arrivals of one series in one interval: they are made at once."""
Process = Literal["uniform", "even", "poisson", "gamma"]
_NUMBER, _WHEN, _HOW_LONG = 1, 2, 3
"""Salts: how many, when, and how long are drawn apart."""


@dataclass(frozen=True)
class Expansion:
    """How counts become arrivals; raises TraceError for numbers that make no sense.

    Attributes:
        process: see the module.
        cv: of the gaps, for gamma.
        default_duration_s: for series whose durations are not known; None: they are left out and counted.
    """

    process: Process
    cv: float | None = None
    default_duration_s: float | None = None

    def __post_init__(self) -> None:
        if self.process not in get_args(Process):
            raise TraceError(f"no expansion {self.process!r}: there are {', '.join(get_args(Process))}")
        if (self.process == "gamma") != (self.cv is not None):
            raise TraceError(f"`cv` belongs to gamma, which needs it: {self.process} with cv {self.cv}")
        if self.cv is not None and not 0 < self.cv < np.inf:
            raise TraceError(f"the gaps' cv {self.cv:g} must be above 0; for gaps without variation take `even`")
        if self.default_duration_s is not None and not 0 <= self.default_duration_s < np.inf:
            raise TraceError(f"the default duration {self.default_duration_s:g} s must be at least 0 and finite")


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
    batches: Iterable[Any], how: Expansion, key: int, functions: Any, ledger: Ledger | None = None, trace: str = ""
) -> Iterator[Any]:
    """Return invocations, in order of time, for the counts in `batches` of the family rates.

    Args:
        batches: rows in order of their intervals' starts; the caller has made sure that their metric is a count.
        how: the choice.
        key: 64 bits from the scenario's seed.
        functions: table of the family functions with their durations, or None.
        ledger: gets the choice as a note, and the invocations left out so far, by reason.
        trace: how errors call what the counts are of.

    Raises TraceError at once if no duration is known and no default given; and while it is read for a count that is negative, not
    finite, too large, or not whole (unless poisson), and for an interval without length.
    """
    if functions is None and how.default_duration_s is None:
        raise TraceError(
            "counts have no durations: give `default_duration` in `expand`, or a table of functions beside them"
        )
    ledger = Ledger() if ledger is None else ledger
    with_cv = "" if how.cv is None else f" with a CV of {how.cv:g}"
    ledger.note(f"counts became arrivals by `{how.process}`{with_cv}, a choice of the model")
    checked = _checked(batches, how, f"{trace}, " if trace else "")
    return _expanded(checked, how, key, _Series(Durations(functions, how.default_duration_s)), ledger)


def _expanded(batches: Iterable[Any], how: Expansion, key: int, series: _Series, ledger: Ledger) -> Iterator[Any]:
    pending = _Pending(np.empty(0), np.empty(0, np.int32), np.empty(0))
    for piece in _pieces(batches):
        pending = pending.joined(_arrivals(piece, how, key, series, ledger))
        # Whatever is still to come begins at the last start seen, or later.
        last = piece.column("time_s")[-1].as_py()
        ready, pending = pending.split(int(np.searchsorted(pending.times, last)))
        yield from _batches(ready, series)
    yield from _batches(pending, series)


def _pieces(batches: Iterable[Any]) -> Iterator[Any]:
    """Yield the rows in pieces that do not become too many arrivals at once, where that can be helped."""
    for rows in batches:
        total = np.cumsum(rows.column("value").to_numpy())
        first = 0
        while first < rows.num_rows:
            done = total[first - 1] if first else 0.0
            last = max(int(np.searchsorted(total, done + ARRIVALS_AT_ONCE, side="right")), first + 1)
            yield rows.slice(first, last - first)
            first = last


def _checked(batches: Iterable[Any], how: Expansion, place: str) -> Iterator[Any]:
    """Yield the batches; raises TraceError, beginning with `place`, for a row that is no count of an interval."""
    for rows in batches:
        _check(rows, how, place)
        yield rows


def _check(rows: Any, how: Expansion, place: str) -> None:
    """Raise TraceError, beginning with `place`, for the first row that is no count of an interval."""
    starts, lengths, values = (rows.column(name).to_numpy() for name in ("time_s", "length_s", "value"))
    faults = [
        (~((values >= 0) & (values < np.inf)), "the count is {value:,.12g}, and nothing can arrive less than 0 times"),
        (
            values > MOST_IN_ONE,
            f"the count is {{value:,.12g}}, and at most {MOST_IN_ONE:,} of one interval are made: divide the counts in a copy of the file",
        ),
        (~((starts + lengths > starts) & (lengths < np.inf)), "the interval has a length of {length:g} s"),
    ]
    if how.process != "poisson":
        faults.append(
            (values != np.rint(values), "the count {value:,.12g} is not whole: only `poisson` takes it for a mean")
        )
    for wrong, what in faults:
        if wrong.any():
            row = int(np.argmax(wrong))
            place += f"{shown(rows.column('series')[row].as_py())}, interval at {starts[row]:.12g} s: "
            raise TraceError(place + what.format(value=values[row], length=lengths[row]))


def _arrivals(piece: Any, how: Expansion, key: int, series: _Series, ledger: Ledger) -> _Pending:
    """Return the arrivals of a piece, in order of time."""
    starts, lengths = piece.column("time_s").to_numpy(), piece.column("length_s").to_numpy()
    codes = series.codes(piece.column("series"))
    cells = mixed(series.keys[codes] ^ mixed(np.rint(starts * 1000).astype(np.int64).view(np.uint64), key))
    counts = _counts(piece, how, cells)
    unknown = ~series.known[codes]
    ledger.drop("function without known durations", int(counts[unknown].sum()))
    counts[unknown] = 0
    cell = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(cell)) - np.repeat(np.cumsum(counts) - counts, counts)
    # A rounded sum must not leave the interval, lest it come before what is given out already.
    ends = np.nextafter(starts + lengths, -np.inf)
    times = np.minimum(starts[cell] + _shares(how, cells, counts, cell, place) * lengths[cell], ends[cell])
    durations = series.durations.draw(codes[cell], _draws(cells, _HOW_LONG, cell, place))
    order = np.argsort(times, kind="stable")
    return _Pending(times[order], codes[cell][order], durations[order])


def _draws(cells: Keys, purpose: int, cell: Any, place: Any) -> Floats:
    """Return uniform numbers: each cell has a SplitMix64 stream for each purpose, read by place."""
    return uniform(mixed(cells, purpose)[cell] + place.astype(np.uint64))


def _counts(piece: Any, how: Expansion, cells: Keys) -> NDArray[np.int64]:
    values = piece.column("value").to_numpy()
    if how.process != "poisson":
        return np.asarray(values.astype(np.int64))
    return _poisson(uniform(cells, _NUMBER), values)


def _poisson(uniforms: Floats, means: Floats) -> NDArray[np.int64]:
    """Return Poisson numbers by inversion: the smallest n with P(N <= n) >= u."""
    drawn = np.zeros(len(means), np.int64)
    some = np.flatnonzero(means > 0)
    u, mean = uniforms[some], means[some]
    # pdtrik solves P(N <= n) = u for a real n and is undefined below P(N = 0); rounding is put right by a step to either side.
    n = np.ceil(np.nan_to_num(special.pdtrik(np.maximum(u, np.exp(-mean)), mean)))
    n = np.where((n > 0) & (special.pdtr(n - 1, mean) >= u), n - 1, n)
    n = np.where(special.pdtr(n, mean) < u, n + 1, n)
    drawn[some] = n.astype(np.int64)
    return drawn


def _shares(how: Expansion, cells: Keys, counts: NDArray[np.int64], cell: Any, place: Any) -> Floats:
    """Return where in its interval each arrival lies, from 0 to 1."""
    if how.process == "even":
        return np.asarray((place + uniform(cells, _WHEN)[cell]) / counts[cell])
    if how.cv is None:
        return _draws(cells, _WHEN, cell, place)
    shares = np.empty(len(cell))
    begins = np.cumsum(counts) - counts
    # Cells of equal count together: sums stay within their cell, so that they do not depend on which others there are.
    for count in np.unique(counts[counts > 0]):
        same = np.flatnonzero(counts == count)
        for some in np.array_split(same, max(len(same) * (int(count) + 1) // ARRIVALS_AT_ONCE, 1)):
            shares[begins[some, None] + np.arange(count)] = _stretched(cells[some], int(count), how.cv)
    return shares


def _stretched(cells: Keys, count: int, cv: float) -> Floats:
    """Return where `count` arrivals of each cell lie when the count + 1 gamma gaps fill the interval."""
    number = np.arange(count + 1, dtype=np.uint64)
    drawn = uniform(mixed(cells, _WHEN)[:, None] + number)
    sums = np.cumsum(special.gammaincinv(1 / cv**2, np.maximum(drawn, 2.0**-54)), axis=1)
    return np.asarray(sums[:, :-1] / np.maximum(sums[:, -1:], np.finfo(float).tiny))


class _Series:
    """The series seen so far: a number, 64 bits and a row of the table of functions for each."""

    def __init__(self, durations: Durations) -> None:
        self.durations = durations
        self.names: list[str] = []
        self.keys: Keys = np.empty(0, np.uint64)
        self.known = np.empty(0, bool)
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
