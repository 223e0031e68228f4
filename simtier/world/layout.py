"""What metrics and reports need to know of a world besides its tables: who is who, power, prices. Plain data, kept in the result."""

from __future__ import annotations

from math import isfinite
from typing import Any

from simtier.models.batches import BatchReplica
from simtier.world.topology import node_price
from simtier.world.world import World


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
                "price": written.price,
            }
            for (name, service), written in zip(world.services.items(), world.scenario.services.values(), strict=True)
        },
        "platforms": {name: _platform(world, name) for name in world.platforms},
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
    return groups


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


def _slots(world: World, service: str) -> int:
    """Return how many requests, or batches, a replica of `service` has in service at most."""
    replica = next((made for made in world.replicas.made if made.service.name == service), None)
    if isinstance(replica, BatchReplica) and replica.device is not None:
        return 1
    return world.scenario.services[service].concurrency
