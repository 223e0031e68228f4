"""Utilisation of nodes and links, energy and cost: from busy times, bytes, and what hardware draws and costs.

Power is linear in utilisation between idle and peak (Fan, Weber, Barroso, ISCA 2007), for each node and accelerator by itself. What accelerators
draw in the iterations of a language model is in the table of these; between them they are idle.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from simtier.metrics.occupancy import Iterated
from simtier.metrics.reading import Row, grouped, total

Layout = Mapping[str, Any]


def node_metrics(seen: Sequence[Row], iterated: Iterated, layout: Layout, length: float) -> dict[str, dict[str, Any]]:
    """Return for each group of nodes the utilisation of cores and accelerators, energy and cost over `length` seconds.

    `seen` are sums over visits; of services of language models, what they `iterated` counts instead.
    """
    engines = {service for service, _, _ in iterated}
    by_node = _each_device((row["node"], row["device"], row["busy_s"]) for row in seen if row["service"] not in engines)
    ran_s = _each_device((node, devices, seconds) for (_, node, devices), (seconds, _) in iterated.items())
    drew_j = _each_device((node, devices, joules) for (_, node, devices), (_, joules) in iterated.items())
    found = {}
    for group, info in layout["nodes"].items():
        cpu_busy = sum(by_node.get((name, "cpu"), 0.0) for name in info["names"])
        joules = len(info["names"]) * info["idle_w"] * length
        joules += (info["peak_w"] - info["idle_w"]) * cpu_busy / info["cores"]
        dollars = len(info["names"]) * info["price"] * length
        device_busy = 0.0
        for device in info["devices"]:
            places = [(name, device["name"]) for name in info["names"]]
            ran, iterates = (sum(each.get(place, 0.0) for place in places) for each in (by_node, ran_s))
            device_busy += ran + iterates
            joules += len(info["names"]) * device["idle_w"] * length + (device["peak_w"] - device["idle_w"]) * ran
            joules += sum(drew_j.get(place, 0.0) for place in places) - device["idle_w"] * iterates
            dollars += len(info["names"]) * device["price"] * length
        devices = len(info["devices"]) * len(info["names"])
        found[group] = {
            "utilisation": cpu_busy / (info["cores"] * length * len(info["names"])),
            "accelerator_utilisation": device_busy / (devices * length) if devices else None,
            "energy_j": joules,
            "cost_usd": dollars,
        }
    return found


def _each_device(sums: Iterable[tuple[str, str, float]]) -> dict[tuple[str, str], float]:
    """Return the busy time, or energy, of each device, by node and name; several that a replica has for itself share theirs equally."""
    found: dict[tuple[str, str], float] = defaultdict(float)
    for node, together, amount in sums:
        names = together.split("+")
        for name in names:
            found[node, name] += amount / len(names)
    return found


def link_metrics(moved: Sequence[Row], layout: Layout, length: float) -> dict[str, dict[str, Any]]:
    """Return for each group of links its utilisation (share of time in transmission), mean queue, bytes, energy, cost.

    On a fair or unshared link several messages are sent at once: utilisation is then the mean number in transmission, and may
    exceed 1.
    """
    found = {}
    by_group = grouped(moved, "group")
    for group, info in layout["links"].items():
        mine = by_group[group]
        nbytes = total(mine, "bytes")
        found[group] = {
            "utilisation": total(mine, "sending_s") / (length * len(info["media"])),
            "mean_queue": total(mine, "waiting_s") / (length * len(info["media"])),
            "bytes": nbytes,
            "energy_j": nbytes * info["joules_per_byte"],
            "cost_usd": nbytes * info["dollars_per_byte"],
        }
    return found


def replica_cost(lived: Sequence[Row], layout: Layout) -> dict[str, float]:
    """Return what each service's replicas cost by themselves, for as long as they lived."""
    by_service = grouped(lived, "service")
    return {name: total(by_service[name], "alive_s") * info["price"] for name, info in layout["services"].items()}
