"""The summary of a result as tables on stdout: first whether the promises held, then the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rich.table import Table

from simtier.cli.tables import console, table
from simtier.report.numbers import mean_memory, quantity
from simtier.report.numbers import measured as _shown

if TYPE_CHECKING:
    from simtier.results import Result

_ENDS = ("arrived", "ok", "rejected", "dropped", "timed_out", "failed", "unfinished")
_LATENCIES = ("mean", "p50", "p95", "p99")
_COLUMNS = {"utilisation": "%", "mean_queue": "", "replicas": "", "energy_j": "J", "cost_usd": "USD"}
_PARTS = {
    "services": ("utilisation", "mean_queue", "replicas"),
    "nodes": ("utilisation", "energy_j", "cost_usd"),
    "links": ("utilisation", "mean_queue"),
}


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
            target, got = quantity(slo["target_s"], "s"), measured(slo, "attainment", "%")
            verdict = "met" if slo["met"] else "MISSED"
            yield f"SLO {verdict}: {name}: {got} of requests within {target}; promised are {slo['percentile']:g} %"


def _tables(summary: Mapping[str, Any]) -> Iterator[Table]:
    """Yield the tables of apps, services, platforms, nodes and links."""
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
        found = summary[part].items()
        rows = [[name, *(measured(each, column, _COLUMNS[column]) for column in columns)] for name, each in found]
        if rows:
            headings = [column.removesuffix("_j").removesuffix("_usd").replace("_", " ") for column in columns]
            yield table(part.capitalize(), [part[:-1], *headings], rows)
        if part == "services" and summary["platforms"]:
            yield _platforms(summary)


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


def measured(metrics: Mapping[str, Any] | None, key: str, unit: str) -> str:
    """Return the metric `key` with its unit and, if there is one, its 95 % half-width."""
    return _shown(metrics, key, unit).text
