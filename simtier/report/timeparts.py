"""Where the time of requests went: on the way, waiting, in service; by stage and tier, as means over requests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simtier.metrics.reading import Columns, Sums, Texts, batches
from simtier.report.facts import Facts

_REQUESTS = ("replication", "request", "app", "outcome", "arrival_s", "served_s", "end_s")
_STAGES = (
    "replication",
    "request",
    "stage",
    "part",
    "node",
    "start",
    "sent_s",
    "routed_s",
    "queued_s",
    "started_s",
    "finished_s",
)
_REPLICATIONS = 10_000
"""As many as a run may have: request times this plus replication is one integer for a request, below 2^63 for 2^17 sources."""

Row = tuple[str, str]
"""A stage and a tier."""


@dataclass(frozen=True)
class TimeParts:
    """Mean times of the requests of one application that arrived after the warm-up and ended ok.

    The means of each replication are averaged, as in the summary.

    Attributes:
        rows: for each stage and tier, in the order of the scenario, seconds on the way there, waiting, and in service.
        back_s: seconds the answer took home.
        latency_s: mean latency; the sum of all the others if no stages overlap in time.
        shares: for each part of a split stage and tier (stage, part, tier), the share of requests that ran it there.
    """

    rows: Mapping[Row, tuple[float, float, float]]
    back_s: float
    latency_s: float
    shares: Mapping[tuple[str, str, str], float]

    @property
    def sum_s(self) -> float:
        """Seconds of all rows and the way back together."""
        return sum(sum(times) for times in self.rows.values()) + self.back_s


class _Served:
    """Which requests count, and to which application and replication they belong."""

    def __init__(self, facts: Facts, texts: Texts) -> None:
        keys: list[NDArray[np.int64]] = []
        apps: list[NDArray[np.int64]] = []
        self.totals = Sums(3)  # requests, latency, way back; by application and replication
        ok = texts.code("ok")
        for batch in batches(facts.table("requests"), _REQUESTS, texts):
            rows = (batch["outcome"] == ok) & (batch["arrival_s"] >= facts.warmup_s) & facts.answered(batch)
            keys.append(_key(batch)[rows])
            apps.append(batch["app"][rows])
            latency, back = batch["end_s"] - batch["arrival_s"], batch["end_s"] - batch["served_s"]
            values = [np.ones(int(rows.sum())), latency[rows], back[rows]]
            self.totals.add([batch["app"][rows], batch["replication"][rows]], values)
        every = np.concatenate(keys) if keys else np.empty(0, dtype=np.int64)
        order = np.argsort(every)
        self._keys = every[order]
        self._apps = (np.concatenate(apps) if apps else every)[order]

    def apps(self, batch: Columns) -> NDArray[np.int64]:
        """Return the application of each row's request, -1 if it does not count."""
        if not len(self._keys):
            return np.full(len(batch["request"]), -1)
        key = _key(batch)
        place = np.minimum(np.searchsorted(self._keys, key), len(self._keys) - 1)
        return np.where(self._keys[place] == key, self._apps[place], -1)


def _key(batch: Columns) -> NDArray[np.int64]:
    key: NDArray[np.int64] = batch["request"] * _REPLICATIONS + batch["replication"]
    return key


def time_parts(facts: Facts) -> dict[str, TimeParts]:
    """Return where the time went for each application that served a request."""
    texts = Texts()
    served = _Served(facts, texts)
    sums = Sums(4)  # visits, on the way, waiting, in service
    for batch in batches(facts.table("stages"), _STAGES, texts):
        app = served.apps(batch)
        rows = (app >= 0) & ~np.isnan(batch["finished_s"]) & ~np.isnan(batch["started_s"])
        # On platforms the part is the function, of which there may be very many: only layers of a DNN are told apart.
        part = np.where(batch["start"] == texts.code(""), batch["part"], texts.code(""))
        keys = [app[rows], batch["replication"][rows], batch["stage"][rows], part[rows], batch["node"][rows]]
        way, work = batch["queued_s"] - batch["routed_s"], batch["finished_s"] - batch["started_s"]
        wait = batch["started_s"] - batch["queued_s"] + batch["routed_s"] - batch["sent_s"]
        sums.add(keys, [np.ones(int(rows.sum())), way[rows], wait[rows], work[rows]])
    names = [texts.names[code] for code in dict.fromkeys(app for app, _ in served.totals.by_key)]
    return {name: _of_app(name, facts, texts, served.totals, sums) for name in facts.scenario["apps"] if name in names}


def _of_app(name: str, facts: Facts, texts: Texts, totals: Sums, sums: Sums) -> TimeParts:
    code = texts.code(name)
    mine = {replication: total for (app, replication), total in totals.by_key.items() if app == code}
    n = len(mine)
    rows: dict[Row, NDArray[np.float64]] = defaultdict(lambda: np.zeros(3))
    shares: dict[tuple[str, str, str], float] = defaultdict(float)
    for (app, replication, stage, part, node), values in sums.by_key.items():
        if app != code:
            continue
        mean = values / mine[replication][0] / n
        where = texts.names[stage], facts.tier(texts.names[node])
        rows[where] += mean[1:]
        if texts.names[part]:
            shares[where[0], texts.names[part], where[1]] += float(mean[0])
    stages = list(facts.scenario["apps"][name]["stages"])
    tiers = list(dict.fromkeys(info["tier"] for info in facts.layout["nodes"].values()))
    ordered = sorted(rows, key=lambda row: (stages.index(row[0]), tiers.index(row[1])))
    return TimeParts(
        rows={row: (float(rows[row][0]), float(rows[row][1]), float(rows[row][2])) for row in ordered},
        back_s=float(sum(total[2] / total[0] for total in mine.values())) / n,
        latency_s=float(sum(total[1] / total[0] for total in mine.values())) / n,
        shares=dict(sorted(shares.items(), key=lambda item: (stages.index(item[0][0]), -item[1], item[0]))),
    )
