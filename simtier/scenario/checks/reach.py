"""Whether requests can travel: from each source to the first service, from stage to stage, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, product

import networkx as nx

from simtier.errors import Problem
from simtier.scenario.checks.apps import before
from simtier.scenario.checks.facts import Facts, Spot
from simtier.scenario.services import Stage
from simtier.scenario.source import Steps


@dataclass(frozen=True)
class _End:
    """One end of a journey: a place, or a service on the places it may run."""

    name: str
    spots: tuple[Spot, ...]
    service: bool


def reach(facts: Facts) -> Iterator[Problem]:
    """Yield services that no chain of links leads to, and sources that no answer can reach.

    Nodes that no name tells apart are one vertex, so this asks whether there is a way at all, not whether every replica has one.
    """
    if any(not facts.spots([end]) for link in facts.scenario.links.values() for end in (link.source, link.target)):
        return  # a link without an end is the mistake, and is told
    ways = Ways(facts)
    seen: set[frozenset[_End]] = set()
    for path, start, end, what in (*_outside(facts), *_within(facts)):
        if frozenset((start, end)) not in seen and start.spots and end.spots:
            stuck = ways.stuck(start, end)
            if stuck:
                seen.add(frozenset((start, end)))
                origin = f"{start.name!r} (on {stuck})" if start.service else f"{start.name!r}"
                message = f"no links lead from {origin} to {end.name!r}, where {what}; add a link, or its `back`"
                yield facts.problem(path, message)


def _outside(facts: Facts) -> Iterator[tuple[Steps, _End, _End, str]]:
    """Yield the ways between sources and services that must exist: the path to blame, start, end, and why."""
    for name, workload in facts.scenario.workloads.items():
        app = facts.scenario.apps.get(workload.app)
        waits = before(app) if app else {}
        waited = {each for others in waits.values() for each in others}
        for place, each in enumerate(workload.source):
            path: Steps = ("workloads", name, "from", place)
            source = _End(each, facts.spots([each]), service=False)
            for stage_name, stage in app.stages.items() if app else ():
                services = _services(facts, stage)
                if not waits[stage_name]:
                    firsts = services if stage.tokens is not None else services[:1]
                    yield from ((path, source, first, f"stage {stage_name!r} runs") for first in firsts)
                if stage_name not in waited:
                    yield from ((path, service, source, "the answer goes") for service in services)


def _within(facts: Facts) -> Iterator[tuple[Steps, _End, _End, str]]:
    """Yield the ways between the stages of each app, and between the services of a split."""
    for name, app in facts.scenario.apps.items():
        for stage, waits in before(app).items():
            path: Steps = ("apps", name, "stages", stage)
            services = _services(facts, app.stages[stage])
            for first, second in pairwise(services):
                yield (
                    path,
                    first,
                    second,
                    "the next layers run" if app.stages[stage].tokens is None else "tokens are decoded",
                )
            for waited in waits:
                for service in _services(facts, app.stages[waited]) if waited in app.stages else ():
                    yield path, service, services[0], f"stage {stage!r} runs"


def _services(facts: Facts, stage: Stage) -> list[_End]:
    """Return the services of a stage; one that does not exist is nowhere."""
    known = facts.scenario.hosts
    names = stage.hosts
    return [_End(name, facts.spots(known[name].places) if name in known else (), service=True) for name in names]


class Ways:
    """The network as a graph: one vertex for the nodes of a group that no name tells apart."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        scenario = facts.scenario
        named = [end for link in scenario.links.values() for end in (link.source, link.target)]
        named += [each for host in scenario.hosts.values() for each in host.places]
        named += [each for workload in scenario.workloads.values() for each in workload.source]
        self._apart = {spot for name in named for spot in facts.spots([name]) if spot[1] is not None}

    def stuck(self, start: _End, end: _End) -> str:
        """Return the place from which no way leads from `start` to `end`, empty if there is a way.

        There must be one from each node of a source; of a service it is enough that some replica may have one.
        """
        goals, starts = set(self._vertices(end.spots)), self._vertices(start.spots)
        lost = [vertex for vertex in starts if not goals & self._from(vertex)]
        return _name(lost[0]) if lost and (not start.service or len(lost) == len(starts)) else ""

    def parted(self, spots: Iterable[Spot]) -> tuple[str, str] | None:
        """Return two places among `spots` such that no way leads from the first to the second, which are the same for nodes of one group."""
        vertices = self._vertices(spots)
        for a, b in product(vertices, repeat=2):
            several = b[1] is None and self._facts.size(b) - sum(each[0] == b[0] for each in self._apart) > 1
            if (a != b and b not in self._from(a)) or (a == b and several and not self._on_a_circle(a)):
                return _name(a), _name(b)
        return None

    def _on_a_circle(self, vertex: Spot) -> bool:
        return vertex in self._graph and any(vertex in self._from(each) for each in self._graph.successors(vertex))

    def _vertices(self, spots: Iterable[Spot]) -> tuple[Spot, ...]:
        """Return the vertices of `spots`: for a group, its nodes that are named alone and the rest."""
        found: list[Spot] = []
        for spot in spots:
            apart = sorted(each for each in self._apart if each[0] == spot[0] and spot[1] is None)
            found += apart
            if spot[1] is not None or len(apart) < self._facts.size(spot):
                found.append(spot)
        return tuple(found)

    def _from(self, vertex: Spot) -> set[Spot]:
        return {vertex, *nx.descendants(self._graph, vertex)} if vertex in self._graph else {vertex}

    @cached_property
    def _graph(self) -> nx.DiGraph[Spot]:
        graph: nx.DiGraph[Spot] = nx.DiGraph()
        for link in self._facts.scenario.links.values():
            sources, targets = (self._vertices(self._facts.spots([end])) for end in (link.source, link.target))
            there = [(source, target) for source in sources for target in targets]
            graph.add_edges_from(there)
            if link.back != "none":
                graph.add_edges_from((target, source) for source, target in there)
        return graph


def _name(spot: Spot) -> str:
    return spot[0] if spot[1] is None else f"{spot[0]}-{spot[1]}"
