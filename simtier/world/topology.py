"""Nodes and links of a scenario, alive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simtier.catalogue.hardware import accelerator, machine
from simtier.clock import Clock
from simtier.errors import Problem, ScenarioError, did_you_mean
from simtier.models.capacity import Capacity, Constant, Piecewise
from simtier.models.link import LinkSpec
from simtier.models.network import Network
from simtier.models.node import Device, Node
from simtier.scenario.topology import Direction, Links, Nodes, Trace
from simtier.streams import Streams
from simtier.world.times import distribution
from simtier.world.traces import TraceShelf


def node_names(group: str, nodes: Nodes) -> list[str]:
    """Return the names of a group's nodes: the group's own for one node, numbered from 0 for several."""
    return [group] if nodes.count == 1 else [f"{group}-{i}" for i in range(nodes.count)]


def make_nodes(groups: dict[str, Nodes], clock: Clock) -> dict[str, Node]:
    """Return all nodes by name, in the order of the scenario."""
    return {name: _node(name, group, spec, clock) for group, spec in groups.items() for name in node_names(group, spec)}


def _node(name: str, group: str, spec: Nodes, clock: Clock) -> Node:
    hardware = machine(spec.hardware) if spec.hardware is not None else None
    cores = spec.cores if spec.cores is not None else float(hardware.cores) if hardware is not None else None
    if cores is None:
        raise ScenarioError([Problem(f"nodes.{group}.cores", "is missing: give cores or hardware")])
    memory = spec.memory if spec.memory is not None else hardware.memory_bytes if hardware else float("inf")
    names = [*(hardware.accelerators if hardware else ()), *spec.accelerators]
    devices = [Device(f"{kind}-{i}", accelerator(kind)) for i, kind in enumerate(names)]
    idle_w, peak_w = node_power(spec)
    return Node(
        clock,
        name,
        spec.tier,
        group,
        cores,
        memory,
        hardware,
        devices,
        spec.speed,
        fair=spec.cpu == "fair",
        idle_w=idle_w,
        peak_w=peak_w,
    )


def node_power(spec: Nodes) -> tuple[float, float]:
    """Return idle and peak power of a node without its accelerators, in watts."""
    hardware = machine(spec.hardware) if spec.hardware is not None else None
    idle = spec.idle_power if spec.idle_power is not None else hardware.idle_w if hardware else 0.0
    peak = spec.peak_power if spec.peak_power is not None else hardware.peak_w if hardware else idle
    return idle, peak


def node_price(spec: Nodes) -> float:
    """Return the price of a node without its accelerators, in dollars a second."""
    hardware = machine(spec.hardware) if spec.hardware is not None else None
    return spec.price if spec.price is not None else hardware.dollars_per_s if hardware else 0.0


@dataclass(frozen=True)
class Members:
    """Which nodes a tier, a group or a node's own name stands for."""

    nodes: dict[str, Node]

    def of(self, name: str, place: str) -> list[Node]:
        """Return the nodes that `name` stands for; raises ScenarioError naming `place` if it stands for none."""
        if name in self.nodes:
            return [self.nodes[name]]
        found = [node for node in self.nodes.values() if name in (node.group, node.tier)]
        if not found:
            known = {key for node in self.nodes.values() for key in (node.name, node.group, node.tier)}
            raise ScenarioError(
                [Problem(place, f"no node, group or tier is called {name!r}{did_you_mean(name, known)}")]
            )
        return found

    def of_all(self, names: Sequence[str], place: str) -> list[Node]:
        """Return the nodes that any of `names` stands for, each once, in the order of the scenario."""
        wanted = {node.name for name in names for node in self.of(name, place)}
        return [node for node in self.nodes.values() if node.name in wanted]


def add_links(
    groups: dict[str, Links], members: Members, network: Network, streams: Streams, shelf: TraceShelf
) -> dict[str, str]:
    """Add all links to the network; return the group of each link, with `.back` behind it for the other direction."""
    group_of = {}
    for group, spec in groups.items():
        shared: dict[str, Capacity] = {}
        for a in members.of(spec.source, f"links.{group}.from"):
            for b in members.of(spec.target, f"links.{group}.to"):
                for link in _both_ways(group, spec, a.name, b.name, streams, shelf, shared):
                    network.add(link)
                    group_of[link.name] = group if link.source == a.name else f"{group}.back"
    return group_of


def _both_ways(
    group: str,
    spec: Links,
    a: str,
    b: str,
    streams: Streams,
    shelf: TraceShelf,
    shared: dict[str, Capacity],
) -> list[LinkSpec]:
    there = Direction.model_construct(
        latency=spec.latency, bandwidth=spec.bandwidth, sharing=spec.sharing, jitter=spec.jitter, loss=spec.loss
    )
    ways = [(a, b, ">", there)]
    if spec.back != "none":
        given = (
            {name: value for name, value in spec.back if value is not None} if isinstance(spec.back, Direction) else {}
        )
        ways.append((b, a, "<", there.model_copy(update=given)))
    links = []
    for source, target, sign, way in ways:
        name = f"{group}:{source}>{target}"
        medium = f"{group}{sign}" if spec.shared else ""
        capacity = shared.get(sign) if spec.shared else None
        if capacity is None:
            capacity = shared[sign] = _capacity(way, medium or name, streams, shelf)
        links.append(
            LinkSpec(
                name=name,
                source=source,
                target=target,
                latency_s=way.latency or 0.0,
                capacity=capacity,
                sharing=way.sharing or "fifo",
                jitter=distribution(way.jitter).sample if way.jitter is not None else None,
                loss=way.loss or 0.0,
                retransmit_after_s=spec.retransmit_after,
                joules_per_byte=spec.energy,
                dollars_per_byte=spec.price,
                medium=medium,
            )
        )
    return links


def _capacity(way: Direction, name: str, streams: Streams, shelf: TraceShelf) -> Capacity:
    bandwidth = way.bandwidth
    if not isinstance(bandwidth, Trace):
        return Constant(float("inf") if bandwidth is None else bandwidth)
    trace = shelf.get(bandwidth.trace, "bandwidth")
    period = trace.period_s
    offset = (
        float(streams.stream(f"link/{name}/offset").uniform(0.0, period))
        if bandwidth.offset == "random"
        else float(bandwidth.offset)
    )
    times = trace.table["time_s"].to_pylist()
    rates = [rate * bandwidth.scale for rate in trace.table["rate_bytes_per_s"].to_pylist()]
    return Piecewise(times, rates, period, offset)
