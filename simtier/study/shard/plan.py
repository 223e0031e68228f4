"""How a scenario divides into parts that do not interact, and why it does not where it does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import networkx as nx

from simtier.errors import PlanError
from simtier.journal import Journal
from simtier.models.sampler import Sampler
from simtier.models.tables import TABLES
from simtier.models.workload import Client
from simtier.scenario import Scenario
from simtier.streams import Streams
from simtier.study.shard.division import Division, Entity
from simtier.study.shard.loads import loads
from simtier.study.shard.policies import PolicyWiring
from simtier.study.shard.record import Nowhere
from simtier.study.shard.splits import Chosen, whole_platforms, whole_services
from simtier.study.shard.wiring import CannotSplit, Wiring
from simtier.world import World
from simtier.world.traces import TraceShelf

_TOLD = 6
"""So many meetings of one component are told."""
_HOT = 10_000
"""So many functions, the most called, are given to parts one by one; the others by a hash of their names."""


@dataclass(frozen=True)
class Component:
    """What cannot be divided.

    Attributes:
        entities: what is in it, by kind and name.
        requests: about how many its sources send.
        meetings: where its workloads, or sources, meet, as sentences.
    """

    entities: tuple[Entity, ...]
    requests: float
    meetings: tuple[str, ...]

    @property
    def sources(self) -> list[str]:
        """Return the sources of requests in it."""
        return [name for kind, name in self.entities if kind == "source"]


@dataclass(frozen=True)
class Plan:
    """How a scenario divides.

    Attributes:
        components: those with sources of requests first, the most requests first.
        functions: about how many requests each function gets that is called by a trace and goes its own way, the most called first.
        whole: services and platforms that cannot be taken apart, each with the reason.
        divided: applications whose requests go the way of their functions.
    """

    components: tuple[Component, ...]
    functions: Mapping[str, float]
    whole: Mapping[str, str]
    divided: frozenset[str]

    @property
    def pieces(self) -> int:
        """Return into how many parts it can be divided at most."""
        return sum(bool(each.sources) for each in self.components) + len(self.functions)

    def division(self, parts: int, scenario: Scenario) -> Division:
        """Return a division into `parts`, as alike as can be; raises PlanError if there are not so many pieces."""
        if self.pieces < 2:
            raise PlanError(self._refusal())
        if not 1 <= parts <= self.pieces:
            raise PlanError(
                f"--parts {parts}: this scenario divides into 1 to {self.pieces} parts: choose one of these"
            )
        busy = [0.0] * parts
        owners: dict[Entity, int] = {}
        functions: dict[str, int] = {}
        loose: list[tuple[float, Component | str]] = [(each.requests, each) for each in self.components]
        loose += [(requests, name) for name, requests in [*self.functions.items()][:_HOT]]
        # The largest first, each to the part with the least so far (Graham, SIAM J. Applied Mathematics 17(2), 1969).
        for requests, each in sorted(loose, key=lambda pair: -pair[0]):
            part = busy.index(min(busy))
            busy[part] += requests
            if isinstance(each, str):
                functions[each] = part
            else:
                owners |= dict.fromkeys(each.entities, part)
        apart = {host for host in scenario.hosts if host not in self.whole}
        listed = {name.partition("/")[2]: part for (kind, name), part in owners.items() if kind == "function"}
        return Division(
            parts,
            owners,
            frozenset(apart & {*scenario.services}),
            frozenset(apart & {*scenario.platforms}),
            self.divided,
            frozenset(self._spread(scenario, owners)),
            functions | listed,
        )

    def _spread(self, scenario: Scenario, owners: Mapping[Entity, int]) -> Iterable[str]:
        """Yield the applications whose requests more than one part plays."""
        parts: dict[str, set[int]] = {app: set() for app in scenario.apps}
        for (kind, name), part in owners.items():
            if kind == "source":
                parts[scenario.workloads[name.partition("/")[0]].app].add(part)
        return [app for app, mine in parts.items() if len(mine) > 1 or app in self.divided]

    def _refusal(self) -> str:
        meetings = [text for each in self.components for text in each.meetings]
        if not meetings:
            meetings = ["there is a single source of requests"]
        reasons = [f"{name} is played as a whole, for {reason}" for name, reason in self.whole.items()]
        return "nothing of this scenario can be played apart from the rest: " + "; ".join([*meetings, *reasons])


def plan(scenario: Scenario, traces: Sequence[Path] = ()) -> Plan:
    """Return how `scenario`, which has passed its checks and has its policies written out, divides.

    Raises what building its world raises.
    """
    shelf = TraceShelf(traces, scenario.folder)
    world = World(scenario, Journal(TABLES, Nowhere()), Streams(scenario.run.seed), shelf)
    chosen = Chosen(scenario)
    whole = whole_services(scenario, world, chosen) | whole_platforms(scenario, world, chosen)
    while True:
        try:
            wiring = Wiring(scenario, world, whole)
            PolicyWiring(wiring, scenario, world).draw()
        except CannotSplit as found:
            whole[found.name] = found.reason
        else:
            break
    _require_owned(world)
    requests, functions = _expected(scenario, wiring, shelf)
    components = [_component(wiring, found, requests) for found in nx.connected_components(wiring.graph)]
    components.sort(key=lambda each: (-bool(each.sources), -each.requests, each.entities))
    return Plan(tuple(components), functions, whole, frozenset(wiring.divided))


def _expected(scenario: Scenario, wiring: Wiring, shelf: TraceShelf) -> tuple[dict[Entity, float], dict[str, float]]:
    """Return about how many requests each source sends, and each function gets that goes its own way."""
    requests: dict[Entity, float] = {}
    functions: Counter[str] = Counter()
    for workload, number, calls in loads(scenario, shelf):
        app = scenario.workloads[workload].app
        mine = [source for source in wiring.sources[app] if source[1].partition("/")[0] == workload]
        if app not in wiring.divided:
            requests |= dict.fromkeys(mine, number)
            continue
        for name, seen in calls.items():
            functions[name] += round(seen * len(mine) * number / calls.total())
    listed = {name for each in scenario.platforms.values() for name in each.functions}
    return requests, {name: float(n) for name, n in functions.most_common() if name not in listed}


def _component(wiring: Wiring, found: set[Any], requests: Mapping[Entity, float]) -> Component:
    """Return a connected component of the graph."""
    entities = sorted(each for each in found if each not in wiring.texts)
    sources = [each for each in entities if each[0] == "source"]
    expected = sum(requests[each] for each in sources)
    return Component(tuple(entities), expected, tuple(_meetings(wiring, sources)))


def _meetings(wiring: Wiring, sources: Sequence[Entity]) -> list[str]:
    """Return where workloads of a component meet, or sources if there is one workload, each as a sentence."""
    by_workload: dict[str, Entity] = {}
    for source in sources:
        by_workload.setdefault(source[1].partition("/")[0], source)
    several = len(by_workload) > 1
    chosen = by_workload if several else {source[1]: source for source in sources}
    if len(chosen) < 2:
        return []
    sort, known = "workloads" if several else "sources", [next(iter(chosen))]
    found = []
    for name in [*chosen][1 : _TOLD + 1]:
        way = min((nx.shortest_path(wiring.graph, chosen[name], chosen[other]) for other in known), key=len)
        other = next(each for each in known if chosen[each] == way[-1])
        places = dict.fromkeys(wiring.texts[each] for each in way[-2:0:-1] if each in wiring.texts)
        found.append(f"{sort} {other} and {name} meet {'at' if len(places) == 1 else 'by way of'} {'; '.join(places)}")
        known.append(name)
    left = len(chosen) - len(known)
    return [*found, f"so do {left} more {sort}"] if left else found


def _require_owned(world: World) -> None:
    """Raise PlanError if something is to happen in a world of which it is not known whose it is."""
    for entry in world.clock.heap:
        doer = getattr(entry[3], "__self__", None)
        if not hasattr(doer, "owner") and not isinstance(doer, Sampler | Client):
            raise PlanError(
                f"{type(doer).__name__} does something of which it is not known what it concerns: run the scenario whole"
            )
