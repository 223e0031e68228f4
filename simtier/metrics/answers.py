"""Which requests got their tokens in time: the tables requests and sequences joined while both are read, in order.

A sequence is written before its request's row, or with it at the end of the run; those whose request has not come yet are kept. These
are of requests that were alive then, so memory follows these and not the requests served.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simtier.metrics.reading import ByReplication, Columns, Texts
from simtier.scenario import Scenario

Flags = NDArray[np.bool_]
Numbers = NDArray[np.int64]
Floats = NDArray[np.float64]

_COLUMNS = (
    "replication",
    "request",
    "app",
    "service",
    "outcome",
    "output_tokens",
    "arrival_s",
    "first_s",
    "last_s",
    "alone_first_s",
    "alone_last_s",
)
_KEPT = ("request", "service", "late", "told")
_TINY = 1e-30


@dataclass(frozen=True)
class Answered:
    """What the sequences of some requests, one after the other, tell.

    Attributes:
        in_time: whether none of a request's sequences missed a target for tokens.
        told: how many of its sequences have a first token.
        visitor, visited: pairs of a request's place and a service that it has a sequence at.
    """

    in_time: Flags
    told: Numbers
    visitor: Numbers
    visited: Numbers


class Answers:
    """The sequences of a result, handed out with their requests.

    Args:
        path: the table sequences.
        scenario: whose objectives count.
        texts: numbers of names.
    """

    def __init__(self, path: Path, scenario: Scenario, texts: Texts) -> None:
        self._slos = {name: app.slo for name, app in scenario.apps.items() if app.slo is not None}
        self._texts = texts
        self._table = ByReplication(path, _COLUMNS, texts)
        self._number = -1
        self._rows: Iterator[Columns] = iter(())
        self._waiting: Columns = {}
        self._seen_s = np.inf

    def of(self, number: int, requests: Numbers, until_s: float, closed_s: float) -> Answered:
        """Return what is known of these requests of a replication, which ended at `closed_s`, in order of their end, the last by `until_s`."""
        if self._number < number:
            self._number = number
            self._rows = self._table.take(number)
            self._waiting = {name: np.zeros(0, dtype=np.int64) for name in _KEPT}
            self._seen_s = -np.inf
        pieces = [self._waiting]
        while self._seen_s <= until_s and (rows := next(self._rows, None)) is not None:
            pieces.append(self._judged(rows, closed_s))
        self._waiting = {name: np.concatenate([piece[name] for piece in pieces]) for name in _KEPT}
        return self._matched(requests)

    def _matched(self, requests: Numbers) -> Answered:
        """Return what waiting sequences tell of these requests, and keep the others."""
        order = np.argsort(requests)
        sought = self._waiting["request"]
        place = np.minimum(np.searchsorted(requests, sought, sorter=order), len(requests) - 1)
        row = order[place]
        found = requests[row] == sought
        row, mine = row[found], {name: values[found] for name, values in self._waiting.items()}
        self._waiting = {name: values[~found] for name, values in self._waiting.items()}
        in_time = np.ones(len(requests), dtype=bool)
        in_time[row[mine["late"] > 0]] = False
        told = np.bincount(row[mine["told"] > 0], minlength=len(requests))
        pairs = np.unique(np.stack([row, mine["service"]]), axis=1)
        return Answered(in_time, told, pairs[0], pairs[1])

    def _judged(self, rows: Columns, closed_s: float) -> Columns:
        """Return the sequences of requests that are still to come, each with whether it missed a target and has its first token."""
        arrival, first, last = rows["arrival_s"], rows["first_s"], rows["last_s"]
        ended = last[~np.isnan(last)]
        self._seen_s = max(self._seen_s, float(ended.max(initial=-np.inf)))
        gaps = np.maximum(rows["output_tokens"] - 1, 1)
        # A time of exactly the target may come out an ulp or two above it.
        late = first > arrival + self._targets("ttft", rows) + 4 * np.spacing(first)
        late |= last - first > self._targets("tpot", rows) * gaps + 4 * np.spacing(last)
        if any(slo.compares for slo in self._slos.values()):
            late |= self._slow(rows, closed_s)
        told = ~np.isnan(first)
        alive = np.isin(rows["outcome"], [self._texts.code("served"), self._texts.code("unfinished")])
        kept = {"request": rows["request"], "service": rows["service"], "late": late, "told": told}
        return {name: values[alive].astype(np.int64) for name, values in kept.items()}

    def _targets(self, target: str, rows: Columns) -> Floats:
        """Return the target of that name of each row's application; infinity without one."""
        slos = [self._slos.get(name) for name in self._texts.names]
        return np.array([(slo and getattr(slo, target)) or np.inf for slo in slos], dtype=np.float64)[rows["app"]]

    def _slow(self, rows: Columns, closed_s: float) -> Flags:
        """Return which sequences took too many times as long as alone, or are overdue."""
        arrival, first, last = rows["arrival_s"], rows["first_s"], rows["last_s"]
        alone_first, alone_last = rows["alone_first_s"], rows["alone_last_s"]
        by_now = np.where(np.isnan(first), closed_s, first)
        slow: Flags = by_now > arrival + self._targets("ttft_slowdown", rows) * alone_first + 4 * np.spacing(by_now)
        by_now = np.where(np.isnan(last), closed_s, last)
        slow |= by_now > arrival + self._targets("latency_slowdown", rows) * alone_last + 4 * np.spacing(by_now)
        later_s = np.maximum(alone_last - alone_first, _TINY)  # nothing of one token: infinity times that is a number
        slow |= last - first > self._targets("tpot_slowdown", rows) * later_s + 4 * np.spacing(last)
        return slow
