"""The traces a scenario names: they are there, whole as far as they are looked at, and of use where they are named."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from simtier.errors import Problem, TraceError
from simtier.scenario.checks.facts import Facts
from simtier.scenario.checks.replays import Head, trouble
from simtier.scenario.source import Steps
from simtier.scenario.topology import Trace

if TYPE_CHECKING:
    from simtier.traces import Found, Reading
    from simtier.traces.ledger import OnError

HEAD_ROWS = 200_000
"""A trace is checked up to here; what is wrong further on ends the run, with its place."""


@dataclass(frozen=True)
class _Use:
    """A trace where it is named: the path of its name, the name, what a bad row does, and what is wrong with it there, if anything."""

    path: Steps
    name: str
    on_error: OnError
    trouble: Callable[[Head], tuple[Steps, str] | None]


def traces(facts: Facts, directories: Sequence[Path]) -> Iterator[Problem]:
    """Yield traces that are missing, damaged, or of no use where they are named; a long one is read to `HEAD_ROWS`."""
    from simtier.traces import find_all, search_directories  # noqa: PLC0415 - loads pyarrow, only needed with traces

    uses = list(_uses(facts))
    searched = search_directories(directories) if uses else ()
    seen: dict[tuple[str, OnError], Head | str] = {}
    for use in uses:
        key = use.name, use.on_error
        if key not in seen:
            try:
                seen[key] = _head(find_all(use.name, searched, facts.scenario.folder), use.on_error)
            except TraceError as error:
                seen[key] = str(error)
        head = seen[key]
        wrong = (use.path, head) if isinstance(head, str) else use.trouble(head)
        if wrong:
            yield facts.problem(*wrong)


def _uses(facts: Facts) -> Iterator[_Use]:
    """Yield every trace of the scenario."""
    for name, link in facts.scenario.links.items():
        for direction, path in ((link, ("links", name)), (link.back, ("links", name, "back"))):
            bandwidth = None if isinstance(direction, str) else direction.bandwidth
            if isinstance(bandwidth, Trace):
                at: Steps = (*path, "bandwidth", "trace")
                yield _Use(at, bandwidth.trace, "fail", partial(_no_link, at, bandwidth.trace))
    for name, workload in facts.scenario.workloads.items():
        named = workload.trace or ()
        app = facts.scenario.apps.get(workload.app)
        for place, trace in enumerate(named):
            here: Steps = ("workloads", name)
            at = (*here, "trace", place) if len(named) > 1 else (*here, "trace")
            yield _Use(at, trace, workload.on_error, partial(trouble, here, at, trace, workload, app))


def _no_link(at: Steps, name: str, head: Head) -> tuple[Steps, str] | None:
    if head.family == "bandwidth":
        return None
    return at, f"{name!r} holds {head.words}, where rates of a link are needed"


def _head(files: Sequence[Found], on_error: OnError) -> Head:
    """Return what the first rows of these traces tell; raises TraceError."""
    from simtier.traces import open_trace  # noqa: PLC0415 - as above

    readings = [open_trace(found, on_error) for found in files]
    first = readings[0]
    last_s = 0.0
    for reading in readings:
        if reading.family != first.family:
            raise TraceError(
                f"{reading.found.name!r} holds {reading.family}, {first.found.name!r} before it {first.family}: "
                "replay them in workloads of their own"
            )
        last_s = _last_s(reading)
    whole = len(readings) == 1 and first.ledger.ended
    timed = first.family == "rates" and any(found.functions() is not None for found in files)
    return Head(first.family, dict(first.ledger.facts), last_s if whole else None, durations=timed)


def _last_s(reading: Reading) -> float:
    """Return when the last of a trace's first rows lies, or ends if it is an interval; raises TraceError for a bad row."""
    rows, last_s = 0, 0.0
    for part in reading.batches():
        rows += part.num_rows
        if reading.family != "functions":  # which have no times
            ends = part.column(0).to_numpy()
            if "length_s" in part.schema.names:
                ends = ends + part.column("length_s").to_numpy()
            last_s = max(last_s, float(ends.max()))
        if rows > HEAD_ROWS:
            break
    return last_s
