"""The summary of a result as tables on stdout: first whether the promises held, then the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rich.table import Table

from simtier.cli.summary_llm import engines, measured, power_rows
from simtier.cli.tables import console, table
from simtier.report.numbers import mean_memory, promised, quantity

if TYPE_CHECKING:
    from simtier.results import Result

_ENDS = ("arrived", "ok", "rejected", "dropped", "timed_out", "failed", "unfinished")
_LATENCIES = ("mean", "p50", "p95", "p99")
_PARTS = {
    "services": {"utilisation": "utilisation", "mean_queue": "mean queue", "replicas": "replicas"},
    "nodes": {
        "utilisation": "cores in use",
        "accelerator_utilisation": "accelerators in use",
        "energy_j": "energy",
        "cost_usd": "cost",
    },
    "links": {"utilisation": "utilisation", "mean_queue": "mean queue"},
}
_UNITS = {"utilisation": "%", "accelerator_utilisation": "%", "energy_j": "J", "cost_usd": "USD"}
_WHERE_THERE_ARE = "accelerator_utilisation"
"""A column that is left out if no row has a value."""


def show(result: Result) -> None:
    """Print the summary of `result`."""
    summary, to = result.summary, console()
    for line in _verdicts(summary["apps"]):
        to.print(line)
    for part in _tables(summary):
        to.print(part)
    to.print(f"Energy {measured(summary, 'energy_j', 'J')}, cost {measured(summary, 'cost_usd', 'USD')}")
    for line in result.assumptions:
        to.print(f"Assumed: {line}", no_wrap=True, overflow="ellipsis", crop=True)
    if result.status == "interrupted":
        to.print("Interrupted: these numbers cover only the part that was simulated.")
    to.print(f"Result: {result.directory} (fingerprint {result.fingerprint[:8]})", soft_wrap=True)


def _verdicts(apps: Mapping[str, Any]) -> Iterator[str]:
    """Yield one sentence per service-level objective."""
    for name, app in apps.items():
        slo = app.get("slo")
        if slo:
            targets, got = promised(slo, quantity), measured(slo, "attainment", "%")
            verdict = "met" if slo["met"] else "MISSED"
            yield f"SLO {verdict}: {name}: {got} of requests {targets}; promised are {slo['percentile']:g} %"


def _tables(summary: Mapping[str, Any]) -> Iterator[Table]:
    """Yield the tables of apps, services, platforms, nodes, links and power rows."""
    apps = summary["apps"]
    ends = [[name, *(measured(app, end, "") for end in _ENDS)] for name, app in apps.items()]
    yield table("Requests", ["app", *_ENDS], ends)
    latencies = [
        [
            name,
            *(measured(app["latency_s"], each, "s") for each in _LATENCIES),
            measured(app, "throughput_per_s", "/s"),
        ]
        for name, app in apps.items()
    ]
    yield table("Latency", ["app", *_LATENCIES, "throughput"], latencies)
    for part, columns in _PARTS.items():
        found = summary[part]
        shown = [
            key
            for key in columns
            if key != _WHERE_THERE_ARE or any(each.get(key) is not None for each in found.values())
        ]
        rows = [[name, *(measured(each, key, _UNITS.get(key, "")) for key in shown)] for name, each in found.items()]
        if rows:
            yield table(part.capitalize(), [part[:-1], *(columns[key] for key in shown)], rows)
        if part == "services" and summary["llm"]:
            yield from engines(summary)
        if part == "services" and summary["platforms"]:
            yield _platforms(summary)
    if power := summary.get("power"):
        yield power_rows(power)


def _platforms(summary: Mapping[str, Any]) -> Table:
    """Return what function platforms did: cold starts, idle memory, instances, the bill."""
    rows = [
        [
            name,
            measured(each, "served", ""),
            measured(each, "cold_ratio", "%"),
            measured(each["cold_start_s"], "p90", "s"),
            *(measured(each["instances"], state, "") for state in ("idle", "busy")),
            mean_memory(each, "idle_byte_s", summary["window_s"]).text,
            measured(each["memory"], "wasted_share", "%"),
            measured(each, "cost_usd", "USD"),
        ]
        for name, each in summary["platforms"].items()
    ]
    columns = ["platform", "served", "cold", "p90 cold start", "idle", "busy", "idle memory", "wasted", "cost"]
    return table("Platforms", columns, rows)
