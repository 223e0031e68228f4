"""What the page says of function platforms: cold starts, instances, memory and the bill."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from simtier.metrics.platforms import COUNTED
from simtier.report.coldstarts import cold_starts, instances
from simtier.report.facts import Facts
from simtier.report.figures import coldstarts as figure
from simtier.report.figures.panels import Look, panels
from simtier.report.figures.style import BLUE, ORANGE, VERMILLION
from simtier.report.latencies import Distribution
from simtier.report.numbers import listing, mean_memory, measured, percent, quantity
from simtier.report.pictures import Picture, busiest, series, shaded
from simtier.report.tables import Cell, Table

MOST_DRAWN = 8
"""Platforms with a figure of their own, at most."""
_PER_WINDOW = "starting_byte_s", "idle_byte_s", "busy_byte_s"


def content(facts: Facts) -> dict[str, Any] | None:
    """Return what the section on platforms shows; None if the scenario has none."""
    if not facts.summary["platforms"]:
        return None
    seen = cold_starts(facts)
    most = sorted(seen, key=lambda name: -facts.summary["platforms"][name]["starts"])[:MOST_DRAWN]
    return {
        "tables": [_served(facts), _starts(facts), _instances(facts), _ends(facts), _bill(facts)],
        "components": _components(facts),
        "cold_starts": {name: _cold_start_picture(facts, name, seen[name]) for name in seen if name in most},
        "undrawn": len(seen) - len(most),
        "instances": _instance_picture(facts),
    }


def _served(facts: Facts) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            name,
            listing(facts.layout["platforms"][name]["on"], 4),
            measured(metrics, "served", ""),
            measured(metrics, "cold", ""),
            measured(metrics, "cold_ratio", "%", bar=True),
            measured(metrics, "mean_wait_s", "s"),
            measured(metrics, "mean_service_s", "s"),
        )
        for name, metrics in facts.summary["platforms"].items()
    ]
    columns = (
        "platform",
        "runs on",
        "served",
        "cold",
        "share cold",
        "mean wait",
        "mean service",
    )
    return Table("Platforms", columns, rows, (0, 1))


def _starts(facts: Facts) -> Table:
    keys = ("mean", "p50", "p90", "p99", "max")
    rows: list[tuple[Cell, ...]] = [
        (
            name,
            *(measured(metrics, key, "") for key in ("starts", "starts_ahead", "starts_called_off")),
            *(measured(metrics["cold_start_s"], key, "s") for key in keys),
            measured(metrics["utility"], "p50", ""),
            measured(metrics["utility"], "below_1", "%", bar=True),
        )
        for name, metrics in facts.summary["platforms"].items()
    ]
    columns = ("platform", "starts", "ahead", "called off", *keys, "median utility", "utility below 1")
    return Table("Cold starts", columns, rows)


def _instances(facts: Facts) -> Table:
    window_s = facts.summary["window_s"]
    rows: list[tuple[Cell, ...]] = [
        (
            name,
            *(measured(metrics["instances"], key, "") for key in ("starting", "idle", "busy")),
            *(mean_memory(metrics, key, window_s) for key in _PER_WINDOW),
            measured(metrics["memory"], "wasted_share", "%", bar=True),
        )
        for name, metrics in facts.summary["platforms"].items()
    ]
    columns = (
        "platform",
        "starting",
        "idle",
        "busy",
        "memory starting",
        "memory idle",
        "memory busy",
        "wasted",
    )
    return Table("Instances and memory, means over time", columns, rows)


def _ends(facts: Facts) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (name, *(measured(metrics, key, "") for key in COUNTED)) for name, metrics in facts.summary["platforms"].items()
    ]
    columns = ("platform", "expired", "evicted", "reused by another", "found no room", "capped")
    return Table("How instances ended, and starts that were not", columns, rows)


def _bill(facts: Facts) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (name, *(measured(metrics, key, "USD") for key in ("cost_usd", "cost_per_million_usd", "idle_cost_usd")))
        for name, metrics in facts.summary["platforms"].items()
    ]
    columns = ("platform", "bill", "per million requests", "cost of idle memory to the provider")
    return Table("The bill", columns, rows)


def _components(facts: Facts) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            name,
            component.replace("_", " "),
            measured(metrics["component_s"], component, "s"),
            measured(metrics["component_share"], component, "%", bar=True),
        )
        for name, metrics in facts.summary["platforms"].items()
        for component, seconds in figure.components(metrics).items()
        if seconds
    ]
    columns = ("platform", "component", "mean", "share of cold-start time")
    return Table("What cold starts took", columns, rows, (0, 1))


def _cold_start_picture(facts: Facts, name: str, seen: Distribution) -> Picture:
    metrics = facts.summary["platforms"][name]
    times, total = metrics["cold_start_s"], int(seen.pooled().sum())
    shares = {key: metrics["component_share"][key] for key, value in figure.components(metrics).items() if value}
    alt = f"Cold starts of {name}: " + ", ".join(f"{key} {quantity(times[key], 's')}" for key, _ in figure.MARKS)
    alt += "; of their mean " + ", ".join(f"{key.replace('_', ' ')} {percent(share)}" for key, share in shares.items())
    caption = f"Left: share of the {total:,} cold start{'s' if total != 1 else ''} that took at most so long. "
    caption += "Right: what they took on average, each component beginning where the one before ended."
    if len(seen.counts) > 1:
        caption += (
            f" The thick curve pools {len(seen.counts)} replications; the marks and bars are the summary's means over replications,"
            " so they may lie beside it."
        )
    svg = Markup(figure.cold_starts(name, seen, metrics))  # noqa: S704 - drawn here, texts escaped
    return Picture(svg, alt + ".", caption)


def _instance_picture(facts: Facts) -> Picture | None:
    """Return the instances of each platform by state over time; None if there never were any."""
    edges, found = instances(facts)
    looks = (
        Look("idle", "idle", ORANGE, filled=True),
        Look("busy", "busy", BLUE),
        Look("starting", "starting", VERMILLION),
    )
    used = {
        name: {group: series(edges, values) for group, values in groups.items()}
        for name, groups in found.items()
        if groups
    }
    if not used:
        return None
    shown, caption = busiest(used)
    step = quantity(float(edges[1] - edges[0]), "s")
    caption = f"Replication 0. Instances by what they did, means in bins of {step}.{caption}{shaded(facts)}"
    alt = "Instances idle, at most: " + ", ".join(
        f"{name} {groups['idle'][1].max():.4g}" for name, groups in shown.items() if "idle" in groups
    )
    svg = Markup(panels("instances", facts, shown, looks, "instances"))  # noqa: S704 - as above
    return Picture(svg, alt + ".", caption)
