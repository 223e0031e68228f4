"""Stages: what a request needs at one step, and what comes after it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from simtier.models.llm.tokens import TokenTimer
from simtier.models.visit import Part, Server, Visit

if TYPE_CHECKING:
    from simtier.models.app import App
    from simtier.models.timers import Timer


class Stage:
    """One step of an application, run by one service.

    Attributes:
        nexts: stages that get this one's output, each with the salt of the message to it.
        needs: how many stages hand it their output; above 1 it is a join and waits for all.
        joins: True if `needs` is above 1.
        original: the first of the stage's copies: what all of them share batches by.
        revocable: see `App.revocable`.
        tokens: how many tokens its requests have; None where they have none.
        enter: begins this stage with a new visit to its whole.
        leave: goes on after a replica has served a visit.
    """

    enter: Callable[[Visit], None]
    leave: Callable[[Visit], None]

    def __init__(self, name: str, app: App, timer: Timer, whole: Part, output_bytes: float) -> None:
        self.name = name
        self.app = app
        self.timer = timer
        self.tokens = timer if isinstance(timer, TokenTimer) else None
        self.whole = whole
        self.output_bytes = output_bytes
        self.original: Stage = self
        self.seconds = timer.seconds
        self.batch_seconds = timer.batch_seconds
        self._clock = app.clock

    @property
    def services(self) -> Sequence[Server]:
        """The services that may run it, or parts of it."""
        return (self.whole.service,)

    def connect(self, nexts: tuple[Stage, ...], needs: int, late_s: float = 0.0) -> None:
        """Take this stage's place in the graph; it begins `late_s` after its inputs are there."""
        self.nexts = tuple((stage, self.app.new_salt()) for stage in nexts)
        self.needs = needs
        self.joins = needs > 1
        enter = self._gather if self.joins else self._entrance()
        self.enter = self._later(enter, late_s) if late_s else enter

    def _later(self, enter: Callable[[Visit], None], late_s: float) -> Callable[[Visit], None]:
        """Return what does `enter` so much later, unless the request is over by then."""

        def begin(visit: Visit) -> None:
            if visit.id in self.app.alive:
                visit.sent_s = self._clock.now
                enter(visit)

        def wait(visit: Visit) -> None:
            self._clock.call_in(late_s, begin, visit)

        return wait

    def settle(self) -> None:
        """Look once at the finished application."""
        self.revocable = self.app.revocable
        self.done = self._hand_on if self.nexts else self.app.respond
        self.leave = self._exit()

    def _entrance(self) -> Callable[[Visit], None]:
        """Return what a visit with a single input does first."""
        return self.whole.service.take

    def _exit(self) -> Callable[[Visit], None]:
        """Return what happens to a visit whose service has ended."""
        return self.done if self.tokens is None else self._answered

    def _answered(self, visit: Visit) -> None:
        """Note a visit's tokens where they are found at the request's end, and go on."""
        first = self.app.alive.get(visit.id)
        if first is not None and not hasattr(first, "answer"):
            first.answer = visit.sequence
        self.done(visit)

    def _hand_on(self, visit: Visit) -> None:
        """Hand the output to the next stages."""
        for stage, salt in self.nexts:
            if self.revocable and visit.id not in self.app.alive:
                return  # over, perhaps by what just happened on another branch
            stage.enter(visit.onward(stage, stage.whole, self.output_bytes, self._clock.now, salt))

    # -- joins: a replica is chosen at the first input; every input travels there on its own

    def _gather(self, arrived: Visit) -> None:
        """Take one of several inputs: the first becomes the visit that waits for the others."""
        waiting = self.app.joins_of(arrived.id)
        visit = waiting.get(self)
        if visit is None:
            waiting[self] = arrived
            arrived.inputs = self.needs
            arrived.inbox = ((arrived.at, arrived.nbytes, arrived.salt),)
            self._admit_join(arrived)
        elif hasattr(visit, "replica"):
            self._send_input(visit, arrived.at, arrived.nbytes, arrived.salt)
        else:
            visit.inbox += ((arrived.at, arrived.nbytes, arrived.salt),)

    def _admit_join(self, visit: Visit) -> None:
        """Have a replica chosen for a visit that waits for its inputs."""
        visit.part.service.consider(visit)

    def send_inputs(self, visit: Visit) -> None:
        """Send the inputs that are there to the replica just chosen."""
        for at, nbytes, salt in visit.inbox:
            self._send_input(visit, at, nbytes, salt)

    def _send_input(self, visit: Visit, at: str, nbytes: float, salt: int) -> None:
        replica = visit.replica
        replica.way_from(at).send(visit.id ^ salt, visit.id, nbytes, self._input_arrived, visit, replica.service.lost)

    def _input_arrived(self, visit: Visit) -> None:
        visit.inputs -= 1
        if visit.inputs == 0:
            visit.replica.arrive(visit)
