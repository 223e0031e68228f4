"""What became of the requests: outcomes, latency, SLO attainment."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simtier.metrics.answers import Answered, Answers
from simtier.metrics.latencies import Latencies, buckets
from simtier.metrics.reading import Columns, Texts, batches, by_replication
from simtier.models.tables import OUTCOMES
from simtier.scenario import Scenario
from simtier.scenario.services import SLOWDOWNS, App

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}

_COLUMNS = ("replication", "request", "workload", "outcome", "arrival_s", "end_s", "target_s")


class Tally:
    """Requests of one workload, or one application, in one replication.

    Attributes:
        outcomes: how many ended how.
        latencies: of those that ended ok.
        again: of many latencies, those that `latencies` needs again to find its quantiles.
        in_time, undecided: how many met all their targets, and of how many that is not known.
        met_at: of those that met them, how many came to each service with a language model.
    """

    def __init__(self) -> None:
        self.outcomes = dict.fromkeys(OUTCOMES, 0)
        self.latencies = Latencies()
        self.again: list[NDArray[np.float64]] = []
        self.in_time = 0
        self.undecided = 0
        self.met_at: Counter[str] = Counter()

    def joined(self, others: Sequence[Tally]) -> Tally:
        """Return the requests of this and of `others` together."""
        joined = Tally()
        for each in (self, *others):
            for name, count in each.outcomes.items():
                joined.outcomes[name] += count
            joined.again += each.again
            joined.in_time += each.in_time
            joined.undecided += each.undecided
            joined.met_at += each.met_at
        joined.latencies = self.latencies.join(other.latencies for other in others)
        return joined


def tallies(folder: Path, scenario: Scenario, ends: Sequence[float]) -> dict[tuple[int, str], Tally]:
    """Return the requests of each (replication, workload) that arrived from the warm-up on.

    In one pass over the table; in two if there are so many that their quantiles need it.
    """
    found: dict[tuple[int, str], Tally] = defaultdict(Tally)
    for key, seen in _counted(folder, scenario, ends):
        tally = found[key]
        for name, count in zip(OUTCOMES, seen.outcomes, strict=True):
            tally.outcomes[name] += int(count)
        tally.latencies.add(seen.latencies)
        tally.in_time += seen.in_time
        tally.undecided += seen.undecided
        tally.met_at += seen.met_at
    wanted = _wanted(found, scenario)
    if wanted:
        for key, seen in _counted(folder, scenario, ends):
            found[key].again.append(seen.latencies[np.isin(buckets(seen.latencies), wanted[key])])
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


@dataclass(frozen=True)
class _Seen:
    """Some requests of a workload: how many by outcome, their latencies, how many in time and how many undecided; see Tally."""

    outcomes: NDArray[np.int64]
    latencies: NDArray[np.float64]
    in_time: int
    undecided: int
    met_at: Counter[str]


def _counted(folder: Path, scenario: Scenario, ends: Sequence[float]) -> Iterator[tuple[tuple[int, str], _Seen]]:
    """Yield what is seen of each (replication, workload), batch by batch."""
    texts = Texts()
    for name in OUTCOMES:
        texts.code(name)
    has_llm = any(service.llm is not None for service in scenario.services.values())
    answers = Answers(folder / "sequences.parquet", scenario, texts) if has_llm else None
    for batch in batches(folder / "requests.parquet", _COLUMNS, texts):
        for number, rows in by_replication(batch):
            if len(rows["request"]):
                yield from _by_workload(number, rows, scenario, ends[number], answers, texts)


def _by_workload(
    number: int, rows: Columns, scenario: Scenario, closed_s: float, answers: Answers | None, texts: Texts
) -> Iterator[tuple[tuple[int, str], _Seen]]:
    ok, unfinished = texts.code("ok"), texts.code("unfinished")
    # An answer under way when the run was interrupted has not arrived.
    outcome = np.where(rows["end_s"] > closed_s, unfinished, rows["outcome"])
    answered = None
    if answers is not None:
        until_s = np.inf if (outcome == unfinished).any() else float(np.nanmax(rows["end_s"]))
        answered = answers.of(number, rows["request"], until_s, closed_s)
    warm = rows["arrival_s"] >= scenario.run.warmup
    for code in np.flatnonzero(np.bincount(rows["workload"])):
        mine = warm & (rows["workload"] == code)
        name = texts.names[code]
        slo_kept, open_still = _tokens(answered, rows, scenario.apps[scenario.workloads[name].app], closed_s)
        end, deadline = rows["end_s"], rows["arrival_s"] + rows["target_s"]
        served = mine & (outcome == ok)
        # A latency of exactly the target may come out an ulp or two above it.
        met = served & (end <= deadline + 4 * np.spacing(end)) & slo_kept
        undecided = mine & (outcome == unfinished) & (deadline > closed_s) & open_still
        counts = np.bincount(outcome[mine], minlength=len(texts.names))[: len(OUTCOMES)]
        latencies = (end - rows["arrival_s"])[served]
        yield (
            (number, name),
            _Seen(counts, latencies, int(met.sum()), int(undecided.sum()), _met_at(answered, met, texts)),
        )


def _tokens(
    answered: Answered | None, rows: Columns, app: App, closed_s: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which requests missed no target for tokens, and of which unfinished ones that may stay so."""
    if answered is None or app.slo is None:
        every = np.ones(len(rows["request"]), dtype=bool)
        return every, every
    stages = sum(stage.copies for stage in app.stages.values() if stage.tokens is not None)
    ttft_s = app.slo.ttft if app.slo.ttft is not None else np.inf
    told = (answered.told >= stages) | (rows["arrival_s"] + ttft_s > closed_s)
    return answered.in_time, answered.in_time & told


def _met_at(answered: Answered | None, met: NDArray[np.bool_], texts: Texts) -> Counter[str]:
    """Return at how many requests that met their targets each service had a part."""
    if answered is None:
        return Counter()
    counts = np.bincount(answered.visited[met[answered.visitor]])
    return Counter({texts.names[code]: int(counts[code]) for code in np.flatnonzero(counts)})


def request_metrics(
    found: Mapping[tuple[int, str], Tally], scenario: Scenario, replication: int, until: float
) -> dict[str, dict[str, Any]]:
    """Return {"apps": {name: ...}, "workloads": {name: ...}} for one replication.

    Latencies are those of requests that ended ok. Attainment is the share of requests that met all targets of their application: done within
    the latency, and all their first tokens, and times per token, within theirs. Rejected, dropped, timed-out and failed ones count as
    late, and those unfinished at the end of the run too, unless they had missed no target yet: these are left out.
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
                "ttft_s": slo.ttft,
                "tpot_s": slo.tpot,
                **{target: getattr(slo, target) for target in SLOWDOWNS},
                "percentile": slo.percentile,
                "met": attainment is not None and attainment >= slo.percentile / 100,
            }
