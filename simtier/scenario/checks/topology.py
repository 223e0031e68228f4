"""Nodes and links: hardware that exists, names that stand for one thing, links with two ends."""

from __future__ import annotations

from collections.abc import Iterator

from simtier.catalogue.hardware import accelerator, machine
from simtier.errors import CatalogueError, Problem
from simtier.scenario.checks.facts import Facts


def nodes(facts: Facts) -> Iterator[Problem]:
    """Yield what is wrong with the groups of nodes."""
    for name, group in facts.scenario.nodes.items():
        here = ("nodes", name)
        if group.hardware is None and group.cores is None:
            yield facts.problem((*here, "cores"), "is missing: nodes without `hardware` need cores")
        if group.hardware is not None:
            try:
                machine(group.hardware)
            except CatalogueError as error:
                yield facts.problem((*here, "hardware"), str(error))
        for place, each in enumerate(group.accelerators):
            try:
                accelerator(each)
            except CatalogueError as error:
                yield facts.problem((*here, "accelerators", place), str(error))
        idle, peak = group.idle_power, group.peak_power
        if idle is not None and peak is not None and idle > peak:
            yield facts.problem((*here, "idle_power"), f"is more than peak_power ({idle:g} W, {peak:g} W)")


def names(facts: Facts) -> Iterator[Problem]:
    """Yield names that would stand for two different things."""
    for name in facts.scenario.nodes:
        spot = facts.node(name)
        if spot:
            message = f"the name is taken: {spot[0]!r} has {facts.size((spot[0], None))} nodes and one is {name!r}; choose another"
            yield facts.problem(("nodes", name), message)
    for tier, groups in facts.tiers.items():
        path = ("nodes", groups[0], "tier")
        if tier in facts.groups and groups != (tier,):
            message = f"the tier {tier!r} has the name of a group but is not that group alone; rename one of them"
            yield facts.problem(path, message)
        elif tier not in facts.groups and facts.node(tier):
            yield facts.problem(path, f"the tier {tier!r} has the name of a node; rename one of them")


def links(facts: Facts) -> Iterator[Problem]:
    """Yield links that lack an end, or join a node with itself."""
    for name, link in facts.scenario.links.items():
        yield from facts.unknown(("links", name, "from"), link.source, tiers=False)
        yield from facts.unknown(("links", name, "to"), link.target, tiers=False)
        ends = [facts.spots([end])[:1] for end in (link.source, link.target)]
        if all(ends) and ends[0][0][0] == ends[1][0][0] and None in (ends[0][0][1], ends[1][0][1]):
            yield facts.problem(("links", name), f"links a node of {ends[0][0][0]!r} to itself")
