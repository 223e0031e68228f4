"""A job with a deadline, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from simtier.contract import Instance

ROUNDING_S = 1e-6
"""A job that ends later than its deadline by no more than this has met it: times are sums of floats."""


@dataclass(frozen=True)
class Job:
    """So much work until a deadline, with what instances cost.

    Source: Wu et al., "Can't Be Late: Optimizing Spot Instance Savings under Deadlines", NSDI 2024: one job that can stop and go
    on, a constant delay for each change of instance, constant prices.

    Attributes:
        work_s: how long it runs in all.
        deadline_s: when it must have ended, since it could begin.
        change_over_s: how long each new instance runs before the job goes on there.
        spot_usd_per_s: price of a spot instance.
        on_demand_usd_per_s: price of an instance on demand.

    Raises ValueError for a job that no policy can do in time, or one without a change-over or prices.
    """

    work_s: float
    deadline_s: float
    change_over_s: float
    spot_usd_per_s: float
    on_demand_usd_per_s: float

    def __post_init__(self) -> None:
        if not (0 < self.work_s < inf and 0 < self.change_over_s < inf and self.deadline_s < inf):
            raise ValueError(f"work {self.work_s:g} s and change-over {self.change_over_s:g} s must be above 0")
        if self.deadline_s < self.work_s + self.change_over_s:
            raise ValueError(
                f"deadline {self.deadline_s:g} s is earlier than work and one change-over take, {self.work_s + self.change_over_s:g} s"
            )
        if not 0 < self.spot_usd_per_s <= self.on_demand_usd_per_s < inf:
            raise ValueError("prices must be above 0, and spot costs no more than on demand")

    @property
    def slack_s(self) -> float:
        """How long it may wait, change-overs included."""
        return self.deadline_s - self.work_s

    @property
    def on_demand_usd(self) -> float:
        """What it costs on one instance on demand, its change-over included."""
        return (self.work_s + self.change_over_s) * self.on_demand_usd_per_s

    def price(self, on: Instance) -> float:
        """Return dollars per second."""
        return {Instance.NONE: 0.0, Instance.SPOT: self.spot_usd_per_s, Instance.ON_DEMAND: self.on_demand_usd_per_s}[
            on
        ]


@dataclass(frozen=True)
class Stint:
    """A time on one instance, from its begin to its end, its change-over included."""

    begin_s: float
    end_s: float
    on: Instance


@dataclass(frozen=True)
class Played:
    """What became of a job, until it ended or its deadline came.

    Attributes:
        job: which.
        stints: in order; between them it waited.
        done_s: work done.
        changing_s: change-over that was left on the last instance when the deadline came.
        asked: how often the policy was asked.
    """

    job: Job
    stints: tuple[Stint, ...]
    done_s: float
    changing_s: float
    asked: int

    @property
    def met(self) -> bool:
        """Whether all was done in time."""
        return self.done_s >= self.job.work_s

    def on_s(self, on: Instance) -> float:
        """Return seconds on that kind of instance."""
        return sum(stint.end_s - stint.begin_s for stint in self.stints if stint.on is on)

    @property
    def cost_usd(self) -> float:
        """What the instances cost up to the end or the deadline."""
        return sum((stint.end_s - stint.begin_s) * self.job.price(stint.on) for stint in self.stints)

    @property
    def late_usd(self) -> float:
        """What it takes to end a job that was not done in time, on demand; 0 if it was."""
        if self.met:
            return 0.0
        last = self.stints[-1] if self.stints else None
        goes_on = last is not None and last.on is Instance.ON_DEMAND and last.end_s >= self.job.deadline_s
        change_s = self.changing_s if goes_on else self.job.change_over_s
        return (change_s + self.job.work_s - self.done_s) * self.job.on_demand_usd_per_s
