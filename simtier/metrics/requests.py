"""What became of the requests: outcomes, latency, SLO attainment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simtier.metrics.latencies import Latencies, buckets
from simtier.metrics.reading import Texts, batches
from simtier.models.tables import OUTCOMES
from simtier.scenario import Scenario

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}

_COLUMNS = ("replication", "workload", "outcome", "arrival_s", "end_s", "target_s")


class Tally:
    """Requests of one workload, or one application, in one replication.

    Attributes:
        outcomes: how many ended how.
        latencies: of those that ended ok.
        again: of many latencies, those that `latencies` needs again to find its quantiles.
        in_time, undecided: how many ended within their target, and of how many that is not known.
    """

    def __init__(self) -> None:
        self.outcomes = dict.fromkeys(OUTCOMES, 0)
        self.latencies = Latencies()
        self.again: list[NDArray[np.float64]] = []
        self.in_time = 0
        self.undecided = 0

    def joined(self, others: Sequence[Tally]) -> Tally:
        """Return the requests of this and of `others` together."""
        joined = Tally()
        for each in (self, *others):
            for name, count in each.outcomes.items():
                joined.outcomes[name] += count
            joined.again += each.again
            joined.in_time += each.in_time
            joined.undecided += each.undecided
        joined.latencies = self.latencies.join(other.latencies for other in others)
        return joined


def tallies(folder: Path, scenario: Scenario, ends: Sequence[float]) -> dict[tuple[int, str], Tally]:
    """Return the requests of each (replication, workload) that arrived from the warm-up on.

    In one pass over the table; in two if there are so many that their quantiles need it.
    """
    found: dict[tuple[int, str], Tally] = defaultdict(Tally)
    for key, outcome, latencies, in_time, undecided in _counted(folder, scenario, ends):
        tally = found[key]
        for name, count in zip(OUTCOMES, outcome, strict=True):
            tally.outcomes[name] += int(count)
        tally.latencies.add(latencies)
        tally.in_time += in_time
        tally.undecided += undecided
    wanted = _wanted(found, scenario)
    if wanted:
        for key, _, latencies, _, _ in _counted(folder, scenario, ends):
            found[key].again.append(latencies[np.isin(buckets(latencies), wanted[key])])
    return found


def _wanted(found: Mapping[tuple[int, str], Tally], scenario: Scenario) -> dict[tuple[int, str], NDArray[np.uint64]]:
    """Return of which buckets each workload's latencies are needed again, for itself and its application; empty if of none."""
    shares = list(QUANTILES.values())
    wanted = {key: tally.latencies.wanted(shares) for key, tally in found.items()}
    for app in scenario.apps:
        for replication in {number for number, _ in found}:
            keys = [key for key in found if key[0] == replication and scenario.workloads[key[1]].app == app]
            if keys:
                whole = found[keys[0]].latencies.join(found[key].latencies for key in keys[1:]).wanted(shares)
                wanted |= {key: np.union1d(wanted[key], whole) for key in keys}
    return wanted if any(len(each) for each in wanted.values()) else {}


_Counted = tuple[tuple[int, str], NDArray[np.int64], NDArray[np.float64], int, int]


def _counted(folder: Path, scenario: Scenario, ends: Sequence[float]) -> Iterator[_Counted]:
    """Yield (replication, workload), counts by outcome, latencies, how many in time and how many undecided, batch by batch."""
    texts = Texts()
    outcome_codes = np.array([texts.code(name) for name in OUTCOMES])
    ok, unfinished = texts.code("ok"), texts.code("unfinished")
    for batch in batches(folder / "requests.parquet", _COLUMNS, texts):
        replication, workload = batch["replication"], batch["workload"]
        warm = batch["arrival_s"] >= scenario.run.warmup
        for number in range(int(replication.min()), int(replication.max()) + 1):
            for code in np.flatnonzero(np.bincount(workload, minlength=1)):
                rows = warm & (replication == number) & (workload == code)
                end, arrival = batch["end_s"][rows], batch["arrival_s"][rows]
                deadline = arrival + batch["target_s"][rows]
                # An answer under way when the run was interrupted has not arrived.
                outcome = np.where(end > ends[number], unfinished, batch["outcome"][rows])
                counts = np.bincount(outcome, minlength=len(texts.names))[outcome_codes]
                served = outcome == ok
                # A latency of exactly the target may come out an ulp or two above it.
                in_time = int(np.count_nonzero(served & (end <= deadline + 4 * np.spacing(end))))
                undecided = int(np.count_nonzero((outcome == unfinished) & (deadline > ends[number])))
                yield (number, texts.names[code]), counts, (end - arrival)[served], in_time, undecided


def request_metrics(
    found: Mapping[tuple[int, str], Tally], scenario: Scenario, replication: int, until: float
) -> dict[str, dict[str, Any]]:
    """Return {"apps": {name: ...}, "workloads": {name: ...}} for one replication.

    Latencies are those of requests that ended ok. Attainment is the share of requests done within the target; rejected, dropped,
    timed-out and failed ones count as late, and those unfinished at the end of the run too, unless their deadline had not come
    yet: these are left out.
    """
    window = min(until, scenario.run.duration) - scenario.run.warmup
    by_app: dict[str, list[Tally]] = {name: [] for name in scenario.apps}
    workloads = {}
    for name, workload in scenario.workloads.items():
        tally = found.get((replication, name), Tally())
        workloads[name] = _describe(tally, scenario, workload.app, window)
        by_app[workload.app].append(tally)
    apps = {name: _describe(Tally().joined(parts), scenario, name, window) for name, parts in by_app.items()}
    return {"apps": apps, "workloads": workloads}


def _describe(group: Tally, scenario: Scenario, app: str, window: float) -> dict[str, Any]:
    arrived = sum(group.outcomes.values())
    described: dict[str, Any] = {
        "arrived": arrived,
        **group.outcomes,
        "throughput_per_s": group.outcomes["ok"] / window if window > 0 else 0.0,
        "latency_s": latency(group.latencies, group.again),
    }
    if scenario.apps[app].slo is not None:
        decided = arrived - group.undecided
        described["slo"] = {"attainment": group.in_time / decided if decided else None}
    return described


def latency(latencies: Latencies, again: Sequence[NDArray[np.float64]]) -> dict[str, float | None]:
    """Return mean, quantiles (linear between order statistics) and maximum; None without any value."""
    if not latencies.count:
        return dict.fromkeys(("mean", *QUANTILES, "max"))
    values = latencies.quantiles(list(QUANTILES.values()), np.concatenate(again) if again else np.empty(0))
    return {"mean": latencies.mean, **dict(zip(QUANTILES, values, strict=True)), "max": latencies.max}


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
