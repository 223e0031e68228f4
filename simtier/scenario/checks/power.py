"""Power rows: nodes that exist and are in one row only, services that run on them, budgets that are not exceeded by idling."""

from __future__ import annotations

from collections.abc import Iterator

from simtier.errors import Problem
from simtier.scenario.checks.facts import Facts, Spot
from simtier.scenario.power import PowerRow
from simtier.scenario.source import Steps

Nodes = frozenset[tuple[str, int]]


def power_rows(facts: Facts) -> Iterator[Problem]:
    """Yield what is wrong with the rows."""
    taken: dict[str, Nodes] = {}
    for name, row in facts.scenario.power_rows.items():
        here: Steps = ("power_rows", name)
        for place, each in enumerate(row.nodes):
            yield from facts.unknown((*here, "nodes", place), each, tiers=True)
        mine = _nodes(facts, facts.spots(row.nodes))
        for other, theirs in taken.items():
            for group, number in sorted(mine & theirs)[:1]:
                node = facts.scenario.nodes[group]
                called = group if node.count == 1 else f"{group}-{number}"
                yield facts.problem((*here, "nodes"), f"node {called!r} is in row {other!r} already")
        taken[name] = mine
        yield from _services(facts, here, row, mine)
        yield from _loads(facts, here, row, mine)
        yield from _budget(facts, here, row, mine)
        if row.brake.clock > row.clock:
            message = f"{row.brake.clock:g} Hz is above the highest clock of the row, {row.clock:g} Hz"
            yield facts.problem((*here, "brake", "clock"), message)


def _services(facts: Facts, here: Steps, row: PowerRow, mine: Nodes) -> Iterator[Problem]:
    """Yield services of low priority that are none, or run elsewhere, and services and platforms whose power the meter does not know."""
    hosts = facts.scenario.hosts
    running = {name: _nodes(facts, facts.spots(host.places)) & mine for name, host in hosts.items()}
    for place, name in enumerate(row.low_priority):
        path: Steps = (*here, "low_priority", place)
        if name not in facts.scenario.services:
            yield facts.problem(path, f"there is no service {name!r}")
        elif not running[name]:
            yield facts.problem(path, f"service {name!r} runs on none of the row's nodes")
    for name, shared in running.items():
        service = facts.scenario.services.get(name)
        if shared and (service is None or service.llm is None):
            message = f"{name!r} may run there, and has no `llm`: the meter knows what language models and loads draw"
            yield facts.problem((*here, "nodes"), message)
        elif (
            shared
            and service is not None
            and service.llm is not None
            and (service.llm.pipeline > 1 or service.llm.shares)
        ):
            message = f"{name!r} may run there, and its `llm` has a pipeline or shares, whose clock cannot be changed: use `tensor` alone"
            yield facts.problem((*here, "nodes"), message)


def _loads(facts: Facts, here: Steps, row: PowerRow, mine: Nodes) -> Iterator[Problem]:
    for name, load in row.loads.items():
        path: Steps = (*here, "loads", name)
        for place, each in enumerate(load.on):
            yield from facts.unknown((*path, "on", place), each, tiers=True)
        spots = facts.spots(load.on)
        if not _nodes(facts, spots) <= mine:
            yield facts.problem((*path, "on"), "names nodes that are not in the row")
        for group in dict.fromkeys(group for group, _ in spots):
            idle = _idle_w(facts, group)
            if load.low < idle:
                message = f"{load.low:g} W is below what a node of {group!r} draws when idle: {idle:g} W"
                yield facts.problem((*path, "low"), message)


def _budget(facts: Facts, here: Steps, row: PowerRow, mine: Nodes) -> Iterator[Problem]:
    idle = sum(_idle_w(facts, group) for group, _ in mine)
    if idle >= row.brake.release * row.budget:
        message = (
            f"{row.budget:g} W: its {len(mine)} servers draw {idle:g} W when idle, so the brake, released at {row.brake.release:g} of the "
            "budget, would never let go"
        )
        yield facts.problem((*here, "budget"), message)


def _idle_w(facts: Facts, group: str) -> float:
    """Return what a node of a group draws when idle, with its accelerators."""
    found = facts.groups[group]
    host = found.nodes.idle_power
    if host is None:
        host = found.machine.idle_w if found.machine is not None else 0.0
    return host + sum(device.idle_w for device in found.devices)


def _nodes(facts: Facts, spots: tuple[Spot, ...]) -> Nodes:
    """Return each node as its group and number."""
    return frozenset(
        (group, each)
        for group, number in spots
        for each in (range(facts.scenario.nodes[group].count) if number is None else (number,))
    )
