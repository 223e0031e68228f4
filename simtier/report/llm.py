"""What the page says of language models: times of tokens, batches, memory of keys and values, energy and cost."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from simtier.metrics.sequences import OUTCOMES, SLOWDOWNS
from simtier.report.facts import Facts
from simtier.report.figures import tokens as figure
from simtier.report.figures.panels import Look, panels
from simtier.report.figures.style import BLUE, GREEN
from simtier.report.latencies import Distribution
from simtier.report.llm_pools import hosts, only_prompts, together
from simtier.report.loading import loading
from simtier.report.numbers import given, measured, quantity
from simtier.report.pictures import Picture, busiest, series, shaded
from simtier.report.tables import Cell, Table
from simtier.report.timebins import Curve
from simtier.report.tokens import TIMES, engines, token_times

_KEYS = ("mean", "p50", "p90", "p99", "max")
MOST_DRAWN = 8
"""Services with a figure of their own, at most."""
_ROWS = {
    "ttft_s": "time to first token",
    "tpot_s": "time per output token",
    "itl_s": "inter-token latency",
    "latency_s": "latency",
    "normalised_latency_s": "latency per output token",
}


def content(facts: Facts) -> dict[str, Any] | None:
    """Return what the section on language models shows; None if the scenario has none."""
    services = facts.summary["llm"]
    if not services:
        return None
    seen = {name: times for name, times in token_times(facts).items() if times and not only_prompts(services[name])}
    most = sorted(seen, key=lambda name: -services[name]["served"])[:MOST_DRAWN]
    edges, sizes, held = engines(facts)
    return {
        "tables": [
            _requests(facts),
            *_goodput(facts),
            *together(facts),
            _times(facts),
            *_slowdowns(facts),
            _engines(facts),
            *loading(facts),
            _bill(facts),
        ],
        "pictures": {name: _token_picture(facts, name, seen[name]) for name in seen if name in most},
        "undrawn": len(seen) - len(most),
        "batches": _batch_picture(facts, edges, sizes),
        "blocks": _block_picture(facts, edges, held),
    }


def _requests(facts: Facts) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            name,
            facts.scenario["services"][name]["llm"]["model"],
            *(measured(metrics, key, "") for key in OUTCOMES),
            *(measured(metrics, f"{key}_tokens_per_s", "/s") for key in ("input", "output")),
            measured(metrics, "goodput_per_s", "/s"),
            measured(metrics, "goodput_per_accelerator_per_s", "/s"),
        )
        for name, metrics in facts.summary["llm"].items()
    ]
    ends = (each.replace("_", " ") for each in OUTCOMES)
    columns = ("service", "model", *ends, "prompt tokens", "output tokens", "goodput", "per accelerator")
    return Table("Requests and tokens", columns, rows, (0, 1))


def _goodput(facts: Facts) -> list[Table]:
    rows: list[tuple[Cell, ...]] = [
        (
            name,
            measured(app["goodput"], "attainment", "%", bar=True),
            measured(app["goodput"], "per_s", "/s"),
            measured(app["goodput"], "accelerators", ""),
            measured(app["goodput"], "per_accelerator_per_s", "/s"),
            measured(app["goodput"], "kept_per_accelerator_per_s", "/s"),
        )
        for name, app in facts.summary["apps"].items()
        if "goodput" in app
    ]
    columns = ("application", "of all sent", "goodput", "accelerators", "per accelerator", "rate kept per accelerator")
    return [Table("Requests as promised", columns, rows)] if rows else []


def _times(facts: Facts) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (name, words, *(measured(metrics[time], key, "s") for key in _KEYS))
        for name, metrics in facts.summary["llm"].items()
        if not only_prompts(metrics)
        for time, words in _ROWS.items()
    ]
    return Table("Times of tokens", ("service", "time", *_KEYS), rows, (0, 1))


def _slowdowns(facts: Facts) -> list[Table]:
    rows: list[tuple[Cell, ...]] = [
        (name, words, *(measured(metrics[ratio], key, "") for key in _KEYS))
        for name, metrics in facts.summary["llm"].items()
        for ratio, words in zip(SLOWDOWNS, ("time to first token", "time per output token", "latency"), strict=True)
        if metrics[ratio]["mean"] is not None
    ]
    return [Table("Times as long as alone", ("service", "time", *_KEYS), rows, (0, 1))] if rows else []


def _engines(facts: Facts) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            name,
            measured(metrics, "accelerators", ""),
            measured(metrics, "utilisation", "%", bar=True),
            measured(metrics["batch"], "per_iteration", ""),
            measured(metrics["batch"], "over_time", ""),
            measured(metrics["kv_use"], "mean", "%", bar=True),
            measured(metrics["kv_use"], "max", "%", bar=True),
            measured(metrics, "preemptions", ""),
            measured(metrics, "moves", ""),
            measured(metrics, "cached_share", "%", bar=True),
        )
        for name, metrics in facts.summary["llm"].items()
    ]
    columns = (
        "service",
        "accelerators",
        "iterating",
        "batch per iteration",
        "batch over time",
        "blocks held",
        "blocks held, most",
        "preemptions",
        "moved sequences",
        "prompts found in the cache",
    )
    return Table("Engines", columns, rows)


def _bill(facts: Facts) -> Table:
    units = {"energy_j": "J", "joules_per_output_token": "J", "cost_usd": "USD", "usd_per_million_output_tokens": "USD"}
    rows: list[tuple[Cell, ...]] = [
        (name, *(measured(metrics, key, unit) for key, unit in units.items()))
        for name, metrics in facts.summary["llm"].items()
    ]
    columns = ("service", "energy", "energy per output token", "cost", "cost per million output tokens")
    return Table("Energy and cost of their accelerators, hosts left out", columns, rows)


def _targets(facts: Facts, service: str) -> dict[str, list[float]]:
    """Return the different targets that applications have for the times of tokens of a service."""
    found: dict[str, list[float]] = {key: [] for key in TIMES}
    for name, app in facts.scenario["apps"].items():
        slo = facts.summary["apps"][name].get("slo") or {}
        if service in hosts(app):
            for key, known in found.items():
                if slo.get(key) is not None and slo[key] not in known:
                    known.append(slo[key])
    return found


def _token_picture(facts: Facts, name: str, seen: dict[str, Distribution]) -> Picture:
    metrics, targets = facts.summary["llm"][name], _targets(facts, name)
    total = int(seen["ttft_s"].pooled().sum())
    alt = "; ".join(
        f"{_ROWS[key]} of {name}: "
        + ", ".join(f"{each} {quantity(metrics[key][each], 's')}" for each, _ in figure.MARKS)
        for key in seen
    )
    goals = [f"{_ROWS[key]} {given(each, 's')}" for key, several in targets.items() for each in several]
    alt += f"; targets: {', '.join(goals)}." if goals else "; there is no target."
    caption = f"Share of the {total:,} request{'s' if total != 1 else ''} served whose tokens took at most so long."
    if "tpot_s" in seen and (single := total - int(seen["tpot_s"].pooled().sum())):
        caption += f" Of these {single:,} had one token only, and no time per token after it."
    if len(seen["ttft_s"].counts) > 1:
        caption += (
            f" The thick curves pool {len(seen['ttft_s'].counts)} replications; the marks are the summary's means over replications,"
            " so they may lie beside them."
        )
    return Picture(Markup(figure.tokens(name, seen, metrics, targets)), alt, caption)  # noqa: S704 - drawn here, texts escaped


def _batch_picture(facts: Facts, edges: Curve, sizes: dict[str, Curve]) -> Picture | None:
    """Return the batches of each service over time; None if no engine ever ran."""
    what = "Sequences that decode together: mean over the engines that iterate"
    decoding = {
        name: values for name, values in sizes.items() if values.any() or not only_prompts(facts.summary["llm"][name])
    }
    return _panels(facts, edges, decoding, Look("batch", "decoding in an iteration", BLUE), ("sequences", what))


def _block_picture(facts: Facts, edges: Curve, held: dict[str, Curve]) -> Picture | None:
    """Return the share of blocks held over time; None if no engine ever ran."""
    what = "Percent of all blocks of keys and values that sequences hold, over all replicas"
    percents = {name: 100 * values for name, values in held.items()}
    return _panels(facts, edges, percents, Look("held", "blocks held", GREEN, filled=True), ("% of blocks", what))


def _panels(facts: Facts, edges: Curve, curves: dict[str, Curve], look: Look, words: tuple[str, str]) -> Picture | None:
    if not curves:
        return None
    unit, what = words
    shown, left_out = busiest({name: {look.key: series(edges, values)} for name, values in curves.items()})
    step = quantity(float(edges[1] - edges[0]), "s")
    caption = f"Replication 0. {what}; means in bins of {step}.{left_out}{shaded(facts)}"
    alt = f"{what}; highest: " + ", ".join(f"{name} {each[look.key][1].max():.4g}" for name, each in shown.items())
    return Picture(Markup(panels(f"llm-{look.key}", facts, shown, [look], unit)), alt + ".", caption)  # noqa: S704 - as above
