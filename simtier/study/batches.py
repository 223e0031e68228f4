"""Comparing variants by one long run of each: batch means of what is seen of single requests, latency and attainment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from simtier.errors import MetricError
from simtier.metrics.naming import find, usual
from simtier.statistics import Comparison, Observed, compare_batches
from simtier.statistics.batch_means import BatchedComparison, Measure, mean, quantile
from simtier.study.compared import Against, InMetric, in_metric
from simtier.study.observed import Requests

_SHARES = (50, 90, 95, 99)
_MEASURES: Mapping[str, Measure] = {"mean": mean, **{f"p{share}": quantile(share / 100) for share in _SHARES}}
_LEAST = {"mean": 30, **{f"p{share}": 1000 // (100 - share) for share in _SHARES}}
"""Requests that a batch must hold on average."""

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

    Nothing is shown of a variant whose batches are correlated even if they are but 10, or hold too few requests: on average fewer than 30 for a
    mean, or fewer than 10 beyond a quantile (200 for p95, 1000 for p99), where a batch's quantile is another thing than that of all. Raises MetricError for a metric that is not seen of single requests: batch means know latencies, and attainment of applications that promise
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
        judged = in_metric(name, values, confidence, pair)
        fewest = {
            variant: min(_counted(runs[each], app, end, window_s) for each in (base, variant)) / batched.batches
            for variant, batched in found.items()
        }
        doubts = {
            variant: _too_few(fewest[variant], end)
            or ("even 10 batches are correlated: run longer" if batched.correlated else "")
            for variant, batched in found.items()
        }
        made.append(replace(judged, against=tuple(_doubted(each, doubts[each.variant]) for each in judged.against)))
        notes += [
            f"{name}: {_too_few(each, end)} (against {variant!r}); no difference is shown"
            for variant, each in fewest.items()
            if _too_few(each, end)
        ]
        notes += [
            f"{name}: even 10 batches of {variant!r} are correlated (p = {each.p_correlated:.2g}), so its interval is too narrow and shows no difference: run longer"
            for variant, each in found.items()
            if each.correlated
        ]
    return made, notes


def _doubted(against: Against, doubt: str) -> Against:
    """Return a verdict, taken back if there is a doubt about the batches that it rests on."""
    if not doubt or against.verdict in ("same", "unknown"):
        return against
    return replace(against, verdict="not shown", needed=None, doubt=doubt)


def _too_few(requests: float, end: str) -> str:
    """Return in words that batches of so many requests are too small for the measure; empty if they are not."""
    least = _LEAST.get(end, _LEAST["mean"])
    if requests >= least:
        return ""
    of_what = end if end in _LEAST else "share"
    return f"batches hold {requests:,.0f} requests on average, too few for a {of_what} ({least:,}): run longer, or take replications"


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


def _counted(run: Run, app: str, end: str, window_s: tuple[float, float]) -> int:
    """Return how many requests the window has a value of."""
    times = np.asarray(_observed(run, app, end).times_s)
    return int(((times >= window_s[0]) & (times < window_s[1])).sum())


def _whole(run: Run, app: str, end: str, window_s: tuple[float, float]) -> float | None:
    """Return the metric of the whole window."""
    observed = _observed(run, app, end)
    times, values = np.asarray(observed.times_s), np.asarray(observed.values)
    values = values[(times >= window_s[0]) & (times < window_s[1])]
    return (_MEASURES[end] if end else mean)(values) if len(values) else None
