"""Utilisation of nodes and links, energy and cost: from busy times, bytes, and what hardware draws and costs.

Power is linear in utilisation between idle and peak (Fan, Weber, Barroso, ISCA 2007), for each node and accelerator by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

Layout = Mapping[str, Any]


def node_metrics(
    seen: pd.DataFrame, ran_s: Mapping[tuple[str, str, str], float], layout: Layout, length: float
) -> dict[str, dict[str, Any]]:
    """Return for each group of nodes the utilisation of cores and accelerators, energy and cost over `length` seconds.

    `seen` are sums over visits; of services of language models, `ran_s` (device-seconds by service, node and device) counts instead.
    """
    visits = seen[~seen["service"].isin({service for service, _, _ in ran_s})]
    busy_s: list[tuple[str, str, float]] = [(node, devices, seconds) for (_, node, devices), seconds in ran_s.items()]
    busy_s += zip(visits["node"], visits["device"], visits["busy_s"], strict=True)
    by_node = _each_device(busy_s)
    found = {}
    for group, info in layout["nodes"].items():
        cpu_busy = sum(by_node.get((name, "cpu"), 0.0) for name in info["names"])
        joules = len(info["names"]) * info["idle_w"] * length
        joules += (info["peak_w"] - info["idle_w"]) * cpu_busy / info["cores"]
        dollars = len(info["names"]) * info["price"] * length
        device_busy = 0.0
        for device in info["devices"]:
            ran = sum(by_node.get((name, device["name"]), 0.0) for name in info["names"])
            device_busy += ran
            joules += len(info["names"]) * device["idle_w"] * length + (device["peak_w"] - device["idle_w"]) * ran
            dollars += len(info["names"]) * device["price"] * length
        devices = len(info["devices"]) * len(info["names"])
        found[group] = {
            "utilisation": cpu_busy / (info["cores"] * length * len(info["names"])),
            "accelerator_utilisation": device_busy / (devices * length) if devices else None,
            "energy_j": joules,
            "cost_usd": dollars,
        }
    return found


def _each_device(busy_s: Iterable[tuple[str, str, float]]) -> dict[tuple[str, str], float]:
    """Return the busy time of each device, by node and name; several that a replica has for itself share theirs equally."""
    found: dict[tuple[str, str], float] = defaultdict(float)
    for node, together, seconds in busy_s:
        names = together.split("+")
        for name in names:
            found[node, name] += seconds / len(names)
    return found


def link_metrics(moved: pd.DataFrame, layout: Layout, length: float) -> dict[str, dict[str, Any]]:
    """Return for each group of links its utilisation (share of time in transmission), mean queue, bytes, energy, cost.

    On a fair or unshared link several messages are sent at once: utilisation is then the mean number in transmission, and may
    exceed 1.
    """
    found = {}
    for group, info in layout["links"].items():
        mine = moved[moved["group"] == group].sum(numeric_only=True)
        nbytes = float(mine.get("bytes", 0.0))
        found[group] = {
            "utilisation": float(mine.get("sending_s", 0.0)) / (length * len(info["media"])),
            "mean_queue": float(mine.get("waiting_s", 0.0)) / (length * len(info["media"])),
            "bytes": nbytes,
            "energy_j": nbytes * info["joules_per_byte"],
            "cost_usd": nbytes * info["dollars_per_byte"],
        }
    return found


def replica_cost(lived: pd.DataFrame, layout: Layout) -> dict[str, float]:
    """Return what each service's replicas cost by themselves, for as long as they lived."""
    alive = lived.groupby("service", observed=True)["alive_s"].sum().to_dict()
    return {name: float(alive.get(name, 0.0)) * info["price"] for name, info in layout["services"].items()}
