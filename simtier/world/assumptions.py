"""What a run takes for granted because the scenario does not say: each a sentence in the result."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from simtier.catalogue.hardware import accelerator, llm_efficiency, machine
from simtier.catalogue.llm import language_model
from simtier.scenario import Scenario
from simtier.scenario.checks.llm import most_blocks
from simtier.scenario.llm import Llm
from simtier.scenario.llm_costs import ProfileFolder
from simtier.scenario.services import Service


def assumptions(scenario: Scenario, layout: Mapping[str, Any]) -> list[str]:
    """Return the assumptions, those of the nodes first."""
    return [
        *_nodes(layout),
        *_hardware(layout),
        *_engines(scenario, layout),
        *_times(scenario),
        *_replays(scenario),
        *_raised(layout),
        *_detours(layout),
        *_links(scenario),
    ]


def _nodes(layout: Mapping[str, Any]) -> Iterator[str]:
    for name, info in layout["nodes"].items():
        if info["memory_bytes"] is None:
            yield f"nodes.{name}: memory is unbounded, for neither memory nor hardware is given"
        if not info["peak_w"]:
            yield f"nodes.{name}: draws no power, for neither power nor hardware is given"
        if not info["price"] and not any(device["price"] for device in info["devices"]):
            yield f"nodes.{name}: costs nothing, for neither a price nor priced hardware is given"


def _hardware(layout: Mapping[str, Any]) -> Iterator[str]:
    for name, info in layout["nodes"].items():
        if info["hardware"] is not None:
            yield f"nodes.{name}: {info['hardware']} as in the catalogue: {machine(info['hardware']).source}"
        for kind in dict.fromkeys(device["kind"] for device in info["devices"]):
            yield f"nodes.{name}: {kind} as in the catalogue: {accelerator(kind).source}"


def _times(scenario: Scenario) -> Iterator[str]:
    for app_name, app in scenario.apps.items():
        for name, stage in app.stages.items():
            place = f"apps.{app_name}.stages.{name}"
            if stage.model is not None:
                yield f"{place}: times of {stage.model}'s layers by the roofline model in {stage.precision}, not measured"
            elif stage.cost is not None:
                yield f"{place}: time by the roofline model from operations and bytes in {stage.cost.precision}, not measured"
            elif stage.tokens is not None:
                yield from (
                    f"{place}: iterations take {_cost_of(scenario.services[host])}; see services.{host}"
                    for host in stage.hosts
                )
            elif stage.time is not None:
                yield f"{place}: time as given ({stage.time.distribution}), divided by the node's speed"


def _cost_of(service: Service) -> str:
    """Return where times of iterations come from."""
    cost = service.llm.cost if service.llm is not None else ""
    if isinstance(cost, ProfileFolder):
        return f"what the profile {cost.profile} has of kernels, interpolated"
    if cost == "linear":
        return "what published linear coefficients say"
    return "what a closed form says, not measured"


def _engines(scenario: Scenario, layout: Mapping[str, Any]) -> Iterator[str]:
    """Yield how near accelerators are taken to come to their peaks, where language models run on them."""
    groups = layout["nodes"]
    for name, service in scenario.services.items():
        if service.llm is None:
            continue
        places = {group for group, info in groups.items() if {group, info["tier"]} & set(service.on)}
        places |= {place.rpartition("-")[0] for place in service.on} & set(groups)
        kinds = dict.fromkeys(
            device["kind"] for group in groups if group in places for device in groups[group]["devices"]
        )
        yield from _engine(name, service.llm, kinds, layout["services"][name])


def _engine(name: str, llm: Llm, kinds: Iterable[str], found: Mapping[str, Any]) -> Iterator[str]:
    for kind in kinds:
        if llm.cost == "closed_form":
            yield f"services.{name}: {llm.model} on {kind}: efficiency {llm_efficiency(kind).source}"
        most = most_blocks(llm, language_model(llm.model), accelerator(kind))
        if llm.blocks is not None and llm.blocks > most:
            yield f"services.{name}: {llm.blocks} blocks as given, though {kind} can hold {most} beside the weights"
    for table, number in found["beyond_profile"].items():
        yield f"services.{name}: {number} look-ups went beyond the profile's {table}, and followed a line there"
    if found["too_long"]:
        number = found["too_long"]
        yield f"services.{name}: {number} requests were rejected, for they are longer than its engines' context, or than all of their blocks"
    if llm.accelerators > 1:
        yield f"services.{name}: links between its accelerators reach their nominal rate, and carry nothing else"
    if llm.data > 1:
        yield f"services.{name}: each iteration's tokens are divided evenly among its {llm.data} groups of accelerators"
    if llm.blocks is None:
        yield f"services.{name}: blocks are what weights and {llm.reserved / 2**30:.3g} GiB for activations and the runtime leave"


def _detours(layout: Mapping[str, Any]) -> Iterator[str]:
    for one, other, node in layout["detours"]:
        yield f"links: keys and values go from {one} to {other} by way of {node}, which requests come from, for no other links lead there"


def _raised(layout: Mapping[str, Any]) -> Iterator[str]:
    for place, number in layout["raised_tokens"].items():
        if number:
            yield f"{place}: {number} requests of the trace tell no tokens of prompt or answer (failures, for one) and are given 1"


def _replays(scenario: Scenario) -> Iterator[str]:
    for name, workload in scenario.workloads.items():
        if workload.expand is not None:
            yield f"workloads.{name}: when requests arrive within a counted interval is not in the trace; {workload.expand.process} is assumed"
        if workload.scale_rate > 1:
            yield f"workloads.{name}: requests are repeated to reach {workload.scale_rate:g} times the rate, not observed"


def _links(scenario: Scenario) -> Iterator[str]:
    for name, link in scenario.links.items():
        if not link.energy:
            yield f"links.{name}: moving bytes takes no energy, for none is given"
