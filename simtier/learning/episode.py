"""One replication of a scenario that stops at each question, until it has the answer.

The simulation runs in a greenlet of its own: who is asked inside of it switches to the one outside, and is given the action when that
switches back. Between two questions the simulation runs as fast as ever; there are no threads.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa
from greenlet import getcurrent, greenlet

from simtier.journal import Journal, Sink
from simtier.learning.account import Account
from simtier.learning.asked import asked_policy
from simtier.learning.decisions import Decision, Observation
from simtier.learning.reward import Earned
from simtier.models.tables import TABLES
from simtier.scenario import Scenario
from simtier.streams import Streams
from simtier.world import World
from simtier.world.traces import TraceShelf


@dataclass(frozen=True)
class Subject:
    """What is decided about.

    Attributes:
        scenario: what is played, resolved.
        shelf: its traces.
        owner: who has the policy: a service, or a stage as "app.stage".
        decision: what is seen, and what can be answered.
    """

    scenario: Scenario
    shelf: TraceShelf
    owner: str
    decision: Decision


class Forgetful:
    """A sink that keeps nothing: an episode leaves no tables."""

    def write(self, table: str, batch: pa.RecordBatch) -> None:
        """Take a batch and forget it."""


class Outside:
    """The agent of the policy inside: hands what it sees to whoever plays the episode, and comes back with the action."""

    def predict(self, observation: Observation) -> Any:
        """Return the action."""
        player = getcurrent().parent
        assert player is not None
        return player.switch(observation)


class Episode:
    """One replication, from its begin to its end.

    Args:
        subject: what is decided about.
        seed, replication: of the random numbers.
        sink: takes the tables; forgets them if not given.
    """

    def __init__(self, subject: Subject, seed: int, replication: int, sink: Sink | None = None) -> None:
        self._subject = subject
        journal = self._journal = Journal(TABLES, sink or Forgetful(), replication)
        self._account = Account(subject.scenario, journal)
        policy = asked_policy(subject.decision, Outside())
        agents = {(subject.decision.kind, subject.owner): policy}
        streams = Streams(seed, replication)
        self._world = World(subject.scenario, journal, streams, subject.shelf, agents=agents)
        self._account.watch(self._world)
        self._greenlet = greenlet(partial(_play, self._world, journal))

    @property
    def over(self) -> bool:
        """Whether the run has ended, or was given up."""
        return bool(self._greenlet.dead)

    @property
    def now_s(self) -> float:
        """Simulated time."""
        return self._world.clock.now

    def go_on(self, action: Any = None) -> Observation | None:
        """Give the answer to the question before, if there was one, and return the next question's; None if the run has ended.

        Raises what the simulation raises; it is over then.
        """
        self._greenlet.parent = getcurrent()
        observation: Observation | None = self._greenlet.switch(action) if self._greenlet else self._greenlet.switch()
        return observation

    def earned(self) -> Earned:
        """Return what happened since this was asked last."""
        return self._account.since()

    def close(self) -> str:
        """Close the books when the run has ended; return its fingerprint, as in `replications` of a result."""
        self._world.close()
        self._account.close()
        return hashlib.sha256(self._journal.fingerprint().encode()).hexdigest()

    def give_up(self) -> None:
        """End it where it is: the simulation is unwound, and let go."""
        if self._greenlet:
            self._greenlet.parent = getcurrent()
            self._greenlet.throw()


def _play(world: World, journal: Journal) -> None:
    """Run to the end.

    Not a method: what the frames of a greenlet refer to is hidden from Python's cycle collector, so they must not lead back to it.
    """

    def pulse() -> bool:
        journal.flush_full()
        return False

    world.play(pulse)
