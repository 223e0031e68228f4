"""Look-alikes of a platform's functions: what they are, and how often each is invoked in every minute."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from simtier.errors import TraceError
from simtier.traces.synthesis.generator import CHUNK_ROWS, Columns, Generator, RngOf, column, labels, table_of, texts
from simtier.traces.synthesis.parameters import Parameters, check
from simtier.traces.synthesis.quantiles import Floats, Quantiles
from simtier.traces.synthesis.rhythm import FLAT_DAY, check_profile, profile
from simtier.traces.tables import Family, batch

DAY_MINUTES = 1440
MEGABYTE = 2.0**20
TIMER = "timer"


@dataclass(frozen=True)
class Trigger(Parameters):
    """What calls functions, and the share of the functions that it calls."""

    name: str
    share: float

    def __post_init__(self) -> None:
        check(0 < self.share <= 1, f"share is above 0, up to 1, not {self.share}")


@dataclass(frozen=True)
class FunctionRates(Generator):
    """Counts per minute of many functions, as in Azure Functions 2019; a function without calls in a minute has no row.

    Applications have a number of functions and of daily calls, both from tables; the calls are split among the
    functions in proportion to exponentials. A timer's calls are evenly spaced: every so many minutes (a whole
    number), or a constant count in each. The others' counts are Poisson around rate x hour x log-normal noise of the
    minute. Durations are log-normal, memory is Burr XII, by application. Left out: that triggers differ in how often
    they call, chains between functions, weekdays, functions that come and go.

    Attributes:
        functions: how many functions.
        app_functions: functions of an application.
        app_daily_calls: calls of an application in a day.
        triggers: with their shares; the one called "timer" is periodic.
        hours: weights of the 24 hours for what is not a timer, mean 1; time zero is midnight.
        noise_log_sd: log-standard deviation of the factor that each function's minute has.
        duration_log_mean: mean of ln(mean duration in s) over functions.
        duration_log_sd: standard deviation of it.
        memory_c: first shape of the Burr distribution of an application's memory.
        memory_k: second shape.
        memory_scale_bytes: scale.
    """

    family: ClassVar[Family] = "rates"

    functions: int
    app_functions: Quantiles
    app_daily_calls: Quantiles
    triggers: tuple[Trigger, ...]
    hours: tuple[float, ...]
    noise_log_sd: float
    duration_log_mean: float
    duration_log_sd: float
    memory_c: float
    memory_k: float
    memory_scale_bytes: float

    def __post_init__(self) -> None:
        check(self.functions > 0, f"functions must be above 0, not {self.functions}")
        check(abs(sum(t.share for t in self.triggers) - 1) < 1e-3, "the shares of the triggers must add up to 1")
        check_profile("hours", self.hours, 24)
        check(self.noise_log_sd >= 0 and self.duration_log_sd >= 0, "standard deviations must not be negative")
        check(min(self.memory_c, self.memory_k, self.memory_scale_bytes) > 0, "the Burr parameters must be above 0")

    def facts(self) -> dict[str, str]:
        """Return the metric, and that a minute without a row counts zero."""
        return {"metric": "requests", "unit": "", "absent": "zero"}

    def functions_table(self, rng_of: RngOf) -> Any:
        """Return the functions themselves, a record batch of the family `functions`, in the order of their names.

        They are those of `generate`, given generators of the same seed that have not been used.
        """
        world = _World(self, rng_of)
        columns = {
            "function": [f"function-{i}" for i in range(self.functions)],
            "app": labels(world.app, [f"app-{i}" for i in range(int(world.app.max()) + 1)]),
            "trigger": labels(world.trigger, [trigger.name for trigger in self.triggers]),
            "memory_bytes": np.round(world.memory_bytes[world.app]),
            "invocations": np.rint(world.per_minute * DAY_MINUTES).astype(np.int64),
            "duration_mean_s": np.round(world.duration_s, 6),
        }
        return batch("functions", columns, self.functions)

    def chunks(self, rng_of: RngOf) -> Iterator[Columns]:
        """Yield the counts above zero, minute by minute, without end."""
        world, rng = _World(self, rng_of), rng_of("counts")
        names = [f"function-{i}" for i in range(self.functions)]
        step = int(np.clip(CHUNK_ROWS // self.functions, 1, 60))
        first = 0
        while True:
            minutes = np.arange(first, first + step)
            first += step
            hourly = np.array(self.hours)[minutes // 60 % 24]
            noise = np.exp(self.noise_log_sd * rng.standard_normal((step, self.functions)) - self.noise_log_sd**2 / 2)
            counts = rng.poisson(world.per_minute * hourly[:, None] * noise).astype(np.float64)
            counts[:, world.is_timer] = world.timer_counts(minutes)
            which, function = np.nonzero(counts)
            if len(which):
                yield {
                    "time_s": 60.0 * minutes[which],
                    "length_s": np.full(len(which), 60.0),
                    "series": labels(function, names),
                    "value": counts[which, function],
                }

    @classmethod
    def fit(cls, source: Any, functions: Any = None) -> Self:
        """Return the parameters of counts per minute, and of the table of the functions where there is one.

        Rates, hours and noise by moments and quantiles; a series whose rows are all alike and evenly spaced is a timer.
        Durations by maximum likelihood, memory likewise; without a table of functions they are those published for
        Azure Functions 2019, every function is an application of its own, and triggers are timer and others.
        """
        table = table_of(source, "rates", least=100, purpose="functions' rates")
        times, values = column(table, "time_s"), column(table, "value")
        minutes = int(times[-1] // 60) + 1
        if minutes < 60:
            raise TraceError(f"the trace spans {minutes} minutes; to fit functions' rates takes an hour at least")
        _, code = np.unique(np.array(texts(table, "series"), dtype=object).astype(str), return_inverse=True)
        count = int(code.max()) + 1
        daily = np.bincount(code, weights=values, minlength=count) * DAY_MINUTES / minutes
        timer = np.array([_is_timer(times[code == i], values[code == i]) for i in range(count)])
        free = ~timer[code]
        at = (times[free] // 60).astype(np.int64)
        per_minute = np.bincount(at, weights=values[free], minlength=minutes).astype(np.float64)
        hours = profile(np.arange(minutes) // 60 % 24, per_minute, 24) if minutes >= 2 * DAY_MINUTES else FLAT_DAY
        known = _Known.of(functions, float(timer.mean()))
        return cls(
            functions=count,
            app_functions=known.app_functions,
            app_daily_calls=Quantiles.fit(daily * known.app_functions.mean),
            triggers=known.triggers,
            hours=hours,
            noise_log_sd=_noise(code[free], at, values[free], np.array(hours)[np.arange(minutes) // 60 % 24]),
            duration_log_mean=known.duration[0],
            duration_log_sd=known.duration[1],
            memory_c=known.memory[0],
            memory_k=known.memory[1],
            memory_scale_bytes=known.memory[2],
        )


class _World:
    """The functions of one look-alike: application, trigger, rate, duration; and the memory of each application."""

    def __init__(self, given: FunctionRates, rng_of: RngOf) -> None:
        rng = rng_of("functions")
        count = given.functions
        sizes = np.maximum(1, np.rint(given.app_functions.at(rng.random(count)))).astype(np.int64)
        self.app: NDArray[np.int64] = np.repeat(np.arange(count), sizes)[:count]
        calls = given.app_daily_calls.at(rng.random(count))
        weight = rng.exponential(size=count)
        whole = np.bincount(self.app, weights=weight, minlength=count)
        self.per_minute: Floats = calls[self.app] * weight / whole[self.app] / DAY_MINUTES
        edges = np.cumsum([trigger.share for trigger in given.triggers])[:-1]
        self.trigger: NDArray[np.int64] = np.searchsorted(edges, rng.random(count), side="right")
        self.is_timer = np.array([trigger.name == TIMER for trigger in given.triggers])[self.trigger]
        self.duration_s: Floats = rng.lognormal(given.duration_log_mean, given.duration_log_sd, count)
        # F(x) = 1 - (1 + (x / scale)^c)^-k, inverted
        rest = (1 - rng.random(count)) ** (-1 / given.memory_k) - 1
        self.memory_bytes: Floats = given.memory_scale_bytes * rest ** (1 / given.memory_c)
        self._rate = self.per_minute[self.is_timer]
        self._every = np.maximum(1, np.rint(1 / np.maximum(self._rate, 1e-9))).astype(np.int64)
        self._phase = (rng.random(len(self._every)) * self._every).astype(np.int64)

    def timer_counts(self, minutes: NDArray[np.int64]) -> Floats:
        """Return the counts of the timers in these minutes, (minutes, timers)."""
        due = (minutes[:, None] - self._phase) % self._every == 0
        return np.where(due, np.maximum(1.0, np.rint(self._rate)), 0.0)


@dataclass(frozen=True)
class _Known:
    """What a table of functions says beyond their rates."""

    app_functions: Quantiles
    triggers: tuple[Trigger, ...]
    duration: tuple[float, float]
    memory: tuple[float, float, float]

    @classmethod
    def of(cls, source: Any, timers: float) -> Self:
        split = tuple(Trigger(name, share) for name, share in ((TIMER, timers), ("others", 1 - timers)) if share > 0)
        alone = Quantiles((0.0, 1.0), (1.0, 1.0))
        published = (-0.38, 2.36), (11.652, 0.221, 107.083 * MEGABYTE)  # FunctionRates' sources
        if source is None:
            return cls(alone, split, *published)
        table = table_of(source, "functions", least=20, purpose="functions")
        names = Counter(name for name in texts(table, "trigger") if name is not None)
        triggers = tuple(Trigger(name, n / names.total()) for name, n in sorted(names.items()))
        apps = Counter(app for app in texts(table, "app") if app is not None)
        sizes = Quantiles.fit(np.array(list(apps.values()), dtype=np.float64)) if apps else alone
        durations, memory = (_present(table, name) for name in ("duration_mean_s", "memory_bytes"))
        logs = np.log(durations)
        duration = (float(logs.mean()), float(logs.std())) if len(logs) >= 20 else published[0]
        burr = fit_burr(memory) if len(memory) >= 20 else published[1]
        return cls(sizes, triggers or split, duration, burr)


def _present(table: Any, name: str) -> Floats:
    """Return the numbers above zero of a column that may have nulls."""
    values = column(table, name) if name in table.column_names else np.zeros(0)
    return np.asarray(values[values > 0], dtype=np.float64)


def fit_burr(sample: Floats) -> tuple[float, float, float]:
    """Return the maximum-likelihood c, k and scale of a Burr XII distribution."""

    def cost(logs: NDArray[np.float64]) -> float:
        c, k, scale = np.exp(np.clip(logs, -20, 40))
        x = np.log(sample / scale)
        density = math.log(c * k / scale) + (c - 1) * x - (k + 1) * np.logaddexp(0, c * x)
        return -float(np.mean(density))

    start = np.log([3.0, 1.0, float(np.median(sample))])
    c, k, scale = np.exp(minimize(cost, start, method="Nelder-Mead", options={"maxiter": 4000, "maxfev": 4000}).x)
    return float(c), float(k), float(scale)


def _is_timer(times: Floats, values: Floats) -> bool:
    """Return whether counts are all alike and at one distance, four times or more."""
    return len(times) >= 4 and np.ptp(values) == 0 and np.ptp(np.diff(times)) == 0


def _noise(code: NDArray[np.int64], at: NDArray[np.int64], values: Floats, weights: Floats) -> float:
    """Return the log-sd of a minute's factor from what busy functions' counts vary more than Poisson around the hours."""
    excess = []
    for i in np.unique(code):
        counts = np.zeros(len(weights))
        np.add.at(counts, at[code == i], values[code == i])
        expected = counts.mean() * weights
        if counts.mean() >= 1:
            excess.append(np.sum((counts - expected) ** 2 - expected) / np.sum(expected**2))
    return math.sqrt(math.log1p(max(float(np.median(excess)), 0.0))) if excess else 0.0
