"""What a search for a capacity is asked, and what it answers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from simtier.errors import StudyError
from simtier.statistics import one_sided
from simtier.study.capacity.rates import Rate

Verdict = Literal["kept", "missed", "undecided"]

SCAN = 4
"""Into how many equal ratios the range is cut first: coarse, but enough to see an attainment that rises before it falls."""


@dataclass(frozen=True)
class Sought:
    """What is looked for.

    Attributes:
        low, high: the range of rates, in requests/s of the workload, all its sources together.
        workload: whose rate; may be None if there is one only.
        precision: how narrow the answer is to be, as a share of the rate.
        alpha: the probability, at most, that any verdict is wrong.
        replications: at most at each rate.
    """

    low: float
    high: float
    workload: str | None = None
    precision: float = 0.02
    alpha: float = 0.05
    replications: int = 50

    def require_sense(self) -> None:
        """Raise StudyError for a range, a precision or a number that cannot be."""
        if not 0 < self.low < self.high < math.inf:
            raise StudyError(
                f"the rates go from {self.low:g} to {self.high:g} requests/s: the first must be above 0, and below the second"
            )
        if not 1e-4 <= self.precision < 1:
            raise StudyError(f"a precision of {self.precision:g} is not from 0.01 % to 100 % of the rate: give 2%")
        if not 0 < self.alpha < 1:
            raise StudyError(f"an error rate of {self.alpha:g} is not between 0 and 1: give 0.05 for 5 %")
        if self.replications < 2:
            raise StudyError("one replication shows nothing with confidence: allow at least 2 at each rate")

    @property
    def most_rates(self) -> int:
        """How many rates are asked at most."""
        step = math.log(self.high / self.low) / SCAN
        halvings = max(math.ceil(math.log2(step / math.log1p(self.precision))) + 1, 0)
        return SCAN + 1 + 2 * halvings


@dataclass(frozen=True)
class AtRate:
    """What was found at one rate.

    Attributes:
        rate: in requests/s.
        verdict: whether the objective is kept.
        mean, low, high: the attainment and the interval by which that was decided.
        attainments: of each replication.
        fingerprints: of their trajectories.
        accelerators: how many the application held, on average; None if none.
        growing: whether latencies are shown to grow from the first half of the runs to the second.
    """

    rate: float
    verdict: Verdict
    mean: float
    low: float
    high: float
    attainments: tuple[float, ...]
    fingerprints: tuple[str, ...]
    accelerators: float | None
    growing: bool


@dataclass(frozen=True)
class Capacity:
    """The answer.

    Attributes:
        workload, app: whose rate, and whose objective.
        objective: the targets promised, None where there is none: target_s, ttft_s, tpot_s in seconds, slow-downs.
        share: of requests that must be within all targets.
        sought: what was looked for.
        rates: what was found at each rate asked, rising.
        kept: the largest rate shown to keep the objective; None if none is.
        missed: the smallest larger one shown to miss it; None if none is.
        duration_s, warmup_s: how long was simulated at each rate, and of that not counted.
        notes: what else a reader should know.
    """

    workload: str
    app: str
    objective: dict[str, float | None]
    share: float
    sought: Sought
    rates: tuple[AtRate, ...]
    kept: float | None
    missed: float | None
    duration_s: float
    warmup_s: float
    notes: tuple[str, ...]

    @property
    def undecided(self) -> list[AtRate]:
        """The rates in between that nothing is shown of."""
        low, high = self.kept or 0.0, self.missed or math.inf
        return [each for each in self.rates if low < each.rate < high]

    @property
    def per_accelerator(self) -> float | None:
        """The largest rate shown to keep the objective, over the accelerators that the application held then; None without any."""
        held = next((each.accelerators for each in self.rates if each.rate == self.kept), None)
        return self.kept / held if self.kept and held else None


def notes(
    found: Sequence[AtRate], kept: float | None, missed: float | None, sought: Sought, rate: Rate
) -> Iterator[str]:
    """Yield what a reader should know of what was found."""
    if kept == sought.high:
        yield f"the highest rate asked keeps the objective: look further up than {sought.high:g} requests/s"
    elif kept is None and found[0].verdict == "missed":
        yield f"the lowest rate asked misses the objective: look further down than {sought.low:g} requests/s, or promise less"
    between = [each for each in found if (kept or 0.0) < each.rate < (missed or math.inf)]
    if between:
        first, last = between[0].rate, between[-1].rate
        where = f"at {first:g}" if first == last else f"from {first:g} to {last:g}"
        yield f"{where} requests/s nothing is shown by {sought.replications} replications: allow more, or run longer"
    below = [f"{each.rate:g}" for each in found if each.verdict == "missed" and each.rate < (kept or 0.0)]
    if below:
        yield (
            f"the objective is missed at {', '.join(below)} requests/s, below the rate that keeps it: the attainment does not fall with "
            "the rate all the way, and other rates may miss it or keep it"
        )
    pairs = [(one, other) for one, other in pairwise(found) if one.verdict != "kept" and one.rate > (kept or 0.0)]
    for one, other in pairs:
        n = min(len(one.attainments), len(other.attainments))
        if one_sided(other.attainments[:n], one.attainments[:n], more_is_better=True) < sought.alpha / len(pairs):
            yield f"the attainment rises from {one.rate:g} to {other.rate:g} requests/s: larger rates may keep the objective again"
    best = next((each for each in found if each.rate == kept), None)
    if best is not None and best.growing and rate.steady:
        yield f"at {best.rate:g} requests/s latencies still grow while it runs, so a longer run may miss the objective: lengthen run.duration"
