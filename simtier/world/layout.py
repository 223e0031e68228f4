"""What metrics and reports need to know of a world besides its tables: who is who, power, prices. Plain data, kept in the result."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from simtier.models.batches import BatchReplica
from simtier.models.llm.moving import port_name
from simtier.models.llm.replica import LlmReplica
from simtier.world.topology import node_price
from simtier.world.world import World


def together(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """Return what is known after one replication more: links that only came up there are added, and what was counted is summed."""
    if not before:
        return now
    services = {
        name: info
        | {
            "too_long": info["too_long"] + now["services"][name]["too_long"],
            "beyond_profile": _sums(info["beyond_profile"], now["services"][name]["beyond_profile"]),
        }
        for name, info in before["services"].items()
    }
    raised = _sums(before["raised_tokens"], now["raised_tokens"])
    return {**before, "links": now["links"] | before["links"], "services": services, "raised_tokens": raised}


def _sums(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {
        name: one.get(name, 0) + other.get(name, 0) for name in [*one, *(name for name in other if name not in one)]
    }


def layout(world: World) -> dict[str, Any]:
    """Return groups of nodes, links, services and platforms with their sizes, power (W) and prices (USD/s, USD/B, USD/B/s)."""
    return {
        "until_s": world.until_s,
        "nodes": {group: _group(world, group) for group in world.scenario.nodes},
        "links": _links(world),
        "services": {
            name: {
                "on": sorted({node.group for node in service.fleet.nodes}),
                "slots": _slots(world, name),
                "too_long": sum(
                    each.too_long
                    for each in world.replicas.made
                    if isinstance(each, LlmReplica) and each.service is service
                ),
                "beyond_profile": dict(world.costs[name].beyond) if name in world.costs else {},
                "price": written.price,
            }
            for (name, service), written in zip(world.services.items(), world.scenario.services.values(), strict=True)
        },
        "detours": _detours(world),
        "raised_tokens": {place: timer.raised for place, timer in world.tokens.items()},
        "platforms": {name: _platform(world, name) for name in world.platforms},
        "power_rows": {name: _row(world, name) for name in world.power.rows},
    }


def _group(world: World, group: str) -> dict[str, Any]:
    """Return what the nodes of a group, which are all alike, are."""
    members = [node for node in world.nodes.values() if node.group == group]
    first = members[0]
    return {
        "tier": first.tier,
        "names": [node.name for node in members],
        "cores": first.cores,
        "memory_bytes": first.memory_bytes if isfinite(first.memory_bytes) else None,
        "hardware": first.machine.name if first.machine is not None else None,
        "idle_w": first.idle_w,
        "peak_w": first.peak_w,
        "price": node_price(world.scenario.nodes[group]),
        "devices": [
            {
                "name": device.name,
                "kind": device.spec.name,
                "memory_bytes": device.spec.memory_bytes,
                "idle_w": device.spec.idle_w,
                "peak_w": device.spec.peak_w,
                "price": device.spec.dollars_per_s,
            }
            for device in first.devices
        ],
    }


def _links(world: World) -> dict[str, Any]:
    groups: dict[str, Any] = {}
    for name, link in world.network.links.items():
        spec = link.spec
        group = groups.setdefault(
            world.link_groups[name],
            {
                "names": [],
                "media": [],
                "from": world.nodes[spec.source].group,
                "to": world.nodes[spec.target].group,
                "latency_s": spec.latency_s,
                "mean_bytes_per_s": spec.capacity.mean if isfinite(spec.capacity.mean) else None,
                "sharing": spec.sharing,
                "joules_per_byte": spec.joules_per_byte,
                "dollars_per_byte": spec.dollars_per_byte,
            },
        )
        group["names"].append(name)
        if spec.medium not in group["media"]:
            group["media"].append(spec.medium)
    return groups | {
        port_name(name): _port(world, name) for name in world.services if world.network.has_port(port_name(name))
    }


def _detours(world: World) -> list[tuple[str, str, str]]:
    """Return (pool, other pool, node) where keys and values pass a node that requests come from, as seen from the first node of each."""
    sources = {each for workload in world.scenario.workloads.values() for each in workload.source}
    stages = (stage for app in world.scenario.apps.values() for stage in app.stages.values())
    splits = dict.fromkeys(stage.split for stage in stages if stage.tokens)
    pairs = dict.fromkeys((one, other) for split in splits if split for one in split for other in split if one != other)
    found = []
    for one, other in pairs:
        ends = [world.services[name].fleet.nodes[0].name for name in (one, other)]
        for name in world.network.passes(*ends):
            node = world.nodes[name]
            if sources & {node.name, node.group, node.tier}:
                found.append((one, other, name))
    return found


def _port(world: World, name: str) -> dict[str, Any]:
    """Return what the ports of a service's replicas are, as far as there are any."""
    service = world.services[name]
    group = service.fleet.nodes[0].group
    engines = [replica.engine for replica in service.fleet.serving if isinstance(replica, LlmReplica)]
    rates = [engine.handing.port_bytes_per_s for engine in engines]
    return {
        "names": [port_name(name)],
        "media": [f"{port_name(name)} {number}" for number in range(max(1, len(engines)))],
        "from": group,
        "to": group,
        "latency_s": engines[0].handing.port_latency_s if engines else 0.0,
        "mean_bytes_per_s": rates[0] if rates and isfinite(rates[0]) else None,
        "sharing": "fair",
        "joules_per_byte": 0.0,
        "dollars_per_byte": 0.0,
    }


def _platform(world: World, name: str) -> dict[str, Any]:
    """Return where a platform runs, what of it is paid for whether it is used or not (bytes), and its prices."""
    written = world.scenario.platforms[name]
    provisioned = (function.provisioned * function.memory for function in written.functions.values())
    price = written.price
    return {
        "on": sorted({node.group for cell in world.platforms[name].cells for node in cell.nodes}),
        "provisioned_bytes": sum(provisioned, 0.0),
        "price": {
            "per_request": price.per_request,
            "per_memory_time": price.per_memory_time,
            "granularity": price.granularity,
            "least": price.least,
            "bill_starts": price.bill_starts,
            "provisioned": price.provisioned,
            "idle_cost": price.idle_cost,
        },
    }


def _row(world: World, name: str) -> dict[str, Any]:
    """Return what a power row is: its servers by priority, budget (W) and times (s)."""
    written, row = world.scenario.power_rows[name], world.power.rows[name]
    return {
        "servers": {
            priority: [server.name for server in row.servers if server.priority == priority]
            for priority in ("low", "high")
        },
        "budget_w": row.budget_w,
        "every_s": written.every,
        "command_s": written.command_delay,
        "top_hz": row.top_hz,
    }


def _slots(world: World, service: str) -> int:
    """Return how many requests, or batches, a replica of `service` has in service at most."""
    replica = next((made for made in world.replicas.made if made.service.name == service), None)
    if isinstance(replica, BatchReplica) and replica.device is not None:
        return 1
    return world.scenario.services[service].concurrency
