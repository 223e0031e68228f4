"""The Knative Pod Autoscaler."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from simtier.contract import Autoscaling, ServiceView, SiteView
from simtier.policies.autoscaling.window import Recent, ceil
from simtier.units import Seconds


class KnativeKpa(Autoscaling):
    """Scale by concurrency averaged over a long and a short window; panic when the short one shows a surge.

    Knative Serving, `pkg/autoscaler/scaling/autoscaler.go` (Scale) and `pkg/reconciler/autoscaling/kpa/scaler.go`
    (handleScaleToZero), with the defaults of its `config-autoscaler`. Wanted are ceil(mean / (per_replica x utilization))
    replicas, once for the stable and once for the panic window, each within [floor(ready / max_scale_down_rate),
    ceil(ready x max_scale_up_rate)], where no ready replica counts as one. Panic begins when the panic window wants
    `panic_threshold` times the ready replicas, and ends when that was not so for more than a stable window; meanwhile the answer is
    the most that either window has wanted since. With several replicas ready at the first question it begins in panic, so as
    not to shrink before there are data. The last replica goes when the stable window has been zero for `scale_to_zero_grace`.

    Concurrency is the number of requests in flight, sampled at each question (Knative scrapes averages of a second); a
    window's mean is over the samples there are. Left out: the activator and burst capacity (a matter of routing: here requests
    wait at the service), and with them the end of the grace period at once when the activator is already in the path; requests per
    second as the metric; activation scale; scale-down delay (off by default).
    """

    sees_only_own: ClassVar[bool] = True
    every: Annotated[Seconds, Field(gt=0)] = 2.0
    """How often it is asked."""
    per_replica: Annotated[float, Field(gt=0)] | None = None
    """Requests in flight that one replica can take; null for its number of slots."""
    utilization: Annotated[float, Field(gt=0, le=1)] = 0.7
    """Share of `per_replica` that is aimed at."""
    stable_window: Annotated[Seconds, Field(gt=0)] = 60.0
    """Length of the long window."""
    panic_window_share: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Length of the short window, as a share of the long one."""
    panic_threshold: Annotated[float, Field(gt=1)] = 2.0
    """How many times the ready replicas must be wanted for a panic."""
    max_scale_up_rate: Annotated[float, Field(gt=1)] = 1000.0
    """Most replicas wanted at a time, as a multiple of the ready ones."""
    max_scale_down_rate: Annotated[float, Field(gt=1)] = 2.0
    """Fewest replicas wanted at a time are the ready ones divided by this."""
    scale_to_zero_grace: Seconds = 30.0
    """How long the last replica stays once none is wanted."""
    initial_scale: Annotated[int, Field(ge=0)] = 1
    """Replicas wanted, whatever the load, until that many have been ready once."""

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        """Forget all samples."""
        self._site = site
        self._stable = Recent(self.stable_window)
        self._panic = Recent(self.stable_window * self.panic_window_share)
        self._first = True
        self._panic_s: float | None = None  # when it last had reason to panic; None while calm
        self._most_in_panic = 0
        self._initial = self.initial_scale
        self._active_s: float | None = None  # since when it is in use; None while it is not
        self._unwanted_s: float | None = None  # since when no replica is wanted

    def target(self, service: ServiceView) -> int:
        """Return the wanted number of replicas."""
        now_s = self._site.now_s
        wanted = self._by_concurrency(service, now_s)
        if service.ready >= self._initial:
            self._initial = 0
        wanted = max(wanted, self._initial)
        return self._in_use(service, now_s, wanted) if wanted else self._toward_zero(service, now_s)

    def _by_concurrency(self, service: ServiceView, now_s: float) -> int:
        """Return what the two windows ask for."""
        ready = max(1, service.ready)
        aim = (self.per_replica or service.concurrency) * self.utilization
        least, most = math.floor(ready / self.max_scale_down_rate), math.ceil(ready * self.max_scale_up_rate)
        raw = []
        for window in (self._stable, self._panic):
            window.add(now_s, service.in_flight)
            raw.append(ceil(window.mean() / aim))
        stable, panic = (min(max(number, least), most) for number in raw)
        self._panic_or_calm_down(service, now_s, surge=raw[1] / ready >= self.panic_threshold)
        if self._panic_s is None:
            return stable
        self._most_in_panic = max(self._most_in_panic, stable, panic)
        return self._most_in_panic

    def _panic_or_calm_down(self, service: ServiceView, now_s: float, *, surge: bool) -> None:
        if self._first and service.ready > 1:
            self._panic_s, self._most_in_panic = now_s, service.ready
        self._first = False
        if surge:
            self._panic_s = now_s
        elif self._panic_s is not None and now_s - self._panic_s > self.stable_window:
            self._panic_s, self._most_in_panic = None, 0

    def _in_use(self, service: ServiceView, now_s: float, wanted: int) -> int:
        """Return `wanted`, which is not 0, and remember since when there is use for a replica."""
        if service.ready and self._active_s is None:
            self._active_s = now_s
        self._unwanted_s = None
        return wanted

    def _toward_zero(self, service: ServiceView, now_s: float) -> int:
        """Return 0 if the service has been in use for a stable window, and out of use for the grace period."""
        current = service.ready + service.starting
        if not service.ready:  # what is starting is kept
            return current
        if self._active_s is None:
            self._active_s = now_s
        if now_s - self._active_s < self.stable_window:
            return 1
        if self._unwanted_s is None:
            self._unwanted_s = now_s
        if now_s - self._unwanted_s < self.scale_to_zero_grace:
            return current
        self._active_s = self._unwanted_s = None
        return 0
