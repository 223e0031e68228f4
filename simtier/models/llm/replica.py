"""A replica whose requests are sequences of tokens, which an engine serves iteration by iteration.

Assumptions: a client that gives up is noticed while its sequence waits for its first iteration; later the sequence runs to its end in vain. A
request whose tokens are more than the model's context, or need more blocks than there are, is rejected when it arrives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simtier.models.llm.engine import Engine
from simtier.models.llm.sequence import LlmSequence
from simtier.models.llm.tokens import TokenTimer
from simtier.models.replica import Replica
from simtier.models.visit import Visit

NAN = float("nan")
EngineMaker = Callable[["LlmReplica"], Engine]


class LlmReplica(Replica):
    """One engine on accelerators of its own.

    Args:
        make_engine: makes the engine, given the replica.
    """

    def __init__(self, *args: Any, make_engine: EngineMaker) -> None:
        super().__init__(*args)
        self.engine = make_engine(self)
        self.engine.wrote = self._wrote
        self._sequences: dict[Visit, LlmSequence] = {}
        self._rows = self.service.journal.tables["sequences"].append
        self._stretches = self.service.journal.tables["iterations"].append
        where = (self.service.name, self.node.name, self.device.name if self.device is not None else "cpu")
        self._stretch_tag = self.service.journal.tag("iterations", *where, self.engine.blocks.total)
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
        if stage.revocable and visit.id not in stage.app.alive:
            self._count_out(visit)
            self.has_less()
            return
        assert isinstance(stage.timer, TokenTimer)
        sequence = stage.timer.sequence(visit, self.clock.now)
        if not self.engine.can_hold(sequence):
            self._write(sequence, "rejected")
            self._count_out(visit)
            stage.app.end("rejected", visit)
            self.has_less()
            return
        if stage.revocable:
            stage.app.waits(visit, self)
            self._sequences[visit] = sequence
        self.engine.join(sequence)

    def leave(self, visit: Visit) -> None:
        """Let a sequence go whose request is over, if it has not begun; else it runs on in vain."""
        sequence = self._sequences.pop(visit)
        if not sequence.began_s >= 0:
            self.engine.leave(sequence)
            self._write(sequence, "left")
            self._count_out(visit)

    def ended(self, sequence: LlmSequence) -> None:
        """Pass on a visit whose sequence has all its tokens."""
        visit: Visit = sequence.visit
        if self._sequences.pop(visit, None) is not None:
            visit.stage.app.waits_no_more(visit)
        self._write(sequence, "served" if visit.id in visit.stage.app.alive else "in_vain")
        visit.started_s = sequence.began_s
        self.record(visit, sequence.began_s, self.clock.now, sequence.busy_s * self.engine.devices, 1)
        self.served(visit)

    def unfinished(self) -> list[tuple[Visit, float, int]]:
        """Return the visits that have begun, and write what is known of all."""
        self.engine.close()
        found = []
        for sequence in (*self.engine.running, *self.engine.waiting):
            self._write(sequence, "unfinished")
            if sequence.began_s >= 0:
                sequence.visit.started_s = sequence.began_s
                found.append((sequence.visit, sequence.busy_s * self.engine.devices, 1))
            else:
                self.record(sequence.visit, NAN, NAN, 0.0, 0)
        return found

    def _dispatch(self) -> None:
        """Do nothing: the engine decides."""

    def _write(self, sequence: LlmSequence, outcome: str) -> None:
        visit: Visit = sequence.visit
        key = (visit.origin.workload, visit.stage, outcome)
        tag = self._sequence_tags.get(key)
        if tag is None:
            of = (visit.stage.app.name, visit.origin.workload, visit.stage.name, self.service.name, self.node.name)
            tag = self._sequence_tags[key] = self.service.journal.tag("sequences", *of, outcome)
        done = sequence.generated >= sequence.output
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
            )
        )

    def _wrote(self, row: tuple[float, ...]) -> None:
        """Append what the engine tells of the iterations that have just ended."""
        self.edge_s += row[-1] - row[-3]
        self._stretches((self._stretch_tag, self.id, *row))
