"""What fits where: replicas on nodes, models on accelerators, work on hardware that can do it.

Only what can never work is refused. How replicas share nodes is a placement policy's choice, so the checks over several
services are necessary conditions; a run says what a policy then could not place.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from simtier.catalogue.dnn import dnn, dnns
from simtier.errors import CatalogueError, Problem
from simtier.scenario.checks.facts import Facts, Group, Spot
from simtier.scenario.services import Service, Stage
from simtier.scenario.source import Steps

_ROUNDING = 1 + 1e-9  # ten replicas of 0.1 cores fit on one core


def sizes(facts: Facts) -> Iterator[Problem]:
    """Yield services whose replica fits on no node, or whose first replicas do not all fit."""
    weights = _weights(facts)
    for name, service in facts.scenario.services.items():
        spots = facts.spots(service.on)
        groups = [facts.groups[group] for group, _ in spots]
        if not spots or not all(group.whole for group in groups):
            continue
        why_not = [(group, _misfit(service, weights[name], group)) for group in groups]
        path: Steps = ("services", name)
        if not service.cores and not service.accelerator and any(group.nodes.cpu == "fair" for group in groups):
            yield facts.problem(
                (*path, "cores"), "0 cores get nothing done on a node with `cpu: fair`: give what one request can use"
            )
        refused = [misfit for _, misfit in why_not if misfit]
        if refused and (len(refused) == len(why_not) or service.replicas == "each"):
            yield facts.problem((*path, refused[0][0]), refused[0][1])
        elif isinstance(service.replicas, int):
            room = sum(_room(service, weights[name], facts.groups[spot[0]]) * facts.size(spot) for spot in spots)
            if service.replicas > room:
                message = f"{service.replicas} replicas do not fit: {_listed(service.on)} has room for {room:g}"
                yield facts.problem((*path, "replicas"), message)


def together(facts: Facts) -> Iterator[Problem]:
    """Yield sets of services whose first replicas ask for more than all nodes they may run on have."""
    weights = _weights(facts)
    by_places: dict[frozenset[Spot], list[str]] = defaultdict(list)
    for name, service in facts.scenario.services.items():
        by_places[frozenset(facts.spots(service.on))].append(name)
    for places in by_places:
        inside = [name for others, names in by_places.items() if others and others <= places for name in names]
        groups = {spot: facts.groups[spot[0]] for spot in places}
        if len(inside) < 2 or not all(group.whole for group in groups.values()):
            continue
        services = {name: facts.scenario.services[name] for name in inside}
        reserved = {name: 0.0 if _any_fair(groups.values()) else each.cores for name, each in services.items()}
        memory = {name: _memory(each, weights[name]) / 1e9 for name, each in services.items()}
        cores_there = sum(group.cores * facts.size(spot) for spot, group in groups.items())
        memory_there = sum(group.memory * facts.size(spot) for spot, group in groups.items()) / 1e9
        for what, each, there in (("cores", reserved, cores_there), ("GB of memory", memory, memory_there)):
            asked = math.fsum(_first(facts, name) * each[name] for name in inside)
            if asked > there * _ROUNDING:
                message = f"ask for {asked:.4g} {what} together, but their nodes have {there:.4g}"
                named = f"the first replicas of {_listed(sorted(inside))}"
                yield facts.problem(("services", inside[-1], "replicas"), f"{named} {message}")


def hardware(facts: Facts) -> Iterator[Problem]:
    """Yield stages given by operations or a model on nodes that cannot turn these into time."""
    for path, stage, names in _stages(facts):
        if stage.time is not None or stage.tokens is not None:
            continue
        precision = stage.cost.precision if stage.cost else stage.precision
        for name in names:
            service = facts.scenario.services[name]
            for group in {spot[0]: facts.groups[spot[0]] for spot in facts.spots(service.on)}.values():
                trouble = _cannot_time(service, name, group, precision) if group.whole else ""
                if trouble:
                    yield facts.problem(path, trouble)


def _cannot_time(service: Service, name: str, group: Group, precision: str) -> str:
    """Return why the cost model gives no time on this group; empty if it does."""
    try:
        if service.accelerator:
            for device in group.devices:
                device.processor(precision)
        elif group.machine is None:
            return f"service {name!r} runs on {group.name!r}, whose nodes name no hardware to time operations on"
        elif not service.cores:
            return f"service {name!r} has 0 cores, on which operations never end"
        else:
            group.machine.processor(precision, min(service.cores, group.cores))
    except CatalogueError as error:
        return f"service {name!r} runs on {group.name!r}: {error}"
    return ""


def _misfit(service: Service, weights: float, group: Group) -> tuple[str, str] | None:
    """Return the field and the reason why one replica cannot run on an empty node of `group`; None if it can."""
    if group.nodes.cpu == "reserved" and service.cores > group.cores * _ROUNDING:
        return "cores", f"a replica takes {service.cores:g} cores, but a node of {group.name!r} has {group.cores:g}"
    memory = _memory(service, weights)
    if memory > group.memory:
        with_models = " with its models" if memory > service.memory else ""
        asked, there = memory / 1e9, group.memory / 1e9
        return "memory", f"a replica takes {asked:.3g} GB{with_models}, but a node of {group.name!r} has {there:.3g} GB"
    if not service.accelerator:
        return None
    if not group.devices:
        return "accelerator", f"is true, but the nodes of {group.name!r} have no accelerator"
    largest = max(group.devices, key=lambda device: device.memory_bytes)
    if weights > largest.memory_bytes:
        asked, there = weights / 1e9, largest.memory_bytes / 1e9
        return "accelerator", f"the models take {asked:.3g} GB, but {largest.name} on {group.name!r} has {there:.3g} GB"
    return None


def _memory(service: Service, weights: float) -> float:
    """Return the bytes a replica takes of its node: models lie on the accelerator, or here without one."""
    return service.memory + (0.0 if service.accelerator else weights)


def _room(service: Service, weights: float, group: Group) -> float:
    """Return how many replicas an empty node of `group` has room for."""
    memory = _memory(service, weights)
    room = math.inf
    if group.nodes.cpu == "reserved" and service.cores > 0:
        room = math.floor(group.cores / service.cores * _ROUNDING) if math.isfinite(group.cores) else math.inf
    if memory > 0 and math.isfinite(group.memory):
        room = min(room, math.floor(group.memory / memory * _ROUNDING))
    if service.accelerator:
        fit = (math.floor(each.memory_bytes / weights) if weights > 0 else math.inf for each in group.devices)
        room = min(room, sum(fit))
    return room


def _any_fair(groups: Iterable[Group]) -> bool:
    return any(group.nodes.cpu == "fair" for group in groups)


def _first(facts: Facts, name: str) -> int:
    """Return how many replicas a service starts with."""
    service = facts.scenario.services[name]
    return sum(map(facts.size, facts.spots(service.on))) if service.replicas == "each" else service.replicas


def _stages(facts: Facts) -> Iterator[tuple[Steps, Stage, tuple[str, ...]]]:
    """Yield every stage with its path and those of its services that exist."""
    for app_name, app in facts.scenario.apps.items():
        for name, stage in app.stages.items():
            named = stage.split or (() if stage.service is None else (stage.service,))
            known = tuple(each for each in named if each in facts.scenario.services)
            yield ("apps", app_name, "stages", name), stage, known


def _weights(facts: Facts) -> Mapping[str, float]:
    """Return the bytes of the weights a replica of each service holds: every model whole, as any layer may come to it."""
    models: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for _, stage, names in _stages(facts):
        for name in names:
            if stage.model in dnns():
                models[name].add((str(stage.model), stage.precision))
    return defaultdict(float, {name: math.fsum(_bytes(*each) for each in held) for name, held in models.items()})


def _bytes(model: str, precision: str) -> float:
    network = dnn(model)
    return network.weight_bytes(0, len(network.layers), precision)


def _listed(names: Iterable[str]) -> str:
    *first, last = map(repr, names)
    return f"{', '.join(first)} and {last}" if first else last
