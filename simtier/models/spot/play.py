"""A policy runs a job with a deadline."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from simtier.contract import Instance, RunFor, Spot
from simtier.errors import PolicyError
from simtier.models.no_site import NoSite
from simtier.models.spot.availability import Windows
from simtier.models.spot.job import ROUNDING_S, Job, Played, Stint

MOST_ASKED = 100_000
"""A policy that is asked more often than this for one job is taken to ask for ever."""


@dataclass(frozen=True)
class JobState:
    """A job at one instant; satisfies `JobView`."""

    work_s: float
    deadline_s: float
    change_over_s: float
    spot_usd_per_s: float
    on_demand_usd_per_s: float
    now_s: float = 0.0
    done_s: float = 0.0
    changing_s: float = 0.0
    running: Instance = Instance.NONE
    available: bool = False

    @property
    def ends_s(self) -> float:
        """When the work is done if it runs on as now."""
        return math.inf if self.running is Instance.NONE else self.now_s + self.changing_s + self.work_s - self.done_s

    def at(self, time_s: float) -> JobState:
        """Return the job later, run on as now."""
        if self.running is Instance.NONE:
            return replace(self, now_s=time_s)
        if time_s >= self.ends_s:
            return replace(self, now_s=self.ends_s, changing_s=0.0, done_s=self.work_s)
        passed = time_s - self.now_s
        worked = max(0.0, passed - self.changing_s)
        return replace(self, now_s=time_s, changing_s=max(0.0, self.changing_s - passed), done_s=self.done_s + worked)


def play(job: Job, windows: Windows, policy: Spot, rng: np.random.Generator) -> Played:
    """Return what `policy` makes of `job` where spot instances can be had within `windows`.

    Availability and the policy's answer are constant between two questions, so times are exact: there is no tick. Assumptions: an
    instance begins at once; each loses the change-over anew, whatever ran before; spot instances are taken away without notice,
    and no work is lost by that; time is billed by the second, change-overs too; prices are constant. The job ends with its work, or at its
    deadline.

    Raises PolicyError for an answer that the contract does not allow; what the policy raises is let through.
    """
    policy.start(NoSite(), rng)
    state = JobState(job.work_s, job.deadline_s, job.change_over_s, job.spot_usd_per_s, job.on_demand_usd_per_s)
    stints: list[Stint] = []
    for asked in range(1, MOST_ASKED + 1):
        state = replace(state, available=windows.available(state.now_s))
        if state.running is Instance.SPOT and not state.available:
            state = replace(state, running=Instance.NONE, changing_s=0.0)
        on, again_s = _asked(state, policy)
        begins = on is not state.running
        if begins:
            state = replace(state, running=on, changing_s=0.0 if on is Instance.NONE else job.change_over_s)
        begun_s = state.now_s
        state = state.at(min(windows.next_change(begun_s), again_s, job.deadline_s + ROUNDING_S))
        _write(stints, Stint(begun_s, state.now_s, on), begins=begins)
        if state.done_s >= job.work_s or state.now_s >= job.deadline_s + ROUNDING_S:
            return Played(job, tuple(stints), state.done_s, state.changing_s, asked)
    raise PolicyError(
        f"{type(policy).__name__} was asked {MOST_ASKED} times by {state.now_s:.6g} s about one job; let it RunFor longer times"
    )


def _asked(state: JobState, policy: Spot) -> tuple[Instance, float]:
    """Return on what the job runs, and when the policy is to be asked again: later than now, however short it runs for."""
    answer = policy.run_on(state)
    given = answer if isinstance(answer, RunFor) else RunFor(answer, math.inf)
    name, now = type(policy).__name__, f"{state.now_s:.6g} s"
    if not isinstance(given.on, Instance) or not given.seconds > 0:
        raise PolicyError(
            f"{name}.run_on() answered {answer!r} at {now}; expected NONE, SPOT or ON_DEMAND of Instance, or RunFor more than 0 seconds"
        )
    if given.on is Instance.SPOT and not state.available:
        raise PolicyError(
            f"{name}.run_on() answered SPOT at {now}, when none is available; look at job.available, or answer NONE or ON_DEMAND"
        )
    return given.on, max(state.now_s + float(given.seconds), math.nextafter(state.now_s, math.inf))


def _write(stints: list[Stint], stint: Stint, *, begins: bool) -> None:
    """Append a time on an instance, or make the last one longer if it goes on."""
    if stint.on is Instance.NONE:
        return
    if begins:
        stints.append(stint)
    else:
        stints[-1] = replace(stints[-1], end_s=stint.end_s)
