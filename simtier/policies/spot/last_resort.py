"""What keeps a job in time: the safety net, and staying on spot until it is taken away (Wu et al., "Can't Be Late", NSDI 2024)."""

from __future__ import annotations

from simtier.contract import Instance, JobView


def slack_s(job: JobView) -> float:
    """Return how long the job may still do nothing, change-overs included."""
    return job.deadline_s - job.now_s - (job.work_s - job.done_s)


def spare_s(job: JobView) -> float:
    """Return how long it is until the safety line: there is just time to lose one change-over and to begin anew on demand."""
    return slack_s(job) - 2 * job.change_over_s


def must_be_safe(job: JobView) -> bool:
    """Return whether the job must be on demand from now on to its end.

    On spot it need not: work and deadline come nearer alike, and when the instance is taken away there is still time for a change-over, as
    it was begun before the safety line and has lost no more than one.
    """
    return job.running is not Instance.SPOT and spare_s(job) <= 0
