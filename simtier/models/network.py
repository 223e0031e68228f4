"""The network: links between named nodes, the paths over them, and what messages do on a path.

Routing is static: the path with the least latency, then the fewest links, then the first by name (Dijkstra, through networkx);
load does not move it. A message stores and forwards from leg to leg; consecutive fair links are one leg (`simtier.models.fluid`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby, pairwise
from types import MappingProxyType
from typing import Any, Protocol

import networkx as nx

from simtier.clock import Clock, Entry
from simtier.errors import Problem, ScenarioError, SimtierError, did_you_mean
from simtier.models.capacity import Constant
from simtier.models.fair import Medium, Sharing
from simtier.models.fluid import FairLink, FairRun
from simtier.models.link import DELIVERED, SENT, Delay, Handler, Leg, Link, LinkSpec, Message, Row, Surroundings
from simtier.models.store import StoringLink, Turns
from simtier.streams import Streams


class NoRoute(SimtierError, LookupError):  # noqa: N818 - says what there is not, as networkx's NoPath does
    """No chain of links leads from one node to the other."""


class Rows(Protocol):
    """The transfers table, as far as the network uses it."""

    @property
    def append(self) -> Callable[[Row], object]:
        """Takes a row."""


class Path:
    """A way from one node to another; ask `Network.path` for it.

    Attributes:
        links: the live links in order; empty from a node to itself.
        latency_s: the sum of their latencies.
        delay_only: nothing but latency: the caller may as well put the delivery into the heap itself.
    """

    def __init__(self, links: tuple[Link, ...], around: Surroundings) -> None:
        self.links = links
        self.latency_s: float = sum(link.spec.latency_s for link in links)
        self.delay_only = all(link.spec.delay_only for link in links)
        self._legs = _legs(links, around)
        self._only = self._legs[0].send if len(self._legs) == 1 else None

    def send(self, index: int, request: int, nbytes: float, deliver: Handler, argument: Any, lost: Handler) -> None:
        """Carry `nbytes`, then call `deliver(argument)` at the delivery, or `lost(argument)` if they are lost for good.

        Neither is ever called at once, only later by the clock. `index` >= 0 selects the draws of jitter and loss: a request that
        carries its own index meets the same jitter under every policy. Where a capacity is asked, a size that is negative or NaN raises SimulationError.
        """
        message = (index, request, nbytes, deliver, argument, lost)
        if self._only is not None:
            self._only(message)
        else:
            self._hop((0, message))

    def rate_bytes_per_s(self) -> float:
        """Return the bytes/s that one message would get now if it were alone; infinity if no link limits it."""
        return min(leg.rate() for leg in self._legs)

    def share_bytes_per_s(self) -> float:
        """Return the bytes/s that one more message would get now, beside those present."""
        return min(leg.share() for leg in self._legs)

    def transfer_s(self, nbytes: float) -> float:
        """Return the seconds that `nbytes` would take at the present rates without others, jitter or loss; infinity if a rate is 0."""
        return self.latency_s + (sum(_seconds(nbytes, leg.rate()) for leg in self._legs) if nbytes > 0 else 0.0)

    def _hop(self, trip: tuple[int, Message]) -> None:
        """Go on to leg `at`; what that leg carries calls this again for the next one."""
        at, message = trip
        if at < len(self._legs) - 1:
            index, request, nbytes, _, _, _ = message
            message = (index, request, nbytes, self._hop, (at + 1, message), self._lost)
        self._legs[at].send(message)

    def _lost(self, trip: tuple[int, Message]) -> None:
        _, (_, _, _, _, argument, lost) = trip
        lost(argument)


class Network:
    """All links of one run.

    Args:
        clock: when things happen.
        streams: the source of jitter and loss.
        transfers: takes a row (request, link code, bytes, queued_s, started_s, sent_s, delivered_s) for each transmission over a
            link that is not delay-only, when it is delivered; a lost one has NaN for its delivery.
        code: returns the number that stands for a text in rows.
    """

    def __init__(self, clock: Clock, streams: Streams, transfers: Rows, code: Callable[[str], int]) -> None:
        self._around = Surroundings(clock, streams, transfers.append, code)
        self._sharing = Sharing(clock)
        self._links: dict[str, Link] = {}
        self._ports: dict[tuple[str, int], Link] = {}
        self._media: dict[str, tuple[LinkSpec, Turns | Medium]] = {}
        self._paths: dict[tuple[str, str], Path] = {}
        self._lengths: dict[str, dict[str, float]] = {}
        self._graph: nx.DiGraph[str] = nx.DiGraph()
        self.links: Mapping[str, Link] = MappingProxyType(self._links)

    def add(self, spec: LinkSpec) -> Link:
        """Add a link and return it, alive.

        Raises ScenarioError if the name is taken, or if links of one medium disagree about its sharing or capacity.
        """
        if spec.name in self._links:
            raise ScenarioError([Problem(f"links.{spec.name}", "another link has this name: choose a new one")])
        link = self._links[spec.name] = self._make(spec)
        # Of parallel links only the quickest, then the first by name, can ever be on a shortest path.
        edge = self._graph.get_edge_data(spec.source, spec.target)
        if edge is None or (spec.latency_s, spec.name) < (edge["link"].spec.latency_s, edge["link"].name):
            self._graph.add_edge(spec.source, spec.target, link=link, length=_length(spec.latency_s))
        self.invalidate()
        return link

    def invalidate(self) -> None:
        """Forget the paths found so far; messages under way keep theirs."""
        self._paths.clear()
        self._lengths.clear()

    def path(self, a: str, b: str) -> Path:
        """Return the path from node `a` to node `b`; raises NoRoute if there is none."""
        found = self._paths.get((a, b))
        if found is None:
            found = self._paths[a, b] = Path(self._shortest(a, b), self._around)
        return found

    def port(self, name: str, number: int, node: str, bytes_per_s: float, latency_s: float) -> Path:
        """Return a way of its own within `node`, which all messages on it share equally; no path between nodes uses it.

        Its rows are those of the link `name`, which other ports may be called too, each of another `number`.
        """
        spec = LinkSpec(name, node, node, latency_s, Constant(bytes_per_s), "fair", medium=f"{name} {number}")
        link = self._ports[name, number] = self._make(spec)
        return Path((link,), self._around)

    def passes(self, a: str, b: str) -> tuple[str, ...]:
        """Return the nodes between `a` and `b`; none if no chain of links leads there."""
        try:
            return tuple(link.spec.target for link in self.path(a, b).links[:-1])
        except NoRoute:
            return ()

    def has_port(self, name: str) -> bool:
        """Return whether there is a port called so."""
        return any(called == name for called, _ in self._ports)

    def close(self) -> None:
        """Book what is on its way at the end of the run; call it once.

        In propagation: delivered_s = NaN. In transmission: also sent_s = now, and only the bytes that have left. Waiting: all three
        times NaN, and the bytes that wait.
        """
        for _, row in self.in_propagation():
            self._around.book(row)
        for _, row in self.not_yet_sent():
            self._around.book(row)

    def in_propagation(self) -> Iterator[tuple[Entry, Row]]:
        """Yield the row of each message whose last byte has left and that is not there yet, with the clock's entry for its delivery."""
        now = self._around.clock.now
        for entry in sorted(self._around.clock.heap, key=lambda entry: entry[:3]):
            if getattr(entry[3], "__func__", None) in _ON_THE_WAY:
                for row in entry[4][0]:
                    if row[SENT] <= now:
                        yield entry, row if row[DELIVERED] < now else (*row[:DELIVERED], math.nan)

    def not_yet_sent(self) -> Iterator[tuple[int, Row]]:
        """Yield the row of each message that waits for a link or is in transmission on it, with the link's number."""
        for number, link in enumerate((*self._links.values(), *self._ports.values())):
            for row in link.partial_rows():
                yield number, row

    def book(self, row: Row) -> None:
        """Append a row to the transfers table."""
        self._around.book(row)

    def _make(self, spec: LinkSpec) -> Link:
        new = Medium(spec.medium, spec.capacity) if spec.sharing == "fair" else Turns(spec.capacity)
        first, shared = self._media.setdefault(spec.medium, (spec, new))
        if (first.sharing, first.capacity) != (spec.sharing, spec.capacity):
            message = f"shares medium {spec.medium!r} with {first.name!r}: give both the same capacity and sharing"
            raise ScenarioError([Problem(f"links.{spec.name}", message)])
        if isinstance(shared, Medium):
            return FairLink(spec, self._around, self._sharing, shared)
        return StoringLink(spec, self._around, shared)

    def _shortest(self, a: str, b: str) -> tuple[Link, ...]:
        """Return the links of the best path.

        Where `b` has few neighbours, the search ends at those: the distances to a gateway serve all the devices behind it.
        """
        if a == b:
            return ()
        for node in (a, b):
            if node not in self._graph:
                raise NoRoute(f"no link starts or ends at node {node!r}{did_you_mean(node, self._graph)}")
        before = self._graph.pred[b]
        ends = {node: hop["length"] for node, hop in before.items()} if len(before) <= _FEW else {b: 0}
        lengths = {end: self._lengths_to(end)[a] + rest for end, rest in ends.items() if a in self._lengths_to(end)}
        if not lengths:
            raise NoRoute(f"no chain of links leads from node {a!r} to node {b!r}: add a link")
        least = min(lengths.values())
        walks = [self._walk(a, end) for end, length in lengths.items() if length == least]
        nodes = min(walk if walk[-1] == b else [*walk, b] for walk in walks)
        return tuple(self._graph.edges[edge]["link"] for edge in pairwise(nodes))

    def _lengths_to(self, target: str) -> dict[str, float]:
        """Return the length of the shortest path to `target` from each node that has one."""
        if target not in self._lengths:
            backwards = self._graph.reverse(copy=False)
            self._lengths[target] = nx.single_source_dijkstra_path_length(backwards, target, weight="length")
        return self._lengths[target]

    def _walk(self, a: str, b: str) -> list[str]:
        """Return the nodes of the shortest path, the first by name where several are."""
        left, nodes = self._lengths_to(b), [a]
        while (here := nodes[-1]) != b:
            hops = self._graph.succ[here].items()
            nodes.append(min(node for node, hop in hops if left.get(node, math.inf) + hop["length"] == left[here]))
        return nodes


_FEW = 4
"""Up to so many gateways; only the cost of finding a path depends on it."""
_ON_THE_WAY = (StoringLink.arrive, StoringLink.lose, FairRun.arrive, FairRun.lose)


def _length(latency_s: float) -> int:
    """Return what Dijkstra's algorithm adds up: femtoseconds first, then links; whole numbers, so no rounding decides a tie."""
    return round(latency_s * 1e15) * 2**20 + 1


def _seconds(nbytes: float, rate: float) -> float:
    return nbytes / rate if rate else math.inf


def _kind(link: Link) -> str:
    """Return what consecutive links must have in common to be one leg."""
    if isinstance(link, FairLink) and not link.spec.loss:
        return "fluid"
    return "delay" if link.spec.delay_only else link.name


def _legs(links: Iterable[Link], around: Surroundings) -> list[Leg]:
    legs = [_leg(tuple(group), around) for _, group in groupby(links, _kind)]
    return legs or [Delay(around.clock, 0.0)]


def _leg(group: tuple[Link, ...], around: Surroundings) -> Leg:
    first = group[0]
    if all(link.spec.delay_only for link in group):
        return Delay(around.clock, sum(link.spec.latency_s for link in group))
    if isinstance(first, StoringLink):
        return first
    return FairRun(tuple(link for link in group if isinstance(link, FairLink)), around)
