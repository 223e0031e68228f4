"""The page's tables: rows of texts and numbers, made from the summary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from simtier.models.tables import OUTCOMES
from simtier.report.facts import Facts
from simtier.report.numbers import NOTHING, TIMES, Shown, given, listing, measured, percent, quantity
from simtier.report.timeparts import TimeParts
from simtier.units import parse

Cell = str | Shown


@dataclass(frozen=True)
class Table:
    """A table: what it shows, its columns (the first names the row), its rows, and which columns hold text."""

    caption: str
    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]]
    texts: tuple[int, ...] = (0,)


def latencies(facts: Facts) -> Table:
    """Return latency percentiles and throughput of each application."""
    keys = ("mean", "p50", "p90", "p95", "p99", "max")
    rows = [
        (
            name,
            *(measured(app["latency_s"], key, "s") for key in keys),
            measured(app, "throughput_per_s", "/s"),
        )
        for name, app in facts.summary["apps"].items()
    ]
    return Table("Latency of requests that ended ok", ("application", *keys, "throughput"), rows)


def where_time_went(name: str, parts: TimeParts, *, chain: bool) -> Table:
    """Return the mean times of an application by stage and tier, and what they add up to."""
    rows: list[tuple[Cell, ...]] = []
    for (stage, tier), times in parts.rows.items():
        rows.append((stage, tier, *(_seconds(part) for part in times), _seconds(sum(times))))
    rows.append(("answer\u2019s way back", "", _seconds(parts.back_s), NOTHING, NOTHING, _seconds(parts.back_s)))
    rows.append(("sum" if chain else "sum, overlapping in time", "", "", "", "", _seconds(parts.sum_s)))
    rows.append(("mean latency", "", "", "", "", _seconds(parts.latency_s)))
    columns = ("stage", "tier", "on the way there", "waiting", "in service", "together")
    return Table(f"Mean times of {name}, over all its requests", columns, rows, (0, 1))


def part_shares(name: str, parts: TimeParts, what: str) -> Table:
    """Return how often each part of a split stage ran where; `what` the parts are of."""
    rows: list[tuple[Cell, ...]] = [
        (stage, part, tier, Shown(percent(share), repr(share), min(share, 1.0)))
        for (stage, part, tier), share in parts.shares.items()
    ]
    return Table(f"Where {name} ran which {what}", ("stage", "part", "tier", "share of requests"), rows, (0, 1, 2))


def services(facts: Facts) -> Table:
    """Return how busy each service was."""
    rows: list[tuple[Cell, ...]] = [
        (
            name,
            listing(facts.layout["services"][name]["on"], 4),
            measured(metrics, "served", ""),
            measured(metrics, "replicas", ""),
            measured(metrics, "utilisation", "%", bar=True),
            measured(metrics, "mean_queue", ""),
            measured(metrics, "mean_wait_s", "s"),
            measured(metrics, "mean_service_s", "s"),
            measured(metrics, "mean_batch", ""),
            measured(metrics, "unplaced", ""),
        )
        for name, metrics in facts.summary["services"].items()
    ]
    columns = (
        "service",
        "runs on",
        "served",
        "replicas",
        "utilisation",
        "mean queue",
        "mean wait",
        "mean service",
        "mean batch",
        "unplaced",
    )
    return Table("Services", columns, rows, (0, 1))


def nodes(facts: Facts) -> Table:
    """Return what each group of nodes is and how busy it was."""
    rows: list[tuple[Cell, ...]] = []
    for name, metrics in facts.summary["nodes"].items():
        info = facts.layout["nodes"][name]
        devices = [device["kind"] for device in info["devices"]]
        kinds = ", ".join(f"{devices.count(kind)} {TIMES} {kind}" for kind in dict.fromkeys(devices))
        rows.append(
            (
                name,
                info["tier"],
                Shown(f"{metrics['count']:,}", repr(metrics["count"])),
                info["hardware"] or NOTHING,
                f"{info['cores']:g}",
                kinds or NOTHING,
                measured(metrics, "utilisation", "%", bar=True),
                measured(metrics, "accelerator_utilisation", "%", bar=True),
            )
        )
    columns = (
        "group",
        "tier",
        "nodes",
        "hardware",
        "cores each",
        "accelerators each",
        "cores in use",
        "accelerators in use",
    )
    return Table("Nodes", columns, rows, (0, 1, 3, 5))


def links(facts: Facts) -> Table:
    """Return what each group of links is and how busy it was."""
    rows: list[tuple[Cell, ...]] = []
    for name, metrics in facts.summary["links"].items():
        info = facts.layout["links"][name]
        rate = info["mean_bytes_per_s"]
        fifo, unseen = info["sharing"] == "fifo", rate is None and not metrics["bytes"]
        seen: tuple[Cell, ...] = (
            measured(metrics, "utilisation", "%" if fifo else "", bar=fifo),
            measured(metrics, "mean_queue", ""),
            measured(metrics, "bytes", "B"),
        )
        rows.append(
            (
                name,
                f"{info['from']} \u2192 {info['to']}",
                f"{len(info['names']):,}",
                Shown(given(info["latency_s"], "s"), repr(info["latency_s"])),
                Shown(quantity(rate, "B/s"), repr(rate)) if rate is not None else "unlimited",
                info["sharing"] if rate is not None else NOTHING,
                *((NOTHING,) * 3 if unseen else seen),
            )
        )
    columns = (
        "group",
        "way",
        "links",
        "latency",
        "mean bandwidth",
        "sharing",
        "in transmission",
        "mean queue",
        "moved",
    )
    return Table("Links", columns, rows, (0, 1, 5))


def bills(facts: Facts) -> Table:
    """Return energy and cost of every part that has any, dearest kind first, and the totals."""
    rows: list[tuple[Cell, ...]] = []
    for kind in ("nodes", "links", "services", "platforms"):
        for name, metrics in facts.summary[kind].items():
            if metrics.get("energy_j") or metrics.get("cost_usd"):
                rows.append((name, kind, *_bill(metrics, facts.summary)))
    rows.append(("all", "", *_bill(facts.summary, facts.summary)))
    columns = ("part", "kind", "energy", "share of energy", "cost", "share of cost")
    return Table("Energy and cost over the time counted", columns, rows, (0, 1))


def _bill(metrics: Mapping[str, Any], total: Mapping[str, Any]) -> Iterable[Cell]:
    for key, unit in (("energy_j", "J"), ("cost_usd", "USD")):
        value, whole = metrics.get(key) or 0.0, total[key]
        yield measured(metrics, key, unit)
        yield Shown(percent(value / whole), bar=value / whole) if whole else NOTHING


def workloads(facts: Facts) -> Table:
    """Return what each workload sent and what became of it."""
    rows: list[tuple[Cell, ...]] = []
    for name, metrics in facts.summary["workloads"].items():
        written = facts.scenario["workloads"][name]
        rows.append(
            (
                name,
                written["app"],
                listing(list(written["from"]), 4),
                arrivals(written),
                given(parse(written["request"], "data"), "B"),
                measured(metrics, "arrived", ""),
                measured(metrics, "ok", ""),
                measured(metrics["latency_s"], "mean", "s"),
                measured(metrics["latency_s"], "p95", "s"),
                measured(metrics.get("slo"), "attainment", "%"),
            )
        )
    columns = (
        "workload",
        "application",
        "from",
        "arrivals of each source",
        "request",
        "arrived",
        "ok",
        "mean latency",
        "p95",
        "within target",
    )
    return Table("Workloads", columns, rows, (0, 1, 2, 3))


def arrivals(written: Mapping[str, Any]) -> str:
    """Return when a workload's requests arrive in words, as the scenario writes it."""
    if written.get("trace"):
        return "; ".join([f"trace {', '.join(written['trace'])}", *_changes(written)])
    process = written["arrivals"]
    rest = ", ".join(
        f"{key} {_words(value)}" for key, value in process.items() if key != "process" and value is not None
    )
    return f"{process['process']}: {rest}" if rest else str(process["process"])


def _changes(written: Mapping[str, Any]) -> Iterable[str]:
    """Yield what is done to a trace before it is replayed, in the order it is done."""
    if expand := written["expand"]:
        yield f"counts expanded by {', '.join(_named(key, value) for key, value in expand.items() if value is not None)}"
    if window := written["window"]:
        yield " to ".join(f"{parse(time, 'time'):g} s" for time in window)
    if written["share"] != 1:
        by = f", by {written['share_by']}" if written["share_by"] else ""
        yield f"{100 * written['share']:g} % of the requests{by}"
    if written["scale_rate"] != 1:
        yield f"{written['scale_rate']:g} times the requests"
    if written["scale_time"] != 1:
        yield f"{written['scale_time']:g} times as fast"
    if written["on_error"] == "drop":
        yield "bad rows dropped"


def _named(key: str, value: Any) -> str:
    return _words(value) if key == "process" else f"{key.replace('_', ' ')} {_words(value)}"


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return " ".join(str(each) for each in value.values() if each is not None)
    return str(value).replace("'", "")


def policies(facts: Facts) -> Table:
    """Return which policies decided, first the scenario's, then those of single services, platforms and applications."""
    rows: list[tuple[Cell, ...]] = []
    for owner, chosen in _policies(facts.scenario):
        for kind, policy in (chosen or {}).items():
            if policy:
                given = ", ".join(
                    f"{key} = {value}" for key, value in policy.items() if key != "use" and value is not None
                )
                rows.append((owner, kind, policy["use"], given or NOTHING))
    return Table("Policies", ("for", "kind", "policy", "parameters"), rows, (0, 1, 2, 3))


def _policies(scenario: Mapping[str, Any]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    yield "all without their own", scenario["policies"]
    for kind in ("services", "platforms", "apps"):
        for name, written in scenario[kind].items():
            yield name, written.get("policies") or {}


def outcomes(facts: Facts) -> list[dict[str, Any]]:
    """Return for each application how many requests arrived and what became of them, with shares for a bar."""
    found = []
    for name, app in facts.summary["apps"].items():
        counts = {outcome: app[outcome] for outcome in OUTCOMES}
        arrived = app["arrived"]
        shares = [
            (outcome, number / arrived, percent(number / arrived)) for outcome, number in counts.items() if number
        ]
        found.append(
            {
                "app": name,
                "arrived": arrived,
                "counts": counts,
                "shares": shares,
                "adds_up": arrived == sum(counts.values()),
            }
        )
    return found


def _seconds(value: float) -> Shown:
    return Shown(quantity(value, "s"), repr(value))
