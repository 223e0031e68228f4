"""Staged starts of language models: nodes have one disk and one memory, and weights of other nodes need a way."""

from __future__ import annotations

from collections.abc import Iterator

import networkx as nx

from simtier.errors import Problem
from simtier.scenario.checks.facts import Facts, Spot
from simtier.scenario.loading import Loading


def loading(facts: Facts) -> Iterator[Problem]:
    """Yield services that disagree about a node, and those that would copy from other nodes without a way."""
    first: dict[str, tuple[str, Loading]] = {}
    for name, service in facts.scenario.services.items():
        if service.llm is None or service.llm.loading is None:
            continue
        written, spots = service.llm.loading, facts.spots(service.on)
        yield from _agreement(facts, name, written, spots, first)
        if written.remote is not None and spots and not _joined(facts, spots):
            message = "weights are to come from other nodes of this service, and no links lead from one to another: add links, or leave it out"
            yield facts.problem(("services", name, "llm", "loading", "remote"), message)


def _agreement(
    facts: Facts, name: str, written: Loading, spots: tuple[Spot, ...], first: dict[str, tuple[str, Loading]]
) -> Iterator[Problem]:
    for group, _ in spots:
        other, before = first.setdefault(group, (name, written))
        for field, of in (("disk", "reads the disk of"), ("keep", "keeps weights in the memory of")):
            mine, theirs = getattr(written, field), getattr(before, field)
            if getattr(mine, "rate", mine) != getattr(theirs, "rate", theirs):
                message = f"{name!r} {of} {group!r} otherwise than {other!r} does: give both the same `{field}`"
                yield facts.problem(("services", name, "llm", "loading", field), message)


def _joined(facts: Facts, spots: tuple[Spot, ...]) -> bool:
    """Return whether links lead from a node of `spots` to another; groups stand for their nodes."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    for link in facts.scenario.links.values():
        for source, _ in facts.spots([link.source]):
            for target, _ in facts.spots([link.target]):
                graph.add_edge(source, target)
                if link.back != "none":
                    graph.add_edge(target, source)
    groups = {group for group, _ in spots}
    within = any(len(graph) and group in graph and _on_a_circle(graph, group) for group in groups)
    across = any(b in nx.descendants(graph, a) for a in groups if a in graph for b in groups - {a})
    return within or across


def _on_a_circle(graph: nx.DiGraph[str], group: str) -> bool:
    return any(group in nx.descendants(graph, each) for each in graph.successors(group))
