"""One part of a scenario, played: the whole world is built, what others play stands still in it, and what is its own is recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify
from itertools import count
from pathlib import Path as Folder
from typing import Any

import numpy as np

from simtier.models.app import App
from simtier.models.network import Network, Path
from simtier.models.sampler import Sampler
from simtier.models.serverless.function import Function
from simtier.models.serverless.platform import Platform
from simtier.models.service import Service
from simtier.models.tables import TABLES
from simtier.models.workload import Client
from simtier.runner import quiet_collector
from simtier.scenario import Scenario
from simtier.streams import Streams
from simtier.study.shard.division import Division
from simtier.study.shard.record import Doings, RecordingClock, RecordingJournal, Words
from simtier.world import World
from simtier.world.layout import layout
from simtier.world.traces import TraceShelf
from simtier.world.world import PLATFORM_PROBES, SERVICE_PROBES

Tell = Callable[[int, float, int], object]
"""Told which replication is played, how far it is (s), and how many requests have got their outcome in it."""
Samples = Mapping[tuple[str, str], float]
"""Values by host and metric."""


@dataclass(frozen=True)
class Job:
    """What one process is to do: play one part of some replications.

    Attributes:
        numbers: of the replications.
        folder: each replication's files go into one of its own there, called by its place in `numbers`.
    """

    scenario: Scenario
    division: Division
    part: int
    numbers: Sequence[int]
    traces: Sequence[Folder]
    folder: Folder


@dataclass(frozen=True)
class Left:
    """What a part left of one replication besides its files.

    Attributes:
        made: how many replicas were there at time zero.
        at_first: what could be sampled then.
    """

    words: Sequence[Words]
    made: int
    at_first: Samples
    layout: dict[str, Any]
    ended_s: float
    requests: int


@dataclass(frozen=True)
class Played:
    """What a part left: of each replication, and of the traces it read."""

    left: Sequence[Left]
    traces: list[dict[str, object]]
    left_out: dict[str, dict[str, int]]


def play(job: Job, tell: Tell) -> Played:
    """Play one part; raises what a run raises."""
    shelf = TraceShelf(job.traces, job.scenario.folder)
    left = [_replication(job, place, number, shelf, tell) for place, number in enumerate(job.numbers)]
    return Played(left, shelf.used(), shelf.left_out())


def _replication(job: Job, place: int, number: int, shelf: TraceShelf, tell: Tell) -> Left:
    folder = job.folder / str(place)
    folder.mkdir(parents=True)
    doings = Doings(folder)
    clock = RecordingClock()
    clock.doings = doings
    journal = RecordingJournal(TABLES, doings, folder)
    streams = Streams(job.scenario.run.seed, number)
    world = World(job.scenario, journal, streams, shelf, clock=clock, share=job.division.share(job.part))
    _still_others(world, job)
    made, created = _note_new_replicas(world, doings)
    deployed = _note_new_functions(world, doings)
    ports = _note_new_ports(world.network, doings)
    at_first = _sampled(world)

    def pulse() -> bool:
        journal.flush()
        tell(place, clock.now, world.requests_done)
        return False

    with quiet_collector():
        world.play(pulse)
    doings.end()
    journal.flush()
    _Closing(job, world, journal, doings, deployed, ports).close()
    journal.close()
    np.array(created, dtype=np.int64).tofile(folder / "created")
    return Left(journal.words, made, at_first, layout(world), clock.now, world.requests_done)


def _still_others(world: World, job: Job) -> None:
    """Take out of the clock what does not belong to this part. What is sampled is everybody's."""
    heap = world.clock.heap
    heap[:] = [entry for entry in heap if _is_mine(entry[3].__self__, job)]
    heapify(heap)


def _is_mine(doer: Any, job: Job) -> bool:
    return isinstance(doer, Sampler | Client) or job.division.plays(job.part, doer.owner)


def _note_new_replicas(world: World, doings: Doings) -> tuple[int, list[int]]:
    """Return how many replicas there are, and a list that grows by what was being done when a replica was made."""
    created: list[int] = []
    made = world.replicas.next_number()
    numbers = count(made)

    def next_number() -> int:
        created.append(doings.now)
        return next(numbers)

    world.replicas.next_number = next_number
    for platform in world.platforms.values():
        for cell in platform.cells:
            cell.next_number = next_number
    return made, created


def _note_new_functions(world: World, doings: Doings) -> dict[tuple[str, str], int]:
    """Return what was being done when a function was deployed, by platform and name: a dict that grows."""
    deployed: dict[tuple[str, str], int] = {}

    def noting(platform: Platform) -> None:
        deploy = platform.deploy

        def deploy_noted(spec: Any, uses: Any = None) -> Any:
            deployed[platform.name, spec.name] = doings.now
            return deploy(spec, uses)

        platform.deploy = deploy_noted  # type: ignore[method-assign]  # so that platforms need not know of parts

    for platform in world.platforms.values():
        noting(platform)
    return deployed


def _note_new_ports(network: Network, doings: Doings) -> list[int]:
    """Return a list that grows by what was being done when a port was made."""
    made: list[int] = []
    port = network.port

    def port_noted(name: str, number: int, node: str, bytes_per_s: float, latency_s: float) -> Path:
        made.append(doings.now)
        return port(name, number, node, bytes_per_s, latency_s)

    network.port = port_noted  # type: ignore[method-assign]  # as above
    return made


def _sampled(world: World) -> dict[tuple[str, str], float]:
    """Return what may be sampled as it is now."""
    services = {(name, m): read(each) for name, each in world.services.items() for m, read in SERVICE_PROBES.items()}
    platforms = {(n, m): read(each) for n, each in world.platforms.items() for m, read in PLATFORM_PROBES.items()}
    return services | platforms


class _Closing:
    """Writes down what is unfinished at the end, in the order of World.close, as far as it belongs to a part."""

    def __init__(
        self,
        job: Job,
        world: World,
        journal: RecordingJournal,
        doings: Doings,
        deployed: Mapping[tuple[str, str], int],
        ports: Sequence[int],
    ) -> None:
        self._division, self._part = job.division, job.part
        self._world, self._journal, self._doings = world, journal, doings
        self._deployed, self._ports = deployed, ports
        self._phases = count(1)

    def close(self) -> None:
        """Write it all down."""
        for app in self._world.apps.values():
            self._app(app, next(self._phases))
        for service in self._world.services.values():
            self._service(service, next(self._phases))
        for platform in self._world.platforms.values():
            self._platform(platform)
        self._network(self._world.network)

    def _app(self, app: App, phase: int) -> None:
        if app.name not in self._division.spread:
            self._doings.after(phase)
            app.close()
            return
        # Requests of open workloads are written down in the order in which they arrived: by time, then by number.
        order = [self._doings.after(phase, first.id, time=first.arrival_s) for first in app.alive.values()]
        stamps = self._journal.recording["requests"].stamps
        begun = len(stamps)
        app.close()
        stamps[begun:] = order

    def _service(self, service: Service, phase: int) -> None:
        if service.name not in self._division.replicas_apart:
            if self._plays("service", service.name):
                self._doings.after(phase)
                service.close()
            return
        for replica in service.fleet.serving:
            if self._plays("replica", f"{service.name}@{replica.node.name}"):
                self._doings.after(phase, replica.id)
                service.fleet.close_one(replica)

    def _platform(self, platform: Platform) -> None:
        """Close a platform as Cell.close does; of one taken apart each function is written down where it is played."""
        functions, executions, starts = next(self._phases), next(self._phases), next(self._phases)
        if platform.name not in self._division.functions_apart:
            if self._plays("platform", platform.name):
                self._doings.after(functions)
                platform.close()
            return
        (cell,) = platform.cells
        mine = [each for each in cell.functions.values() if self._plays_function(platform.name, each.name)]
        for function in mine:
            self._after_function(functions, function)
            function.close()
            for instance in (*function.ready, *function.draining):
                cell.change_state(instance, instance.state)
        for entry in sorted(cell.clock.heap):
            visit = Function.execution(entry)
            if visit is not None and visit.replica.function.cell is cell:
                self._doings.after(executions, entry[2], time=entry[0], priority=entry[1])
                visit.replica.function.close_execution(visit)
        for function in mine:
            self._after_function(starts, function)
            cell.starts.close_one(function)

    def _after_function(self, phase: int, function: Function) -> None:
        """Go on with a function: those of the scenario come first, the others in the order in which they were first called."""
        name = (function.cell.name, function.name)
        if name in self._deployed:
            self._doings.after(phase, like=self._deployed[name])
        else:
            self._doings.after(phase, [*function.cell.functions].index(function.name), time=-np.inf)

    def _network(self, network: Network) -> None:
        travelling, waiting, in_ports = next(self._phases), next(self._phases), next(self._phases)
        for entry, row in [*network.in_propagation()]:
            self._doings.after(travelling, entry[2], time=entry[0], priority=entry[1])
            network.book(row)
        links = len(network.links)
        for number, row in [*network.not_yet_sent()]:
            if number < links:
                self._doings.after(waiting, number)
            else:
                self._doings.after(in_ports, like=self._ports[number - links])
            network.book(row)

    def _plays(self, kind: str, name: str) -> bool:
        return self._division.plays(self._part, (kind, name))

    def _plays_function(self, platform: str, name: str) -> bool:
        owner = self._division.owners.get(("function", f"{platform}/{name}"))
        return (self._division.function(name) if owner is None else owner) == self._part
