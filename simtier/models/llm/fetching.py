"""Cached prefixes that one replica fetches from another before a request sets out to it.

Assumptions: all that is cached of the prompt there and not here is sent as one piece; the request sets out when it has arrived; what is cached may
give way at either end in the meantime, and if the piece is lost the request goes without it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from simtier.models.llm.sequence import LlmSequence

if TYPE_CHECKING:
    from simtier.models.llm.replica import LlmReplica
    from simtier.models.visit import Visit


def fetch_prefix(visit: Visit, source: LlmReplica, replica: LlmReplica, then: Callable[[Visit], object]) -> None:
    """Copy what `source` has cached of a visit's prompt to `replica`, and call `then` with the visit; at once if nothing is to be copied."""
    sequence = visit.stage.timer.sequence(visit, replica.clock.now)  # type: ignore[attr-defined]  # of tokens
    own = found_in(replica, sequence)
    found = found_in(source, sequence)
    if found <= own:
        then(visit)
        return

    def arrived(_: object) -> None:
        replica.engine.blocks.plant(sequence, found)
        then(visit)

    def lost(_: object) -> None:
        then(visit)

    nbytes = (found - own) * replica.engine.handing.token_bytes
    source.moving.way_to(replica).send(visit.id ^ _SALT, visit.id, nbytes, arrived, None, lost)


_SALT = 1 << 25
"""Mixed into the request's number where links draw for this message, as salts of stages are; it lies below theirs."""


def found_in(replica: LlmReplica, sequence: LlmSequence) -> int:
    """Return how many tokens of a sequence's prompt a replica has cached."""
    replica.engine.blocks.look(sequence)
    return sequence.computed
