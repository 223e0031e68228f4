"""What the page says of applications whose tokens come from several services, and of what these hand to each other."""

from __future__ import annotations

from typing import Any

from simtier.report.facts import Facts
from simtier.report.numbers import measured
from simtier.report.tables import Cell, Table

_KEYS = ("mean", "p50", "p90", "p99", "max")


def hosts(app: dict[str, Any]) -> list[str]:
    """Return the services that may serve the stages of an application, as written in a scenario."""
    stages = app["stages"].values()
    return [host for stage in stages for host in stage.get("split") or [stage["service"]] if host]


def together(facts: Facts) -> list[Table]:
    """Return the times of tokens, energy and cost of all applications if several services answer one of them; else nothing."""
    apps = {name: app["tokens"] for name, app in facts.summary["apps"].items() if "tokens" in app}
    several = any(len(set(_with_tokens(facts, name))) > 1 for name in apps)
    return [_times(apps), _bill(apps), *_pools(facts)] if several else []


def only_prompts(metrics: dict[str, Any]) -> bool:
    """Return whether a service computes prompts for others, and answers nobody with more than one token itself."""
    return metrics["tpot_s"]["mean"] is None and bool(metrics.get("pool", {}).get("handed_over"))


def _with_tokens(facts: Facts, name: str) -> list[str]:
    stages = {key: stage for key, stage in facts.scenario["apps"][name]["stages"].items() if stage.get("tokens")}
    return hosts({"stages": stages})


def _times(apps: dict[str, Any]) -> Table:
    words = {"ttft_s": "time to first token", "tpot_s": "time per output token"}
    rows: list[tuple[Cell, ...]] = [
        (name, words[time], *(measured(tokens[time], key, "s") for key in _KEYS))
        for name, tokens in apps.items()
        for time in words
    ]
    return Table("Times of tokens by application", ("application", "time", *_KEYS), rows, (0, 1))


def _bill(apps: dict[str, Any]) -> Table:
    units = {"energy_j": "J", "joules_per_output_token": "J", "cost_usd": "USD", "usd_per_million_output_tokens": "USD"}
    rows: list[tuple[Cell, ...]] = [
        (name, *(measured(tokens, key, unit) for key, unit in units.items())) for name, tokens in apps.items()
    ]
    columns = ("application", "energy", "energy per output token", "cost", "cost per million output tokens")
    return Table("Energy and cost of accelerators by application, hosts left out", columns, rows)


def _pools(facts: Facts) -> list[Table]:
    """Return who computed prompts for whom; nothing if nobody did."""
    pools = {name: metrics["pool"] for name, metrics in facts.summary["llm"].items() if "pool" in metrics}
    rows: list[tuple[Cell, ...]] = [
        (
            name,
            measured(pool, "handed_over", ""),
            measured(pool, "taken_over", ""),
            *(measured(pool["hand_over_s"], key, "s") for key in _KEYS),
        )
        for name, pool in pools.items()
        if pool["handed_over"] or pool["taken_over"]
    ]
    columns = ("service", "handed over", "taken over", *_KEYS)
    caption = "Requests that another service decodes than computed their prompt; how long keys and values take from the first token on"
    return [Table(caption, columns, rows)] if rows else []
