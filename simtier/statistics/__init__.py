"""Statistics of simulated numbers, as pure functions: nothing here knows what a metric means.

`intervals` and `replications`: the mean of independent values. `paired`, `one_sided`, `power`: two policies. `holm`, `ranking`: many.
`mser`: where a run has settled. `batch_means`: intervals from inside one long run. `sequential`: when to stop.
"""

from simtier.statistics.batch_means import Batched, BatchedComparison, Observed, batched, compare_batches
from simtier.statistics.holm import holm
from simtier.statistics.intervals import Interval, half_width, mean_interval
from simtier.statistics.mser import WarmUp, mser5
from simtier.statistics.one_sided import one_sided
from simtier.statistics.paired import Comparison, independent, paired
from simtier.statistics.power import detectable, replications_needed
from simtier.statistics.ranking import Ranked, Ranking, rank
from simtier.statistics.replications import combine
from simtier.statistics.sequential import Sequential, reached, sequential

__all__ = [
    "Batched",
    "BatchedComparison",
    "Comparison",
    "Interval",
    "Observed",
    "Ranked",
    "Ranking",
    "Sequential",
    "WarmUp",
    "batched",
    "combine",
    "compare_batches",
    "detectable",
    "half_width",
    "holm",
    "independent",
    "mean_interval",
    "mser5",
    "one_sided",
    "paired",
    "rank",
    "reached",
    "replications_needed",
    "sequential",
]
