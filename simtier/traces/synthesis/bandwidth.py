"""Look-alikes of a link's rate."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa
from scipy.special import ndtr, ndtri
from scipy.stats import rankdata

from simtier.errors import TraceError
from simtier.traces.synthesis.generator import Columns, Generator, RngOf, column, table_of
from simtier.traces.synthesis.markov import Matrix, check_transitions, count_transitions, walk
from simtier.traces.synthesis.parameters import check
from simtier.traces.synthesis.quantiles import Floats, Quantiles, normal_scores
from simtier.traces.tables import Family

LEAST_ROWS = 50
STATES = 10
CHUNK = 1024


@dataclass(frozen=True)
class Bandwidth(Generator):
    """A Markov-modulated rate with a level for the session: ride, line, or video session.

    The rate is the quantile at Phi(sqrt(share) level + sqrt(1 - share) x): the level is normal and drawn for each
    session, x is the normal number at a uniform place in the band of the chain's state (states are equally likely
    bands, transitions of about that long run). Pooled over sessions, the rates have the distribution `rates`; a single
    session strays from it as a single file does. Left out: places (tunnels), daily rhythm, zeros in a row other than by
    the chain.

    Attributes:
        rates: in bytes/s, pooled over sessions.
        level_share: of the variance (on the normal scale) that lies between sessions; 0 for a single long trace.
        session_rows: rows after which a new session begins.
        transitions: between the bands, from one drawn rate to the next.
        hold_rows: rows for which a drawn rate holds.
        steps: seconds from row to row.
        step_correlation: of a step with the rate during it, both on the normal scale; below 0 where a row is written after so many bytes, so
            that slow rates last long.
    """

    family: ClassVar[Family] = "bandwidth"

    rates: Quantiles
    level_share: float
    session_rows: int
    transitions: Matrix
    hold_rows: int
    steps: Quantiles
    step_correlation: float = 0.0

    def __post_init__(self) -> None:
        check(0 <= self.level_share < 1, f"level_share is 0 to below 1, not {self.level_share}")
        check(self.session_rows > 0 and self.hold_rows > 0, "session_rows and hold_rows must be above 0")
        check(-1 < self.step_correlation < 1, f"step_correlation is between -1 and 1, not {self.step_correlation}")
        check_transitions(self.transitions, len(self.transitions))
        check(self.steps.zeros == 0 and self.steps.values[0] >= 1e-6, "steps must last a microsecond at least")

    def chunks(self, rng_of: RngOf) -> Iterator[Columns]:
        """Yield rates without end, with the step that each lasts."""
        size = self.hold_rows * max(1, CHUNK // self.hold_rows)
        rng, steps_rng, levels_rng = rng_of("rates"), rng_of("steps"), rng_of("levels")
        now, levels = 0.0, np.zeros(0)
        for i, states in enumerate(walk(rng_of("states"), self.transitions, size // self.hold_rows)):
            session = np.arange(i * size, (i + 1) * size) // self.session_rows
            drawn = levels_rng.standard_normal(int(session[-1]) + 1 - (int(session[0]) + len(levels)))
            levels = np.concatenate([levels, drawn])
            x = np.repeat(ndtri((states + rng.random(len(states))) / len(self.transitions)), self.hold_rows)
            level = levels[session - session[0]]
            scores = math.sqrt(self.level_share) * level + math.sqrt(1 - self.level_share) * x
            levels = levels[-1:] if ((i + 1) * size) % self.session_rows else levels[:0]
            own = steps_rng.standard_normal(size)
            long = self.step_correlation * scores + math.sqrt(1 - self.step_correlation**2) * own
            steps = np.round(self.steps.at(np.asarray(ndtr(long))), 6)
            ends = np.round(now + np.cumsum(steps), 6)
            times = np.concatenate([[now], ends[:-1]])
            yield {"time_s": times, "rate_bytes_per_s": np.round(self.rates.at(np.asarray(ndtr(scores))), 3)}
            now = float(ends[-1])

    def last_step_s(self) -> float:
        """Return how long the last row is said to last: the median step."""
        return float(np.round(self.steps.at(np.array([0.5]))[0], 6))

    def end_s(self, last: Columns) -> float | None:
        """Return when the last row ends."""
        return float(last["time_s"][-1]) + self.last_step_s()

    @classmethod
    def fit(cls, source: Any) -> Self:
        """Return the parameters of one trace, or of several (a list of tables, each a session).

        The rates' quantiles pooled; the level from the sessions' mean normal scores, less what a session's length
        would show by chance; transitions by maximum likelihood over the bands of what is left.
        """
        tables = [source] if isinstance(source, pa.Table) else list(source)
        if tables and not isinstance(tables[0], pa.Table):
            tables = [tables]
        read = [table_of(item, "bandwidth", least=2, purpose="a rate") for item in tables]
        rows = sum(table.num_rows for table in read)
        if rows < LEAST_ROWS:
            raise TraceError(f"the traces have {rows} rows; to fit a Markov-modulated rate takes at least {LEAST_ROWS}")
        pooled = np.concatenate([column(table, "rate_bytes_per_s") for table in read])
        steps = np.concatenate([np.diff(column(table, "time_s")) for table in read])
        scores = np.split(normal_scores(pooled), np.cumsum([table.num_rows for table in read])[:-1])
        share, hold = _level_share(scores), _hold([column(table, "rate_bytes_per_s") for table in read])
        inside = [_without_level(score, share)[::hold] for score in scores]
        ranks = (rankdata(np.concatenate(inside)) - 0.5) / sum(map(len, inside)) * STATES
        bands = np.split(ranks.astype(np.int64), np.cumsum([len(x) for x in inside])[:-1])
        session = max(1, rows // len(read))
        lasting = np.concatenate([column(table, "rate_bytes_per_s")[:-1] for table in read])
        together = _step_correlation(lasting, steps)
        transitions = count_transitions(bands, STATES)
        return cls(Quantiles.fit(pooled), share, session, transitions, hold, Quantiles.fit(steps), together)


def _step_correlation(rates: Floats, steps: Floats) -> float:
    """Return the correlation of rates and steps on the normal scale; 0 where either is always the same."""
    if np.ptp(steps) < 1e-6 or np.ptp(rates) == 0:
        return 0.0
    return float(np.clip(np.corrcoef(normal_scores(rates), normal_scores(steps))[0, 1], -0.999, 0.999))


def _level_share(sessions: Sequence[Floats]) -> float:
    """Return the share of variance between sessions (one-way analysis of variance); 0 for fewer than five sessions."""
    if len(sessions) < 5:
        return 0.0
    between = float(np.var([session.mean() for session in sessions], ddof=1))
    total = float(np.var(np.concatenate(sessions)))
    # A session's mean strays by chance as well: by its variance over its number of independent rows.
    chance = float(np.mean([_variance_of_mean(session) for session in sessions]))
    return min(max((between - chance) / total, 0.0), 0.95)


def _variance_of_mean(x: Floats) -> float:
    """Return the variance of the mean of a series, from the lag-1 correlation of an AR(1)."""
    variance = float(np.var(x))
    if len(x) < 3 or variance == 0:
        return 0.0
    r = min(max(float(np.corrcoef(x[:-1], x[1:])[0, 1]), 0.0), 0.95)
    return variance / len(x) * (1 + r) / (1 - r)


def _without_level(scores: Floats, share: float) -> Floats:
    """Return the scores of a session without its level, of variance 1 in the long run."""
    if not share:
        return scores
    return np.asarray((scores - scores.mean()) / math.sqrt(1 - share), dtype=np.float64)


def _hold(sessions: Sequence[Floats]) -> int:
    """Return for how many rows a rate holds: the most common length of runs of one rate, to 2 %."""
    lengths = []
    for rates in sessions:
        changes = np.flatnonzero(np.abs(np.diff(rates)) > 0.02 * rates[1:]) + 1
        lengths.append(np.diff(np.concatenate([[0], changes])))
    every = np.concatenate(lengths)
    return int(np.bincount(every).argmax()) if len(every) else 1
