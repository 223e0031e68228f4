"""Capacity: the largest rate of a workload at which its application keeps its objective, with confidence.

A rate keeps it if the *attainment*, the share of requests that met all targets, is at least the objective's percentile, on average over replications.
At each rate asked, replications are played until that is shown, or that it is missed, or the most replications are played (undecided). All rates
face the same random numbers. First a coarse grid of rates is asked, then the gap between the largest rate shown to keep the objective and the next
one shown to miss it is halved until it is as narrow as the precision; an undecided rate in between is closed in from both sides.

Error rate: each of the at most n rates asked gets alpha / n, and each look at it a share of that (simtier.statistics.sequential). The attainments of
short runs are skewed, most a little better than their mean and a few much worse, which Student's t takes for good news; Hall's transformation corrects
for it, and they are never taken to vary less than those of independent requests that keep the objective just so. Far out in the tails neither is
exact: on M/M/1 at the very rate of its capacity, with 350 to 4,200 requests in a run, 1 to 2 % of the verdicts were wrong where 0.4 % were allowed for,
all rates together staying below alpha = 5 %. Runs of some thousand requests are the remedy.

The capacity itself lies between the two rates if the attainment falls with the rate. Beyond saturation queues grow as long as the run, so the attainment
there depends on its length.
Source: the search is that of Zhong et al., DistServe, OSDI 2024, section 4.1, without its confidence.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from simtier.errors import StudyError
from simtier.results import Result
from simtier.scenario.services import SLOWDOWNS
from simtier.statistics import one_sided, sequential
from simtier.statistics.intervals import critical
from simtier.study.capacity.found import SCAN, AtRate, Capacity, Sought, Verdict, notes
from simtier.study.capacity.rates import Rate, rate_of
from simtier.study.observed import requests_of
from simtier.study.task import Base, Changes, Played, Task
from simtier.study.workers import Here, Watch, Workers

_GROWTH = 0.1
"""Latencies that grow by more than this share from the first half of the runs to the second are told of."""
_FIRST_LOOK = 8
_SAME = 2
"""So many replications show that there is no chance in a scenario, if they have the same trajectory."""


def capacity(
    base: Base,
    sought: Sought,
    changes: Changes = (),
    *,
    workers: Workers | None = None,
    watch: Watch = lambda *_: None,
    stop: Callable[[], bool] = lambda: False,
) -> Capacity:
    """Return the capacity of the scenario `base` with `changes`.

    Args:
        base: the scenario.
        sought: what to look for.
        changes: made to it at every rate.
        workers: who plays; this process if not given. The answer does not depend on it.
        watch: called with how many replications are played, of how many decided on so far, and at which rate.
        stop: asked often; ends the search when it returns True.

    Raises StudyError for what cannot be asked, a workload that has no rate, an application without an `slo`, a rate at which the scenario fails, and if
    it is stopped; ScenarioError.
    """
    sought.require_sense()
    scenario = base.scenario(changes)
    rate = rate_of(scenario, sought.workload, [Path(each) for each in base.traces])
    app = scenario.workloads[rate.workload].app
    slo = scenario.apps[app].slo
    if slo is None:
        raise StudyError(
            f"apps.{app} has no `slo` to keep: say what is promised, such as --slo 'latency: 200 ms, percentile: 95'"
        )
    search = _Search(base, changes, sought, rate, app, slo.percentile / 100, workers or Here(), watch, stop)
    search.run()
    kept, missed = search.edges()
    found = search.found()
    return Capacity(
        rate.workload,
        app,
        {
            "target_s": slo.latency,
            "ttft_s": slo.ttft,
            "tpot_s": slo.tpot,
            **{name: getattr(slo, name) for name in SLOWDOWNS},
        },
        search.share,
        sought,
        found,
        kept,
        missed,
        scenario.run.duration,
        scenario.run.warmup,
        tuple(notes(found, kept, missed, sought, rate)),
    )


class _Search:
    """Asks rates until the answer is as narrow as it is to be, or as can be shown."""

    def __init__(
        self,
        base: Base,
        changes: Changes,
        sought: Sought,
        rate: Rate,
        app: str,
        share: float,
        workers: Workers,
        watch: Watch,
        stop: Callable[[], bool],
    ) -> None:
        self._base, self._changes, self._sought = base, changes, sought
        self._rate, self._app, self.share = rate, app, share
        self._workers, self._watch, self._stop = workers, watch, stop
        self._plan = sequential(
            sought.alpha / sought.most_rates, sought.replications, min(_FIRST_LOOK, sought.replications)
        )
        self._played: dict[float, dict[int, Played]] = {}
        self._found: dict[float, AtRate] = {}

    def run(self) -> None:
        """Ask."""
        low, high = self._sought.low, self._sought.high
        inner = [self._rounded(low * (high / low) ** (place / SCAN)) for place in range(1, SCAN)]
        asked = sorted({low, *(each for each in inner if low < each < high), high})
        while asked:
            self._ask(asked)
            gaps = [(one, other) for one, other in self._gaps() if other > one * (1 + self._sought.precision)]
            middles = ((one, self._rounded(math.sqrt(one * other)), other) for one, other in gaps)
            asked = [middle for one, middle, other in middles if one < middle < other]

    def found(self) -> tuple[AtRate, ...]:
        """Return what was found, by rising rate."""
        return tuple(self._found[rate] for rate in sorted(self._found))

    def edges(self) -> tuple[float | None, float | None]:
        """Return the largest rate shown to keep the objective, and the smallest above it shown to miss it."""
        kept = max((rate for rate, each in self._found.items() if each.verdict == "kept"), default=None)
        missed = (rate for rate, each in self._found.items() if each.verdict == "missed" and rate > (kept or 0.0))
        return kept, min(missed, default=None)

    def _gaps(self) -> list[tuple[float, float]]:
        """Return the pairs of rates asked between which the answer may still become narrower."""
        kept, missed = self.edges()
        inside = [each.rate for each in self.found() if (kept or 0.0) < each.rate < (missed or math.inf)]
        chain = [*([kept] if kept else []), *inside, *([missed] if missed else [])]
        steps = list(pairwise(chain))
        ends = ([steps[0]] if kept else []) + ([steps[-1]] if missed else []) if steps else []
        return list(dict.fromkeys(ends))

    def _rounded(self, rate: float) -> float:
        """Return a rate without digits that the precision has no use for."""
        digits = 2 - math.floor(math.log10(self._sought.precision))
        return float(f"{rate:.{digits}g}")

    def _ask(self, rates: Sequence[float]) -> None:
        """Find out about some rates, their replications side by side."""
        for number in sorted({_SAME, *self._plan.looks}):
            open_still = [rate for rate in rates if rate not in self._found]
            done = sum(map(len, self._played.values()))
            tasks = list(self._tasks(open_still, number))
            for count, (task, played) in enumerate(self._workers.answers(tasks, self._stop), 1):
                if played.error:
                    raise StudyError(
                        f"at {task.label:g} requests/s replication {task.numbers[0]} failed: {played.error}"
                    )
                self._played.setdefault(task.label, {})[task.numbers[0]] = played
                self._watch(done + count, done + len(tasks), f"{task.label:g} requests/s")
            for rate in open_still:
                if len(self._played.get(rate, {})) < number:
                    raise StudyError(f"stopped before anything was shown of {rate:g} requests/s")
                verdict = self._at(rate)
                if verdict.verdict != "undecided" or number == self._plan.looks[-1]:
                    self._found[rate] = verdict

    def _tasks(self, rates: Sequence[float], number: int) -> Iterator[Task]:
        for rate in rates:
            for each in range(len(self._played.get(rate, {})), number):
                yield Task(self._base, (*self._changes, *self._rate.changes(rate)), (each,), rate, halves)

    def _at(self, rate: float) -> AtRate:
        played = [each for _, each in sorted(self._played[rate].items())]
        attainments = tuple(self._attainment(rate, each) for each in played)
        fingerprints = tuple(each.replications[0].fingerprint for each in played)
        arrived = float(np.mean([self._measured(each, "arrived") or 0.0 for each in played]))
        mean = float(np.mean(attainments))
        low, high = (mean, mean) if len(set(fingerprints)) == 1 else self._interval(attainments, arrived)
        verdict: Verdict = "kept" if low >= self.share else "missed" if high < self.share else "undecided"
        firsts, seconds = zip(*(each.seen[0].get(self._app, (None, None)) for each in played), strict=True)
        p_value = one_sided(firsts, seconds, margin=_GROWTH, relative=True)
        return AtRate(
            rate,
            verdict,
            mean,
            low,
            high,
            attainments,
            fingerprints,
            self._accelerators(played),
            growing=p_value < self._sought.alpha,
        )

    def _interval(self, attainments: Sequence[float], arrived: float) -> tuple[float, float]:
        """Return between which bounds the mean attainment lies, at the confidence of this look."""
        number, mean = len(attainments), float(np.mean(attainments))
        if self.share == 1 and (min(attainments) < 1 or number == self._plan.looks[-1]):
            return mean, mean  # broken by a single late request; kept if there is none in all that may be played
        if self.share == 1 or number not in self._plan.looks:
            return -math.inf, math.inf
        error = 1 - self._plan.confidence(self._plan.looks.index(number))
        spread = max(float(np.std(attainments, ddof=1)), math.sqrt(self.share * (1 - self.share) / arrived))
        reach = critical(1 - 2 * error, number - 1)
        away = np.asarray(attainments) - mean
        skewness = float(np.mean(away**3) / np.mean(away**2) ** 1.5) if np.ptp(away) else 0.0
        below, above = (spread / math.sqrt(number) * unskewed(each, skewness, number) for each in (reach, -reach))
        return mean - below, mean - above

    def _attainment(self, rate: float, played: Played) -> float:
        found = self._measured(played, "slo.attainment")
        if found is None:
            raise StudyError(
                f"at {rate:g} requests/s a run ends before anything is known of a request of {self._app!r}: run longer"
            )
        return found

    def _accelerators(self, played: Sequence[Played]) -> float | None:
        held = [self._measured(each, "goodput.accelerators") for each in played]
        known = [each for each in held if each is not None]
        return float(np.mean(known)) if known else None

    def _measured(self, played: Played, metric: str) -> float | None:
        return played.replications[0].metrics.get(f"apps.{self._app}.{metric}")


def unskewed(quantile: float, skewness: float, number: int) -> float:
    """Return where the t statistic of `number` values of this skewness has the quantile that Student's t has at `quantile`.

    Source: Hall, "On the removal of skewness by transformation", J. R. Statist. Soc. B 54, 1992, section 2: the inverse of his cubic.
    """
    bend = skewness / math.sqrt(number)
    if abs(bend) < 1e-6:
        return quantile
    return 3 / bend * (float(np.cbrt(1 + bend * (quantile - bend / 6))) - 1)


def halves(result: Result) -> list[dict[str, tuple[float | None, float | None]]]:
    """Return, for each replication and application, the mean latency of the requests that arrived in the first half of the counted time, and in the second."""
    run = result.document["scenario"]["run"]
    warmup_s, duration_s = (float(run[key].split()[0]) for key in ("warmup", "duration"))
    middle_s = (warmup_s + duration_s) / 2
    found = []
    for apps in requests_of(result):
        means = {}
        for name, each in apps.items():
            counted = (each.arrival_s >= warmup_s) & ~np.isnan(each.latency_s)
            early = each.arrival_s < middle_s
            means[name] = (_mean(each.latency_s[counted & early]), _mean(each.latency_s[counted & ~early]))
        found.append(means)
    return found


def _mean(values: Any) -> float | None:
    return float(values.mean()) if len(values) else None
