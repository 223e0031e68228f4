"""What is known of one column of a trace, and what collects it from a stream."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simtier.traces.statistics.quantiles import Floats, Quantiles

PERCENTS = (1, 5, 25, 50, 75, 90, 95, 99)


@dataclass(frozen=True)
class Numbers:
    """A column of numbers, in the column's unit; None where there are no values.

    Attributes:
        count: values.
        nulls: rows without one; what is not finite counts as none.
        zeros: values that are exactly 0.
        mean: arithmetic mean.
        sd: standard deviation of the population (divided by `count`).
        min: smallest value, exact.
        p1: percentile 1, linearly interpolated as numpy does; the others alike.
        max: largest value, exact.
        approximate: whether the percentiles are within 0.1 % of the exact ones instead of exact.
    """

    count: int
    nulls: int
    zeros: int
    mean: float | None
    sd: float | None
    min: float | None
    p1: float | None
    p5: float | None
    p25: float | None
    p50: float | None
    p75: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    max: float | None
    approximate: bool

    @property
    def cv(self) -> float | None:
        """Coefficient of variation, sd over mean; None for a mean of 0."""
        return self.sd / self.mean if self.sd is not None and self.mean else None

    @property
    def dispersion(self) -> float | None:
        """Index of dispersion, variance over mean; None for a mean of 0."""
        return self.sd**2 / self.mean if self.sd is not None and self.mean else None


@dataclass(frozen=True)
class Labels:
    """A column of text.

    Attributes:
        nulls: rows without a text.
        distinct: different texts; the number of those told apart if there are `more`.
        more: whether there are more than `distinct`.
        top: the five most frequent with their exact counts, equal ones by alphabet; of the first `distinct` seen if there are `more`.
    """

    nulls: int
    distinct: int
    more: bool
    top: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Flags:
    """A column of truth values: the rows without one, the number that are true, and their share of the others."""

    nulls: int
    count: int
    share: float | None


class NumberColumn:
    """Collects `Numbers`; means and squares merge as in Chan, Golub and LeVeque, The American Statistician 37(3), 1983, eq. 2.1."""

    def __init__(self, bound: int) -> None:
        self.quantiles = Quantiles(bound)
        self._nulls = self._zeros = 0
        self._mean = self._squares = 0.0
        self._min, self._max = math.inf, -math.inf

    def add_column(self, column: Any) -> None:
        """Take in an Arrow array of numbers, nulls among them."""
        known = column.drop_null() if column.null_count else column
        self._nulls += len(column) - len(known)
        if len(known):
            self.add(known.to_numpy(zero_copy_only=False).astype(np.float64))

    def add(self, values: Floats) -> None:
        """Take in `values`, which must not change afterwards."""
        finite = np.isfinite(values)
        if not finite.all():
            self._nulls += int(np.count_nonzero(~finite))
            values = values[finite]
        if not len(values):
            return
        before, new = self.quantiles.count, len(values)
        self.quantiles.add(values)
        mean = float(values.mean())
        shift = mean - self._mean
        self._squares += float(np.square(values - mean).sum()) + shift * shift * (before * new / (before + new))
        self._mean += shift * (new / (before + new))
        self._zeros += int(new - np.count_nonzero(values))
        self._min, self._max = min(self._min, float(values.min())), max(self._max, float(values.max()))

    def figures(self) -> Numbers:
        """Return what was collected."""
        count = self.quantiles.count
        percents: dict[str, float | None] = dict.fromkeys(f"p{percent}" for percent in PERCENTS)
        if count:
            inside = np.clip(self.quantiles.percentiles(PERCENTS), self._min, self._max)
            percents = {name: float(value) for name, value in zip(percents, inside, strict=True)}
        return Numbers(
            count=count,
            nulls=self._nulls,
            zeros=self._zeros,
            mean=self._mean if count else None,
            sd=math.sqrt(self._squares / count) if count else None,
            min=self._min if count else None,
            max=self._max if count else None,
            approximate=self.quantiles.approximate,
            **percents,
        )


class LabelColumn:
    """Collects `Labels`, telling at most `bound` texts apart."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._counts: dict[str, int] = {}
        self._nulls = 0
        self._more = False

    def add_column(self, column: Any) -> None:
        """Take in an Arrow array of text, dictionary-encoded or not."""
        self._nulls += column.null_count
        # Arrow counts in the order of first sight, so how the stream is cut does not matter.
        counted = pc.value_counts(column.drop_null() if column.null_count else column)
        texts = counted.field("values")
        if pa.types.is_dictionary(texts.type):
            texts = texts.dictionary_decode()
        for text, count in zip(texts.to_pylist(), counted.field("counts").to_pylist(), strict=True):
            if text in self._counts:
                self._counts[text] += count
            elif len(self._counts) < self._bound:
                self._counts[text] = count
            else:
                self._more = True

    @property
    def counts(self) -> Mapping[str, int]:
        """Rows by text, of the texts told apart."""
        return MappingProxyType(self._counts)

    def figures(self) -> Labels:
        """Return what was collected."""
        top = sorted(self._counts.items(), key=lambda item: (-item[1], item[0]))[:5]
        return Labels(self._nulls, len(self._counts), self._more, tuple(top))


class FlagColumn:
    """Collects `Flags`."""

    def __init__(self) -> None:
        self._nulls = self._true = self._values = 0

    def add_column(self, column: Any) -> None:
        """Take in an Arrow array of truth values."""
        self._nulls += column.null_count
        self._values += len(column) - column.null_count
        self._true += column.true_count

    def figures(self) -> Flags:
        """Return what was collected."""
        return Flags(self._nulls, self._true, self._true / self._values if self._values else None)
