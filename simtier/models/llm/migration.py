"""Live migration: a running sequence goes on at another replica, and hardly stops.

Its keys and values are copied in rounds while it decodes on: first all there are, then those that came in the meantime, until these are a
block or less. Then it stops at the end of the iteration under way, the rest is copied, and it goes on where they are. Llumnix (Sun et al.,
OSDI 2024, section 4.2). Its blocks there are reserved before each round; if there are too few, or if it ends, or is preempted, it stays.

Assumption: a client that gives up meanwhile is not noticed before the sequence has ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simtier.models.llm.replica import LlmReplica
    from simtier.models.llm.sequence import LlmSequence
    from simtier.models.visit import Visit

_SALT = 1 << 24
"""Mixed into the request's number where links draw for these messages, as salts of stages are; it lies below theirs."""


class Migration:
    """One sequence on its way from one replica to another.

    Attributes:
        sequence: where it comes from.
        stopped: whether it runs there no more.
    """

    __slots__ = ("_sent", "_source", "_target", "_twin", "sequence", "stopped")

    def __init__(self, sequence: LlmSequence, source: LlmReplica, target: LlmReplica) -> None:
        self.sequence = sequence
        self._source = source
        self._target = target
        self._twin = sequence.beyond(sequence.visit)
        self._sent = 0
        self.stopped = False

    def begin(self) -> bool:
        """Reserve blocks for what there is, and send it; return False if there are too few."""
        self._twin.computed = self._computed()
        engine = self._target.engine
        if not engine.can_hold(self._twin) or not engine.guests.reserve(self._twin):
            return False
        self._sent = self._twin.found
        self._target.in_flight += 1
        self._target.moving.arriving[self._twin] = None
        self._source.moving.underway[self.sequence] = self
        self._send()
        return True

    def _send(self) -> None:
        """Send what is computed and not there."""
        tokens = self._twin.computed - self._sent
        self._sent = self._twin.computed
        visit: Visit = self.sequence.visit
        nbytes = tokens * self._source.engine.handing.token_bytes
        way = self._source.moving.way_to(self._target)
        way.send(visit.id ^ _SALT, visit.id, nbytes, self._delivered, None, self._give_up)

    def _delivered(self, _: object) -> None:
        if self.stopped:
            self._arrive()
            return
        sequence, engine = self.sequence, self._source.engine
        new = self._computed() - self._sent
        if sequence not in engine.running or new < 0 or sequence.pending > 1:
            self._give_up(None)  # it has ended, or lost what it had
        elif new <= engine.blocks.tokens:
            self._stop()
        elif self._grow(new):
            self._send()

    def _computed(self) -> int:
        """Return its tokens whose keys and values are there now."""
        engine, sequence = self._source.engine, self.sequence
        under_way = engine.busy and sequence in engine.stint.decodes
        return sequence.computed + (engine.stint.ended(engine.elapsed_s) if under_way else 0)

    def _grow(self, tokens: int) -> bool:
        """Take blocks for more tokens where it goes; give up if there are too few."""
        blocks, twin = self._target.engine.blocks, self._twin
        enough = blocks.needed(twin, tokens + 1) <= blocks.free - self._target.engine.owed()
        if enough:
            blocks.take_unknown(twin, tokens)
            twin.computed += tokens
            self._target.engine.cut_short()
        else:
            self._give_up(None)
        return enough

    def _stop(self) -> None:
        """Have it end at its source with the iteration under way; if that is its last one, it stays."""
        sequence, engine = self.sequence, self._source.engine
        if not engine.busy or sequence not in engine.stint.decodes:
            self._give_up(None)
            return
        engine.cut_short()
        stretch = engine.stint.stretch
        last = sequence.generated + (stretch.iterations if stretch is not None else 1)
        if last >= sequence.output:
            self._give_up(None)
            return
        sequence.output, sequence.kept = last, True
        self._source.moving.migrating[sequence] = self

    def stop(self) -> None:
        """Hear that it has ended where it was: send the rest, or let it go on there if there is no room for that."""
        self.stopped = True
        if self._grow(self.sequence.computed - self._twin.computed):
            self._send()

    def _arrive(self) -> None:
        """Go on at the target."""
        sequence, twin, target = self.sequence, self._twin, self._target
        visit: Visit = sequence.visit
        self._source.moving.underway.pop(sequence)
        del target.moving.arriving[twin]
        twin.generated, twin.preemptions, twin.busy_s = sequence.generated, sequence.preemptions, sequence.busy_s
        twin.first_s, twin.last_s, twin.delivered_s = sequence.first_s, sequence.last_s, target.clock.now
        twin.prompt_replica = self._source.id if sequence.prompt_replica < 0 else sequence.prompt_replica
        twin.moves = sequence.moves + 1
        visit.replica = target
        self._source.moving.let_go(sequence)
        target.engine.blocks.know(twin)
        target.engine.deliver(twin)

    def _give_up(self, _: object) -> None:
        """Stay where it is."""
        sequence = self.sequence
        self._source.moving.underway.pop(sequence)
        del self._target.moving.arriving[self._twin]
        self._target.moving.let_go(self._twin)
        if self.stopped:
            sequence.output, sequence.kept = sequence.total, False
            self._source.engine.deliver(sequence)
