"""What the fields of a study do to a metric: the mean at each level, the share of the variance, and how fields act together.

All cells face the same random numbers in the replications of one number, so a replication is a block: a level's mean is taken
over the cells of the level within each replication, and its interval, by Student's t, over the replications. What a replication's own requests
do to all cells alike widens these intervals, but not those of differences, between levels or from the mean of all cells, which are paired.

Shares of variance are eta squared: sums of squares over that of all values about their mean. In a full grid without a failed cell those of
fields, interactions, replications and the rest (interactions of three and more fields, and chance) add up to 1. Where cells are missing, or points are
listed or drawn, means and shares of fields are those of an additive fit (see simtier.study.effects.additive), and need not add up. The p-values, by an F
test of an effect against how it varies between replications (see simtier.study.effects.squares), are for full grids only, for what an additive fit misses is no
chance.

Sources: Montgomery, Design and Analysis of Experiments, 8th ed., 2013, sections 4.1 (blocks) and 5.3 (two factors); Law, Simulation Modeling and
Analysis, 5th ed., section 12.2 (effects from replications).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from simtier.statistics import Comparison, Interval, holm, mean_interval, paired
from simtier.study.effects.additive import Additive
from simtier.study.effects.complete import Complete, complete
from simtier.study.effects.levels import readable
from simtier.study.effects.measured import Codes, Field, Floats, Measured
from simtier.study.effects.pairs import Pair, pairs
from simtier.study.effects.squares import Squares, known, p_value
from simtier.study.effects.trends import Trends, trends


@dataclass(frozen=True)
class Level:
    """The cells in which a field is at one level.

    Attributes:
        text: the level.
        interval: the mean over the cells, the other fields held fixed, and its 95 % interval over replications.
        effect: how much that is above the mean of all cells, and the 95 % interval of this difference, by replication.
        cells: how many.
    """

    text: str
    interval: Interval
    effect: Interval
    cells: int


@dataclass(frozen=True)
class Effect:
    """What one field does.

    Attributes:
        field: its path.
        levels: in order of size, or in the order given.
        lowest, highest: the levels with the lowest and the highest mean.
        spread: the highest level's mean less the lowest's. Its interval holds for all pairs of levels together (Bonferroni), so also for
            this one, which was chosen for its size. None with a single level.
        share: of the variance, from 0 to 1; None if nothing varies. Of a drawn field its trend's share.
        p_value: of the share, corrected for the number of fields (Holm); None if not to be known, and outside a full grid.
    """

    field: str
    levels: tuple[Level, ...]
    lowest: str
    highest: str
    spread: Comparison | None
    share: float | None
    p_value: float | None


@dataclass(frozen=True)
class Analysis:
    """What all fields do to one metric.

    Attributes:
        metric: its name.
        effects: of each field with several levels, the largest share first.
        pairs: of fields that vary independently, the most interacting first.
        trends: of fields drawn from ranges; None without any.
        replications_share: of the variance, what differs between replications in all cells alike; None if nothing varies.
        rest_share: what neither replications, single fields nor pairs explain, in a full grid; else None.
        cells, replications: how many the analysis is about.
        cells_left_out, replications_left_out: how many lack a value and are left out.
        crossed: whether every combination of levels is there equally often.
    """

    metric: str
    effects: tuple[Effect, ...]
    pairs: tuple[Pair, ...]
    trends: Trends | None
    replications_share: float | None
    rest_share: float | None
    cells: int
    replications: int
    cells_left_out: int
    replications_left_out: int
    crossed: bool


def analyse(measured: Measured, metric: str) -> Analysis | None:
    """Return what the fields do to `metric`; None if there is no value, or no field that varies.

    Raises KeyError for a metric that the table has not.
    """
    found = complete(measured.values[metric])
    if found is None:
        return None
    fields = [replace(field, codes=field.codes[found.kept]) for field in measured.fields]
    fields = [field for field in fields if len(set(field.codes.tolist())) > 1]
    if not fields:
        return None
    squares = Squares(found)
    crossed = not any(field.drawn for field in fields) and _crossed([field.codes for field in fields])
    drawn = trends(fields, found, squares.cells / squares.total if squares.total else None)
    together = pairs(fields, found, squares, crossed=crossed)
    shares = [squares.share(squares.between(field.codes)) for field in fields]
    explained = [squares.replications_share, *shares, *(pair.share for pair in together)]
    told = [share for share in explained if share is not None]
    return Analysis(
        metric,
        tuple(_effects(fields, found, squares, drawn, crossed=crossed)),
        together,
        drawn,
        squares.replications_share,
        max(1 - sum(told), 0.0) if crossed and squares.total else None,
        len(found.values),
        found.replications,
        found.cells_left_out,
        found.replications_left_out,
        crossed,
    )


def _effects(
    fields: list[Field], found: Complete, squares: Squares, drawn: Trends | None, *, crossed: bool
) -> list[Effect]:
    trend_share = {each.field: each.share for each in drawn.trends} if drawn else {}
    shown = [field.binned(trend_bins(len(field.codes))) if field.drawn else field for field in fields]
    fit = Additive(fields, found)
    sums = {field.name: squares.between(field.codes) if crossed else fit.adds(field) for field in shown}
    p_values = holm({field.name: _p_value(field, found) if crossed else math.nan for field in shown})
    made = []
    for field in shown:
        means = None if crossed else fit.level_means(field)
        if means is None:
            means = _plain(field, found)
        share = trend_share[field.name] if field.name in trend_share else squares.share(sums[field.name])
        levels = _levels(field, means, found)
        made.append(Effect(field.name, levels, *_spread(levels, means), share, known(p_values[field.name])))
    return sorted(made, key=lambda effect: -(effect.share or 0.0))


def trend_bins(cells: int) -> int:
    """Return in how many parts of equal count a drawn field is cut for its plot: as many as each has cells, 2 to 8."""
    return min(max(round(math.sqrt(cells)), 2), 8)


def _plain(field: Field, found: Complete) -> Floats:
    """Return the plain mean at each level, in each replication (levels, replications)."""
    return np.stack([found.values[field.codes == code].mean(axis=0) for code in _there(field)])


def _p_value(field: Field, found: Complete) -> float:
    if found.constant:
        return math.nan
    means = _plain(field, found)
    return p_value(means - means.mean(axis=0), len(means) - 1)


def _there(field: Field) -> list[int]:
    """Return the codes of the levels that cells have."""
    return sorted(set(field.codes.tolist()))


def _levels(field: Field, means: Floats, found: Complete) -> tuple[Level, ...]:
    """Return the levels, whose `means` are (levels, replications)."""
    above = means - found.values.mean(axis=0)
    return tuple(
        Level(
            readable(field.levels[code]),
            mean_interval(means[row]),
            mean_interval(above[row]),
            int((field.codes == code).sum()),
        )
        for row, code in enumerate(_there(field))
    )


def _spread(levels: Sequence[Level], means: Floats) -> tuple[str, str, Comparison | None]:
    """Return the lowest and the highest level, and what is between them."""
    averages = means.mean(axis=1)
    low, high = int(averages.argmin()), int(averages.argmax())
    if len(levels) < 2:
        return levels[low].text, levels[high].text, None
    return levels[low].text, levels[high].text, paired(means[low], means[high], 1 - 0.05 / math.comb(len(levels), 2))


def _crossed(codes: list[Codes]) -> bool:
    """Return whether every combination of levels is there, and equally often."""
    joint, counts = np.unique(np.stack(codes), axis=1, return_counts=True)
    return joint.shape[1] == math.prod(len(set(each.tolist())) for each in codes) and len(set(counts.tolist())) == 1
