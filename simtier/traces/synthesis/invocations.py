"""Look-alikes of invocations of functions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.random import Generator as Rng
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from simtier.errors import TraceError
from simtier.traces.synthesis.generator import CHUNK_ROWS, Columns, Generator, RngOf, column, labels, table_of, texts
from simtier.traces.synthesis.parameters import check
from simtier.traces.synthesis.quantiles import Floats, Quantiles
from simtier.traces.synthesis.rhythm import DAY, FLAT_DAY, HOUR, check_profile, profile
from simtier.traces.tables import Family

LEAST_ROWS = 100
TIMER_CALLS = 4
"""Calls that a function needs before `fit` may take it for a timer."""

TIMER_LATE_S = 0.02
CLUSTER_GAP_S = 1.0


@dataclass(frozen=True)
class Invocations(Generator):
    """Invocations of many functions: some on timers, the others in clusters of calls on a rate that follows the hour.

    The n-th busiest function has a share of the calls in proportion to n^-skew. A timer calls at whole multiples of its
    period, up to 20 ms late, so that timers coincide as schedules do; another function's clusters are Poisson, with
    geometric sizes and exponential distances from the first call (Neyman-Scott). Each function has its own band of the distribution of durations, as wide as its share of the calls:
    so durations differ mostly between functions, and pooled over them are distributed as given. Left out: what one
    call causes in another function, memory, changes from day to day.

    Attributes:
        functions: how many functions.
        apps: how many applications they belong to.
        rate_per_s: mean calls per second, all functions together.
        skew: exponent of the functions' shares; 0 for equal shares.
        timer_share: probability that a function that calls about once a period (within a factor of two) is a timer.
        periods_s: periods that timers have; a timer gets the one nearest to its mean gap.
        cluster_mean: mean calls in a cluster.
        cluster_s: mean seconds from the first call of a cluster to another.
        hours: weights of the 24 hours for what is not a timer, mean 1; time zero is midnight.
        duration_s: seconds that calls run.
    """

    family: ClassVar[Family] = "invocations"

    functions: int
    apps: int
    rate_per_s: float
    skew: float
    timer_share: float
    periods_s: tuple[float, ...]
    cluster_mean: float
    cluster_s: float
    hours: tuple[float, ...]
    duration_s: Quantiles

    def __post_init__(self) -> None:
        check(0 < self.apps <= self.functions, f"apps is 1 to the {self.functions} functions, not {self.apps}")
        check(self.rate_per_s > 0, f"rate_per_s must be above 0, not {self.rate_per_s}")
        check(0 <= self.skew <= 5, f"skew is 0 to 5, not {self.skew}")
        check(0 <= self.timer_share <= 1, f"timer_share is a probability, not {self.timer_share}")
        check(bool(self.periods_s) and min(self.periods_s) > 0, "periods_s needs periods above 0")
        check(self.cluster_mean >= 1, f"cluster_mean is 1 or more, not {self.cluster_mean}")
        check(self.cluster_s >= 0, f"cluster_s must not be negative, not {self.cluster_s}")
        check_profile("hours", self.hours, 24)

    def chunks(self, rng_of: RngOf) -> Iterator[Columns]:
        """Yield invocations without end."""
        world, rng = _World(self, rng_of("functions")), rng_of("calls")
        step = float(np.clip(CHUNK_ROWS / self.rate_per_s, 1e-3, HOUR))
        late = np.zeros((0, 2))
        window = 0
        while True:
            start, end = window * step, (window + 1) * step
            window += 1
            made = np.concatenate([late, world.timer_calls(start, end), world.clusters(start, end, rng)])
            late = made[made[:, 0] >= end]
            now = made[made[:, 0] < end]
            now = now[np.argsort(now[:, 0], kind="stable")]
            if not len(now):
                continue
            function = now[:, 1].astype(np.int64)
            level = world.band_start[function] + rng.random(len(function)) * world.shares[function]
            yield {
                "arrival_s": now[:, 0],
                "duration_s": np.round(self.duration_s.at(level), 6),
                "function": labels(function, [f"function-{i}" for i in range(self.functions)]),
                "app": labels(world.app[function], [f"app-{i}" for i in range(self.apps)]),
                "trigger": labels(world.is_timer[function].astype(np.int64), [None, "timer"]),
            }

    @classmethod
    def fit(cls, source: Any) -> Self:
        """Return the parameters of a trace of invocations.

        skew by maximum likelihood over the ranked counts; timers are functions with at least four calls whose gaps vary
        by less than 5 %; a cluster ends where the same function does not call for a second; durations by quantiles;
        hours need two days.
        """
        table = table_of(source, "invocations", least=LEAST_ROWS, purpose="invocations")
        times = column(table, "arrival_s")
        span = float(times[-1] - times[0])
        if span < 120:
            raise TraceError(f"the trace spans {span:.0f} s; to fit invocations takes two minutes or more")
        names = texts(table, "function")
        _, code = np.unique(np.array(names, dtype=object).astype(str), return_inverse=True)
        calls = [times[code == i] for i in range(int(code.max()) + 1)]
        regular = [_period(own) for own in calls]
        others = [own for own, period in zip(calls, regular, strict=True) if period is None]
        found = sorted({float(round(period) or 1) for period in regular if period is not None})
        periods = tuple(found) or (60.0,)
        rates = np.array([len(own) for own in calls]) / span
        eligible = int(np.count_nonzero(_octaves_off(rates, periods).min(axis=1) <= 1))
        cluster_mean, cluster_s = _clusters(others)
        hourly = np.bincount((times // HOUR).astype(np.int64)).astype(np.float64)
        return cls(
            functions=len(calls),
            apps=max(1, len({app for app in texts(table, "app") if app is not None})),
            rate_per_s=len(times) / span,
            skew=_skew(np.array([len(own) for own in calls])),
            timer_share=min(1.0, (len(calls) - len(others)) / max(eligible, 1)),
            periods_s=periods,
            cluster_mean=cluster_mean,
            cluster_s=cluster_s,
            hours=profile(np.arange(len(hourly)) % 24, hourly, 24) if span >= 2 * DAY else FLAT_DAY,
            duration_s=Quantiles.fit(column(table, "duration_s")),
        )


class _World:
    """The functions of one look-alike: shares, timers, and bands of the durations."""

    def __init__(self, given: Invocations, rng: Rng) -> None:
        count = given.functions
        self._given = given
        weights = np.arange(1, count + 1, dtype=np.float64) ** -given.skew
        self.shares: Floats = weights / weights.sum()
        rates = given.rate_per_s * self.shares
        self.app = rng.integers(given.apps, size=count)
        order = rng.permutation(count)
        self.band_start = np.empty(count)
        self.band_start[order] = np.cumsum(self.shares[order]) - self.shares[order]
        off = _octaves_off(rates, given.periods_s)
        self.is_timer = (off.min(axis=1) <= 1) & (rng.random(count) < given.timer_share)
        self.period = np.array(given.periods_s)[off.argmin(axis=1)]
        self.late = rng.random(count) * TIMER_LATE_S
        self._starts = np.where(self.is_timer, 0.0, rates / given.cluster_mean)

    def timer_calls(self, start: float, end: float) -> Floats:
        """Return the (time, function) of calls of timers in [start, end)."""
        found = [np.zeros((0, 2))]
        for i in np.flatnonzero(self.is_timer):
            first, beyond = (max(0, int(np.ceil((t - self.late[i]) / self.period[i]))) for t in (start, end))
            times = self.late[i] + self.period[i] * np.arange(first, beyond)
            found.append(np.column_stack([times, np.full(len(times), i)]))
        return np.concatenate(found)

    def clusters(self, start: float, end: float, rng: Rng) -> Floats:
        """Return the (time, function) of calls of clusters that begin in [start, end); they may come later."""
        hour = self._given.hours[int(start // HOUR) % 24]
        function = np.repeat(np.arange(len(self._starts)), rng.poisson(self._starts * (end - start) * hour))
        begin = start + rng.random(len(function)) * (end - start)
        size = rng.geometric(1 / self._given.cluster_mean, len(function))
        after = np.repeat(np.cumsum(size) - size, size)
        later = (
            rng.exponential(self._given.cluster_s, int(size.sum()))
            if self._given.cluster_s
            else np.zeros(int(size.sum()))
        )
        later[np.unique(after)] = 0.0  # the first call of each
        return np.column_stack([np.repeat(begin, size) + later, np.repeat(function, size)])


def _octaves_off(rates: Floats, periods: tuple[float, ...]) -> Floats:
    """Return by how many factors of two each mean gap is off each period, (functions, periods)."""
    return np.asarray(np.abs(np.log2(rates[:, None] * np.array(periods)[None, :])), dtype=np.float64)


def _period(calls: Floats) -> float | None:
    """Return the period of a timer's calls; None if they are not a timer's."""
    gaps = np.diff(calls)
    if len(calls) < TIMER_CALLS or gaps.min() <= 0 or gaps.std() > 0.05 * gaps.mean():
        return None
    return float(np.median(gaps))


def _skew(counts: NDArray[np.int64]) -> float:
    """Return the exponent of the Zipf law under which these counts, ranked, are likeliest."""
    ranked = np.sort(counts)[::-1]
    log_rank = np.log(np.arange(1, len(ranked) + 1))
    if len(ranked) < 2:
        return 0.0

    def cost(s: float) -> float:
        return float(s * np.sum(ranked * log_rank) + ranked.sum() * np.log(np.sum(np.exp(-s * log_rank))))

    return float(minimize_scalar(cost, bounds=(0.0, 5.0), method="bounded").x)


def _clusters(others: list[Floats]) -> tuple[float, float]:
    """Return the mean calls in a cluster and the mean seconds from its first call; a gap of CLUSTER_GAP_S ends it."""
    calls = clusters = 0
    later: list[Floats] = [np.zeros(0)]
    for own in others:
        first = np.concatenate([[True], np.diff(own) >= CLUSTER_GAP_S])
        calls, clusters = calls + len(own), clusters + int(first.sum())
        later.append((own - own[first][np.cumsum(first) - 1])[~first])
    distances = np.concatenate(later)
    return (calls / clusters if clusters else 1.0), (float(distances.mean()) if len(distances) else 0.0)
