"""What a policy may answer besides plain numbers, booleans and the views it was shown."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simtier.contract.views import ReplicaView


class Verdict(enum.Enum):
    """A routing policy's answer when it names no replica."""

    WAIT = "wait"
    """Keep the request at the service; the policy is asked again when a replica becomes ready or finishes a request."""
    REJECT = "reject"
    """Turn the request away."""

    def __repr__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Fetch:
    """A routing policy's answer: a replica, which first fetches from another what that one's cache holds of the request's prompt.

    Attributes:
        replica: who gets the request.
        source: whose cache is asked; both run a language model.
    """

    replica: ReplicaView
    source: ReplicaView


WAIT = Verdict.WAIT
REJECT = Verdict.REJECT


@dataclass(frozen=True, slots=True)
class Hold:
    """A batching policy's answer when it would rather wait for more requests.

    Attributes:
        until_s: simulated time at which to ask again, exactly then; it is asked earlier if another request joins the queue.
    """

    until_s: float
