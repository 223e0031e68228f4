"""What the checks look up: groups with their hardware, and which nodes a name stands for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from simtier.catalogue.hardware import accelerator, machine
from simtier.errors import CatalogueError, Problem, did_you_mean
from simtier.models.hardware import Accelerator, Machine
from simtier.scenario.scenario import Scenario
from simtier.scenario.source import Steps
from simtier.scenario.topology import Nodes

Spot = tuple[str, int | None]
"""All nodes of a group, or the one of that number."""


@dataclass(frozen=True)
class Group:
    """A group of nodes with its hardware looked up.

    Attributes:
        name: the group's name.
        nodes: what the scenario says.
        machine: its hardware; None if it names none, or none that exists.
        devices: accelerators of one node, built in ones first.
        whole: False if the catalogue lacks something here, so that nothing can be said about what fits.
    """

    name: str
    nodes: Nodes
    machine: Machine | None
    devices: tuple[Accelerator, ...]
    whole: bool

    @property
    def cores(self) -> float:
        """Cores of one node; unlimited if unknown, which is a problem of its own."""
        if self.nodes.cores is not None:
            return self.nodes.cores
        return self.machine.cores if self.machine else float("inf")

    @property
    def memory(self) -> float:
        """Bytes of memory of one node; unlimited if unknown."""
        if self.nodes.memory is not None:
            return self.nodes.memory
        return self.machine.memory_bytes if self.machine else float("inf")


class Facts:
    """A scenario and what its names stand for."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario

    @cached_property
    def groups(self) -> Mapping[str, Group]:
        """Groups of nodes by name."""
        return {name: _group(name, nodes) for name, nodes in self.scenario.nodes.items()}

    @cached_property
    def tiers(self) -> Mapping[str, tuple[str, ...]]:
        """The groups of each tier."""
        names = dict.fromkeys(nodes.tier for nodes in self.scenario.nodes.values())
        return {tier: tuple(g for g, nodes in self.scenario.nodes.items() if nodes.tier == tier) for tier in names}

    def problem(self, path: Steps, message: str) -> Problem:
        """Return the problem at `path` with its line."""
        return self.scenario.source.problem(path, message)

    def spots(self, names: Iterable[str]) -> tuple[Spot, ...]:
        """Return the nodes that `names` (tiers, groups, nodes) stand for, each once; unknown names stand for none."""
        found = dict.fromkeys(spot for name in names for spot in self._spots(name))
        return tuple(spot for spot in found if spot[1] is None or (spot[0], None) not in found)

    def _spots(self, name: str) -> tuple[Spot, ...]:
        if name in self.groups:
            return ((name, None),)
        if name in self.tiers:
            return tuple((group, None) for group in self.tiers[name])
        spot = self.node(name)
        return (spot,) if spot else ()

    def node(self, name: str) -> Spot | None:
        """Return the node called `name`, such as `camera-3`; None if there is none."""
        group, _, number = name.rpartition("-")
        count = self.scenario.nodes[group].count if group in self.scenario.nodes else 0
        exists = count > 1 and number.isdecimal() and str(int(number)) == number and int(number) < count
        return (group, int(number)) if exists else None

    def size(self, spot: Spot) -> int:
        """Return how many nodes `spot` is."""
        return 1 if spot[1] is not None else self.scenario.nodes[spot[0]].count

    def unknown(self, path: Steps, name: str, *, tiers: bool) -> Iterator[Problem]:
        """Yield the problem with `name` at `path`, if it is no group or node (nor tier, where one may stand)."""
        what = "tier, group or node" if tiers else "group or node"
        if not tiers and name in self.tiers and name not in self.groups:
            groups = ", ".join(self.tiers[name])
            yield self.problem(path, f"{name!r} is a tier; a link joins groups or nodes, here {groups}")
        elif not self.spots([name]):
            group = name.rpartition("-")[0]
            if group in self.groups:
                yield self.problem(path, f"there is no node {name!r}: {_nodes_of(self.groups[group])}")
                return
            known = [*self.groups, *(self.tiers if tiers else ())]
            yield self.problem(path, f"there is no {what} {name!r}{did_you_mean(name, set(known))}")


def _nodes_of(group: Group) -> str:
    count = group.nodes.count
    if count == 1:
        return f"the only node of {group.name!r} has the group's name"
    return f"{group.name!r} has {group.name}-0 to {group.name}-{count - 1}"


def _group(name: str, nodes: Nodes) -> Group:
    found = None
    devices: list[Accelerator] = []
    try:
        found = machine(nodes.hardware) if nodes.hardware is not None else None
        devices = [accelerator(each) for each in (*(found.accelerators if found else ()), *nodes.accelerators)]
    except CatalogueError:
        return Group(name, nodes, found, tuple(devices), whole=False)
    return Group(name, nodes, found, tuple(devices), whole=True)
