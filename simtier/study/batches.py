"""Comparing variants by one long run of each: batch means of what is seen of single requests, latency and attainment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from simtier.errors import MetricError
from simtier.metrics.naming import find, usual
from simtier.statistics import Comparison, Observed, compare_batches
from simtier.statistics.batch_means import BatchedComparison, Measure, mean, quantile
from simtier.study.compared import InMetric, in_metric
from simtier.study.observed import Requests

_SHARES = (50, 90, 95, 99)
_MEASURES: Mapping[str, Measure] = {"mean": mean, **{f"p{share}": quantile(share / 100) for share in _SHARES}}

Run = Mapping[str, Requests]
"""The requests of each application."""


def in_batches(
    runs: Mapping[str, Run], window_s: tuple[float, float], metrics: Sequence[str], confidence: float
) -> tuple[list[InMetric], list[str]]:
    """Return the variants compared in each metric by batch means, and notes for the reader.

    Args:
        runs: one run of each variant, of the same requests; the first is the base.
        window_s: from the warm-up to where arrivals end.
        metrics: names or patterns; empty for the usual ones.
        confidence: of intervals and verdicts.

    Raises MetricError for a metric that is not seen of single requests: batch means know latencies, and attainment of applications that promise
    a latency.
    """
    base = next(iter(runs))
    known = {f"apps.{app}.latency_s.{end}": (app, end) for app in runs[base] for end in _MEASURES}
    known |= {f"apps.{app}.slo.attainment": (app, "") for app, each in runs[base].items() if each.promised}
    try:
        names = find(metrics, known) if metrics else usual(known)
    except MetricError as error:
        raise MetricError(
            f"one run of each is compared by batches, which are known of single requests only: {error}; or take replications"
        ) from error
    made, notes = [], []
    for name in names:
        found: dict[str, BatchedComparison] = {}
        app, end = known[name]
        pair = _pairing(runs, app, end, window_s, confidence, found)
        values = {variant: [_whole(run, app, end, window_s)] for variant, run in runs.items()}
        made.append(in_metric(name, values, confidence, pair))
        notes += [
            f"{name}: even 10 batches of {variant!r} are correlated (p = {each.p_correlated:.2g}), so its interval is too narrow: run longer"
            for variant, each in found.items()
            if each.correlated
        ]
    return made, notes


def _pairing(
    runs: Mapping[str, Run],
    app: str,
    end: str,
    window_s: tuple[float, float],
    confidence: float,
    found: dict[str, BatchedComparison],
) -> Callable[[str, str], Comparison]:
    """Return what compares two variants in a metric, and remembers how the batches were."""

    def pair(one: str, other: str) -> Comparison:
        first, second = (_observed(runs[each], app, end) for each in (one, other))
        found[other] = compare_batches(
            first, second, *window_s, measure=_MEASURES[end] if end else mean, confidence=confidence
        )
        return found[other].comparison

    return pair


def _observed(run: Run, app: str, end: str) -> Observed:
    requests = run[app]
    values = requests.latency_s if end else requests.in_time
    kept = ~np.isnan(values)
    return Observed(requests.arrival_s[kept], values[kept])


def _whole(run: Run, app: str, end: str, window_s: tuple[float, float]) -> float | None:
    """Return the metric of the whole window."""
    observed = _observed(run, app, end)
    times, values = np.asarray(observed.times_s), np.asarray(observed.values)
    values = values[(times >= window_s[0]) & (times < window_s[1])]
    return (_MEASURES[end] if end else mean)(values) if len(values) else None
