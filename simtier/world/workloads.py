"""Workloads of a scenario, alive: open ones feed the clock, closed ones are clients."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simtier.clock import Clock
from simtier.journal import Journal
from simtier.models import arrivals as a
from simtier.models import distributions as d
from simtier.models.app import App, Origin
from simtier.models.workload import Client, Mine, feed
from simtier.scenario import Scenario
from simtier.scenario import workloads as w
from simtier.streams import Streams
from simtier.world.functions import FunctionNames
from simtier.world.prefixes import traced_key
from simtier.world.replays import Replayed, replay
from simtier.world.share import Share
from simtier.world.times import distribution
from simtier.world.topology import Members
from simtier.world.traces import TraceShelf


@dataclass(frozen=True)
class _Source:
    name: str
    origin: Origin
    written: w.Workload
    replayed: Replayed | None
    start_s: float
    stop_s: float


def start_workloads(
    scenario: Scenario,
    apps: Mapping[str, App],
    members: Members,
    clock: Clock,
    journal: Journal,
    streams: Streams,
    shelf: TraceShelf,
    names: FunctionNames,
    share: Share | None = None,
) -> None:
    """Give the clock its feed of open arrivals and its closed-loop clients; of those of `share` only, if it is given.

    Every node of an open workload is a source, and so is every closed-loop client.
    """
    sources = [
        source
        for name, written in scenario.workloads.items()
        for source in _sources(name, written, scenario, apps, members, journal, streams, shelf, names, share)
    ]
    mine = [share is None or share.source(source.name) for source in sources]
    firsts = [streams.source(source.name) for source in sources]
    closed = [isinstance(source.written.arrivals, w.Closed) for source in sources]
    open_ones = [source for source, loops in zip(sources, closed, strict=True) if not loops]
    if open_ones:
        chunks = [a.between(_process(s, streams), s.start_s, s.stop_s) for s in open_ones]
        of_open_ones = [f for f, loops in zip(firsts, closed, strict=True) if not loops]
        clock.feed(feed([s.origin for s in open_ones], chunks, of_open_ones, _arriving(open_ones, share)))
    for source, first, loops, arrives in zip(sources, firsts, closed, mine, strict=True):
        if loops and arrives:
            _start_client(source, first, clock, streams)
        elif loops:
            clock.next_serial()  # as a client takes one, so that what comes after it is numbered as if all were here


def _start_client(source: _Source, first: int, clock: Clock, streams: Streams) -> None:
    arrivals = source.written.arrivals
    assert isinstance(arrivals, w.Closed)
    think = streams.draws(f"workload/{source.name}/think", distribution(arrivals.think).sample)
    Client(clock, source.origin, first, think, source.start_s, source.stop_s)


def _sources(
    name: str,
    written: w.Workload,
    scenario: Scenario,
    apps: Mapping[str, App],
    members: Members,
    journal: Journal,
    streams: Streams,
    shelf: TraceShelf,
    names: FunctionNames,
    share: Share | None,
) -> list[_Source]:
    slo = scenario.apps[written.app].slo
    target, *tokens = (getattr(slo, name, None) or float("inf") for name in ("latency", "ttft", "tpot"))
    stop = min(scenario.run.duration, written.stop if written.stop is not None else float("inf"))
    clients = [f"/{i}" for i in range(written.arrivals.clients)] if isinstance(written.arrivals, w.Closed) else [""]
    found = []
    for node in members.of_all(written.source, f"workloads.{name}.from"):
        for client in clients:
            key = f"{name}/{node.name}{client}"
            replayed = None
            if written.trace is not None:
                app = scenario.apps[written.app]
                named = names if app.has_traced_functions(scenario.platforms) else None
                begins = traced_key(app, scenario, written.trace)
                wanted = _wanted(share, written.app, key)
                replayed = replay(written, app, key, streams, shelf, named, begins, wanted)
            rows = replayed.rows() if replayed is not None else None
            origin = Origin(
                apps[written.app], name, node.name, written.request, target, journal, rows, (tokens[0], tokens[1])
            )
            found.append(_Source(key, origin, written, replayed, written.start, stop))
    return found


def _wanted(share: Share | None, app: str, source: str) -> Callable[[str], bool] | None:
    """Return what says by its function which requests of a source that replays a trace are wanted here; None if all are."""
    if share is None or (share.source(source) and app not in share.divided):
        return None
    return share.function if app in share.divided else lambda _: False


def _arriving(sources: Sequence[_Source], share: Share | None) -> dict[int, Mine]:
    """Return of the sources of which not all requests arrive here what tells which do, by their place."""
    found: dict[int, Mine] = {}
    for place, source in enumerate(sources):
        if share is None or (share.source(source.name) and source.written.app not in share.divided):
            continue
        found[place] = source.replayed.chosen if source.replayed is not None else _elsewhere
    return found


def _elsewhere(number: int) -> NDArray[np.bool_]:
    """Return that of so many requests none arrives here."""
    return np.zeros(number, dtype=bool)


def _process(source: _Source, streams: Streams) -> a.Chunks:
    """Return the arrival times of an open source, from zero and without end."""
    if source.replayed is not None:
        return source.replayed.chunks()
    return arrivals(source.name, source.written.arrivals, streams)


def arrivals(name: str, process: w.Arrivals | None, streams: Streams) -> a.Chunks:
    """Return the arrival times of an open source of that name that replays nothing, from zero and without end."""
    rng = streams.stream(f"workload/{name}/arrivals")
    if isinstance(process, w.Periodic):
        phase = rng.uniform(0.0, 1 / process.rate) if process.phase == "random" else float(process.phase)
        return a.periodic(process.rate, phase, process.jitter, rng)
    if isinstance(process, w.Poisson):
        return a.renewal(d.exponential(1 / process.rate).sample, rng)
    if isinstance(process, w.Renewal):
        gaps = d.gamma if process.process == "gamma" else d.weibull
        return a.renewal(gaps(1 / process.rate, process.cv).sample, rng)
    if isinstance(process, w.MarkovModulated):
        return a.markov_modulated(process.rates, process.stay, rng)
    assert isinstance(process, w.Varying)
    return a.varying(process.points, rng)
