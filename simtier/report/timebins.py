"""What happened over time in replication 0: rates spread over equal bins, and samples."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray

from simtier.metrics.reading import Texts, batches
from simtier.report.facts import Facts

BINS = 240
"""Bins over the run."""
POINTS = 480
"""Samples a curve has at most."""

Curve = NDArray[np.float64]


class Bins:
    """The mean of a sum of rates in equal bins from zero to `until_s`, for each of several keys."""

    def __init__(self, until_s: float, number: int = BINS) -> None:
        self.edges = np.linspace(0.0, until_s, number + 1)
        self._width = until_s / number
        self._number = number
        self._partial: dict[Hashable, Curve] = defaultdict(lambda: np.zeros(number + 1))
        self._steps: dict[Hashable, Curve] = defaultdict(lambda: np.zeros(number + 1))

    def add(self, key: Hashable, start: Curve, end: Curve, rate: Curve) -> None:
        """Add intervals [start, end) in seconds, each with its rate; NaN is the end of the run."""
        until = self._width * self._number
        start = np.clip(np.where(np.isnan(start), until, start), 0.0, until)
        end = np.clip(np.where(np.isnan(end), until, end), 0.0, until)
        weight = np.where(end > start, rate, 0.0)
        # The integral of a step at t is a part of t's own bin and all of every later one; an interval is a step up and one down.
        for edge, sign in ((start, weight), (end, -weight)):
            place = np.minimum((edge / self._width).astype(int), self._number)
            part = np.where(place < self._number, (place + 1) - edge / self._width, 0.0)
            self._partial[key] += np.bincount(place, sign * part, self._number + 1)
            self._steps[key] += np.bincount(place, sign, self._number + 1)

    def mean(self, key: Hashable) -> Curve:
        """Return the mean rate in each bin."""
        before = np.concatenate([[0.0], np.cumsum(self._steps[key])[:-1]])
        total: Curve = (before + self._partial[key])[: self._number]
        return np.maximum(np.where(np.abs(total) < 1e-9, 0.0, total), 0.0)  # rounding leaves specks where nothing runs

    def __contains__(self, key: Hashable) -> bool:
        return key in self._steps


def utilisation(facts: Facts) -> tuple[Curve, dict[tuple[str, str], Curve]]:
    """Return bin edges (s) and, for each group of nodes and "cores" or "accelerators", the share in use in each bin."""
    texts, bins = Texts(), Bins(facts.until_s)
    groups = list(facts.layout["nodes"])
    number = {name: i for i, name in enumerate(groups)}
    columns = ("replication", "service", "node", "device", "started_s", "finished_s", "busy_s")
    engines = [texts.code(name) for name in facts.summary["llm"]]  # visits overlap there: their iterations tell
    for batch in batches(facts.table("stages"), columns, texts):
        ran = (batch["replication"] == 0) & ~np.isnan(batch["started_s"]) & ~np.isin(batch["service"], engines)
        cpu = batch["device"] == texts.code("cpu")
        start, end = batch["started_s"], np.where(np.isnan(batch["finished_s"]), facts.until_s, batch["finished_s"])
        rate = np.divide(batch["busy_s"], end - start, out=np.zeros(len(end)), where=end > start)
        group_of = np.array([number.get(facts.group_of_node.get(name, ""), -1) for name in texts.names])
        group = group_of[batch["node"]]
        for each in np.unique(group[ran & (group >= 0)]):
            for kind, device in (("cores", cpu), ("accelerators", ~cpu)):
                rows = ran & device & (group == each)
                if rows.any():
                    bins.add((groups[each], kind), start[rows], end[rows], rate[rows])
    for batch in batches(facts.table("iterations"), ("replication", "node", "device", "begin_s", "end_s"), texts):
        group = np.array([number.get(facts.group_of_node.get(name, ""), -1) for name in texts.names])[batch["node"]]
        devices = np.array([float(name.count("+") + 1) for name in texts.names])[batch["device"]]
        for each in np.unique(group[(batch["replication"] == 0) & (group >= 0)]):
            rows = (batch["replication"] == 0) & (group == each)
            bins.add((groups[each], "accelerators"), batch["begin_s"][rows], batch["end_s"][rows], devices[rows])
    found = {}
    for group, info in facts.layout["nodes"].items():
        size = {"cores": info["cores"] * len(info["names"]), "accelerators": len(info["devices"]) * len(info["names"])}
        for kind, capacity in size.items():
            if (group, kind) in bins:
                found[group, kind] = bins.mean((group, kind)) / max(capacity, 1e-12)
    return bins.edges, found


def replicas(facts: Facts) -> tuple[Curve, dict[str, dict[str, Curve]]]:
    """Return bin edges (s) and, for each service and state, the mean number of replicas in each bin."""
    bins, texts = Bins(facts.until_s), Texts()
    for batch in batches(facts.table("replicas"), ("replication", "service", "state", "start_s", "end_s"), texts):
        first = batch["replication"] == 0
        for service, state in np.unique(np.stack([batch["service"][first], batch["state"][first]]), axis=1).T:
            rows = first & (batch["service"] == service) & (batch["state"] == state)
            key = (texts.names[service], texts.names[state])
            bins.add(key, batch["start_s"][rows], batch["end_s"][rows], np.ones(int(rows.sum())))
    found: dict[str, dict[str, Curve]] = {service: {} for service in facts.layout["services"]}
    for service, states in found.items():
        for state in ("ready", "starting", "draining"):
            if (service, state) in bins:
                states[state] = bins.mean((service, state))
    return bins.edges, found


def messages(facts: Facts) -> tuple[Curve, dict[str, dict[str, Curve]]]:
    """Return bin edges (s) and, for each group of links, the mean number of messages "queued" and "active" in each bin."""
    texts, bins = Texts(), Bins(facts.until_s)
    groups = list(facts.layout["links"])
    number = {name: i for i, name in enumerate(groups)}
    for batch in batches(facts.table("transfers"), ("replication", "link", "queued_s", "started_s", "sent_s"), texts):
        group_of = np.array([number.get(facts.group_of_link.get(name, ""), -1) for name in texts.names])
        group = np.where(batch["replication"] == 0, group_of[batch["link"]], -1)
        for each in np.unique(group[group >= 0]):
            queued, started, sent = (batch[name][group == each] for name in ("queued_s", "started_s", "sent_s"))
            ones = np.ones(len(queued))
            bins.add((groups[each], "queued"), queued, started, ones)
            bins.add((groups[each], "active"), started, sent, ones)
    found = {name: {key: bins.mean((name, key)) for key in ("queued", "active")} for name in groups}
    return bins.edges, found


def samples(facts: Facts, kind: str) -> dict[str, dict[str, tuple[Curve, Curve]]]:
    """Return by name and metric the samples of `kind`: times (s) and values, means of neighbours if there are very many."""
    texts = Texts()
    gathered: dict[tuple[int, int], list[Curve]] = defaultdict(list)
    for batch in batches(facts.table("samples"), ("replication", "time_s", "kind", "name", "metric", "value"), texts):
        mine = (batch["replication"] == 0) & (batch["kind"] == texts.code(kind))
        for name in np.unique(batch["name"][mine]):
            for metric in np.unique(batch["metric"][mine]):
                rows = mine & (batch["name"] == name) & (batch["metric"] == metric)
                gathered[int(name), int(metric)].append(np.stack([batch["time_s"][rows], batch["value"][rows]]))
    found: dict[str, dict[str, tuple[Curve, Curve]]] = defaultdict(dict)
    for (name, metric), pieces in gathered.items():
        times, values = np.concatenate(pieces, axis=1)
        if len(times):
            found[texts.names[name]][texts.names[metric]] = _thin(times), _thin(values)
    return dict(found)


def _thin(values: Curve) -> Curve:
    step = -(-len(values) // POINTS)
    return np.array([values[i : i + step].mean() for i in range(0, len(values), step)])
