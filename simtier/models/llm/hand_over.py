"""A request's way from the engine that computed its prompt to the one that decodes: its keys and values go over the network.

The engine that decodes is chosen, and has to reserve blocks before anything is sent (it pulls: DistServe, Zhong et al., OSDI 2024, section
4.3); until then, and while they are sent, the blocks stay held where the prompt was computed, so that a pool without room holds up the
one before it. With `overlap` this begins with the iteration in which the prompt ends: the keys and values of all layers but the last
are sent while it runs, those of the last when it has ended (layer by layer, Splitwise, Patel et al., ISCA 2024, section 4.2).

Assumptions: what earlier iterations computed of a prompt is sent with the rest, not before; what the engine that decodes finds of the
prompt in its own cache is not sent; on a network that loses messages the request is lost with the first of them. Between accelerators of one
node they go through the port of the replica they leave, which its transfers share equally.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simtier.models.llm.replica import LlmReplica
    from simtier.models.llm.sequence import LlmSequence
    from simtier.models.visit import Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class Handing:
    """How an engine hands over keys and values.

    Attributes:
        token_bytes: of one token, all layers.
        layers: of the model.
        overlap: whether they are sent while the last piece of the prompt is computed.
        setup_s: of each transfer, before anything is sent.
        block_s: of each block, likewise; 0 where all are sent as one piece.
        port_bytes_per_s, port_latency_s: to other accelerators of the node.
    """

    token_bytes: float = 0.0
    layers: int = 1
    overlap: bool = False
    setup_s: float = 0.0
    block_s: float = 0.0
    port_bytes_per_s: float = float("inf")
    port_latency_s: float = 0.0


class HandOver:
    """One request between two engines.

    Args:
        prompt: the sequence where the prompt is computed.
        source: the replica it is at.
        visit: the request's visit to the pool that decodes.

    Attributes:
        sequence: the same request where it decodes.
        computed: whether its prompt is.
        reserved: whether it has blocks where it decodes.
    """

    __slots__ = ("_left", "_prepared_s", "_under_way", "computed", "prompt", "reserved", "sequence", "source", "visit")

    def __init__(self, prompt: LlmSequence, source: LlmReplica, visit: Visit) -> None:
        self.prompt = prompt
        self.source = source
        self.visit = visit
        self.sequence = prompt.beyond(visit)
        self.computed = self.reserved = False
        self._left = 1.0
        self._prepared_s = 0.0
        self._under_way = 0

    def enter(self) -> bool:
        """Reserve blocks where it decodes, and begin to send; return False if there are too few now."""
        self.reserved = self.visit.replica.engine.guests.reserve(self.sequence)
        if self.reserved:
            self._send(self._left if self.computed else 1.0 - 1.0 / self.source.engine.handing.layers)
        return self.reserved

    def prompt_ended(self) -> None:
        """Hear that the prompt's last iteration has ended, with the first token."""
        self.computed = True
        prompt, sequence = self.prompt, self.sequence
        sequence.first_s = sequence.last_s = prompt.first_s
        sequence.preemptions = prompt.preemptions
        if self.reserved:
            self._send(self._left)

    def abandon(self, outcome: str) -> None:
        """Let go of what is held for the request where its prompt was computed: it will not go on, and `outcome` is what became of it."""
        self.source.moving.gone(self, outcome)

    def _send(self, share: float) -> None:
        """Send so much of all, once it is prepared."""
        source, sequence = self.source.engine, self.sequence
        tokens = sequence.computed - sequence.found
        if self._left == 1.0:
            takes_s = source.handing.setup_s - (-tokens // source.blocks.tokens) * source.handing.block_s
            self._prepared_s = source.clock.now + takes_s
        before_s = self._prepared_s - source.clock.now
        self._left -= share
        self._under_way += 1
        nbytes = share * tokens * source.handing.token_bytes
        if before_s > 0:
            source.clock.call_in(before_s, self._carry, nbytes)
        else:
            self._carry(nbytes)

    def _carry(self, nbytes: float) -> None:
        visit = self.visit
        if not visit.replica.moving.expects(self):
            return  # over while it was prepared
        way = self.source.moving.way_to(visit.replica)
        way.send(visit.id ^ visit.salt, visit.id, nbytes, self._delivered, None, self._lost)

    def _delivered(self, _: object) -> None:
        self._under_way -= 1
        if self.computed and not self._under_way and self.visit.replica.moving.expects(self):
            self.source.moving.gone(self)
            self.visit.replica.moving.delivered(self)

    def _lost(self, _: object) -> None:
        if self.visit.replica.moving.expects(self):
            self.visit.replica.moving.forget(self)
            self.source.moving.gone(self, "lost")
            self.visit.replica.service.lost(self.visit)
