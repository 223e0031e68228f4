"""What a policy may answer besides plain numbers, booleans and the views it was shown."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Verdict(enum.Enum):
    """A routing policy's answer when it names no replica."""

    WAIT = "wait"
    """Keep the request at the service; the policy is asked again when a replica becomes ready or finishes a request."""
    REJECT = "reject"
    """Turn the request away."""

    def __repr__(self) -> str:
        return self.name


WAIT = Verdict.WAIT
REJECT = Verdict.REJECT


@dataclass(frozen=True, slots=True)
class Hold:
    """A batching policy's answer when it would rather wait for more requests.

    Attributes:
        until_s: simulated time at which to ask again, exactly then; it is asked earlier if another request joins the queue.
    """

    until_s: float
