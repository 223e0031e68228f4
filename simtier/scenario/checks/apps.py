"""Services, applications and workloads: what they name exists, stages form a graph without cycles, times make sense."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

import networkx as nx

from simtier.catalogue.dnn import dnn
from simtier.errors import CatalogueError, Problem
from simtier.scenario.base import Traced
from simtier.scenario.checks.facts import Facts
from simtier.scenario.checks.platforms import function_of, no_such
from simtier.scenario.services import App, Stage
from simtier.scenario.source import Steps


def services(facts: Facts) -> Iterator[Problem]:
    """Yield services on places that do not exist, or with contradictory numbers of replicas."""
    for name, service in facts.scenario.services.items():
        here = ("services", name)
        for place, each in enumerate(service.on):
            yield from facts.unknown((*here, "on", place), each, tiers=True)
        if service.least > service.most:
            yield facts.problem((*here, "least"), f"{service.least} is more than most ({service.most})")
            continue
        each_node = service.replicas == "each"
        count = sum(map(facts.size, facts.spots(service.on))) if each_node else service.replicas
        means = f"'each' makes {count} replicas, which" if each_node else f"{count}"
        if isinstance(count, int) and count > service.most:
            yield facts.problem((*here, "replicas"), f"{means} is more than most ({service.most})")
        elif isinstance(count, int) and count < service.least and facts.spots(service.on):
            yield facts.problem((*here, "replicas"), f"{means} is less than least ({service.least})")


def apps(facts: Facts) -> Iterator[Problem]:
    """Yield stages that name what does not exist, and stages that wait for each other."""
    for name, app in facts.scenario.apps.items():
        for stage_name, stage in app.stages.items():
            yield from _stage(facts, ("apps", name, "stages", stage_name), app, stage)
        cycle = _cycle(app)
        if cycle:
            around = " -> ".join([*cycle, cycle[0]])
            yield facts.problem(("apps", name, "stages", cycle[0], "after"), f"stages wait for each other: {around}")


def _stage(facts: Facts, here: Steps, app: App, stage: Stage) -> Iterator[Problem]:
    services, hosts = facts.scenario.services, facts.scenario.hosts
    split, after = stage.split or (), stage.after or ()
    if stage.service is not None and stage.service not in hosts:
        yield facts.problem((*here, "service"), no_such("service", stage.service, hosts))
    yield from function_of(facts, here, stage)
    for place, each in enumerate(split):
        if each not in services:
            yield facts.problem((*here, "split", place), no_such("service", each, services))
        elif each in split[:place]:
            yield facts.problem((*here, "split", place), f"{each!r} is listed twice; requests pass each service once")
    for place, each in enumerate(after):
        if each not in app.stages:
            yield facts.problem((*here, "after", place), no_such("stage", each, app.stages))
    if stage.model is not None:
        try:
            dnn(stage.model)
        except CatalogueError as error:
            yield facts.problem((*here, "model"), str(error))


def workloads(facts: Facts) -> Iterator[Problem]:
    """Yield workloads that name what does not exist, or whose times leave nothing."""
    duration = facts.scenario.run.duration
    for name, workload in facts.scenario.workloads.items():
        here = ("workloads", name)
        if workload.app not in facts.scenario.apps:
            yield facts.problem((*here, "app"), no_such("app", workload.app, facts.scenario.apps))
        elif workload.trace is None and (stage := _traced(facts.scenario.apps[workload.app])):
            message = f"stage {stage!r} of {workload.app!r} takes its time from a trace, and this workload replays none"
            yield facts.problem((*here, "arrivals"), message)
        if not workload.source:
            yield facts.problem((*here, "from"), "is empty; name at least one tier, group or node")
        for place, each in enumerate(workload.source):
            yield from facts.unknown((*here, "from", place), each, tiers=True)
        if workload.start >= duration:
            message = f"{workload.start:g} s is not before the end of the run ({duration:g} s), so no request arrives"
            yield facts.problem((*here, "start"), message)
        elif workload.stop is not None and workload.stop <= workload.start:
            message = f"{workload.stop:g} s is not after start ({workload.start:g} s), so no request arrives"
            yield facts.problem((*here, "stop"), message)


def _traced(app: App) -> str | None:
    """Return the first stage whose time is what a trace tells; None if there is none."""
    return next((name for name, stage in app.stages.items() if isinstance(stage.time, Traced)), None)


def before(app: App) -> Mapping[str, tuple[str, ...]]:
    """Return the stages each stage waits for: those of `after`, else the stage written before, else none."""
    previous = {second: (first,) for first, second in pairwise(app.stages)}
    return {name: _after(stage, previous.get(name, ())) for name, stage in app.stages.items()}


def _after(stage: Stage, previous: tuple[str, ...]) -> tuple[str, ...]:
    return previous if stage.after is None else stage.after


def _cycle(app: App) -> list[str]:
    """Return the names of stages that wait for each other, the one written first at the front; empty if there are none."""
    graph = nx.DiGraph(
        [(first, stage) for stage, waits in before(app).items() for first in waits if first in app.stages]
    )
    try:
        around = [first for first, _ in nx.find_cycle(graph)]
    except nx.NetworkXNoCycle:
        return []
    start = min(map(list(app.stages).index, around))
    turn = around.index(list(app.stages)[start])
    return around[turn:] + around[:turn]
