"""Several traces read one after the other, as one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any

from simtier.errors import TraceError
from simtier.traces.reading import Reading
from simtier.traces.replay import chained


def in_a_row(readings: Iterable[Reading]) -> Iterator[Any]:
    """Yield the record batches of traces of one family, in order of time from zero; see `simtier.traces.replay.chained`.

    A reading is begun when the one before it has ended. Raises TraceError for traces of different families, for one that begins before
    the one before it has ended, and as each reading does.
    """
    return chained(map(_part, count(), _of_one_family(readings)))


def _of_one_family(readings: Iterable[Reading]) -> Iterator[Reading]:
    first: Reading | None = None
    for reading in readings:
        first = first or reading
        if reading.family != first.family:
            raise TraceError(
                f"{reading.found.name!r} holds {reading.family}, {first.found.name!r} before it {first.family}: "
                "replay them in workloads of their own"
            )
        yield reading


def _part(place: int, reading: Reading) -> tuple[float | None, Iterator[Any]]:
    """Return where a trace's zero lies on its dataset's clock, which its first rows tell, and its batches.

    A later trace that begins at zero has a clock of its own: it follows.
    """
    batches = reading.batches()
    first = next(batches)
    origin = float(reading.ledger.facts.get("origin_s", "nan"))
    on_one_clock = origin > 0 or (place == 0 and origin == 0)
    return (origin if on_one_clock else None), _again(first, batches)


def _again(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    yield first
    yield from rest
