"""Stages: what a request needs at one step, and what comes after it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from simtier.models.request import Part, Request, Visit
from simtier.streams import BLOCK_BITS, BLOCK_MASK, Draws

if TYPE_CHECKING:
    from simtier.models.app import App
    from simtier.models.replica import Replica


class Timer(Protocol):
    """How long a stage takes on a replica."""

    def typical_s(self, replica: Replica) -> float:
        """Return the mean service time of the whole stage on `replica`, alone."""

    def seconds(self, visit: Visit, replica: Replica) -> float:
        """Return the service time of one visit, alone."""

    def batch_seconds(self, batch: Sequence[Visit], replica: Replica) -> float:
        """Return the service time of a batch of visits to the same part."""


class Stage:
    """One step of an application, run by one service.

    Attributes:
        nexts: stages that get this one's output.
        needs: how many stages hand it their output; above 1 it is a join and waits for all.
        joins: True if `needs` is above 1.
        enter: begins this stage for a request whose input of so many bytes lies on the node named.
        leave: goes on after a replica has served a visit.
    """

    enter: Callable[[Request, str, float], None]
    leave: Callable[[Visit], None]

    def __init__(self, name: str, app: App, timer: Timer, whole: Part, output_bytes: float) -> None:
        self.name = name
        self.app = app
        self.timer = timer
        self.whole = whole
        self.output_bytes = output_bytes
        self.seconds = timer.seconds
        self.batch_seconds = timer.batch_seconds
        self._clock = app.clock

    def connect(self, nexts: tuple[Stage, ...], needs: int) -> None:
        """Take this stage's place in the graph."""
        self.nexts = nexts
        self.needs = needs
        self.joins = needs > 1
        self.enter = self._gather if self.joins else self._enter
        self.done = self._hand_on if nexts else self.app.respond
        self.leave = self._after()

    def _after(self) -> Callable[[Visit], None]:
        """Return what happens to a visit whose service has ended."""
        return self.done

    def _enter(self, request: Request, at: str, nbytes: float) -> None:
        part = self.whole
        part.service.take(Visit(request, self, part, at, nbytes, self._clock.now))

    def _hand_on(self, visit: Visit) -> None:
        """Hand the output to the next stages."""
        if not visit.request.over:
            for stage in self.nexts:
                stage.enter(visit.request, visit.at, self.output_bytes)

    # -- joins: a replica is chosen at the first input; every input travels there on its own

    def _gather(self, request: Request, at: str, nbytes: float) -> None:
        if not hasattr(request, "joins"):
            request.joins = {}
        visit = request.joins.get(self)
        if visit is None:
            visit = request.joins[self] = Visit(request, self, self.whole, at, nbytes, self._clock.now)
            visit.inputs = self.needs
            visit.later = ((at, nbytes),)
            self.whole.service.take(visit)
        elif hasattr(visit, "replica"):
            self._send_input(visit, at, nbytes)
        else:
            visit.later += ((at, nbytes),)

    def send_inputs(self, visit: Visit) -> None:
        """Send the inputs that are there to the replica just chosen."""
        for at, nbytes in visit.later:
            self._send_input(visit, at, nbytes)

    def _send_input(self, visit: Visit, at: str, nbytes: float) -> None:
        replica = visit.replica
        path = replica.paths.get(at) or replica.service.path_to(replica, at)
        path.send(visit.request.id, visit.request.id, nbytes, self._input_arrived, visit, replica.service.lost)

    def _input_arrived(self, visit: Visit) -> None:
        visit.inputs -= 1
        if visit.inputs == 0:
            visit.replica.arrive(visit)


class ConstantTimer:
    """The same time for every request, divided by the node's speed; batches as in DrawnTimer."""

    def __init__(self, time_s: float, batch_cost: float) -> None:
        self._time_s = time_s
        self._batch_cost = batch_cost

    def typical_s(self, replica: Replica) -> float:
        return self._time_s / replica.node.speed

    def seconds(self, visit: Visit, replica: Replica) -> float:
        return self._time_s / replica.node.speed

    def batch_seconds(self, batch: Sequence[Visit], replica: Replica) -> float:
        return self._time_s / replica.node.speed * (1 + self._batch_cost * (len(batch) - 1))


class DrawnTimer:
    """A time drawn for each request, divided by the node's speed.

    A batch takes its longest time plus `batch_cost` times the other times: 1 is one after the other, 0 fully in parallel.
    """

    def __init__(self, draws: Draws, mean_s: float, batch_cost: float) -> None:
        self._draws = draws
        self._mean_s = mean_s
        self._batch_cost = batch_cost

    def typical_s(self, replica: Replica) -> float:
        return self._mean_s / replica.node.speed

    def seconds(self, visit: Visit, replica: Replica) -> float:
        # Draws.__call__ without the call: every request of most runs comes by here.
        index, draws = visit.request.id, self._draws
        if index >> BLOCK_BITS != draws.block:
            draws.load(index >> BLOCK_BITS)
        return draws.values[index & BLOCK_MASK] / replica.node.speed

    def batch_seconds(self, batch: Sequence[Visit], replica: Replica) -> float:
        times = [self.seconds(visit, replica) for visit in batch]
        longest = max(times)
        return longest + self._batch_cost * (sum(times) - longest)
