"""The kind of policy that says on what an instance one job with a deadline runs: spot, on demand, or none for now."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import ClassVar, Protocol

from simtier.contract.policy import Policy


class Instance(enum.Enum):
    """On what a job runs."""

    NONE = "none"
    """On nothing: it waits, and costs nothing."""
    SPOT = "spot"
    """On a spot instance, which is cheap and may be taken away at any time."""
    ON_DEMAND = "on_demand"
    """On an instance that nobody takes away."""

    def __repr__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class RunFor:
    """A spot policy's answer when it wants to be asked again even if availability stays as it is.

    Attributes:
        on: what the job runs on.
        seconds: how long until it is asked again, more than 0; it is asked earlier when availability changes.
    """

    on: Instance
    seconds: float


class JobView(Protocol):
    """A job that must do so much work by its deadline; times are since the job could begin."""

    @property
    def now_s(self) -> float:
        """Simulated time."""

    @property
    def work_s(self) -> float:
        """How long it runs in all, change-overs apart."""

    @property
    def deadline_s(self) -> float:
        """When it must have ended."""

    @property
    def change_over_s(self) -> float:
        """How long each new instance runs, and costs, before the job goes on there."""

    @property
    def done_s(self) -> float:
        """Work done so far; what was done is never lost."""

    @property
    def changing_s(self) -> float:
        """How much of the change-over of the instance it runs on is left."""

    @property
    def running(self) -> Instance:
        """On what it runs; NONE if a spot instance was taken away just now."""

    @property
    def available(self) -> bool:
        """Whether a spot instance can be had, or kept, now. When that changes is not known."""

    @property
    def spot_usd_per_s(self) -> float:
        """Price of a spot instance."""

    @property
    def on_demand_usd_per_s(self) -> float:
        """Price of an instance on demand."""


class Spot(Policy):
    """On what a job with a deadline runs.

    To meet the deadline is the policy's own task: nothing steps in when it lets the job be late.
    """

    kind: ClassVar[str] = "spot"

    def run_on(self, job: JobView) -> Instance | RunFor:
        """Return on what the job runs from now on; on SPOT only where it is available.

        Asked at the begin, when a spot instance becomes available or ceases to be, and when the time of an earlier `RunFor` has come;
        never once the work is done. An answer other than `job.running` begins a new instance, and its change-over.
        """
        raise NotImplementedError
