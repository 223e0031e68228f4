"""A replica whose requests are sequences of tokens, which an engine serves iteration by iteration.

Assumptions: a client that gives up is noticed while its sequence waits for its first iteration; later the sequence runs to its end in vain. A
request whose tokens are more than the model's context, or need more blocks than there are, is rejected when it arrives. A sequence that goes on
elsewhere counts as in flight here until its keys and values have left.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from simtier.models.llm.ears import Ears
from simtier.models.llm.engine import Engine
from simtier.models.llm.estimates import alone_times
from simtier.models.llm.fetching import fetch_prefix
from simtier.models.llm.hand_over import HandOver
from simtier.models.llm.lanes import Lanes
from simtier.models.llm.moving import Moving
from simtier.models.llm.on_way import OnWay
from simtier.models.llm.replica_view import EngineReplicaFacade
from simtier.models.llm.sequence import LlmSequence
from simtier.models.llm.tokens import TokenTimer
from simtier.models.replica import Replica
from simtier.models.visit import Visit

if TYPE_CHECKING:
    from simtier.models.llm.draw import Draw

NAN = float("nan")
EngineMaker = Callable[["LlmReplica"], Engine | Lanes]


class LlmReplica(Replica):
    """One engine on accelerators of its own.

    Args:
        make_engine: makes the engine, given the replica, and gives it the replica's `draw`.

    Attributes:
        draw: what its accelerators draw, and their clock.
        too_long: requests that were rejected for they are longer than the context, or than all blocks.
    """

    draw: Draw

    def __init__(self, *args: Any, make_engine: EngineMaker) -> None:
        super().__init__(*args)
        self.engine = make_engine(self)
        self._cost = self.engine.cost  # at the highest clock
        self.view = EngineReplicaFacade(self)
        self.on_way = OnWay(self)
        self.iteration_s = 0.0  # of the latest iteration
        self.too_long = 0
        lanes = len(self.engine.engines) if isinstance(self.engine, Lanes) else 1
        self._part = 1 / lanes
        self.moving = Moving(self)
        heralds = self.moving.begin if self.engine.handing.overlap else None
        self.engine.ears = Ears(self._wrote, self._refused, heralds)
        self._sequences: dict[Visit, LlmSequence] = {}
        self._rows = self.service.journal.tables["sequences"].append
        self._stretches = self.service.journal.tables["iterations"].append
        self._lanes = lanes
        self._tag_stretches()
        self._sequence_tags: dict[tuple[str, Any, str], int] = {}

    @property
    def running(self) -> int:  # type: ignore[override]  # the others keep a number
        """Sequences that hold blocks."""
        return len(self.engine.running)

    @property
    def queued(self) -> int:
        """Sequences that wait."""
        return len(self.engine.waiting)

    @property
    def slots_in_use(self) -> int:
        """1 while an iteration runs."""
        return 1 if self.engine.busy else 0

    def busy_slot_s(self) -> float:
        """Return how long iterations have run so far."""
        return self.edge_s + self.engine.elapsed_s

    def arrive(self, visit: Visit) -> None:
        """Hand a visit's sequence to the engine."""
        visit.queued_s = self.clock.now
        stage = visit.stage
        noted = self.on_way.take(visit)
        if stage.revocable and visit.id not in stage.app.alive:
            self._count_out(visit)
            self.has_less()
            return
        assert isinstance(stage.timer, TokenTimer)
        sequence = noted if noted is not None else stage.timer.sequence(visit, self.clock.now)
        sequence.queued_s = self.clock.now
        if getattr(visit, "later", ()) and sequence.total > 1:
            sequence.output, sequence.kept = 1, True
        too_long_for = self if not self.engine.can_hold(sequence) else self.moving.too_short(sequence)
        if too_long_for is not None:
            too_long_for.too_long += 1
            self.write(sequence, "rejected")
            self._count_out(visit)
            stage.app.end("rejected", visit)
            self.has_less()
            return
        if stage.revocable:
            stage.app.waits(visit, self)
            self._sequences[visit] = sequence
        self.engine.join(sequence)

    def sets_out(self, visit: Visit, then: Callable[[Visit], object]) -> None:
        """Hear that a visit is about to come here; call `then` when it can set out."""
        self.on_way.add(visit)
        if hasattr(visit, "fetch_from"):
            fetch_prefix(visit, visit.fetch_from, self, then)
        else:
            then(visit)

    def expect(self, hand: HandOver) -> None:
        """Take a sequence whose prompt was computed elsewhere, as soon as there is room for it."""
        self.moving.expect(hand)

    def leave(self, visit: Visit) -> None:
        """Let a sequence go whose request is over, if it has not begun; else it runs on in vain."""
        if hasattr(visit, "hand_over"):
            self.moving.leave(visit.hand_over)
            return
        sequence = self._sequences.pop(visit)
        if not sequence.began_s >= 0:
            self.engine.leave(sequence)
            self.write(sequence, "left")
            self._count_out(visit)

    def ended(self, sequence: LlmSequence) -> None:
        """Pass on a visit whose sequence has all its tokens."""
        visit: Visit = sequence.visit
        if self._sequences.pop(visit, None) is not None:
            visit.stage.app.waits_no_more(visit)
        if sequence.kept:
            self.moving.go_on(sequence)
            return
        self.write(sequence, "served" if visit.id in visit.stage.app.alive else "in_vain")
        visit.sequence = sequence
        if not hasattr(visit, "hand_over"):
            visit.started_s = sequence.began_s
        self.record(visit, visit.started_s, self.clock.now, sequence.busy_s * self.engine.devices, 1)
        self.served(visit)
        sequence.visit = None  # else both would hold each other, and stay until somebody looks for cycles

    def unfinished(self) -> list[tuple[Visit, float, int]]:
        """Return the visits that have begun, and write what is known of all."""
        self.engine.close()
        found = []
        for sequence in self.moving.leaving:
            self.write(sequence, "unfinished")
        stopped = [sequence for sequence, way in self.moving.underway.items() if way.stopped]
        for sequence in (*self.engine.running, *self.engine.waiting, *stopped):
            if sequence not in self.moving.leaving:
                self.write(sequence, "unfinished")
            if sequence.began_s >= 0:
                if not hasattr(sequence.visit, "hand_over"):
                    sequence.visit.started_s = sequence.began_s
                found.append((sequence.visit, sequence.busy_s * self.engine.devices, 1))
            else:
                self.record(sequence.visit, NAN, NAN, 0.0, 0)
        return found

    def _refused(self, sequence: LlmSequence) -> None:
        """End the request of a waiting sequence that the batching policy rejects, unless it has ended by what happened to another one."""
        visit: Visit = sequence.visit
        if visit.stage.revocable:
            if self._sequences.pop(visit, None) is None:
                return
            visit.stage.app.waits_no_more(visit)
        self.write(sequence, "rejected")
        self._count_out(visit)
        visit.stage.app.end("rejected", visit)
        self.has_less()

    def _dispatch(self) -> None:
        """Do nothing: the engine decides."""

    def write(self, sequence: LlmSequence, outcome: str) -> None:
        """Append a sequence's row with what became of it here."""
        visit: Visit = sequence.visit
        key = (visit.origin.workload, visit.stage, outcome)
        tag = self._sequence_tags.get(key)
        if tag is None:
            of = (visit.stage.app.name, visit.origin.workload, visit.stage.name, self.service.name, self.node.name)
            tag = self._sequence_tags[key] = self.service.journal.tag("sequences", *of, outcome)
        done = sequence.generated >= sequence.total
        self._rows(
            (
                visit.id,
                tag,
                self.id,
                sequence.prompt,
                sequence.generated,
                sequence.cached,
                sequence.preemptions,
                visit.arrival_s,
                sequence.queued_s,
                sequence.began_s,
                sequence.first_s,
                sequence.last_s if done else NAN,
                sequence.prompt_replica,
                sequence.delivered_s,
                sequence.moves,
                *self._alone_s(sequence),
            )
        )

    def _alone_s(self, sequence: LlmSequence) -> tuple[float, float]:
        if not sequence.visit.stage.timer.compared:
            return NAN, NAN
        return alone_times(self._cost, sequence.prompt, sequence.total)

    def _wrote(self, row: tuple[float, ...]) -> None:
        """Append what the engine tells of the iterations that have just ended."""
        took_s = (row[-1] - row[-3]) * self._part
        self.edge_s += took_s
        self.iteration_s = (row[-1] - row[-3]) / row[0]
        if self.service.waiting and row[2]:  # pieces of prompts: some may have ended
            self.clock.call_at(self.clock.now, lambda _: self.service.departed(self))
        if self.engine.blocks.total != self._blocks_told:  # some were lent, or given back
            self._tag_stretches()
        watts = self.draw.wrote(row[1] + row[3], took_s)
        self._stretches((self._stretch_tag, self.id, *row, watts))

    def _tag_stretches(self) -> None:
        """Note what all rows of iterations have in common from now on."""
        self._blocks_told = self.engine.blocks.total
        where = (self.service.name, self.node.name, self.device.name if self.device is not None else "cpu")
        self._stretch_tag = self.service.journal.tag("iterations", *where, self._blocks_told, self._lanes)
