"""What fields drawn from ranges do to a metric: rank correlations, and a linear fit of all fields together.

Their cells have no levels in common, so they are judged by how the cells' means rise and fall. The rank correlation (Spearman) of a field sees any
rise, straight or not, but not through the other fields; the fit of all fields sees each with the others held fixed, as far as a straight line does. Standardised
coefficients are changes in standard deviations of the metric for one of the field; of fields drawn on a logarithmic scale, for one of its logarithm. R2 says
how much of what differs between cells the fit explains: where it is low, trust the plots instead. Fields with levels enter the fit level by level.

Sources: Saltelli et al., Global Sensitivity Analysis: The Primer, 2008, section 1.2.5 (standardised regression coefficients); McKay, Beckman and Conover, "A comparison of
three methods for selecting values of input variables", Technometrics 21, 1979 (rank correlation of Latin hypercube samples).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simtier.statistics import Interval, mean_interval
from simtier.study.effects.additive import standard
from simtier.study.effects.complete import Complete
from simtier.study.effects.measured import Field, Floats


@dataclass(frozen=True)
class Trend:
    """What one drawn field does.

    Attributes:
        field: its path.
        rank_correlation: from -1 to 1 (Spearman); None if the metric does not vary between cells.
        coefficient: standardised, with its 95 % interval over replications; None if there are too few cells for a fit.
        share: of the variance of all values, what the field adds to a fit of all others; None without a fit.
    """

    field: str
    rank_correlation: float | None
    coefficient: Interval | None
    share: float | None


@dataclass(frozen=True)
class Trends:
    """All drawn fields, and how much of the variance of the cells' means a fit of all fields explains (None without a fit)."""

    trends: tuple[Trend, ...]
    r_squared: float | None


def trends(fields: Sequence[Field], found: Complete, cells_share: float | None) -> Trends | None:
    """Return the trends of the drawn ones among `fields`; None if there are none.

    Args:
        fields: all that vary, in the cells that are kept.
        found: the metric.
        cells_share: of the variance of all values, what differs between cells; None if nothing varies.
    """
    drawn = [field for field in fields if field.drawn]
    if not drawn:
        return None
    means = found.means
    straight = {field.name: standard(field.positions)[:, None] for field in drawn}
    blocks = {
        field.name: straight[field.name] if field.drawn else np.eye(len(field.levels))[field.codes] for field in fields
    }
    fit = _fit(list(blocks.values()), found.values) if cells_share and np.ptp(means) > 0 else None
    if fit is None:
        return Trends(tuple(Trend(field.name, _ranked(field, means), None, None) for field in drawn), None)
    columns = np.cumsum([0, *(block.shape[1] for block in blocks.values())])
    start = dict(zip(blocks, columns.tolist(), strict=False))
    made = []
    for field in drawn:
        others = [block for name, block in blocks.items() if name != field.name]
        without = _fit(others, found.values)
        added = max(fit.r_squared - (without.r_squared if without else 0.0), 0.0)
        coefficient = mean_interval(fit.coefficients[start[field.name]] / means.std())
        made.append(Trend(field.name, _ranked(field, means), coefficient, added * (cells_share or 0.0)))
    return Trends(tuple(made), fit.r_squared)


@dataclass(frozen=True)
class _Fit:
    """Coefficients (columns, replications) and how much of the cells' means they explain."""

    coefficients: Floats
    r_squared: float


def _fit(blocks: Sequence[Floats], values: Floats) -> _Fit | None:
    """Return the least squares fit of each replication; None if there are not two cells more than coefficients."""
    design = np.hstack([*blocks, np.ones((len(values), 1))])
    coefficients, _, rank, _ = np.linalg.lstsq(design, values, rcond=None)
    if len(values) < int(rank) + 2:
        return None
    means = values.mean(axis=1)
    left = means - design @ coefficients.mean(axis=1)
    about = means - means.mean()
    return _Fit(np.asarray(coefficients, dtype=np.float64), max(0.0, 1 - float(left @ left) / float(about @ about)))


def _ranked(field: Field, means: Floats) -> float | None:
    if np.ptp(means) == 0:
        return None
    return float(np.clip((standard(_ranks(field.positions)) * standard(_ranks(means))).mean(), -1.0, 1.0))


def _ranks(values: Floats) -> Floats:
    """Return the rank of each value from 0, equal ones sharing the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    middles: Floats = ends - (counts + 1) / 2
    return middles[place]
