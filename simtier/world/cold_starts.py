"""From a scenario's cold starts to models."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from simtier.catalogue import cold_starts as catalogue
from simtier.errors import TraceError
from simtier.models.cold_starts.given import Drawn, Given
from simtier.models.cold_starts.log_normal import LogNormalRows
from simtier.models.cold_starts.pool import Pool
from simtier.models.cold_starts.pooled import Fetching, Pooled
from simtier.models.cold_starts.resampled import ResampledRows
from simtier.models.cold_starts.rows import MakeDraws, RowModel, Rows, key
from simtier.models.serverless.spec import COMPONENTS, ColdStart, FunctionSpec
from simtier.scenario import cold_starts as w
from simtier.streams import Streams
from simtier.units import parse
from simtier.world.times import distribution
from simtier.world.traces import TraceShelf

Written = w.GivenColdStart | w.PoolsColdStart | w.HuaweiColdStart | w.LogNormalColdStart | w.TracedColdStart

_TRACED = {
    "scheduling": "scheduling_s",
    "allocating": "pod_allocation_s",
    "deploying_code": "deploy_code_s",
    "deploying_dependencies": "deploy_dependency_s",
}
"""Columns of a trace of cold starts by component; what a trace does not have takes no time."""


def cold_start_model(
    written: Written,
    platform: str,
    functions: Sequence[FunctionSpec],
    streams: Streams,
    shelf: TraceShelf,
    now: Callable[[], float] | None = None,
) -> ColdStart:
    """Return the model of the cold starts of a platform.

    Args:
        written: as in the scenario.
        platform: its name, in the names of random numbers and pools.
        functions: deployed on it; what they need is made here, so that what is wrong comes out before time zero.
        streams: of the run.
        shelf: finds traces.
        now: tells the simulated time to those who look at pools between two starts.

    Raises CatalogueError for unknown tables, TraceError for a trace that is missing or of no use.
    """

    def draws(name: str, sample: Any) -> Any:
        return streams.draws(f"platform/{platform}/{name}", sample)

    model = _Maker(platform, draws, shelf, now).make(written)
    for function in functions:
        model.expected(function)
    return model


def pools_of(model: ColdStart) -> Sequence[Pool]:
    """Return the pools of a platform's cold-start model, the smallest first; none if it has none."""
    return model.pools if isinstance(model, Pooled) else ()


@dataclass(frozen=True)
class _Maker:
    platform: str
    draws: MakeDraws
    shelf: TraceShelf
    now: Callable[[], float] | None

    def make(self, written: Written) -> ColdStart:
        if isinstance(written, w.GivenColdStart):
            return Given({name: distribution(getattr(written, name)) for name in COMPONENTS}, self.draws)
        if isinstance(written, w.PoolsColdStart):
            return self._pools(written)
        if isinstance(written, w.HuaweiColdStart):
            region = written.region
            catalogue.huawei_2025(region)
            return RowModel(
                lambda function: catalogue.joined(region, function.runtime), self.draws, written.demand_slope
            )
        if isinstance(written, w.LogNormalColdStart):
            rows = LogNormalRows(written.mean, written.sd, catalogue.shares())
            return RowModel(lambda _: rows, self.draws)
        by_runtime = _traced(written.trace, self.shelf)
        return RowModel(lambda function: by_runtime.get(key(function.runtime), by_runtime[""]), self.draws)

    def _pools(self, written: w.PoolsColdStart) -> Pooled:
        pools = [
            Pool(self.platform, name, parse(name, "data"), pool.size, pool.refill, self.now)
            for name, pool in written.pools.items()
        ]
        names = ("from_pool", "from_scratch", "scheduling", "starting_runtime", "initialising")
        times = {name: distribution(getattr(written, name)) for name in names}
        times |= {f"search {stage + 1}": distribution(time) for stage, time in enumerate(written.search)}
        rate = written.bandwidth if written.bandwidth is not None else float("inf")
        return Pooled(
            pools,
            Drawn(times, self.draws),
            len(written.search),
            written.no_pool,
            written.scheduling_per_start,
            Fetching(rate, written.cache, written.cached),
        )


def _traced(name: str, shelf: TraceShelf) -> dict[str, Rows]:
    """Return the rows of a trace by runtime, and all of them as ""; raises TraceError if they are of no use."""
    table = shelf.get(name, "cold_starts").table
    columns = [_column(name, table, component) for component in COMPONENTS]
    seconds = np.column_stack(columns)
    if not len(seconds):
        raise TraceError(f"trace {name!r} has no cold starts to draw from")
    places: dict[str, list[int]] = defaultdict(list)
    for place, runtime in enumerate(table["runtime"].to_pylist()):
        if runtime:
            places[key(runtime)].append(place)
    found: dict[str, Rows] = {runtime: ResampledRows(seconds[mine]) for runtime, mine in places.items()}
    return found | {"": ResampledRows(seconds)}


def _column(name: str, table: Any, component: str) -> Any:
    """Return the seconds of a component in every row; raises TraceError for one that is negative or no number."""
    if component not in _TRACED:
        return np.zeros(table.num_rows)
    column = _TRACED[component]
    seconds = table[column].to_numpy()
    wrong = np.flatnonzero(~(np.isfinite(seconds) & (seconds >= 0)))
    if len(wrong):
        row = wrong[0]
        raise TraceError(
            f"trace {name!r} has a {column} of {seconds[row]:g} s in row {row + 1}: it must be finite, 0 or more"
        )
    return seconds
