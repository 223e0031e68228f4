"""What became of the requests: outcomes, latency, SLO attainment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simtier.metrics.reading import Texts, batches
from simtier.models.tables import OUTCOMES
from simtier.scenario import Scenario

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}

_COLUMNS = ("replication", "workload", "outcome", "arrival_s", "end_s", "target_s")


class Tally:
    """Requests of one workload, or one application, in one replication."""

    def __init__(self) -> None:
        self.outcomes = dict.fromkeys(OUTCOMES, 0)
        self.latencies: list[NDArray[np.float64]] = []
        self.in_time = 0
        self.undecided = 0

    def add(self, other: Tally) -> None:
        """Add the requests of `other`."""
        for name, count in other.outcomes.items():
            self.outcomes[name] += count
        self.latencies += other.latencies
        self.in_time += other.in_time
        self.undecided += other.undecided


def tallies(folder: Path, scenario: Scenario, ends: Sequence[float]) -> dict[tuple[int, str], Tally]:
    """Return the requests of each (replication, workload) that arrived from the warm-up on, in one pass over the table."""
    texts = Texts()
    outcome_codes = [texts.code(name) for name in OUTCOMES]
    ok, unfinished = texts.code("ok"), texts.code("unfinished")
    found: dict[tuple[int, str], Tally] = defaultdict(Tally)
    for batch in batches(folder / "requests.parquet", _COLUMNS, texts):
        replication, workload = batch["replication"], batch["workload"]
        warm = batch["arrival_s"] >= scenario.run.warmup
        for number in range(int(replication.min()), int(replication.max()) + 1):
            for code in np.flatnonzero(np.bincount(workload, minlength=1)):
                rows = warm & (replication == number) & (workload == code)
                tally = found[number, texts.names[code]]
                end = batch["end_s"][rows]
                deadline = batch["arrival_s"][rows] + batch["target_s"][rows]
                # An answer under way when the run was interrupted has not arrived.
                outcome = np.where(end > ends[number], unfinished, batch["outcome"][rows])
                counts = np.bincount(outcome, minlength=len(texts.names))
                for name, of in zip(OUTCOMES, outcome_codes, strict=True):
                    tally.outcomes[name] += int(counts[of])
                served = outcome == ok
                tally.latencies.append((end - batch["arrival_s"][rows])[served])
                # A latency of exactly the target may come out an ulp or two above it.
                in_time = served & (end <= deadline + 4 * np.spacing(end))
                tally.in_time += int(np.count_nonzero(in_time))
                tally.undecided += int(np.count_nonzero((outcome == unfinished) & (deadline > ends[number])))
    return found


def request_metrics(
    found: Mapping[tuple[int, str], Tally], scenario: Scenario, replication: int, until: float
) -> dict[str, dict[str, Any]]:
    """Return {"apps": {name: ...}, "workloads": {name: ...}} for one replication.

    Latencies are those of requests that ended ok. Attainment is the share of requests done within the target; rejected, dropped,
    timed-out and failed ones count as late, and those unfinished at the end of the run too, unless their deadline had not come
    yet: these are left out.
    """
    window = min(until, scenario.run.duration) - scenario.run.warmup
    by_app: dict[str, Tally] = {name: Tally() for name in scenario.apps}
    workloads = {}
    for name, workload in scenario.workloads.items():
        tally = found.get((replication, name), Tally())
        workloads[name] = _describe(tally, scenario, workload.app, window)
        by_app[workload.app].add(tally)
    apps = {name: _describe(tally, scenario, name, window) for name, tally in by_app.items()}
    return {"apps": apps, "workloads": workloads}


def _describe(group: Tally, scenario: Scenario, app: str, window: float) -> dict[str, Any]:
    latencies = np.concatenate(group.latencies) if group.latencies else np.empty(0)
    arrived = sum(group.outcomes.values())
    described: dict[str, Any] = {
        "arrived": arrived,
        **group.outcomes,
        "throughput_per_s": group.outcomes["ok"] / window if window > 0 else 0.0,
        "latency_s": latency(latencies),
    }
    if scenario.apps[app].slo is not None:
        decided = arrived - group.undecided
        described["slo"] = {"attainment": group.in_time / decided if decided else None}
    return described


def latency(latencies: NDArray[np.float64]) -> dict[str, float | None]:
    """Return mean, quantiles (linear between order statistics) and maximum; None without any value. Reorders `latencies`."""
    if not len(latencies):
        return dict.fromkeys(("mean", *QUANTILES, "max"))
    values = np.quantile(latencies, list(QUANTILES.values()), overwrite_input=True)
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
