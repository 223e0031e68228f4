"""A check in words and tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from simtier.statistics import mean_interval
from simtier.study.check.baseline import Baseline, Guarded, Rule
from simtier.study.check.given import mean_of, share
from simtier.study.check.guard import Checked
from simtier.study.check.rules import Judged

COLUMNS = ("metric", "baseline", "now", "change", "interval", "p", "allowed", "verdict", "could have missed")


def row(judged: Judged) -> list[str]:
    """Return the row of a metric under COLUMNS."""
    comparison = judged.comparison
    return [
        judged.name,
        _number(comparison.base),
        _number(comparison.other),
        _share(judged, comparison.difference),
        "-" if math.isnan(comparison.low) else _interval(judged),
        "-" if math.isnan(judged.p_value) else f"{judged.p_value:.2g}",
        allowed(judged.rule, comparison.base),
        _verdict(judged),
        "-" if math.isnan(judged.missed) else _share(judged, judged.missed, sign=False),
    ]


def sentence(judged: Judged) -> str:
    """Return what became of a metric, in one sentence."""
    comparison, verdict = judged.comparison, judged.verdict
    if verdict == "GONE" and judged.lost:
        if comparison.pairing == "paired":
            return f"{judged.name} is gone from {judged.lost} of the {judged.had} replications that had a value"
        return f"{judged.name} has a value in {judged.had - judged.lost} replications, in as many of the baseline {judged.had} had one"
    if verdict == "GONE":
        return f"{judged.name} has too few values left to compare: {comparison.n} of {comparison.n + comparison.dropped} replications have one"
    if verdict == "unchanged":
        return f"{judged.name} is unchanged"
    moved = f"{judged.name} went from {_number(comparison.base)} to {_number(comparison.other)} ({_share(judged, comparison.difference)})"
    return f"{moved}: {', '.join([*_tolerated(judged), _chance(judged)])}"


def conclusion(checked: Checked) -> list[str]:
    """Return the sentences that a check ends with."""
    metrics, bad = checked.metrics, [each for each in checked.metrics if each.failed]
    faced = "the baseline's requests" if checked.seeds == "paired" else "other requests than the baseline's"
    told = [f"{len(bad)} of {len(metrics)} metrics regressed" if bad else f"no regression in {len(metrics)} metrics"]
    told[0] += (
        f" ({checked.replications} replications, {faced}; an unchanged policy would be flagged with probability {100 * checked.alpha:g} % at most)"
    )
    if checked.seeds == "paired" and not checked.changed:
        told.append("every replication took the same course as in the baseline")
    if checked.strict and checked.changed:
        told.append(f"strict: the course of {_replications(checked.changed)} changed, and none may")
    hidden = [each for each in metrics if not each.failed and not math.isnan(each.missed) and each.missed > 0]
    if hidden:
        shares = ", ".join(f"{each.name} {_share(each, each.missed, sign=False)}" for each in hidden)
        told.append(
            f"with probability 20 % a change for the worse of this size would have been missed: {shares}; more replications see smaller ones"
        )
    if any(each.verdict == "better" for each in metrics) and not bad:
        told.append("it got better: --update the baseline to guard what was gained")
    return [*told, *checked.notes]


def text(checked: Checked) -> str:
    """Return the whole check as plain text: the table, what regressed, and the conclusion."""
    bad = [sentence(each) for each in checked.metrics if each.failed]
    return "\n".join([*_aligned([COLUMNS, *map(row, checked.metrics)]), "", *bad, *conclusion(checked)])


def updated(before: Baseline | None, now: Baseline) -> list[str]:
    """Return what is another in a baseline that was made anew, in words; nothing if all is the same."""
    if before is None:
        return [f"guards {name}, allowed: {_allowed(each)}" for name, each in now.metrics.items()]
    told = [
        f"{what}: {old} before, {new} now"
        for what, old, new in (
            ("seed", before.seed, now.seed),
            ("replications", before.replications, now.replications),
            ("alpha", before.alpha, now.alpha),
            ("versions", before.versions, now.versions),
        )
        if old != new
    ]
    parts = [
        name for name in dict.fromkeys([*before.world, *now.world]) if before.world.get(name) != now.world.get(name)
    ]
    if parts:
        told.append(f"another scenario: {', '.join(parts)} changed")
    told += [f"no longer guards {name}" for name in before.metrics if name not in now.metrics]
    for name, each in now.metrics.items():
        if name not in before.metrics:
            told.append(f"guards {name}, allowed: {_allowed(each)}")
            continue
        if before.metrics[name].rule != each.rule:
            told.append(f"{name}: allowed {_allowed(before.metrics[name])} before, {_allowed(each)} now")
        if before.metrics[name].values != each.values:
            old, new = (mean_interval(values).mean for values in (before.metrics[name].values, each.values))
            change = f" ({100 * (new - old) / abs(old):+.2g} %)" if old else ""
            told.append(f"{name}: {_number(old)} before, {_number(new)} now{change}")
    if told or before == now:
        return told
    if before.fingerprints == now.fingerprints:
        return ["only what files say changed, not what was measured"]
    return ["courses of replications changed, no guarded metric did"]


def _tolerated(judged: Judged) -> list[str]:
    """Return what the rule says to it, if it says anything."""
    rule = judged.rule
    amount = allowed(rule, judged.comparison.base)
    if rule.test == "mean":
        return [
            f"{'more' if judged.failed else 'no more'} for the worse than the {amount.removeprefix('mean ')} allowed"
        ]
    if not judged.failed:
        return []
    how = "another" if judged.verdict == "MOVED" else "worse"
    return [f"shown to be {how} by more than the {amount} allowed" if rule.amount else f"shown to be {how}"]


def _chance(judged: Judged) -> str:
    """Return whether chance explains it, with the interval."""
    comparison = judged.comparison
    if math.isnan(comparison.low):
        return "and so few replications cannot tell whether that is chance"
    if judged.rule.test == "worse" and judged.failed:
        told = f"chance does not explain it (p {judged.p_value:.2g}, "
    elif judged.by_chance:
        told = "chance alone may explain it ("
    elif judged.verdict == "within noise":
        told = "not shown to be worse with all metrics taken together ("
    else:
        told = "chance does not explain it ("
    return f"{told}{100 * comparison.confidence:.4g} % interval {_interval(judged)})"


def _interval(judged: Judged) -> str:
    return f"{_share(judged, judged.comparison.low, unit=False)} to {_share(judged, judged.comparison.high)}"


def allowed(rule: Rule, base: float) -> str:
    """Return by how much a metric may be worse whose mean in the baseline is `base`; a number in its unit with the share that this is."""
    amount, part = (
        str(rule.tolerance) if rule.relative else f"{rule.amount:g}" if rule.amount else "none",
        share(rule, base),
    )
    if part is not None:
        amount += f" ({100 * part:.3g} % of the baseline)"
    return f"mean {amount}" if rule.test == "mean" else amount


def _allowed(guarded: Guarded) -> str:
    return allowed(guarded.rule, mean_of(guarded.values))


def _verdict(judged: Judged) -> str:
    return f"{judged.verdict}, maybe noise" if judged.failed and judged.by_chance else judged.verdict


def _replications(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:5]))
    return f"replication{'s' if len(numbers) > 1 else ''} {shown}{' and others' if len(numbers) > 5 else ''}"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4g}"


def _share(judged: Judged, value: float, *, unit: bool = True, sign: bool = True) -> str:
    """Return `value` as a percentage of the baseline, or as it is where that is 0."""
    share = judged.comparison.share(value)
    plus = "+" if sign else ""
    if share is None:
        return f"{value:{plus}.3g}"
    return f"{100 * share:{plus}.2f}{' %' if unit else ''}" if not math.isnan(share) else "-"


def _aligned(rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [list(each) for each in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(COLUMNS))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
