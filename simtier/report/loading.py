"""Staged starts of language models' replicas, as a table of the page."""

from __future__ import annotations

from typing import Any

from simtier.metrics.loads import SOURCES, STAGES
from simtier.report.facts import Facts
from simtier.report.numbers import measured
from simtier.report.tables import Cell, Table


def loading(facts: Facts) -> list[Table]:
    """Return how long starts took, stage by stage; nothing if no service has `llm.loading`."""
    found = {name: metrics["loading"] for name, metrics in facts.summary["llm"].items() if "loading" in metrics}
    if not found:
        return []
    stages = [name for name in STAGES if any(_mean(metrics["component_s"][name]) for metrics in found.values())]
    rows: list[tuple[Cell, ...]] = [
        (
            name,
            measured(metrics, "starts", ""),
            *(measured(metrics["sources"], source, "") for source in SOURCES),
            *(measured(metrics["cold_start_s"], key, "s") for key in ("mean", "p50", "max")),
            *(measured(metrics["component_s"], stage, "s") for stage in stages),
        )
        for name, metrics in found.items()
    ]
    sources = (f"from {source}" if source != "attach" else "attached" for source in SOURCES)
    columns = ("service", "starts", *sources, "start-up, mean", "p50", "max", *(f"mean {stage}" for stage in stages))
    return [Table("Starts of replicas", columns, rows)]


def _mean(metric: Any) -> Any:
    """Return a metric's mean: over several replications it is not a number by itself."""
    return metric.get("mean") if isinstance(metric, dict) else metric
