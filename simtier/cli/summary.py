"""The summary of a result as tables on stdout: first whether the promises held, then the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rich.table import Table

from simtier.cli.tables import console, table
from simtier.report.numbers import mean_memory, promised, quantity
from simtier.report.numbers import measured as _shown

if TYPE_CHECKING:
    from simtier.results import Result

_ENDS = ("arrived", "ok", "rejected", "dropped", "timed_out", "failed", "unfinished")
_NAMES = {"ttft_s": "TTFT", "tpot_s": "TPOT", "itl_s": "ITL", "latency_s": "latency"}
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
            targets, got = promised(slo, quantity), measured(slo, "attainment", "%")
            verdict = "met" if slo["met"] else "MISSED"
            yield f"SLO {verdict}: {name}: {got} of requests {targets}; promised are {slo['percentile']:g} %"


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
        if part == "services" and summary["llm"]:
            yield from _llm(summary["llm"])
        if part == "services" and summary["platforms"]:
            yield _platforms(summary)


def _llm(services: Mapping[str, Any]) -> Iterator[Table]:
    """Yield what language models did: how long their tokens took, and how many there were, at which load, energy and cost."""
    shown = {"ttft_s": ("p50", "p99"), "tpot_s": ("p50", "p99"), "itl_s": ("p99",), "latency_s": ("p50", "p99")}
    times = [
        [name, *(measured(each[time], key, "s") for time, keys in shown.items() for key in keys)]
        for name, each in services.items()
    ]
    headings = [f"{key} {_NAMES[time]}" for time, keys in shown.items() for key in keys]
    yield table("Language models: tokens", ["service", *headings], times)
    load = [
        [
            name,
            measured(each, "served", ""),
            measured(each, "output_tokens_per_s", "/s"),
            measured(each, "goodput_per_s", "/s"),
            measured(each["batch"], "over_time", ""),
            measured(each["kv_use"], "mean", "%"),
            measured(each, "preemptions", ""),
            measured(each, "joules_per_output_token", "J"),
            measured(each, "usd_per_million_output_tokens", "USD"),
        ]
        for name, each in services.items()
    ]
    columns = ["service", "served", "tokens", "goodput", "batch", "KV use", "preemptions", "per token", "per million"]
    yield table("Language models: load", columns, load)


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
