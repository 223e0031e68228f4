"""What became of the requests: outcomes, latency, SLO attainment."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simtier.metrics.reading import Texts, batches
from simtier.models.tables import OUTCOMES
from simtier.scenario import Scenario

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}

_COLUMNS = ("replication", "app", "workload", "outcome", "arrival_s", "end_s", "deadline_s")


class _Group:
    """Requests of one application, or one workload, in one replication."""

    def __init__(self) -> None:
        self.outcomes = dict.fromkeys(OUTCOMES, 0)
        self.latencies: list[NDArray[np.float64]] = []
        self.in_time = 0
        self.undecided = 0

    def add(
        self, outcome: NDArray[Any], arrival: NDArray[Any], end: NDArray[Any], deadline: NDArray[Any], until: float
    ) -> None:
        for name in OUTCOMES:
            self.outcomes[name] += int((outcome == name).sum())
        ok = outcome == "ok"
        self.latencies.append((end - arrival)[ok])
        self.in_time += int((end[ok] <= deadline[ok]).sum())
        self.undecided += int(((outcome == "unfinished") & (deadline > until)).sum())


def request_metrics(folder: Path, scenario: Scenario, replication: int, until: float) -> dict[str, dict[str, Any]]:
    """Return {"apps": {name: ...}, "workloads": {name: ...}} for one replication.

    Counted are requests that arrived from the warm-up on. Latencies are those of requests that ended ok. Attainment is the share of
    requests done within the target; rejected, dropped, timed-out and failed ones count as late, and those unfinished at the end
    of the run too, unless their deadline had not come yet: these are left out.
    """
    texts = Texts()
    groups: dict[tuple[str, int], _Group] = defaultdict(_Group)
    for batch in batches(folder / "requests.parquet", _COLUMNS, texts):
        counted = (batch["replication"] == replication) & (batch["arrival_s"] >= scenario.run.warmup)
        outcome = np.array(texts.names)[batch["outcome"]]
        for kind in ("app", "workload"):
            for code in np.unique(batch[kind][counted]):
                rows = counted & (batch[kind] == code)
                columns = (batch[name][rows] for name in ("arrival_s", "end_s", "deadline_s"))
                groups[kind, int(code)].add(outcome[rows], *columns, until)
    window = min(until, scenario.run.duration) - scenario.run.warmup
    found: dict[str, dict[str, Any]] = {"apps": {}, "workloads": {}}
    for name in scenario.apps:
        found["apps"][name] = _describe(groups["app", texts.code(name)], scenario, name, window)
    for name, workload in scenario.workloads.items():
        found["workloads"][name] = _describe(groups["workload", texts.code(name)], scenario, workload.app, window)
    return found


def _describe(group: _Group, scenario: Scenario, app: str, window: float) -> dict[str, Any]:
    latencies = np.concatenate(group.latencies) if group.latencies else np.empty(0)
    arrived = sum(group.outcomes.values())
    described: dict[str, Any] = {
        "arrived": arrived,
        **group.outcomes,
        "throughput_per_s": group.outcomes["ok"] / window,
        "latency_s": latency(latencies),
    }
    if scenario.apps[app].slo is not None:
        decided = arrived - group.undecided
        described["slo"] = {"attainment": group.in_time / decided if decided else None}
    return described


def latency(latencies: NDArray[np.float64]) -> dict[str, float | None]:
    """Return mean, quantiles (linear between order statistics) and maximum; None without any value."""
    if not len(latencies):
        return dict.fromkeys(("mean", *QUANTILES, "max"))
    values = np.quantile(latencies, list(QUANTILES.values()))
    return {
        "mean": float(latencies.mean()),
        **{name: float(value) for name, value in zip(QUANTILES, values, strict=True)},
        "max": float(latencies.max()),
    }


def add_verdicts(found: dict[str, dict[str, Any]], scenario: Scenario) -> None:
    """Add to each app's and workload's `slo` what was promised and whether it was kept."""
    promised = {("apps", name): name for name in scenario.apps}
    promised |= {("workloads", name): workload.app for name, workload in scenario.workloads.items()}
    for (kind, name), app in promised.items():
        slo = scenario.apps[app].slo
        if slo is not None:
            attainment = found[kind][name]["slo"]["attainment"]
            found[kind][name]["slo"] |= {
                "target_s": slo.latency,
                "percentile": slo.percentile,
                "met": attainment is not None and attainment >= slo.percentile / 100,
            }
