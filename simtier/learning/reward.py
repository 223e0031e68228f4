"""What an agent gets for a decision: requests in time, less those that were not, less what replicas cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Earned:
    """What happened between two decisions, or from the last one to the end of the run.

    Only what the result of a run counts is counted: requests that arrived from the warm-up on, replica-seconds from then on.

    Attributes:
        met: requests of any application that ended within all targets of its objective; without one, that ended ok.
        missed: requests that did not, those that were rejected, dropped, timed out or failed included, and at the end of the run
            unfinished ones that are too late already; other unfinished ones are left out.
        dollars: replica-seconds of each service times its `price`, whatever the replica's state.
        seconds: simulated time.
    """

    met: int
    missed: int
    dollars: float
    seconds: float


@dataclass(frozen=True)
class Reward:
    """The reward met x `met` - missed x `missed` - dollars x `dollar`.

    Attributes:
        met: points for each request that met its objective.
        missed: points taken off for each that did not.
        dollar: points taken off for each dollar that replicas cost.
    """

    met: float = 1.0
    missed: float = 1.0
    dollar: float = 1.0

    def __call__(self, earned: Earned) -> float:
        """Return the points for what happened."""
        return self.met * earned.met - self.missed * earned.missed - self.dollar * earned.dollars


RewardRule = Callable[[Earned], float]
"""A reward of one's own: any function of what happened."""
