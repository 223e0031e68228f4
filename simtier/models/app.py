"""Applications: the stages a request goes through, from its arrival to its one outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

from simtier.clock import Clock
from simtier.contract import Policy
from simtier.journal import Journal
from simtier.models.network import Network
from simtier.models.outcomes import OutcomeFacade
from simtier.models.tables import OUTCOMES
from simtier.models.visit import Visit

if TYPE_CHECKING:
    from simtier.models.stage import Stage

NEVER = float("inf")
SALT_BITS = 26
NAN = float("nan")


class App:
    """An application at run time.

    Args:
        name, priority: as in the scenario.
        response_bytes: sent back to the source after the last stage.
        timeout_s: the client gives up after this long; infinity for never.
    """

    def __init__(
        self,
        name: str,
        clock: Clock,
        network: Network,
        journal: Journal,
        response_bytes: float = 0.0,
        timeout_s: float = NEVER,
        priority: float = 0.0,
    ) -> None:
        self.name = name
        self.clock = clock
        self.priority = priority
        self.alive: dict[int, Visit] = {}
        """Requests without an outcome, by number, each by its first visit."""
        self.record = journal.tables["requests"].append
        self.outcomes = {name: journal.code(name) for name in OUTCOMES}
        self._network = network
        self._response_bytes = response_bytes
        self._timeout_s = timeout_s
        self._timeouts: dict[int, Any] = {}
        self._open_ends: dict[int, int] = {}
        self._joins: dict[int, dict[Stage, Visit]] = {}
        self._waiting: dict[int, dict[Visit, Waiter]] = {}
        self._salts = count()
        self._salt = self.new_salt()
        self._observers: list[tuple[Callable[..., Any], Policy]] = []

    def new_salt(self) -> int:
        """Return a number to mix into request numbers: its bits lie above the first 67 million counts of a source."""
        return (next(self._salts) % 64) << SALT_BITS

    def prepare(self, first_stages: Sequence[Stage], ends: int, *, forks: bool, closes_s: float) -> None:
        """Take the finished graph of stages: where requests enter, how many stages end it, whether any has several after it.

        `closes_s` is when the run ends.
        """
        self.first_stages = first_stages
        self.respond = self._responder(closes_s)
        self._forks = forks or len(first_stages) > 1
        self._entry_salts = {stage: self.new_salt() for stage in first_stages}
        self._ends = ends
        # Whether nothing happens at a request's end but its row: no timeout to cancel, no branch to wait for, no policy that observes.
        self._unwatched = not self.revocable and ends == 1 and not self._observers

    @property
    def plain(self) -> bool:
        """Whether a request enters one stage and nothing else is to be done at its arrival."""
        return len(self.first_stages) == 1 and self._ends == 1 and self._timeout_s == NEVER

    @property
    def revocable(self) -> bool:
        """Whether a request may be over while some of its visits are not: given up by its client, or ended on another branch."""
        return self._forks or self._timeout_s != NEVER

    def observe(self, ask: Callable[..., Any], policy: Policy) -> None:
        """Let `policy` hear of every finished request from now on; before the run begins."""
        self._observers.append((ask, policy))
        self._unwatched = False

    def begin(self, first: Visit) -> None:
        """Let a request enter: its first visit goes to the first stage, and others like it to the other first stages."""
        if self._timeout_s != NEVER:
            self._timeouts[first.id] = self.clock.call_in(self._timeout_s, self._time_out, first)
        if self._ends != 1:
            self._open_ends[first.id] = self._ends
        first.stage.enter(first)
        for stage in self.first_stages[1:]:
            if first.id not in self.alive:
                return
            stage.enter(first.onward(stage, stage.whole, first.nbytes, self.clock.now, self._entry_salts[stage]))

    def _responder(self, closes_s: float) -> Callable[[Visit], None]:
        """Return `respond`, with what it needs in local variables: every request of most runs ends here."""
        clock, alive, record, ok = self.clock, self.alive, self.record, self.outcomes["ok"]

        def respond(visit: Visit) -> None:
            origin = visit.origin
            now = clock.now
            delay = origin.delays.get(visit.at)
            if delay is not None and now + delay < closes_s:
                # Nothing can happen to an answer that is only delayed, and nobody waits for it: its end is known now.
                del alive[visit.id]
                record((visit.id, origin.tag, visit.arrival_s, now, now + delay, ok))
            elif visit.id in alive and self._is_last(visit):
                self._send_home(visit)

        return respond

    def end(self, outcome: str, visit: Visit) -> None:
        """Give a request its outcome now, if it has none yet."""
        first = self.alive.pop(visit.id, None)
        if first is None:
            return
        now = self.clock.now
        self._forget(visit.id)
        self._write(first, outcome, now)
        seen = OutcomeFacade(first, visit, outcome, now)
        for ask, policy in self._observers:
            ask(policy.observe, seen)
        if visit.origin.on_end is not None:
            visit.origin.on_end(visit)

    def close(self) -> None:
        """Write down the requests that have no outcome at the end of the run."""
        for first in self.alive.values():
            self._write(first, "unfinished", NAN)

    def joins_of(self, number: int) -> dict[Stage, Visit]:
        """Return the visits of request `number` that wait for several inputs, by stage."""
        return self._joins.setdefault(number, {})

    def waits(self, visit: Visit, waiter: Waiter) -> None:
        """Note where a visit waits, so that it can leave if its request ends; only for revocable requests."""
        self._waiting.setdefault(visit.id, {})[visit] = waiter

    def waits_no_more(self, visit: Visit) -> None:
        """Forget where a visit waited: its turn has come."""
        self._waiting.get(visit.id, {}).pop(visit, None)

    def _is_last(self, visit: Visit) -> bool:
        if self._ends == 1:
            return True
        self._open_ends[visit.id] -= 1
        return self._open_ends[visit.id] == 0

    def _send_home(self, visit: Visit) -> None:
        self.alive[visit.id].served_s = self.clock.now
        path = self._network.path(visit.at, visit.origin.node)
        if path.delay_only and self._unwatched and visit.origin.on_end is None:
            visit.origin.delays[visit.at] = path.latency_s
        path.send(visit.id ^ self._salt, visit.id, self._response_bytes, self._answered, visit, self._lost)

    def _write(self, first: Visit, outcome: str, end_s: float) -> None:
        origin = first.origin
        served_s = getattr(first, "served_s", NAN)
        self.record((first.id, origin.tag, first.arrival_s, served_s, end_s, self.outcomes[outcome]))

    def _forget(self, number: int) -> None:
        """Let go of what is kept of a request that is over."""
        timeout = self._timeouts.pop(number, None)
        if timeout is not None and timeout[0] > self.clock.now:
            self.clock.cancel(timeout)
        self._open_ends.pop(number, None)
        # First everything of this request goes, then who had it may turn to others: they must not find it half gone.
        waiters: list[Waiter] = []
        for visit in self._joins.pop(number, {}).values():
            if visit.inputs > 0 and hasattr(visit, "replica"):
                visit.inputs = 0  # what is still on its way will find nobody waiting
                visit.replica.in_flight -= 1
                waiters.append(visit.replica)
        for visit, waiter in self._waiting.pop(number, {}).items():
            waiter.leave(visit)
            waiters.append(waiter)
        for waiter in waiters:
            waiter.has_less()

    def _answered(self, visit: Visit) -> None:
        self.end("ok", visit)

    def _lost(self, visit: Visit) -> None:
        self.end("dropped", visit)

    def _time_out(self, first: Visit) -> None:
        self.end("timed_out", first)


class Waiter(Protocol):
    """Who lets visits wait: a service, or a replica."""

    def leave(self, visit: Visit) -> None:
        """Let a waiting visit go, for its request is over; nothing else happens yet."""

    def has_less(self) -> None:
        """Do what one request less allows."""


class Origin:
    """One source node of one workload: makes its requests. To be built once its app is prepared.

    `rows` holds what a trace tells of each request, in their order; None for requests of no trace.

    Attributes:
        nbytes: bytes a request brings.
        target_s: SLO target, infinity without one.
        first_target_s, token_target_s: targets for the first token, and for the mean time per token after it; infinity without one.
        tag: the journal's number for app, workload and source.
        delays: how long answers need from nodes that only a delay parts from here; empty while somebody watches for them.
        arrive: lets the request of that number enter the system now.
        on_end: called with the last visit of each finished request; None if nobody waits (open workloads).
    """

    __slots__ = (
        "app",
        "arrive",
        "delays",
        "first_target_s",
        "nbytes",
        "node",
        "on_end",
        "tag",
        "target_s",
        "token_target_s",
        "workload",
    )

    def __init__(
        self,
        app: App,
        workload: str,
        node: str,
        nbytes: float,
        target_s: float,
        journal: Journal,
        rows: Iterator[tuple[float, ...]] | None = None,
        token_targets_s: tuple[float, float] = (NEVER, NEVER),
    ) -> None:
        self.app = app
        self.workload = workload
        self.node = node
        self.nbytes = nbytes
        self.target_s = target_s
        self.first_target_s, self.token_target_s = token_targets_s
        self.tag = journal.tag("requests", app.name, workload, node, target_s)
        self.delays: dict[str, float] = {}
        self.on_end: Callable[[Visit], object] | None = None
        self.arrive = self._arrivals() if rows is None else self._replayed(rows)

    def _replayed(self, rows: Iterator[tuple[float, ...]]) -> Callable[[int], None]:
        """Return `arrive` for the requests of a trace, which arrive in its order."""
        arrive = self._arrivals()

        def arrive_traced(number: int) -> None:
            arrive(number, next(rows))

        return arrive_traced

    def _arrivals(self) -> Callable[..., None]:
        """Return `arrive`, with what it needs in local variables: every request of every run begins here."""
        clock, alive, first, node, nbytes = (
            self.app.clock,
            self.app.alive,
            self.app.first_stages[0],
            self.node,
            self.nbytes,
        )
        part, begin = first.whole, first.enter if self.app.plain else self.app.begin

        def arrive(number: int, traced: tuple[float, ...] = ()) -> None:
            visit = alive[number] = Visit()
            visit.id = number
            visit.origin = self
            visit.arrival_s = visit.sent_s = clock.now
            visit.stage = first
            visit.part = part
            visit.at = node
            visit.nbytes = nbytes
            visit.traced = traced
            begin(visit)

        return arrive
