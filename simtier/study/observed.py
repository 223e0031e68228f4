"""What is seen of single requests, for statistics inside a run: where it has settled, and batch means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simtier.metrics.reading import Texts, batches
from simtier.results import Result

_COLUMNS = ("replication", "app", "outcome", "target_s", "arrival_s", "end_s")


@dataclass(frozen=True)
class Requests:
    """The requests of one application in one replication, in order of arrival: arrays (requests,).

    Attributes:
        arrival_s: when they came.
        latency_s: how long they took; NaN of those that did not end ok.
        in_time: 1 of those that ended ok within their latency target, else 0; NaN of those of whom that is not known at the end of the run.
        promised: whether there is a latency target, and nothing else is promised.
    """

    arrival_s: NDArray[np.float64]
    latency_s: NDArray[np.float64]
    in_time: NDArray[np.float64]
    promised: bool


def requests_of(result: Result) -> list[dict[str, Requests]]:
    """Return, for each replication of a result, the requests of each application by its name, those of the warm-up included."""
    texts = Texts()
    parts: dict[tuple[int, int], list[NDArray[np.float64]]] = {}
    ends = result.document["ended_s"]
    ok, unfinished = texts.code("ok"), texts.code("unfinished")
    for batch in batches(result.directory / "requests.parquet", _COLUMNS, texts):
        closed = np.asarray(ends)[batch["replication"]]
        latency = batch["end_s"] - batch["arrival_s"]
        served = (batch["outcome"] == ok) & (batch["end_s"] <= closed)
        met = served & (batch["end_s"] <= batch["arrival_s"] + batch["target_s"] + 4 * np.spacing(batch["end_s"]))
        open_still = (batch["outcome"] == unfinished) & (batch["arrival_s"] + batch["target_s"] > closed)
        rows = np.stack(
            [
                batch["arrival_s"],
                np.where(served, latency, np.nan),
                np.where(open_still, np.nan, met.astype(np.float64)),
            ]
        )
        for replication in np.unique(batch["replication"]).tolist():
            for app in np.unique(batch["app"]).tolist():
                mine = (batch["replication"] == replication) & (batch["app"] == app)
                parts.setdefault((replication, app), []).append(rows[:, mine])
    found: list[dict[str, Requests]] = [{} for _ in ends]
    for (replication, app), pieces in parts.items():
        joined = np.concatenate(pieces, axis=1)
        order = np.argsort(joined[0], kind="stable")
        name = texts.names[app]
        arrival, latency, in_time = joined[:, order]
        found[replication][name] = Requests(arrival, latency, in_time, _latency_only(result, name))
    return found


def settled_s(runs: Sequence[Mapping[str, Requests]], app: str) -> float | None:
    """Return the time from which the latencies of an application have settled (MSER-5 over the replications); None if that is not seen.

    See simtier.statistics.mser. Requests that did not end ok are left out.
    """
    from simtier.statistics import mser5  # noqa: PLC0415 - scipy, which workers have no use for

    served = [run[app] for run in runs if app in run]
    kept = [~np.isnan(each.latency_s) for each in served]
    series = [each.latency_s[mine] for each, mine in zip(served, kept, strict=True)]
    if not series or min(map(len, series)) == 0:
        return None
    found = mser5(series)
    if found.delete is None:
        return None
    if found.delete == 0:
        return 0.0
    times = [each.arrival_s[mine][found.delete] for each, mine in zip(served, kept, strict=True)]
    return float(max(times))


def _latency_only(result: Result, app: str) -> bool:
    slo = result.document["scenario"]["apps"][app]["slo"]
    return slo is not None and [key for key, value in slo.items() if value is not None and key != "percentile"] == [
        "latency"
    ]
