"""Platforms: where they are, what fits there, and which functions stages call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import floor, inf

from simtier.errors import PolicyError, Problem, did_you_mean
from simtier.models.node import ROUNDING
from simtier.scenario.checks.facts import Facts, Group
from simtier.scenario.platforms import Function, Platform
from simtier.scenario.services import Stage
from simtier.scenario.source import Steps


def platforms(facts: Facts) -> Iterator[Problem]:
    """Yield platforms that share a service's name, on places that do not exist, and functions that fit on none of their nodes."""
    for name, platform in facts.scenario.platforms.items():
        here = ("platforms", name)
        if name in facts.scenario.services:
            yield facts.problem(here, f"{name!r} is a service too: stages could not tell them apart; rename one")
        for path, on in _places(here, platform):
            for place, each in enumerate(on):
                yield from facts.unknown((*path, "on", place), each, tiers=True)
        groups = [facts.groups[group] for group, _ in facts.spots(platform.places)]
        for group in groups:
            if group.nodes.cpu == "fair":
                yield facts.problem(
                    here,
                    f"the nodes of {group.name!r} share their cores (`cpu: fair`), which platforms do not model yet: use `cpu: reserved`",
                )
        yield from _batching(facts, here, platform)
        yield from _shared(facts, here, platform)
        if groups:
            yield from _sizes(facts, here, platform)
            yield from _provisioned(facts, here, platform)


def _places(here: Steps, platform: Platform) -> Iterator[tuple[Steps, tuple[str, ...]]]:
    """Yield where instances may run, with the paths."""
    if platform.on is not None:
        yield here, platform.on
    for name, region in platform.regions.items():
        yield (*here, "regions", name), region.on


def _shared(facts: Facts, here: Steps, platform: Platform) -> Iterator[Problem]:
    """Yield regions that have a node of a region before them: each keeps instances and memory of its own."""
    of_node: dict[tuple[str, int], str] = {}
    for name, region in platform.regions.items():
        nodes = [
            (group, number)
            for group, only in facts.spots(region.on)
            for number in (range(facts.scenario.nodes[group].count) if only is None else (only,))
        ]
        shared = next((node for node in nodes if node in of_node), None)
        if shared is not None:
            node = shared[0] if facts.scenario.nodes[shared[0]].count == 1 else f"{shared[0]}-{shared[1]}"
            message = f"regions {of_node[shared]!r} and {name!r} share node {node!r}: give each region nodes of its own"
            yield facts.problem((*here, "regions", name, "on"), message)
        of_node.update(dict.fromkeys(nodes, name))


def _batching(facts: Facts, here: Steps, platform: Platform) -> Iterator[Problem]:
    """Yield a batching policy that does not batch whole requests."""
    from simtier.catalogue.policies import find_policy  # noqa: PLC0415 - only checking needs the policies' modules
    from simtier.contract import IterationBatching  # noqa: PLC0415 - as above

    use = platform.policies.batching.use
    try:
        plans = issubclass(find_policy("batching", use, facts.scenario.folder), IterationBatching)
    except PolicyError:
        return  # told elsewhere
    if plans:
        message = f"{use!r} plans iterations of a language model; functions need a policy that batches requests, such as size_or_timeout"
        yield facts.problem((*here, "policies", "batching"), message)


def _provisioned(facts: Facts, here: Steps, platform: Platform) -> Iterator[Problem]:
    """Yield functions whose provisioned instances find no room even if they have all nodes for themselves."""
    spots = facts.spots(platform.places)
    for name, function in platform.functions.items():
        if function.provisioned > platform.most:
            message = f"{function.provisioned} instances are more than the platform's most ({platform.most})"
            yield facts.problem((*here, "functions", name, "provisioned"), message)
        each = {spot: facts.groups[spot[0]].memory / function.memory * (1 + ROUNDING) for spot in spots}
        room = sum(facts.size(spot) * floor(fit) for spot, fit in each.items() if fit < inf)
        if all(fit < inf for fit in each.values()) and 0 < room < function.provisioned:
            message = f"{function.provisioned} instances of {function.memory:.4g} B do not fit: the nodes have room for {room}"
            yield facts.problem((*here, "functions", name, "provisioned"), message)


def _sizes(facts: Facts, here: Steps, platform: Platform) -> Iterator[Problem]:
    """Yield functions that are larger than every node of a cell of their platform, for a request may be sent there."""
    listed: list[tuple[Steps, str, Function]] = [
        ((*here, "functions", name), f"function {name!r}", function) for name, function in platform.functions.items()
    ]
    if platform.traced is not None:
        listed.append(((*here, "traced"), "a traced function", platform.traced))
    cells = [(where, groups) for where, groups in _cells(facts, platform) if groups]
    if not all(group.whole for _, groups in cells for group in groups):
        return
    for path, named, function in listed:
        where, memory = min(
            ((of, max(group.memory for group in groups)) for of, groups in cells), key=lambda each: each[1]
        )
        if function.memory > memory:
            message = f"{named} needs {function.memory:.4g} B, and the largest node{where} has {memory:.4g} B of memory"
            yield facts.problem((*path, "memory"), message)
        cores = _cores(function, platform)
        where, most = min(
            ((of, max(group.cores for group in groups)) for of, groups in cells), key=lambda each: each[1]
        )
        if platform.reserve_cores and cores > most:
            yield facts.problem(path, f"{named} needs {cores:g} cores, and the largest node{where} has {most:g}")


def _cells(facts: Facts, platform: Platform) -> Iterator[tuple[str, list[Group]]]:
    """Yield the groups of nodes of each cell, with words for which cell it is."""
    if platform.regions:
        for name, region in platform.regions.items():
            yield f" of region {name!r}", [facts.groups[group] for group, _ in facts.spots(region.on)]
    elif platform.cells == "nodes":
        for group, _ in facts.spots(platform.places):
            yield f" of {group!r}", [facts.groups[group]]
    else:
        yield "", [facts.groups[group] for group, _ in facts.spots(platform.places)]


def _cores(function: Function, platform: Platform) -> float:
    if function.cores is not None:
        return function.cores
    return function.memory / platform.memory_per_core if platform.memory_per_core is not None else 1.0


def function_of(facts: Facts, here: Steps, stage: Stage) -> Iterator[Problem]:
    """Yield the problem with the function a stage calls, if there is one."""
    platform = facts.scenario.platforms.get(stage.service or "")
    if platform is None:
        if stage.function is not None and stage.service in facts.scenario.services:
            yield facts.problem(
                (*here, "function"), f"{stage.service!r} is a service, which has no functions: leave it out"
            )
    elif stage.model is not None:
        yield facts.problem(
            (*here, "model"), "platforms run stages with a `time` or a `cost`; a `model` runs on a service"
        )
    elif stage.function is not None and stage.function not in platform.functions:
        yield facts.problem((*here, "function"), no_such("function", stage.function, platform.functions))
    elif stage.function is None and platform.traced is None:
        known = ", ".join(platform.functions)
        message = f"platform {stage.service!r} has the functions {known}: say which with `function`, or give `traced` for those of a trace"
        yield facts.problem((*here, "service"), message)


def no_such(what: str, name: str, known: Mapping[str, object]) -> str:
    """Return the message for a name that nothing has."""
    return f"there is no {what} {name!r}{did_you_mean(name, known)}"
