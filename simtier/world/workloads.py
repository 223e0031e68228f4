"""Workloads of a scenario, alive: open ones feed the clock, closed ones are clients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from simtier.clock import Clock
from simtier.journal import Journal
from simtier.models import arrivals as a
from simtier.models import distributions as d
from simtier.models.app import App, Origin
from simtier.models.workload import Client, feed
from simtier.scenario import Scenario
from simtier.scenario import workloads as w
from simtier.streams import Streams
from simtier.world.functions import FunctionNames
from simtier.world.prefixes import traced_key
from simtier.world.replays import Replayed, replay
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
) -> None:
    """Give the clock its feed of open arrivals and its closed-loop clients.

    Every node of an open workload is a source, and so is every closed-loop client.
    """
    sources = [
        source
        for name, written in scenario.workloads.items()
        for source in _sources(name, written, scenario, apps, members, journal, streams, shelf, names)
    ]
    firsts = [streams.source(source.name) for source in sources]
    closed = [isinstance(source.written.arrivals, w.Closed) for source in sources]
    open_ones = [source for source, loops in zip(sources, closed, strict=True) if not loops]
    if open_ones:
        chunks = [a.between(_process(s, streams), s.start_s, s.stop_s) for s in open_ones]
        clock.feed(
            feed(
                [s.origin for s in open_ones], chunks, [f for f, loops in zip(firsts, closed, strict=True) if not loops]
            )
        )
    for source, first, loops in zip(sources, firsts, closed, strict=True):
        if loops:
            _start_client(source, first, clock, streams)


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
                replayed = replay(written, app, key, streams, shelf, named, begins)
            rows = replayed.rows() if replayed is not None else None
            origin = Origin(
                apps[written.app], name, node.name, written.request, target, journal, rows, (tokens[0], tokens[1])
            )
            found.append(_Source(key, origin, written, replayed, written.start, stop))
    return found


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
