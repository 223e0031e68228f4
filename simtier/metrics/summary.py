"""The summary of a run: every metric of every replication, combined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from simtier.metrics import bills, occupancy
from simtier.metrics.requests import add_verdicts, request_metrics
from simtier.scenario import Scenario
from simtier.statistics import combine


def summarise(folder: Path, scenario: Scenario, layout: Mapping[str, Any], ends: Sequence[float]) -> dict[str, Any]:
    """Return the summary of the tables in `folder`.

    Args:
        folder: where the Parquet files lie.
        scenario: what was run.
        layout: see simtier.world.layout.
        ends: for each replication, the simulated time at which it ended (earlier than planned if interrupted).

    Counts are sums over the replications, other numbers means, with `half_width_95` beside them if there are several.
    """
    found = combine([_replication(folder, scenario, layout, number, end) for number, end in enumerate(ends)])
    add_verdicts(found, scenario)
    for name, info in layout["nodes"].items():
        found["nodes"][name] |= {"tier": info["tier"], "count": len(info["names"])}
    for name, info in layout["links"].items():
        found["links"][name]["count"] = len(info["media"])
    return found


def _replication(
    folder: Path, scenario: Scenario, layout: Mapping[str, Any], number: int, end: float
) -> dict[str, Any]:
    window = (min(scenario.run.warmup, end), end)
    length = max(window[1] - window[0], 1e-12)
    seen = occupancy.visits(folder, number, window)
    lived = occupancy.replicas(folder, number, window)
    moved = occupancy.transfers(folder, number, window, _groups(layout))
    slots = {name: info["slots"] for name, info in layout["services"].items()}
    found: dict[str, Any] = dict(request_metrics(folder, scenario, number, end))
    found["services"] = occupancy.service_metrics(seen, lived, slots, window)
    for name, dollars in bills.replica_cost(lived, layout).items():
        found["services"][name]["cost_usd"] = dollars
    found["nodes"] = bills.node_metrics(seen, lived, layout, length)
    found["links"] = bills.link_metrics(moved, layout, length)
    parts = [part for kind in ("services", "nodes", "links") for part in found[kind].values()]
    found["energy_j"] = sum(part.get("energy_j", 0.0) for part in parts)
    found["cost_usd"] = sum(part["cost_usd"] for part in parts)
    found["window_s"] = length
    return found


def _groups(layout: Mapping[str, Any]) -> dict[str, str]:
    return {name: group for group, info in layout["links"].items() for name in info["names"]}
