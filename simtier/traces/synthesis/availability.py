"""Look-alikes of a spot market's availability."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from simtier.errors import TraceError
from simtier.traces.synthesis.generator import Columns, Generator, RngOf, column, table_of
from simtier.traces.synthesis.markov import Matrix, check_transitions, count_transitions, walk
from simtier.traces.synthesis.parameters import check
from simtier.traces.tables import Family

MOST_STATES = 100
CHUNK = 4096


@dataclass(frozen=True)
class Availability(Generator):
    """Instances that can be had, a Markov chain from tick to tick; on/off is the chain with counts 0 and 1.

    Times in a state are geometric. Left out: the hour of the day, and outages that last longer the longer they last.

    Attributes:
        tick_s: seconds from one number to the next.
        counts: instances in each state, rising.
        transitions: probabilities from state to state in a tick.
    """

    family: ClassVar[Family] = "availability"

    tick_s: float
    counts: tuple[int, ...]
    transitions: Matrix

    def __post_init__(self) -> None:
        check(self.tick_s > 0, f"tick_s must be above 0, not {self.tick_s}")
        rising = all(a < b for a, b in zip(self.counts, self.counts[1:], strict=False))
        check(bool(self.counts) and self.counts[0] >= 0 and rising, "counts must be >= 0 and rise")
        check_transitions(self.transitions, len(self.counts))

    @classmethod
    def on_off(cls, *, tick_s: float, share_on: float, mean_off_s: float) -> Self:
        """Return the chain that is on for a share of the time and off for `mean_off_s` at a time.

        Raises TraceError if that takes a mean time on or off of less than a tick.
        """
        check(0 < share_on < 1, f"share_on is within 0 and 1, not {share_on}")
        shortest = mean_off_s * min(1.0, share_on / (1 - share_on))
        check(shortest >= tick_s, f"mean times on and off must last a tick ({tick_s} s) at least, not {shortest:.6g} s")
        to_on = tick_s / mean_off_s
        to_off = to_on * (1 - share_on) / share_on
        return cls(tick_s, (0, 1), ((1 - to_on, to_on), (to_off, 1 - to_off)))

    def chunks(self, rng_of: RngOf) -> Iterator[Columns]:
        """Yield a number for every tick without end."""
        first = 0
        for states in walk(rng_of("states"), self.transitions, CHUNK):
            ticks = np.arange(first, first + len(states))
            yield {"time_s": ticks * self.tick_s, "available": np.array(self.counts)[states]}
            first += len(states)

    def end_s(self, last: Columns) -> float | None:
        """Return when the last tick ends."""
        return float(last["time_s"][-1]) + self.tick_s

    @classmethod
    def fit(cls, source: Any) -> Self:
        """Return the maximum-likelihood chain of a trace; rows that say only changes are filled up to its shortest step."""
        table = table_of(source, "availability", least=10, purpose="availability")
        times, numbers = column(table, "time_s"), table.column("available").to_numpy()
        counts = np.unique(numbers)
        if len(counts) > MOST_STATES:
            raise TraceError(
                f"the trace has {len(counts)} different numbers; a chain of at most {MOST_STATES} can be fitted"
            )
        tick = float(np.min(np.diff(times)))
        repeats = np.append(np.maximum(1, np.rint(np.diff(times) / tick)), 1).astype(np.int64)
        states = np.repeat(np.searchsorted(counts, numbers), repeats)
        return cls(tick, tuple(int(c) for c in counts), count_transitions([states], len(counts)))
