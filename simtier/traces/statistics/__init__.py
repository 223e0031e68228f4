"""What is in a trace: counts, gaps, dispersion, percentiles; in one pass over a stream, in flat memory.

`summarise(batches, family, facts)` returns a `Summary`, `plot_trace` draws one. Means, deviations and counts are exact whatever
the length of the stream; percentiles are exact up to `Bounds.values` numbers a column and within 0.1 % above. The conventions
(how a rate, a bin of time and a variance are taken) stand at `Arrivals`, `Rates` and `Level`.
"""

from __future__ import annotations

from simtier.traces.statistics.arrivals import Arrivals
from simtier.traces.statistics.blocks import Blocks
from simtier.traces.statistics.columns import Flags, Labels, Numbers
from simtier.traces.statistics.intervals import Rates
from simtier.traces.statistics.levels import Level
from simtier.traces.statistics.plot import plot_trace
from simtier.traces.statistics.summary import Bounds, Collector, Sessions, Summary, summarise

__all__ = [
    "Arrivals",
    "Blocks",
    "Bounds",
    "Collector",
    "Flags",
    "Labels",
    "Level",
    "Numbers",
    "Rates",
    "Sessions",
    "Summary",
    "plot_trace",
    "summarise",
]
