"""Look-alikes of cold starts and what they are spent on, and of counts per minute."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from simtier.errors import TraceError
from simtier.traces.synthesis.generator import Columns, Generator, RngOf, column, labels, table_of, texts
from simtier.traces.synthesis.parameters import Parameters, check
from simtier.traces.synthesis.quantiles import Copula, Quantiles
from simtier.traces.synthesis.rhythm import Rhythm
from simtier.traces.tables import Family

COMPONENTS = ("pod_allocation_s", "deploy_code_s", "deploy_dependency_s", "scheduling_s")
LEAST_ROWS = 100
LEAST_OF_A_RUNTIME = 50


@dataclass(frozen=True)
class ColdStartKind(Parameters):
    """One sort of cold starts: what each of the four parts takes (seconds, zeros apart) and how they go together.

    Attributes:
        share: of the cold starts, 0 to 1.
        runtime: language runtime, if told apart.
        functions: how many functions have them; the n-th most frequent has a share in proportion to 1/n.
        pod_allocation_s: finding a pod.
        deploy_code_s: fetching and unpacking the code.
        deploy_dependency_s: fetching and unpacking layers; zero without any.
        scheduling_s: scheduler and network.
        copula: of the four, in this order.
    """

    share: float
    runtime: str | None
    functions: int
    pod_allocation_s: Quantiles
    deploy_code_s: Quantiles
    deploy_dependency_s: Quantiles
    scheduling_s: Quantiles
    copula: Copula

    def __post_init__(self) -> None:
        check(0 < self.share <= 1, f"share is above 0, up to 1, not {self.share}")
        check(self.functions > 0, f"functions must be above 0, not {self.functions}")
        check(len(self.copula.correlation) == len(COMPONENTS), f"the copula joins {len(COMPONENTS)} parts")

    @property
    def parts(self) -> tuple[Quantiles, ...]:
        """The distributions of the four parts, in the order of COMPONENTS."""
        return (self.pod_allocation_s, self.deploy_code_s, self.deploy_dependency_s, self.scheduling_s)


@dataclass(frozen=True)
class ColdStarts(Generator):
    """Cold starts: counts per minute with a daily and an hourly rhythm, uniform inside the minute, parts by kind.

    The total is the sum of the four parts. Left out: that cold starts take longer when there are many (Spearman 0.7
    in R1), users, clusters, pods; the parts of one function do not resemble each other more than those of its kind.

    Attributes:
        region: name of the region, or None.
        rhythm: counts per minute.
        kinds: sorts of cold starts with their shares.
    """

    family: ClassVar[Family] = "cold_starts"

    region: str | None
    rhythm: Rhythm
    kinds: tuple[ColdStartKind, ...]

    def __post_init__(self) -> None:
        check(bool(self.kinds), "at least one kind of cold starts is needed")
        check(abs(sum(kind.share for kind in self.kinds) - 1) < 1e-3, "the shares of the kinds must add up to 1")

    def chunks(self, rng_of: RngOf) -> Iterator[Columns]:
        """Yield cold starts without end."""
        rng = rng_of("cold starts")
        names = [f"{kind.runtime or 'function'}-{i}" for kind in self.kinds for i in range(kind.functions)]
        offsets = np.cumsum([0, *(kind.functions for kind in self.kinds)])
        popular = [np.cumsum(1 / np.arange(1, kind.functions + 1)) for kind in self.kinds]
        shares = np.cumsum([kind.share for kind in self.kinds])[:-1]
        first = 0
        for counts in self.rhythm.counts(rng_of):
            minutes = np.repeat(np.arange(first, first + len(counts)), counts)
            first += len(counts)
            rows = len(minutes)
            if not rows:
                continue
            which = np.searchsorted(shares, rng.random(rows), side="right")
            function, pick = np.empty(rows, dtype=np.int64), rng.random(rows)
            parts = np.empty((len(COMPONENTS), rows))
            for i, kind in enumerate(self.kinds):
                mine = np.flatnonzero(which == i)
                function[mine] = offsets[i] + np.searchsorted(popular[i], pick[mine] * popular[i][-1])
                for part, distribution, level in zip(
                    parts, kind.parts, kind.copula.levels(rng, len(mine)), strict=True
                ):
                    part[mine] = np.round(distribution.at(level), 6)
            yield {
                "time_s": np.sort(60.0 * (minutes + rng.random(rows))),
                "total_s": ((parts[0] + parts[1]) + parts[2]) + parts[3],
                **dict(zip(COMPONENTS, parts, strict=True)),
                "function": labels(function, names),
                "region": labels(np.zeros(rows, dtype=np.int64), [self.region]),
                "runtime": labels(which, [kind.runtime for kind in self.kinds]),
            }

    @classmethod
    def fit(cls, source: Any) -> Self:
        """Return the parameters of a trace of cold starts: rhythm by moments, parts by quantiles and ranks, by runtime.

        Runtimes with fewer than 50 cold starts take the parts of all.
        """
        table = table_of(source, "cold_starts", least=LEAST_ROWS, purpose="cold starts")
        times = column(table, "time_s")
        counts = np.bincount((times // 60).astype(np.int64)).astype(np.float64)
        if len(counts) < 3:
            raise TraceError(f"the trace spans {times[-1]:.0f} s; to fit counts per minute takes at least two minutes")
        parts = np.array([column(table, name) for name in COMPONENTS])
        runtimes, functions = texts(table, "runtime"), texts(table, "function")
        rows: dict[str | None, list[int]] = defaultdict(list)
        for i, runtime in enumerate(runtimes):
            rows[runtime].append(i)
        kinds = []
        for runtime, mine in rows.items():
            sample = parts[:, mine] if len(mine) >= LEAST_OF_A_RUNTIME else parts
            pod, code, dependency, scheduling = (Quantiles.fit(part) for part in sample)
            known, share = len({functions[i] for i in mine}), len(mine) / len(times)
            copula = Copula.fit(*sample)
            kinds.append(ColdStartKind(share, runtime, known, pod, code, dependency, scheduling, copula))
        regions = set(texts(table, "region"))
        return cls(regions.pop() if len(regions) == 1 else None, Rhythm.fit(counts[:-1]), tuple(kinds))


@dataclass(frozen=True)
class MinuteCounts(Generator):
    """A count for every minute of one series, zeros included: Poisson with rhythm, wandering and noise (`Rhythm`).

    Left out: days of the week, trends, and changes of level that stay.

    Attributes:
        series: what is counted for: a function, a region.
        metric: what is counted.
        rhythm: counts per minute.
    """

    family: ClassVar[Family] = "rates"

    series: str
    metric: str
    rhythm: Rhythm

    def facts(self) -> dict[str, str]:
        """Return the metric, and that every minute has a row."""
        return {"metric": self.metric, "unit": "", "absent": "zero"}

    def chunks(self, rng_of: RngOf) -> Iterator[Columns]:
        """Yield minutes without end."""
        first = 0
        for counts in self.rhythm.counts(rng_of):
            rows = len(counts)
            yield {
                "time_s": 60.0 * np.arange(first, first + rows),
                "length_s": np.full(rows, 60.0),
                "series": labels(np.zeros(rows, dtype=np.int64), [self.series]),
                "value": counts.astype(np.float64),
            }
            first += rows

    @classmethod
    def fit(cls, source: Any, *, metric: str = "count") -> Self:
        """Return the rhythm of a trace of counts per minute, summed over its series; an absent minute counts zero."""
        table = table_of(source, "rates", least=60, purpose="counts per minute")
        if np.any(column(table, "length_s") != 60):
            raise TraceError("the intervals are not all 60 s long, so that no counts per minute can be fitted")
        minutes = np.rint(column(table, "time_s") / 60).astype(np.int64)
        counts = np.bincount(minutes, weights=column(table, "value")).astype(np.float64)
        if len(counts) < 60 or not counts.sum():
            raise TraceError(
                f"the trace has {len(counts)} minutes and {counts.sum():g} counts; takes 60 minutes and some counts"
            )
        names = set(texts(table, "series"))
        return cls((names.pop() or "all") if len(names) == 1 else "all", metric, Rhythm.fit(counts))
