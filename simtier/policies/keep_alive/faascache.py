"""Instances as a greedy-dual cache: what is cheap to start again, large and rarely used goes first."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from simtier.contract import FunctionView, InstanceView, KeepAlive, SiteView

_MEGABYTE = 1e6


class FaasCache(KeepAlive):
    """Keep instances until memory is needed, then evict the lowest Clock + Frequency x Cost / Size.

    Fuerst and Sharma, "FaasCache: Keeping serverless computing alive with greedy-dual caching", ASPLOS 2021:
    greedy-dual size frequency. Clock is what the clock stood at when the instance fell idle; the clock goes to the priority of
    each evicted instance and never back. Frequency counts the uses of the function over all its instances, and begins anew when
    the last of them ends. Cost is what a cold start takes longer than a warm one, in seconds; Size is in MB.

    Differences: the paper has one cache a server; here it is one a platform, unless each node is a cell of its own. A use counts from its
    arrival on, also if it was rejected. Cost is the mean of the function's cold starts at the time when the instance fell
    idle, so the worth never falls meanwhile.
    """

    sees_only_own: ClassVar[bool] = True

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        """Set the clock and all frequencies to zero."""
        self._clock = 0.0
        self._arrivals_before: dict[str, int] = {}  # of each function, when its frequency last began anew
        self._when_fallen: dict[int, tuple[float, float]] = {}  # of each idle instance: the clock, and cost / size

    def idle_for(self, instance: InstanceView) -> float:
        """Return infinity, and note the clock."""
        self._when_fallen[instance.id] = (self._clock, _density(instance))
        return float("inf")

    def worth(self, instance: InstanceView) -> float:
        """Return the priority."""
        clock, density = self._when_fallen.get(instance.id, (self._clock, _density(instance)))
        return clock + self._frequency(instance.function) * density

    def ended(self, instance: InstanceView, how: str) -> None:
        """Set the clock to the priority of what is evicted; forget the frequency if it is the function's last instance."""
        if how == "evicted":
            self._clock = max(self._clock, self.worth(instance))
        self._when_fallen.pop(instance.id, None)
        function = instance.function
        others = function.ready + function.starting - (0 if instance.state == "draining" else 1)
        if others <= 0:
            self._arrivals_before[function.name] = function.arrivals - function.queued  # those waiting are uses to come

    def _frequency(self, function: FunctionView) -> int:
        return function.arrivals - self._arrivals_before.get(function.name, 0)


def _density(instance: InstanceView) -> float:
    """Return cost / size in seconds per MB; a cost that is not known (NaN) is 0, and a size is a byte at least."""
    return max(0.0, instance.function.cold_s) / (max(1.0, instance.memory_bytes) / _MEGABYTE)
