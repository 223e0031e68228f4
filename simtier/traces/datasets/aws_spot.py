"""AWS spot instances: whether instances of a kind could be had in a zone, tick by tick.

Source: Wu et al., "Can't Be Late: Optimizing Spot Instance Savings under Deadlines", NSDI 2024 (SkyPilot's traces). JSON:
`{"metadata": {"gap_seconds": ...}, "data": [instances that can be had at each tick]}`, ticks of 195, 300 or 600 s. Files in circulation
hold the exact complement, 1 for preempted; nothing in a file tells which it is. So a file of that kind is named with `-preempted` at the
end (`us-west-2b_v100_1-preempted.json`), and the reader says in a note which polarity it used. Ticks of equal value are one row.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from simtier.errors import TraceError
from simtier.traces import text
from simtier.traces.dataset import About, Dataset, Place
from simtier.traces.ledger import Ledger, refuse
from simtier.traces.source import Source
from simtier.traces.tables import batch


def read_available(source: Source, ledger: Ledger) -> Iterator[Any]:
    """Yield the instances available of a file whose numbers are those."""
    yield _batch(source, ledger, preempted=False)


def read_preempted(source: Source, ledger: Ledger) -> Iterator[Any]:
    """Yield the instances available of a file whose ones mean preempted."""
    yield _batch(source, ledger, preempted=True)


def _batch(source: Source, ledger: Ledger, *, preempted: bool) -> Any:
    gap, ticks = _told(source)
    ledger.rows_read += len(ticks)
    values = np.array(ticks, dtype=np.int64)
    if preempted:
        if values.max() > 1:
            raise TraceError(f"{source.label}: a number above 1 cannot mean preempted")
        values = 1 - values
    first = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
    ledger.unfolded += len(first) - len(values)
    ledger.facts |= {"gap_s": repr(gap), "period_s": repr(gap * len(values)), "origin_s": "0.0"}
    ledger.facts["polarity"] = "preempted" if preempted else "available"
    ledger.note(f"a 1 in the file is taken to mean {ledger.facts['polarity']}; {len(values)} ticks of {gap:g} s")
    return batch("availability", {"time_s": first * gap, "available": values[first]}, len(first))


def _told(source: Source) -> tuple[float, list[int]]:
    """Return the length of a tick in seconds, and the numbers; raises TraceError with the place of what is wrong."""
    content = text.decode(source.label, source.read_bytes())
    try:
        told = json.loads(content)
    except json.JSONDecodeError as error:
        refuse(source.label, error.lineno, error.colno, f"not JSON ({error.msg})")
    try:
        gap, ticks = told["metadata"]["gap_seconds"], told["data"]
    except (KeyError, TypeError) as error:
        raise TraceError(f'{source.label}: expected {{"metadata": {{"gap_seconds": ...}}, "data": [...]}}') from error
    if isinstance(gap, bool) or not isinstance(gap, int | float) or not 0 < gap < float("inf"):
        raise TraceError(f"{source.label}: metadata.gap_seconds is {gap!r}, not a number above 0")
    if not isinstance(ticks, list) or not ticks:
        raise TraceError(f"{source.label}: data is not a list of numbers with at least one")
    for place, value in enumerate(ticks):
        if type(value) is not int or not 0 <= value < 2**31:
            raise TraceError(f"{source.label}: data[{place}] is {value!r}, not a whole number of at least 0")
    return float(gap), ticks


AWS_SPOT = Dataset(
    name="aws-spot",
    about=About(
        title="availability of spot instances, tick by tick",
        licence="of the repository with the files",
        cite='Wu et al., "Can\'t Be Late: Optimizing Spot Instance Savings under Deadlines", NSDI 2024',
        obtain="GitHub skypilot-org/spot-traces",
    ),
    folders=("aws-spot",),
    places=(
        Place("*.json*", r"(.+-preempted)\.json", read_preempted, "availability"),
        Place("*.json*", r"(.+)(?<!-preempted)\.json", read_available, "availability"),
    ),
)
