"""Applications: the stages a request goes through, from its arrival to its one outcome."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from simtier.clock import Clock
from simtier.contract import Policy
from simtier.journal import Journal
from simtier.models.network import Network
from simtier.models.request import Request, Visit
from simtier.models.stage import Stage
from simtier.models.tables import OUTCOMES
from simtier.models.views import OutcomeFacade


class App:
    """An application at run time.

    Args:
        name, priority: as in the scenario.
        response_bytes: sent back to the source after the last stage.
        timeout_s: the client gives up after this long; infinity for never.
        observers: policies that want to hear of every finished request.
    """

    def __init__(
        self,
        name: str,
        clock: Clock,
        network: Network,
        journal: Journal,
        response_bytes: float = 0.0,
        timeout_s: float = float("inf"),
        priority: float = 0.0,
    ) -> None:
        self.name = name
        self.clock = clock
        self.priority = priority
        self.alive: dict[int, Request] = {}
        self.finished = 0
        self.observers: list[tuple[Callable[..., Any], Policy]] = []
        self._network = network
        self._record = journal.tables["requests"].append
        self._outcomes = {name: journal.code(name) for name in OUTCOMES}
        self._ok = self._outcomes["ok"]
        self._response_bytes = response_bytes
        self._timeout_s = timeout_s
        self._paths: dict[tuple[str, str], Any] = {}

    def prepare(self, first_stages: Sequence[Stage], ends: int, *, joins: bool, closes_s: float) -> None:
        """Take the finished graph of stages: where requests enter, how many stages end it, whether any joins."""
        self.first_stages = first_stages
        self.ends = ends
        self._joins = joins
        self.closes_s = closes_s
        self._unwatched = not self.observers and self._timeout_s == float("inf")

    def entry(self) -> Callable[[Request, str, float], None]:
        """Return what lets a request in: the only first stage itself if nothing else is to be done."""
        plain = len(self.first_stages) == 1 and self.ends == 1 and self._timeout_s == float("inf")
        return self.first_stages[0].enter if plain else self.begin

    def observe(self, ask: Callable[..., Any], policy: Policy) -> None:
        """Let `policy` hear of every finished request from now on; before the run begins."""
        self.observers.append((ask, policy))
        self._unwatched = False

    def begin(self, request: Request, node: str, nbytes: float) -> None:
        """Let a request of `nbytes` on `node` enter the first stages."""
        if self._timeout_s != float("inf"):
            request.timeout = self.clock.call_in(self._timeout_s, self._time_out, request)
        request.open_ends = self.ends
        for stage in self.first_stages:
            stage.enter(request, node, nbytes)

    def respond(self, visit: Visit) -> None:
        """Send the answer home after a last stage; a DAG with several answers with the last of them."""
        request = visit.request
        if request.over:
            return
        if self.ends != 1:
            request.open_ends -= 1
            if request.open_ends:
                return
        now = self.clock.now
        request.served_s = now
        way = (visit.at, request.origin.node)
        path = self._paths.get(way) or self._path(way)
        if path.delay_only:
            end_s = now + path.latency_s
            if request.origin.on_end is None and self._unwatched and end_s < self.closes_s:
                # Nothing can happen to an answer that is only delayed, and nobody waits for it: its end is known now.
                self._write(request, self._ok, end_s)
                return
            self.clock.call_in(path.latency_s, self._answered, visit)
        else:
            path.send(request.id, request.id, self._response_bytes, self._answered, visit, self._lost)

    def end(self, request: Request, outcome: str, visit: Visit) -> None:
        """Give a request its outcome now, if it has none yet."""
        if request.over:
            return
        now = self.clock.now
        if self._timeout_s != float("inf") and outcome != "timed_out":
            self.clock.cancel(request.timeout)
        self._write(request, self._outcomes[outcome], now)
        if self.observers:
            seen = OutcomeFacade(request, visit, outcome, now)
            for ask, policy in self.observers:
                ask(policy.observe, seen)
        if request.origin.on_end is not None:
            request.origin.on_end(request)

    def close(self) -> None:
        """Write down the requests that have no outcome at the end of the run."""
        for request in list(self.alive.values()):
            self._write(request, self._outcomes["unfinished"], float("nan"))

    def _write(self, request: Request, outcome: int, end_s: float) -> None:
        request.over = True
        del self.alive[request.id]
        if self._joins:
            _forget_joins(request)
        self.finished += 1
        origin = request.origin
        self._record(
            (
                request.id,
                origin.tag,
                request.arrival_s,
                request.served_s,
                end_s,
                request.arrival_s + origin.target_s,
                outcome,
            )
        )

    def _path(self, way: tuple[str, str]) -> Any:
        path = self._paths[way] = self._network.path(*way)
        return path

    def _answered(self, visit: Visit) -> None:
        self.end(visit.request, "ok", visit)

    def _lost(self, visit: Visit) -> None:
        self.end(visit.request, "dropped", visit)

    def _time_out(self, request: Request) -> None:
        stage = self.first_stages[0]
        self.end(request, "timed_out", Visit(request, stage, stage.whole, request.origin.node, 0.0, self.clock.now))


def _forget_joins(request: Request) -> None:
    """Take visits that will never get all their inputs off their replicas' count."""
    for visit in getattr(request, "joins", {}).values():
        if visit.inputs > 0 and hasattr(visit, "replica"):
            visit.inputs = 0
            visit.replica.in_flight -= 1


class Origin:
    """One source node of one workload: makes its requests. To be built once its app is prepared.

    Attributes:
        nbytes: bytes a request brings.
        target_s: SLO target, infinity without one.
        on_end: called with each finished request; None if nobody waits (open workloads).
    """

    __slots__ = ("_alive", "_begin", "_clock", "app", "nbytes", "node", "on_end", "tag", "target_s", "workload")

    def __init__(self, app: App, workload: str, node: str, nbytes: float, target_s: float, journal: Journal) -> None:
        self.app = app
        self.workload = workload
        self.node = node
        self.nbytes = nbytes
        self.target_s = target_s
        self.tag = journal.tag("requests", app.name, workload, node)
        self.on_end: Callable[[Request], object] | None = None
        self._clock = app.clock
        self._alive = app.alive
        self._begin = app.entry()

    def arrive(self, number: int) -> None:
        """Let request `number` enter the system now."""
        request = self._alive[number] = Request(number, self, self._clock.now)
        self._begin(request, self.node, self.nbytes)
