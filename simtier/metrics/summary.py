"""The summary of a run: every metric of every replication, combined."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from simtier.metrics import bills, occupancy
from simtier.metrics.goodput import goodputs
from simtier.metrics.llm import llm_metrics
from simtier.metrics.platforms import platform_metrics
from simtier.metrics.power import power_metrics
from simtier.metrics.reading import Row
from simtier.metrics.requests import Tally, add_verdicts, request_metrics, tallies
from simtier.scenario import Scenario
from simtier.statistics import combine


def summaries(
    folder: Path, scenario: Scenario, layout: Mapping[str, Any], ends: Sequence[float]
) -> dict[int, dict[str, Any]]:
    """Return what was measured in each replication of the tables in `folder`, by its place from 0.

    Args:
        folder: where the Parquet files lie.
        scenario: what was run.
        layout: see simtier.world.layout.
        ends: for each replication, the simulated time at which it ended (earlier than planned if interrupted). One that ended in
            its warm-up has nothing to count and is left out, unless there is no other.

    """
    windows = [(min(scenario.run.warmup, end), end) for end in ends]
    group_of = {name: group for group, info in layout["links"].items() for name in info["names"]}
    tables: tuple[list[Any], ...] = (
        occupancy.visits(folder, windows),
        occupancy.replicas(folder, windows),
        occupancy.transfers(folder, windows, group_of),
        occupancy.iterating(folder, windows),
    )
    platforms = platform_metrics(folder, layout, windows)
    counted = tallies(folder, scenario, ends)
    llm = llm_metrics(folder, scenario, layout, windows, counted)
    power = power_metrics(folder, layout, windows)
    warm = [number for number, end in enumerate(ends) if end > scenario.run.warmup] or [0]
    return {
        number: _requests(counted, scenario, number, ends[number], *llm[number])
        | _places(layout, window, platforms[number], llm[number][0], *seen)
        | {"power": power[number]}
        for number, (window, *seen) in enumerate(zip(windows, *tables, strict=True))
        if number in warm
    }


def combined(each: Sequence[dict[str, Any]], scenario: Scenario, layout: Mapping[str, Any]) -> dict[str, Any]:
    """Return the summary of a run from what was measured in each of its replications.

    Counts are sums over the replications, other numbers means, with `half_width_95` beside them if there are several. What is the same in
    all replications, and the verdicts on objectives, are added. `each` is left as it is.
    """
    found = copy.deepcopy(combine(each))
    add_verdicts(found, scenario)
    for name, info in layout["nodes"].items():
        found["nodes"][name] |= {"tier": info["tier"], "count": len(info["names"])}
    for name, info in layout["links"].items():
        found["links"][name]["count"] = len(info["media"])
    return found


def _requests(
    counted: Mapping[tuple[int, str], Tally],
    scenario: Scenario,
    number: int,
    until_s: float,
    llm: Mapping[str, dict[str, Any]],
    tokens: Mapping[str, dict[str, Any]],
) -> dict[str, Any]:
    """Return the metrics of applications and workloads in one replication."""
    found: dict[str, Any] = request_metrics(counted, scenario, number, until_s)
    for name, metrics in tokens.items():
        found["apps"][name]["tokens"] = metrics
    for name, goodput in goodputs(scenario, counted, number, llm, until_s).items():
        found["apps"][name]["goodput"] = goodput
    return found


def _places(
    layout: Mapping[str, Any],
    window: tuple[float, float],
    platforms: dict[str, dict[str, Any]],
    llm: dict[str, dict[str, Any]],
    seen: Sequence[Row],
    lived: Sequence[Row],
    moved: Sequence[Row],
    iterated: occupancy.Iterated,
) -> dict[str, Any]:
    """Return the metrics of services, language models, platforms, nodes and links in one replication."""
    length = max(window[1] - window[0], 1e-12)
    slots = {name: info["slots"] for name, info in layout["services"].items()}
    found: dict[str, Any] = {
        "services": occupancy.service_metrics(seen, lived, slots, (window[1] - length, window[1])),
        "platforms": platforms,
        "nodes": bills.node_metrics(seen, iterated, layout, length),
        "links": bills.link_metrics(moved, layout, length),
    }
    for name, dollars in bills.replica_cost(lived, layout).items():
        found["services"][name]["cost_usd"] = dollars
    for name, metrics in llm.items():  # visits overlap there, and every iteration is a batch of its own
        found["services"][name] |= {
            "utilisation": metrics["utilisation"],
            "mean_batch": metrics["batch"]["per_iteration"],
        }
    parts = [part for kind in found.values() for part in kind.values()]
    found["llm"] = llm  # its energy and cost are those of nodes and services
    found["energy_j"] = sum(part.get("energy_j", 0.0) for part in parts)
    found["cost_usd"] = sum(part["cost_usd"] for part in parts)
    found["window_s"] = length
    return found
