"""Verdicts of a comparison in words, for the page and the command line."""

from __future__ import annotations

import math

from simtier.report.metric_words import figures, in_points, scale, unit
from simtier.report.numbers import given, quantity
from simtier.statistics import Comparison
from simtier.study import Compared
from simtier.study.compared import Against, InMetric

_SHOWN = {"better": "better than", "worse": "worse than", "lower": "lower than", "higher": "higher than"}


def sentences(compared: Compared) -> list[str]:
    """Return one sentence for each metric and variant."""
    return [sentence(each.name, against, each.base) for each in compared.metrics for against in each.against]


def sentence(metric: str, against: Against, base: str) -> str:
    """Return what is shown of a variant against the base in a metric, how large it is, how well it is known, and from how much.

    "shortest_first is better than fifo in latency_s.mean: 14.3 % lower (95 % interval 12.0 to 16.3 %), effect size 3.0; 60 replications"
    """
    found, name = against.comparison, against.variant
    if against.verdict == "unknown":
        if found.n > 1 and found.n_other > 1:
            return f"{name} and {base} cannot be compared in {metric}: the same difference everywhere, in so few that it may be luck; {_counted(found)}"
        return f"{name} and {base} cannot be compared in {metric}: {_counted(found)}"
    if against.verdict == "same":
        return f"{name} and {base} are the same in {metric}, {'in every replication' if found.pairing == 'paired' else 'as far as was measured'}; {_counted(found)}"
    if against.verdict == "not shown":
        return f"no difference shown between {name} and {base} in {metric}: {size(metric, found)}{_more(against)}; {_counted(found)}"
    effect = "" if found.effect_size is None else f", effect size {figures(abs(found.effect_size), 2)}"
    return f"{name} is {_SHOWN[against.verdict]} {base} in {metric}: {size(metric, found)}{effect}; {_counted(found)}"


def size(metric: str, found: Comparison) -> str:
    """Return how large a difference is, with its interval: "14.3 % lower (95 % interval 12.0 to 16.3 %)"."""
    by = scale(metric, found)
    way = "lower" if found.difference < 0 else "higher"
    low, high = (-found.high, -found.low) if found.difference < 0 else (found.low, found.high)
    confidence = f"{100 * found.confidence:.4g} % interval"
    if by is None:
        shown = [quantity(each, unit(metric)) for each in (abs(found.difference), low, high)]
        return f"{shown[0]} {way} ({confidence} {shown[1]} to {shown[2]})"
    word = "percentage points" if in_points(metric) else "%"
    decimals = _decimals(100 * found.half_width / by, 100 * abs(found.difference) / by)
    texts = [_fixed(100 * each / by, decimals) for each in (abs(found.difference), low, high)]
    return f"{texts[0]} {word} {way} ({confidence} {texts[1]} to {texts[2]}{'' if in_points(metric) else ' %'})"


def ranking_words(metric: InMetric) -> str:
    """Return who may be the best in a metric, in a sentence; empty without a ranking."""
    if metric.ranking is None:
        return ""
    first = metric.ranking.order[0]
    if math.isnan(first.interval.mean):
        return f"nobody is ranked in {metric.name}: there is no value"
    if not first.ties:
        return f"{first.name} is the best in {metric.name}: it is told apart from all others"
    return f"{first.name} has the best mean in {metric.name}, and is not told apart from {', '.join(first.ties)}"


def decided(compared: Compared) -> list[str]:
    """Return how the verdicts came about, in sentences."""
    several = len(compared.variants) > 2
    told = [_facing(compared), _interval_words(compared)]
    if several:
        told.append(
            f"P-values are corrected for the {len(compared.variants) - 1} variants compared with the base in each metric (Holm): with a probability of at most "
            f"{100 * compared.alpha:.4g} % any verdict of a metric is wrong. Intervals are each variant's own. Rankings compare every pair, corrected likewise."
        )
    else:
        told.append(
            f"A verdict is wrong with a probability of at most {100 * compared.alpha:.4g} %, for each metric by itself; with many metrics, some are wrong."
        )
    if compared.precise is not None:
        told.append(
            "Replications were added until every difference was known well enough, looked at after 5, 8, 12, 18, 27, ... of them; each look has its share of the "
            f"error rate, so the one reported, at {100 * compared.confidence:.4g} %, is wrong with a probability of at most {100 * compared.alpha:.4g} %. "
            + (
                "The precision asked for was reached."
                if compared.precise
                else "The precision asked for was not reached: allow more replications."
            )
        )
    if compared.warmup_s is not None:
        told.append(f"Requests that arrived before {given(compared.warmup_s, 's')} are not counted.")
    return told


def _facing(compared: Compared) -> str:
    if compared.how == "batches":
        return (
            "One run of each variant, facing the same requests, is cut into stretches of time (batches), long enough that their means are nearly independent; "
            "batches of the same time are compared in pairs."
        )
    if _independent(compared):
        return (
            "The results share no random numbers, so their replications are compared as independent ones (Welch's t), which takes more of them to show the same "
            "difference."
        )
    return (
        "Replications of one number face the same requests under every variant (common random numbers), so what differs is the variants' doing; the "
        f"{compared.replications} differences, one a replication, are judged by Student's t (paired)."
    )


def _independent(compared: Compared) -> bool:
    return {each.comparison.pairing for metric in compared.metrics for each in metric.against} == {"independent"}


def _interval_words(compared: Compared) -> str:
    return (
        f"Intervals hold the true value with a probability of {100 * compared.confidence:.4g} %. Per cent are of the base's mean; differences of shares are told in percentage "
        f"points. The effect size is the difference in standard deviations of the {'values' if _independent(compared) else 'differences'}: it does not depend on how many replications there are."
    )


def _counted(found: Comparison) -> str:
    """Return how much a comparison is from."""
    noun = "batches" if found.pairing == "batches" else "replications"
    number = f"{found.n:,} and {found.n_other:,}" if found.n != found.n_other else f"{found.n:,}"
    one = found.n == found.n_other == 1
    left = f", {found.dropped:,} left out without a value" if found.dropped else ""
    return f"{number} {noun.removesuffix('es') if one and noun == 'batches' else noun.removesuffix('s') if one else noun}{left}"


def _more(against: Against) -> str:
    if against.doubt:
        return f"; {against.doubt}"
    if against.needed is None:
        return ", too small for any reasonable number of replications to show"
    noun = "batches as long as these" if against.comparison.pairing == "batches" else "replications"
    return f"; about {against.needed:,} {noun} would show one of this size 4 times in 5"


def _decimals(half: float, value: float) -> int:
    """Return how many decimals suit a value known to `half`."""
    size = half if math.isfinite(half) and half > 0 else value
    return min(max(1 - math.floor(math.log10(size) + 1e-12), 0), 9) if size > 0 else 1


def _fixed(value: float, decimals: int) -> str:
    text = f"{value:,.{decimals}f}"
    return text.replace("-", "\N{MINUS SIGN}") if float(text.replace(",", "")) else f"{0:.{decimals}f}"
