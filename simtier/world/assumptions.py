"""What a run takes for granted because the scenario does not say: each a sentence in the result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from simtier.catalogue.hardware import accelerator, llm_efficiency, machine
from simtier.scenario import Scenario


def assumptions(scenario: Scenario, layout: Mapping[str, Any]) -> list[str]:
    """Return the assumptions, those of the nodes first."""
    return [
        *_nodes(layout),
        *_hardware(layout),
        *_engines(scenario, layout),
        *_times(scenario),
        *_replays(scenario),
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
                yield f"{place}: iterations take what a closed form says, not measured; see services.{stage.service}"
            elif stage.time is not None:
                yield f"{place}: time as given ({stage.time.distribution}), divided by the node's speed"


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
        for kind in kinds:
            yield f"services.{name}: {service.llm.model} on {kind}: efficiency {llm_efficiency(kind).source}"
        if service.llm.blocks is None:
            yield f"services.{name}: blocks are what weights and {service.llm.reserved / 2**30:.3g} GiB for activations and the runtime leave"


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
