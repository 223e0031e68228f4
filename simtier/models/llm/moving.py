"""Sequences that leave a replica for another one, and those that come: whose prompt was computed elsewhere, or that migrate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simtier.models.llm.hand_over import HandOver

if TYPE_CHECKING:
    from simtier.models.llm.migration import Migration
    from simtier.models.llm.replica import LlmReplica
    from simtier.models.llm.sequence import LlmSequence
    from simtier.models.network import Path
    from simtier.models.visit import Visit


def port_name(service: str) -> str:
    """Return what the links are called over which a service's replicas send to others of their node."""
    return f"{service} port"


def _has_less(replica: LlmReplica) -> None:
    replica.has_less()


class Moving:
    """What of one replica is on the move.

    Attributes:
        leaving: sequences whose prompt is, or was, computed here, and that decode elsewhere.
        underway: sequences that are being copied elsewhere.
        migrating: of these, those that stop here with the iteration under way.
        arriving: sequences that are being copied here.
    """

    def __init__(self, replica: LlmReplica) -> None:
        self.leaving: dict[LlmSequence, HandOver] = {}
        self.underway: dict[LlmSequence, Migration] = {}
        self.migrating: dict[LlmSequence, Migration] = {}
        self.arriving: dict[LlmSequence, None] = {}
        self._replica = replica
        self._coming: dict[HandOver, None] = {}
        self._port: Path | None = None

    def way_to(self, replica: LlmReplica) -> Path:
        """Return the way of keys and values to another replica: over the network, or within the node."""
        own = self._replica
        if replica.node is not own.node:
            return own.service.network.path(own.node.name, replica.node.name)
        if self._port is None:
            rate, latency_s = own.engine.handing.port_bytes_per_s, own.engine.handing.port_latency_s
            name = port_name(own.service.name)
            self._port = own.service.network.port(name, own.id, own.node.name, rate, latency_s)
        return self._port

    # -- out of here

    def too_short(self, sequence: LlmSequence) -> LlmReplica | None:
        """Return a replica of the pool that is to decode a sequence if none there could hold it; None if one could, or there is none yet."""
        if not sequence.kept:
            return None
        pool = sequence.visit.later[0].service.fleet.serving
        whole = sequence.beyond(sequence.visit)
        return pool[0] if pool and not any(replica.engine.can_hold(whole) for replica in pool) else None

    def begin(self, sequence: LlmSequence, *, computed: bool = False) -> None:
        """Have a replica chosen that decodes, unless the request is over; `computed`: whether the prompt is."""
        visit: Visit = sequence.visit
        if visit.id in visit.stage.app.alive:
            visit.at = self._replica.node.name
            onward = visit.stage.beyond(visit)  # type: ignore[attr-defined]  # only such stages send what goes on
            hand = self.leaving[sequence] = onward.hand_over = HandOver(sequence, self._replica, onward)
            onward.nbytes = sequence.prompt * self._replica.engine.handing.token_bytes
            if computed:
                hand.prompt_ended()
            hand.visit.part.service.consider(onward)

    def go_on(self, sequence: LlmSequence) -> None:
        """Go on with a sequence that ends here, and decodes elsewhere."""
        if sequence in self.migrating:
            self.migrating.pop(sequence).stop()
            return
        replica, visit = self._replica, sequence.visit
        visit.started_s = sequence.began_s
        replica.record(visit, sequence.began_s, replica.clock.now, sequence.busy_s * replica.engine.devices, 1)
        if sequence in self.leaving:
            self.leaving[sequence].prompt_ended()
        elif visit.id in visit.stage.app.alive:
            self.begin(sequence, computed=True)
        else:
            replica.write(sequence, "left")
            self.let_go(sequence)

    def gone(self, hand: HandOver, outcome: str = "") -> None:
        """Hear that nothing of a sequence is needed here any more, with an outcome if it goes on nowhere.

        One whose prompt is still computed goes when that has ended.
        """
        if self.leaving.pop(hand.prompt, None) is not None and hand.computed:
            if outcome:
                self._replica.write(hand.prompt, outcome)
            self.let_go(hand.prompt)

    def let_go(self, sequence: LlmSequence) -> None:
        """Free what is held of a sequence, and count it out."""
        replica = self._replica
        replica.engine.let_go(sequence)
        replica.in_flight -= 1
        # Not at once: what it lets others do must not meet half an end.
        replica.clock.call_at(replica.clock.now, _has_less, replica)

    # -- into here

    def expect(self, hand: HandOver) -> None:
        """Take a sequence whose prompt was computed elsewhere, as soon as there is room for it."""
        replica, visit = self._replica, hand.visit
        if not replica.engine.can_hold(hand.sequence):
            replica.too_long += 1
            hand.abandon("rejected")
            replica.in_flight -= 1
            visit.stage.app.end("rejected", visit)
            replica.has_less()
            return
        self._coming[hand] = None
        if visit.stage.revocable:
            visit.stage.app.waits(visit, replica)
        replica.engine.guests.expect(hand)

    def expects(self, hand: HandOver) -> bool:
        """Return whether a sequence from elsewhere is still expected."""
        return hand in self._coming

    def coming(self) -> list[LlmSequence]:
        """Return the sequences from elsewhere that are expected."""
        return [*(hand.sequence for hand in self._coming), *self.arriving]

    def forget(self, hand: HandOver) -> None:
        """Expect a sequence no more."""
        del self._coming[hand]
        if hand.visit.stage.revocable:
            hand.visit.stage.app.waits_no_more(hand.visit)
        if hand.reserved:
            self._replica.engine.let_go(hand.sequence)
        else:
            self._replica.engine.guests.remove(hand)

    def leave(self, hand: HandOver) -> None:
        """Let an expected sequence go whose request is over."""
        self.forget(hand)
        hand.abandon("left")
        self._replica.in_flight -= 1

    def delivered(self, hand: HandOver) -> None:
        """Let a sequence run on whose keys and values are here."""
        del self._coming[hand]
        visit, sequence = hand.visit, hand.sequence
        if visit.stage.revocable:
            visit.stage.app.waits_no_more(visit)
        visit.queued_s = visit.started_s = sequence.delivered_s = self._replica.clock.now
        sequence.prompt_replica = hand.source.id
        self._replica.engine.blocks.know(sequence)
        self._replica.engine.deliver(sequence)
