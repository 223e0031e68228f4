"""About how many requests each source sends, and each function of a trace gets, so that parts can be made alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from simtier.scenario import Scenario
from simtier.scenario import workloads as w
from simtier.streams import Streams
from simtier.world.replays import sampled
from simtier.world.times import distribution
from simtier.world.traces import TraceShelf

LEAST_S = 0.1
"""What a client's request takes at least, when its rate is guessed."""


def rate(arrivals: w.Arrivals) -> float:
    """Return about how many requests a source of a process sends, a second."""
    if isinstance(arrivals, w.Periodic | w.Poisson | w.Renewal):
        return arrivals.rate
    if isinstance(arrivals, w.MarkovModulated):
        return float(np.dot(arrivals.rates, arrivals.stay)) / sum(arrivals.stay)
    if isinstance(arrivals, w.Varying):
        area = sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in pairwise(arrivals.points))
        return area / arrivals.points[-1][0]
    return 1.0 / max(LEAST_S, distribution(arrivals.think).mean)


def loads(scenario: Scenario, shelf: TraceShelf) -> Iterator[tuple[str, float, Counter[str]]]:
    """Yield of each workload its name, about how many requests each of its sources sends, and how many of the sampled ones call which function."""
    for name, written in scenario.workloads.items():
        ends_s = min(scenario.run.duration, written.stop if written.stop is not None else scenario.run.duration)
        length_s = max(0.0, ends_s - written.start)
        if written.arrivals is not None:
            yield name, rate(written.arrivals) * length_s, Counter()
            continue
        rows, last_s, calls = 0, 0.0, Counter[str]()
        for part in sampled(scenario.apps[written.app], written, Streams(scenario.run.seed), shelf):
            if part.num_rows:
                rows, last_s = rows + part.num_rows, float(part.column(0)[-1].as_py())
                calls.update(_called(part))
        yield name, rows * (length_s / last_s if last_s > length_s else 1.0), calls


def _called(part: Any) -> dict[str, int]:
    """Return how many rows call each function."""
    if "function" not in part.schema.names:
        return {}
    column = part.column("function")
    number = np.bincount(column.indices.to_numpy(), minlength=len(column.dictionary))
    return {name: int(n) for name, n in zip(column.dictionary.to_pylist(), number, strict=True) if n}
