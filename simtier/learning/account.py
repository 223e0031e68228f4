"""Counts, while a run goes on, what its result will say: requests in time and not, and what replicas cost.

Rows are looked at on their way into the journal, and no policy observes, so that the run takes the same course with and without.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache
from heapq import heappop, heappush
from typing import Any

from simtier.journal import Journal, TableSpec
from simtier.learning.reward import Earned
from simtier.models.replica import Replica
from simtier.models.tables import TABLES
from simtier.scenario import Scenario
from simtier.scenario.services import TOKEN_TARGETS, Slo
from simtier.world import World

Row = tuple[float, ...]
_ULPS = 4  # a latency of exactly the target may come out an ulp or two above it, as simtier.metrics.requests says
_NONE = Earned(0, 0, 0.0, 0.0)


class Account:
    """What happened so far in one replication. To be made before its world, and shown it once that is made.

    Args:
        scenario: what is played.
        journal: of the replication.
    """

    def __init__(self, scenario: Scenario, journal: Journal) -> None:
        self._run = scenario.run
        self._slos = {name: app.slo for name, app in scenario.apps.items()}
        self._stages = {
            name: sum(stage.copies for stage in app.stages.values() if stage.tokens is not None)
            for name, app in scenario.apps.items()
        }
        self._prices = {name: service.price for name, service in scenario.services.items()}
        self._journal = journal
        self._ended: list[tuple[float, bool]] = []
        """Requests that have ended, or will at a time that is known: when, and whether in time."""
        self._unfinished: list[Row] = []
        self._sequences: dict[int, list[Mapping[str, float]]] = {}
        self._alive: list[tuple[Replica, float]] = []
        """Replicas that cost something, each with the time from which it is counted."""
        self._gone_dollars = 0.0
        self._met = self._missed = 0
        self._before = _NONE
        self._outcome = cache(journal.text)
        self._origin = cache(self._of_tag)
        self._listen("requests", self._request)
        if any(slo is not None and any(getattr(slo, name) for name in TOKEN_TARGETS) for slo in self._slos.values()):
            self._places = places(TABLES["sequences"])
            self._listen("sequences", self._sequence)

    def watch(self, world: World) -> None:
        """Count the replicas of `world`, from its first instant on."""
        self._world = world
        for replica in world.replicas.made:
            self._born(replica)
        world.replicas.heard_by.append(self._born)

    def since(self) -> Earned:
        """Return what happened since this was asked last."""
        now_s = self._world.clock.now
        while self._ended and self._ended[0][0] <= now_s:
            if heappop(self._ended)[1]:
                self._met += 1
            else:
                self._missed += 1
        total, before = Earned(self._met, self._missed, self._dollars(now_s), now_s), self._before
        self._before = total
        return Earned(
            total.met - before.met,
            total.missed - before.missed,
            total.dollars - before.dollars,
            total.seconds - before.seconds,
        )

    def close(self) -> None:
        """Judge what is unfinished; to be called when the world is closed."""
        closed_s = self._world.until_s
        for row in self._unfinished:
            app, target_s = self._origin(int(row[1]))
            late, told = self._tokens(int(row[0]), app, closed_s)
            slo = self._slos[app]
            awaited = slo is not None and told < self._stages[app] and row[2] + (slo.ttft or math.inf) <= closed_s
            if late or awaited or row[2] + target_s <= closed_s:
                heappush(self._ended, (closed_s, False))

    # -- requests

    def _listen(self, table: str, hear: Callable[[Row], None]) -> None:
        """Let `hear` see every row of `table` on its way into the journal."""
        append = self._journal.tables[table].append

        def heard(row: Row) -> None:
            append(row)
            hear(row)

        self._journal.tables[table].append = heard

    def _of_tag(self, tag: int) -> tuple[str, float]:
        """Return the application and the target (s) that a tag of the requests table stands for."""
        coded = list(self._journal.tables["requests"].tags)[tag]
        return self._journal.text(int(coded[0])), coded[3]

    def _request(self, row: Row) -> None:
        number, tag, arrival_s, _, end_s, code = row
        if arrival_s < self._run.warmup:
            self._sequences.pop(int(number), None)
            return
        outcome = self._outcome(int(code))
        if outcome == "unfinished":
            self._unfinished.append(row)
            return
        app, target_s = self._origin(int(tag))
        late, _ = self._tokens(int(number), app, self._world.until_s)
        in_time = outcome == "ok" and end_s <= arrival_s + target_s + _ULPS * math.ulp(end_s) and not late
        heappush(self._ended, (end_s, in_time))

    def _sequence(self, row: Row) -> None:
        values = {name: row[place] for name, place in self._places.items()}
        self._sequences.setdefault(int(row[0]), []).append(values)

    def _tokens(self, number: int, app: str, closed_s: float) -> tuple[bool, int]:
        """Return whether a request missed a target for its tokens, and how many of its sequences have a first one."""
        slo, sequences = self._slos[app], self._sequences.pop(number, [])
        if slo is None:
            return False, 0
        late = any(missed_tokens(slo, each, closed_s) for each in sequences)
        return late, sum(not math.isnan(each["first_s"]) for each in sequences)

    # -- replicas

    def _born(self, replica: Replica) -> None:
        if self._prices[replica.service.name]:
            self._alive.append((replica, max(self._world.clock.now, self._run.warmup)))

    def _dollars(self, now_s: float) -> float:
        """Return what replicas have cost by now, from the warm-up on."""
        staying, dollars = [], 0.0
        for replica, from_s in self._alive:
            gone = replica.state == "gone"
            cost = max((replica.since_s if gone else now_s) - from_s, 0.0) * self._prices[replica.service.name]
            if gone:
                self._gone_dollars += cost
            else:
                dollars += cost
                staying.append((replica, from_s))
        self._alive = staying
        return self._gone_dollars + dollars


def missed_tokens(slo: Slo, sequence: Mapping[str, Any], closed_s: float) -> bool:
    """Return whether a sequence missed a target for tokens, or is overdue at `closed_s`; see simtier.metrics.answers."""
    arrival, first, last = sequence["arrival_s"], sequence["first_s"], sequence["last_s"]
    alone_first, alone_last = sequence["alone_first_s"], sequence["alone_last_s"]
    first_by_now = closed_s if math.isnan(first) else first
    last_by_now = closed_s if math.isnan(last) else last
    gaps, later_s = max(sequence["output_tokens"] - 1, 1), max(alone_last - alone_first, 1e-30)
    limits = (
        (slo.ttft, first - arrival, 1.0, first),
        (slo.tpot, last - first, gaps, last),
        (slo.ttft_slowdown, first_by_now - arrival, alone_first, first_by_now),
        (slo.latency_slowdown, last_by_now - arrival, alone_last, last_by_now),
        (slo.tpot_slowdown, last - first, later_s, last),
    )
    return any(target is not None and took > target * unit + _ULPS * math.ulp(at) for target, took, unit, at in limits)


def places(spec: TableSpec) -> dict[str, int]:
    """Return where each column that is not tagged stands in a row of its table; tagged ones share one place."""
    found: dict[str, int] = {}
    place = 0
    for column in spec.columns:
        if not column.tagged:
            found[column.name] = place
        if not column.tagged or column is spec.tagged[-1]:
            place += 1
    return found
