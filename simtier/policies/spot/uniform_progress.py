"""As much work as time has passed, on spot where there is one."""

from __future__ import annotations

from simtier.contract import Instance, JobView, RunFor, Spot
from simtier.policies.spot.last_resort import must_be_safe, spare_s


class UniformProgress(Spot):
    """Run on spot where there is one; without, on demand while less is done than an even pace to the deadline would have done.

    Source: Wu et al., "Can't Be Late: Optimizing Spot Instance Savings under Deadlines", NSDI 2024; the rules as in its public
    simulator. With work C, deadline D, change-over d, at time t: on demand when done <= t * C / D and no spot instance is there, until done >= (t + 2 * d) * C / D (the
    hysteresis), even if one appears; for good beyond the safety line, deadline - t <= C - done + 2 * d. Meets every deadline that leaves
    a change-over besides the work. Here it is asked exactly when the pace is met or lost, not by the tick.
    """

    def run_on(self, job: JobView) -> Instance | RunFor:
        """Return where to run; without spot, until the job falls behind, must be safe, or has caught up."""
        if must_be_safe(job):
            return Instance.ON_DEMAND
        ahead_s = _ahead_s(job)
        if job.running is Instance.ON_DEMAND and ahead_s < 2 * job.change_over_s:
            return RunFor(Instance.ON_DEMAND, _catches_up_in_s(job, job.changing_s))
        if job.available:
            return Instance.SPOT
        if ahead_s <= 0:
            return RunFor(Instance.ON_DEMAND, _catches_up_in_s(job, job.change_over_s))
        return RunFor(Instance.NONE, min(ahead_s, spare_s(job)))


def _ahead_s(job: JobView) -> float:
    """Return how long the job could do nothing until it falls behind the even pace."""
    return job.done_s * job.deadline_s / job.work_s - job.now_s


def _catches_up_in_s(job: JobView, changing_s: float) -> float:
    """Return how long it is on demand, with so much of a change-over left, until the job is far enough ahead."""
    gains_per_s = job.deadline_s / job.work_s - 1.0
    return changing_s + (2 * job.change_over_s - _ahead_s(job) + changing_s) / gains_per_s
