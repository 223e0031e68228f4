"""How function platforms did: cold starts, instances, memory kept for nothing, and the bill.

All of it is about the time from the warm-up's end to the end of the run, and each thing counts where it began: an execution if it
began in that time, a start if it began in it, an end of an instance if it fell into it. States of instances are clipped to it.

Definitions, for each platform:
- An *execution* is a request in service at an instance, or a batch of them; it is *cold* if it waited for that instance to start, else
  warm. Executions are billed, cold and warm; requests are served, wait, and cost something each.
- A start's *cold-start time* is from its begin to when the instance is ready; starts that were called off have none.
- A start is *ahead* if no request that waited is first served by it: it came ahead of need, or others were free sooner.
- Memory-time is memory held times how long, by what the instance did: *starting*, *busy* (requests on their way to it, or in service)
  or *idle* (wasted; what is left of instances that have lost layers is idle, too). The *wasted share* is idle of all three.
- The *utility* of an instance is the time from ready to the end of its last execution over its cold-start time: 0 for one that served
  nobody, below 1 for one that took longer to start than it was of use. Taken over instances whose start began in the time counted,
  provisioned ones left out. Source: Joosen et al., "Serverless Cold Starts and Where to Find Them", EuroSys 2025, (pod lifetime -
  keep-alive) / cold-start time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simtier.metrics.prices import Price, bill, billed_s
from simtier.metrics.reading import ByReplication, Columns, Sums, Texts, overlap
from simtier.metrics.starts import COLUMNS as STARTS
from simtier.metrics.starts import IN_USE, Starts, Window, within
from simtier.models.serverless.spec import COMPONENTS

Floats = NDArray[np.float64]

GROUPS = {"starting": COMPONENTS, "idle": ("idle",), "busy": IN_USE}
"""States of instances, as the metrics tell them apart."""
COUNTED = ("expired", "evicted", "reused", "unplaced", "capped")
"""States that say how an instance ended, or that there is none."""

_REPLICAS = ("replication", "replica", "service", "function", "memory_bytes", "state", "start_s", "end_s")
_STAGES = (
    "replication",
    "request",
    "service",
    "start",
    "replica",
    "batch",
    "sent_s",
    "routed_s",
    "queued_s",
    "started_s",
    "finished_s",
)


def platform_metrics(
    folder: Path, layout: Mapping[str, Any], windows: Sequence[Window]
) -> list[dict[str, dict[str, Any]]]:
    """Return for each replication the metrics of each platform; memory follows the instances of one replication, not the requests."""
    platforms = layout["platforms"]
    if not platforms:
        return [{} for _ in windows]
    texts = Texts()
    starts = ByReplication(folder / "starts.parquet", STARTS, texts)
    states = ByReplication(folder / "replicas.parquet", _REPLICAS, texts)
    visits = ByReplication(folder / "stages.parquet", _STAGES, texts)
    prices = {texts.code(name): info["price"] for name, info in platforms.items()}
    found = []
    for number, window in enumerate(windows):
        seen = _Seen(starts.take(number), states.take(number), visits.take(number), texts, window, prices)
        found.append({name: seen.metrics(name, info) for name, info in platforms.items()})
    return found


class _Seen:
    """What the tables tell of one replication.

    Args:
        starts, states, visits: rows of the tables starts, replicas and stages.
        texts: numbers of names.
        window: the time counted.
        prices: of each platform, by the number of its name.
    """

    def __init__(
        self,
        starts: Iterator[Columns],
        states: Iterator[Columns],
        visits: Iterator[Columns],
        texts: Texts,
        window: Window,
        prices: Mapping[int, Price],
    ) -> None:
        self._texts = texts
        self._window = window
        self._prices = prices
        self._starts = Starts(starts, texts, window)
        self._states = Sums(3)  # seconds, byte-seconds, how often it began in the window; by platform and state
        # executions, cold ones, requests served, their wait and service, byte-seconds billed, executions ended
        self._visits = Sums(7)
        self._memory = np.zeros(0)  # by number of the instance
        for rows in states:
            self._add_states(self._of_platforms(rows))
        for rows in visits:  # last: the bill needs the instances' memory
            self._add_visits(self._of_platforms(rows))

    def metrics(self, name: str, info: Mapping[str, Any]) -> dict[str, Any]:
        """Return the metrics of one platform."""
        code, length = self._texts.code(name), max(self._window[1] - self._window[0], 1e-12)
        sums = self._visits.by_key.get((code,), np.zeros(7)).tolist()
        executions, cold, served, wait_s, service_s, billed, ended = sums
        found = {
            "served": int(served),
            "executions": round(ended),
            "mean_batch": served / ended if ended else None,
            "cold": round(cold),
            "warm": round(executions - cold),
            "cold_ratio": cold / executions if executions else None,
            **self._starts.metrics(code),
            **self._instance_metrics(code, length),
            "mean_wait_s": wait_s / served if served else None,
            "mean_service_s": service_s / served if served else None,
        }
        cost = bill(info["price"], round(ended), billed, info["provisioned_bytes"] * length)
        found["cost_usd"] = cost
        found["cost_per_million_usd"] = cost / served * 1e6 if served else None
        found["idle_cost_usd"] = found["memory"]["idle_byte_s"] * info["price"]["idle_cost"]
        return found

    def _instance_metrics(self, code: int, length: float) -> dict[str, Any]:
        """Return what instances did with their time and memory, and how they ended."""
        alive = {group: sum((self._of(code, each) for each in states), np.zeros(3)) for group, states in GROUPS.items()}
        byte_s = {f"{group}_byte_s": float(values[1]) for group, values in alive.items()}
        whole = sum(byte_s.values())
        counts = {state: int(self._of(code, state)[2]) for state in COUNTED}
        counts["expired"] -= self._starts.called_off(code)  # they are counted by themselves
        return {
            "instances": {group: float(values[0]) / length for group, values in alive.items()},
            "memory": {**byte_s, "wasted_share": byte_s["idle_byte_s"] / whole if whole else None},
            **counts,
        }

    def _of(self, platform: int, state: str) -> Floats:
        return self._states.by_key.get((platform, self._texts.code(state)), np.zeros(3))

    def _of_platforms(self, rows: Columns) -> Columns:
        mine = np.isin(rows["service"], list(self._prices))
        return rows if mine.all() else {name: values[mine] for name, values in rows.items()}

    def _add_states(self, rows: Columns) -> None:
        alive_s = overlap(rows["start_s"], rows["end_s"], self._window)
        begun = within(rows["start_s"], self._window).astype(np.float64)
        self._states.add([rows["service"], rows["state"]], [alive_s, alive_s * rows["memory_bytes"], begun])
        self._starts.follow(rows)
        # An instance is billed for the most that it held, for it may have lost layers since.
        known = rows["replica"] >= 0
        numbers = rows["replica"][known]
        missing = int(numbers.max(initial=-1)) + 1 - len(self._memory)
        if missing > 0:
            self._memory = np.concatenate([self._memory, np.zeros(missing + len(self._memory))])
        np.maximum.at(self._memory, numbers, rows["memory_bytes"][known])

    def _add_visits(self, rows: Columns) -> None:
        started, finished = rows["started_s"], rows["finished_s"]
        ran = (started >= self._window[0]) & (started < self._window[1])
        served = ran & ~np.isnan(finished)
        share = 1.0 / np.maximum(rows["batch"], 1)  # a row's, of its execution
        values = [
            np.where(ran, share, 0.0),
            np.where(ran & (rows["start"] == self._texts.code("cold")), share, 0.0),
            served.astype(np.float64),
            np.where(served, started - rows["queued_s"] + rows["routed_s"] - rows["sent_s"], 0.0),
            np.where(served, finished - started, 0.0),
            np.where(served, self._billed_byte_s(rows), 0.0),
            np.where(served, share, 0.0),
        ]
        self._visits.add([rows["service"]], values)

    def _billed_byte_s(self, rows: Columns) -> Floats:
        """Return the memory-time billed for each visit, its share of its execution's; nothing sensible for those that did not end."""
        took_s, ended_s = rows["finished_s"] - rows["started_s"], rows["finished_s"]
        found = np.zeros(len(took_s))
        for platform, price in self._prices.items():
            mine = rows["service"] == platform
            terms = (ended_s[mine], price["granularity"], price["least"])
            whole = seconds = billed_s(took_s[mine], *terms)
            if price["bill_starts"]:
                whole = billed_s((took_s + self._starts.awaited_s(rows))[mine], *terms)
            # Of a batch one request is the first that waited for the start: it bears all that this adds to the execution.
            found[mine] = whole - seconds * (1 - 1 / np.maximum(rows["batch"][mine], 1))
        return found * self._memory_of(rows["replica"])

    def _memory_of(self, instances: NDArray[np.int64]) -> Floats:
        """Return the memory of instances; 0 for none, and for one that never was anything for any time."""
        known = (instances >= 0) & (instances < len(self._memory))
        found = np.zeros(len(instances))
        found[known] = self._memory[instances[known]]
        return found
