"""The tables of a comparison: all differences, rankings, what was measured, and what the variants change."""

from __future__ import annotations

import math
from collections.abc import Iterator

from simtier.report.metric_words import amount, mean, number, relative
from simtier.report.numbers import NOTHING, Shown
from simtier.report.tables import Cell, Table
from simtier.statistics import mean_interval
from simtier.study import Compared
from simtier.study.compared import Against, InMetric
from simtier.study.effects.levels import readable

_LEAST_P = 1e-4


def all_differences(compared: Compared) -> Table:
    """Return every metric and variant against the base."""
    rows = [_difference(metric, against) for metric in compared.metrics for against in metric.against]
    base = compared.variants[0].name
    interval = f"interval ({100 * compared.confidence:.4g} %)"
    columns = (
        "metric",
        "variant",
        "verdict",
        "base",
        "variant\u2019s",
        "difference",
        interval,
        "relative",
        "p",
        "corrected",
        "effect size",
        "would show it",
    )
    return Table(f"Every metric: the variants against {base}", columns, rows, (0, 1, 2))


def rankings(compared: Compared) -> Iterator[tuple[InMetric, Table]]:
    """Yield each metric that has a ranking in which not all are the same, and its table."""
    for metric in compared.metrics:
        if metric.ranking is None or all(each.verdict == "same" for each in metric.against):
            continue
        rows: list[tuple[Cell, ...]] = [
            (
                f"{each.rank}",
                each.name,
                mean(metric.name, each.interval),
                ", ".join(each.ties) or "told apart from all",
                "yes" if each.maybe_best else "no",
            )
            for each in metric.ranking.order
        ]
        columns = ("rank", "variant", "mean", "not told apart from", "may be the best")
        yield metric, Table(f"Ranking by {metric.name}, best first", columns, rows, (0, 1, 3, 4))


def seen_tables(compared: Compared) -> list[Table]:
    """Return for each metric what was measured: each variant in each replication."""
    made = []
    for metric in compared.metrics:
        count = max(len(values) for values in metric.values.values())
        rows: list[tuple[Cell, ...]] = []
        for place in range(count):
            found = [values[place] if place < len(values) else None for values in metric.values.values()]
            rows.append((str(place), *(number(metric.name, value) for value in found)))
        total: tuple[Cell, ...] = (
            "mean",
            *(mean(metric.name, mean_interval(values, compared.confidence)) for values in metric.values.values()),
        )
        made.append(
            Table(
                f"{metric.name} in each {'run' if compared.how == 'batches' else 'replication'}",
                ("replication", *metric.values),
                [*rows, total],
            )
        )
    return made


def variants_table(compared: Compared) -> Table:
    """Return what each variant changes in the scenario, and the fingerprint of its first replication."""
    rows: list[tuple[Cell, ...]] = [
        (
            each.name,
            "base" if place == 0 else "variant",
            ", ".join(f"{path} = {readable(value)}" for path, value in each.changes) or "nothing",
            (compared.fingerprints.get(each.name) or [NOTHING])[0],
        )
        for place, each in enumerate(compared.variants)
    ]
    return Table(
        "What is compared", ("variant", "role", "changes", "fingerprint of the first replication"), rows, (0, 1, 2, 3)
    )


def _difference(metric: InMetric, against: Against) -> tuple[Cell, ...]:
    found = against.comparison
    effect = Shown("not finite") if found.effect_size is None else _plain(found.effect_size)
    return (
        metric.name,
        against.variant,
        against.verdict,
        number(metric.name, found.base),
        number(metric.name, found.other),
        amount(metric.name, found.difference),
        _interval(metric.name, found.low, found.high),
        relative(metric.name, found),
        _p(found.p_value),
        _p(against.p_adjusted if not math.isnan(found.p_value) else math.nan),
        effect,
        Shown(NOTHING) if against.needed is None else Shown(f"{against.needed:,}", repr(against.needed)),
    )


def _interval(metric: str, low: float, high: float) -> Shown:
    if math.isnan(low):
        return Shown(NOTHING)
    first, last = amount(metric, low).text, amount(metric, high).text
    unit = last.rpartition(" ")[2]
    return Shown(f"{first.removesuffix(f' {unit}')} to {last}", repr(high - low))


def _p(value: float) -> Shown:
    if math.isnan(value):
        return Shown(NOTHING)
    return Shown(f"< {_LEAST_P:g}" if value < _LEAST_P else f"{value:.2g}" if value < 0.995 else "1", repr(value))


def _plain(value: float) -> Shown:
    return Shown(NOTHING) if math.isnan(value) else Shown(f"{value:.2f}".replace("-", "\N{MINUS SIGN}"), repr(value))
