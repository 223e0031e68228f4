"""Spot whenever there is one, on demand only when it must be."""

from __future__ import annotations

from simtier.contract import Instance, JobView, RunFor, Spot
from simtier.policies.spot.last_resort import must_be_safe, spare_s


class GreedySpot(Spot):
    """Run on spot, wait where there is none, and go on demand for good when there would be no time left otherwise.

    Source: Wu et al., "Can't Be Late: Optimizing Spot Instance Savings under Deadlines", NSDI 2024: its greedy policy with the safety net. Meets every
    deadline that leaves a change-over besides the work.
    """

    def run_on(self, job: JobView) -> Instance | RunFor:
        """Return SPOT where it is available, else NONE up to the safety line; ON_DEMAND beyond it."""
        if must_be_safe(job):
            return Instance.ON_DEMAND
        return Instance.SPOT if job.available else RunFor(Instance.NONE, spare_s(job))
