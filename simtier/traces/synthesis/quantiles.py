"""Distributions given by their quantiles, and correlation between them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from scipy.stats import rankdata

from simtier.traces.synthesis.parameters import Parameters, check

Floats = NDArray[np.float64]

FIT_LEVELS = (
    *(0.0, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.015),
    *(i / 50 for i in range(1, 49)),
    *(0.97, 0.98, 0.985, 0.99, 0.9925, 0.995, 0.9975, 0.999, 0.9995, 1.0),
)
"""Levels that `Quantiles.fit` keeps: every 2 %, and closer at both ends."""


@dataclass(frozen=True)
class Quantiles(Parameters):
    """A distribution on numbers >= 0: exact zeros with a probability, else log-linear between given quantiles.

    It follows lengths and durations better than a log-normal: spikes, caps and several humps are all in the table.
    Between two levels the logarithm is linear, so that a distribution is bounded by its first and last value.

    Attributes:
        levels: probabilities, from 0 to 1, not falling; two equal ones make a jump.
        values: the quantiles of the numbers above zero, > 0, not falling; two equal ones make an atom.
        zeros: probability of an exact zero.
    """

    levels: tuple[float, ...]
    values: tuple[float, ...]
    zeros: float = 0.0

    def __post_init__(self) -> None:
        check(len(self.levels) == len(self.values) >= 2, "quantiles need levels and values, as many, at least two")
        check(
            self.levels[0] == 0 and self.levels[-1] == 1,
            f"levels go from 0 to 1, not {self.levels[0]} to {self.levels[-1]}",
        )
        check(bool(np.all(np.diff(self.levels) >= 0)), "levels must not fall")
        check(
            self.values[0] > 0 and bool(np.all(np.diff(self.values) >= 0)), "values must be above 0 and must not fall"
        )
        check(math.isfinite(self.values[-1]), "values must be finite")
        check(0 <= self.zeros <= 1, f"zeros is a probability, not {self.zeros}")

    @classmethod
    def of(cls, text: str, zeros: float = 0.0) -> Self:
        """Return the distribution written as percent:value pairs, "0:1 50:3.5 100:20"."""
        pairs = [pair.split(":") for pair in text.split()]
        return cls(tuple(float(p) / 100 for p, _ in pairs), tuple(float(v) for _, v in pairs), zeros)

    @classmethod
    def fit(cls, sample: Floats) -> Self:
        """Return the distribution with the sample's quantiles at FIT_LEVELS and its share of zeros."""
        positive = sample[sample > 0]
        zeros = 1 - len(positive) / len(sample)
        if not len(positive):
            return cls((0.0, 1.0), (1.0, 1.0), 1.0)
        values = np.maximum.accumulate(np.quantile(positive, FIT_LEVELS))
        return cls(FIT_LEVELS, tuple(float(v) for v in values), zeros)

    def at(self, level: Floats) -> Floats:
        """Return the quantiles at `level`, numbers in [0, 1]."""
        if not self.zeros:
            return np.exp(np.interp(level, self.levels, np.log(self.values)))
        if self.zeros == 1:
            return np.zeros_like(level)
        above = np.exp(np.interp((level - self.zeros) / (1 - self.zeros), self.levels, np.log(self.values)))
        return np.where(level < self.zeros, 0.0, above)

    @property
    def mean(self) -> float:
        """The mean: between values a and b of a piece, (b - a) / ln(b / a)."""
        a, b = np.array(self.values[:-1]), np.array(self.values[1:])
        ratio = np.log(b / a)
        means = np.where(ratio > 1e-9, (b - a) / np.where(ratio > 1e-9, ratio, 1.0), a)
        return float(np.sum(means * np.diff(self.levels)) * (1 - self.zeros))


@dataclass(frozen=True)
class Copula(Parameters):
    """A Gaussian copula: how numbers of one row go together, whatever the distribution of each.

    Attributes:
        correlation: of the normals behind, a symmetric positive definite matrix with a diagonal of 1.
    """

    correlation: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        matrix = np.array(self.correlation)
        square = matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1]
        check(square and bool(np.all(matrix == matrix.T)), "a correlation matrix is square and symmetric")
        check(bool(np.all(np.diag(matrix) == 1)), "a correlation matrix has a diagonal of 1")
        check(bool(np.linalg.eigvalsh(matrix)[0] > 1e-9), "a correlation matrix is positive definite")

    @classmethod
    def fit(cls, *columns: Floats) -> Self:
        """Return the copula with the correlation of the columns' normal scores, drawn in by 1 % so that it is definite.

        Ties share their mean rank, so that a column with many zeros comes out less correlated than it is.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            matrix = np.corrcoef([normal_scores(column) for column in columns])
        matrix = np.where(np.isfinite(matrix), matrix, 0.0) * 0.99
        np.fill_diagonal(matrix, 1.0)
        matrix = np.round((matrix + matrix.T) / 2, 6)
        return cls(tuple(tuple(float(x) for x in row) for row in matrix))

    @classmethod
    def pair(cls, correlation: float) -> Self:
        """Return the copula of two columns."""
        return cls(((1.0, correlation), (correlation, 1.0)))

    def levels(self, rng: Generator, rows: int) -> Floats:
        """Return `rows` draws, (columns, rows): each column uniform on [0, 1]."""
        root = np.linalg.cholesky(np.array(self.correlation))
        normals = rng.standard_normal((rows, len(root)))
        # Written out, because the order in which a matrix product adds differs between machines.
        mixed = [sum(root[i, j] * normals[:, j] for j in range(i + 1)) for i in range(len(root))]
        return np.asarray(ndtr(np.array(mixed)), dtype=np.float64)


def normal_scores(sample: Floats) -> Floats:
    """Return the standard normal numbers with the ranks of `sample`."""
    return np.asarray(ndtri((rankdata(sample) - 0.5) / len(sample)), dtype=np.float64)
