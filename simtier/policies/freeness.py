"""How free an engine is, by Llumnix: what its routing and its balancing go by."""

from __future__ import annotations

from simtier.contract import EngineReplicaView


def freeness(replica: EngineReplicaView) -> float:
    """Return (M - V) / B: blocks M, less the virtual usage V of all sequences, over the size B of the batch: iterations that it can go on.

    A running sequence uses its blocks, prompts to compute what they will need, so that an engine with a queue is not free though its blocks
    may be; a draining replica is as full as can be, so that it empties sooner.

    Source: Llumnix (Sun et al., OSDI 2024, sections 4.4.1 and 4.4.2, algorithm 1); headroom for high priorities is left out.
    """
    if replica.state == "draining":
        return float("-inf")
    waiting = replica.queued_tokens / replica.block_tokens
    return (replica.blocks_free - waiting) / max(1, replica.running)
