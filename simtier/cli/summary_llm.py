"""What the terminal tells of language models and of power rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table

from simtier.cli.tables import table
from simtier.report.numbers import measured as _shown

_NAMES = {"ttft_s": "TTFT", "tpot_s": "TPOT", "itl_s": "ITL", "latency_s": "latency"}
_PRICES = ("energy per token", "cost per million tokens")


def engines(summary: Mapping[str, Any]) -> Iterator[Table]:
    """Yield the tables of language models."""
    services = summary["llm"]
    yield from _llm(services)
    if any("pool" in each for each in services.values()):
        yield _answers(summary["apps"])
    if any("loading" in each for each in services.values()):
        yield _starts(services)


def power_rows(rows: Mapping[str, Any]) -> Table:
    """Return how near power rows came to their budgets, and how often their brakes acted."""
    units = {"mean_share": "%", "peak_share": "%", "brakes": "", "energy_j": "J"}
    shown = [[name, *(measured(each, key, unit) for key, unit in units.items())] for name, each in rows.items()]
    return table("Power rows", ["row", "mean of budget", "peak of budget", "brakes", "energy"], shown)


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
            measured(each, "moves", ""),
            measured(each, "joules_per_output_token", "J"),
            measured(each, "usd_per_million_output_tokens", "USD"),
        ]
        for name, each in services.items()
    ]
    columns = ["service", "served", "tokens", "goodput", "batch", "KV use", "preempted", "moved", *_PRICES]
    yield table("Language models: load", columns, load)


def _answers(apps: Mapping[str, Any]) -> Table:
    """Return how long the tokens of applications took, and what they cost, whichever services they came from."""
    rows = [
        [
            name,
            *(measured(app["tokens"][time], key, "s") for time in ("ttft_s", "tpot_s") for key in ("p50", "p99")),
            measured(app["tokens"], "joules_per_output_token", "J"),
            measured(app["tokens"], "usd_per_million_output_tokens", "USD"),
        ]
        for name, app in apps.items()
        if "tokens" in app
    ]
    columns = ["app", "p50 TTFT", "p99 TTFT", "p50 TPOT", "p99 TPOT", *_PRICES]
    return table("Language models: applications", columns, rows)


def _starts(services: Mapping[str, Any]) -> Table:
    """Return how many staged starts there were, and how long they took."""
    rows = [
        [
            name,
            measured(each["loading"], "starts", ""),
            *(measured(each["loading"]["cold_start_s"], key, "s") for key in ("mean", "p50", "max")),
        ]
        for name, each in services.items()
        if "loading" in each
    ]
    return table("Language models: starts of replicas", ["service", "starts", "mean", "p50", "max"], rows)


def measured(metrics: Mapping[str, Any] | None, key: str, unit: str) -> str:
    """Return the metric `key` with its unit and, if there is one, its 95 % half-width."""
    return _shown(metrics, key, unit).text
