"""AWS spot instances: whether instances of a kind could be had in a zone, tick by tick.

Source: Wu et al., "Can't Be Late: Optimizing Spot Instance Savings under Deadlines", NSDI 2024 (SkyPilot's traces). JSON:
`{"metadata": {"gap_seconds": ...}, "data": [instances available at each tick]}`, ticks of 32 to 600 s. Ticks of equal value are one row.

Items: of the repository's folders, `availability-1-node-aws-02-15-2023-us-east-1a-v100-1` or `preemption-4-node-...`; of a file that lies
in none of them, its name.

- The repository has traces of two ways of measuring: under `availability` instances were asked for anew, under `preemption` they were held
  until taken away. In both a number is that of instances available, as the repository says.
- Files in circulation hold the exact complement, 1 for preempted; nothing in a file tells which it is. So a file of that kind is named with
  `-preempted` at the end (`us-west-2b_v100_1-preempted.json`), and the reader says in a note which polarity it used.
- A bad tick, where it is dropped, leaves the number as it was before; bad ticks at the very begin are cut off.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from simtier.errors import TraceError
from simtier.traces import text
from simtier.traces.columns import BEYOND, LONGEST_S
from simtier.traces.dataset import About, Dataset, Place
from simtier.traces.ledger import Ledger, refuse
from simtier.traces.shown import shown
from simtier.traces.source import Source
from simtier.traces.tables import batch

_FORM = '{"metadata": {"gap_seconds": ...}, "data": [...]}'


def read_available(source: Source, ledger: Ledger) -> Iterator[Any]:
    """Yield the instances available of a file whose numbers are those."""
    return _read(source, ledger, preempted=False)


def read_preempted(source: Source, ledger: Ledger) -> Iterator[Any]:
    """Yield the instances available of a file whose ones mean preempted."""
    return _read(source, ledger, preempted=True)


def _read(source: Source, ledger: Ledger, *, preempted: bool) -> Iterator[Any]:
    gap, ticks = _told(source)
    ledger.rows_read += len(ticks)
    places = _good(source.label, ticks, ledger, most=1 if preempted else 2**31 - 1)
    if not places:
        return
    values = np.array([ticks[place] for place in places], dtype=np.int64)
    if preempted:
        values = 1 - values
    begins = np.array(places) - places[0]
    first = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
    ledger.unfolded += len(first) - len(values)
    period_s, origin_s = gap * (len(ticks) - places[0]), gap * places[0]
    ledger.facts |= {"gap_s": repr(gap), "period_s": repr(period_s), "origin_s": repr(origin_s)}
    ledger.facts["polarity"] = "preempted" if preempted else "available"
    ledger.note(f"a 1 in the file is taken to mean {ledger.facts['polarity']}; {len(ticks)} ticks of {gap:g} s")
    yield batch("availability", {"time_s": begins[first] * gap, "available": values[first]}, len(first))


def _good(label: str, ticks: list[Any], ledger: Ledger, *, most: int) -> list[int]:
    """Return the places of the ticks that are numbers of instances; others are counted, or end the reading."""
    expected = "0 or 1, as where a 1 means preempted" if most == 1 else "a whole number of at least 0 and below 2**31"
    places = []
    for place, value in enumerate(ticks):
        if type(value) is int and 0 <= value <= most:
            places.append(place)
        elif ledger.tolerant:
            ledger.drop(f"data: not {expected}")
        else:
            raise TraceError(f"{label}: data[{place}] is {shown(value)}, not {expected}")
    return places


def _told(source: Source) -> tuple[float, list[Any]]:
    """Return the length of a tick in seconds, and the ticks; raises TraceError with the place of what is wrong."""
    label = source.label
    try:
        told = text.parsed_json(text.decode(label, source.read_bytes()))
    except text.BadJsonError as error:
        refuse(label, error.line, error.column, f"not JSON ({error.why})")
    try:
        gap, ticks = told["metadata"]["gap_seconds"], told["data"]
    except (KeyError, TypeError) as error:
        raise TraceError(f"{label}: expected {_FORM}") from error
    if isinstance(gap, bool) or not isinstance(gap, int | float) or not 0 < gap < float("inf"):
        raise TraceError(f"{label}: metadata.gap_seconds is {shown(gap)}, not a number above 0")
    if not isinstance(ticks, list) or not ticks:
        raise TraceError(f"{label}: data is not a list of numbers with at least one")
    if gap > LONGEST_S / len(ticks):
        raise TraceError(f"{label}: {len(ticks)} ticks of metadata.gap_seconds {shown(gap)} go {BEYOND}")
    return float(gap), ticks


_SET = r"(?:.*/)?(availability|preemption)/([0-9]+-node)/([^/]+)/"
"""A folder of the repository, wherever its checkout lies."""


def _places() -> Iterator[Place]:
    for files in ("**/*-node/*/*.json*", "*.zip", "*.tar*"):
        yield Place(files, _SET + r"([\w.-]+-preempted)\.json", read_preempted, "availability")
        yield Place(files, _SET + r"([\w.-]+)(?<!-preempted)\.json", read_available, "availability")
    yield Place("*.json*", r"(.+-preempted)\.json", read_preempted, "availability")
    yield Place("*.json*", r"(.+)(?<!-preempted)\.json", read_available, "availability")


AWS_SPOT = Dataset(
    name="aws-spot",
    about=About(
        title="availability of spot instances, tick by tick",
        licence="of the repository with the files",
        cite='Wu et al., "Can\'t Be Late: Optimizing Spot Instance Savings under Deadlines", NSDI 2024',
        obtain="GitHub skypilot-org/spot-traces, folders availability and preemption",
    ),
    folders=("aws-spot", "spot-traces"),
    places=tuple(_places()),
)
