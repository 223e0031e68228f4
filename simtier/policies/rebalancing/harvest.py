"""Idle cores of executions are lent to those that could use more."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from simtier.contract import ExecutionView, NodeView, Rebalancing, SiteView
from simtier.policies.rebalancing.loans import Loans
from simtier.units import Seconds

ROUNDING = 1e-9


class Harvest(Rebalancing):
    """Take what a function's executions are not expected to use, lend it to others, and give it back when it is needed after all.

    Libra: Yu et al., "Libra: Harvesting Idle Resources Safely and Timely in Serverless Clusters", HPDC 2023. The rules for cores of one
    node, as in the authors' invoker (`ContainerPool`, `PriorityMap`, `ContainerProxy` of IntelliSys-Lab/Libra-HPDC23):

    1. An execution of a function whose peak is known is left, from its begin on, what it is expected to use; the rest is harvested.
    2. Who is short is served first come, first served, from the lenders expected to run longest. A loan ends with its lender. What a
       borrower leaves can be lent again.
    3. Safeguard: use is looked at every 100 ms; an execution that was harvested and uses more than 80 % of what it was left has all
       its own cores again at once, and keeps them.

    Differences. The paper predicts peak and duration from the size of the input, by models trained beforehand. Here the peak is the most
    that the last `profile` executions of the function used, and the duration their mean; before there are so many nothing is
    harvested. So that the expected use alone does not set off the safeguard, expected / `threshold` is left (Libra rounds
    up to whole cores). The paper lends once, when an execution begins, by its predicted peak; here also later, to one that uses all it has
    (as much again at each look), and one that turns out to need less gives the rest back. Left out: memory; the choice of the node by
    how much can be harvested there and for how long; and that harvested cores make room for more instances, from which the paper's
    threefold utilisation comes (its 39 % of latency comes from loans, too).

    Where requests do not wait for instances, none ends later than with fixed shares by more than `every`.
    """

    sees_only_own: ClassVar[bool] = True
    profile: Annotated[int, Field(ge=1)] = 5
    """Executions of a function to see before its cores are harvested, and how many of the last ones its profile is made of; 5 is
    the window of the paper's variant without models."""
    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.8
    """Share of what it was left above which an execution gets its cores back; at 1 nobody could be seen to need more."""
    every: Annotated[Seconds, Field(gt=0)] = 0.1
    """How often use is looked at."""

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        """Forget all profiles and loans."""
        self._profiles: dict[str, deque[_Ended]] = {}
        self._watched: dict[int, _Watched] = {}
        self._loans: dict[str, Loans] = {}
        self._harvests: dict[str, bool] = {}

    def shares(self, node: NodeView, executions: Sequence[ExecutionView]) -> Sequence[float]:
        """Return what each is left, or has of its own and is lent."""
        loans = self._loans.setdefault(node.name, Loans())
        loans.keep_only({execution.id for execution in executions})
        watched = [self._watch(execution) for execution in executions]
        for each, execution in zip(watched, executions, strict=True):
            if each.left >= execution.allocated_cores:
                loans.call_in(execution.id)
            loans.pay_back(execution.id, loans.lent_to(execution.id) - each.beyond(execution))
        self._lend(loans, executions, watched)
        self._harvests[node.name] = any(w.left < e.allocated_cores for w, e in zip(watched, executions, strict=True))
        return [each.left + loans.lent_to(e.id) for each, e in zip(watched, executions, strict=True)]

    def look_in(self, node: NodeView) -> float | None:
        """Return `every` as long as cores are harvested there."""
        return self.every if self._harvests.get(node.name) else None

    def finished(self, execution: ExecutionView) -> None:
        """Take an execution into the profile of its function, unless it was over before it could be seen to use anything."""
        watched = self._watched.pop(execution.id, None)
        peak = max(execution.used_cores, watched.peak if watched is not None else 0.0)
        if peak == 0.0:
            return
        profile = self._profiles.setdefault(execution.function.name, deque(maxlen=self.profile))
        profile.append(_Ended(peak, execution.running_s))

    def _watch(self, execution: ExecutionView) -> _Watched:
        """Return what is known of an execution, brought up to date."""
        watched = self._watched.get(execution.id)
        if watched is None:
            watched = self._watched[execution.id] = self._expected(execution)
        used, share = execution.used_cores, execution.share
        watched.peak = max(watched.peak, used)
        if share < execution.allocated_cores and used > self.threshold * share * (1 + ROUNDING):
            watched.left = execution.allocated_cores
        if used >= share * (1 - ROUNDING) and used > 0.0:
            watched.wants = max(2 * share, watched.peak / self.threshold)
        elif used > 0.0:
            watched.wants = min(share, watched.peak / self.threshold)
        return watched

    def _expected(self, execution: ExecutionView) -> _Watched:
        """Return what is expected of an execution that has begun."""
        profile, own = self._profiles.get(execution.function.name, ()), execution.allocated_cores
        if len(profile) < self.profile:
            return _Watched(left=own, wants=own, ends_s=execution.started_s)
        expected = max(ended.peak for ended in profile) / self.threshold
        mean_s = sum(ended.took_s for ended in profile) / len(profile)
        return _Watched(left=min(own, expected), wants=expected, ends_s=execution.started_s + mean_s)

    def _lend(self, loans: Loans, executions: Sequence[ExecutionView], watched: Sequence[_Watched]) -> None:
        """Lend what is idle, from those expected to run longest, to those that are short, in the order in which they began."""
        idle = {
            e.id: e.allocated_cores - w.left - loans.lent_by(e.id) for w, e in zip(watched, executions, strict=True)
        }
        ends_s = {e.id: w.ends_s for w, e in zip(watched, executions, strict=True)}
        lenders = sorted((each for each in idle if idle[each] > ROUNDING), key=lambda each: -ends_s[each])
        for each, borrower in zip(watched, executions, strict=True):
            short = each.beyond(borrower) - loans.lent_to(borrower.id)
            for lender in lenders:
                cores = min(short, idle[lender])
                if cores > ROUNDING:
                    loans.lend(lender, borrower.id, cores)
                    idle[lender] -= cores
                    short -= cores


@dataclass
class _Watched:
    """An execution: cores it is left of its own, cores it wants in all, when it is expected to end, and the most it has used."""

    left: float
    wants: float
    ends_s: float
    peak: float = 0.0

    def beyond(self, execution: ExecutionView) -> float:
        """Return how many cores it wants beyond its own."""
        return max(0.0, self.wants - execution.allocated_cores)


@dataclass(frozen=True)
class _Ended:
    """An execution that has ended: the most it used, and how long it took."""

    peak: float
    took_s: float
