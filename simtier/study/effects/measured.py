"""A study's table as arrays: what each cell is set to, and each metric by cell and replication."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from simtier.study.axes import fields
from simtier.study.effects.levels import NOT_SET, readable, rounded, short_names, sizes
from simtier.study.file import Axis, Study, text_of
from simtier.study.store import FACTS

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Field:
    """A field that the axes set.

    Attributes:
        name: its path.
        short: the end of its path that tells it from the other fields.
        axis: number of the axis that sets it.
        levels: what it is set to, numbers and quantities in order of size, texts in the order given.
        sizes: the levels in SI units; None if they are not all numbers.
        codes: place of each cell's level in `levels` (cells,).
        drawn: whether its values were drawn from a range and hardly repeat, so that cells have no levels in common.
        log: whether they were drawn on a logarithmic scale.
    """

    name: str
    short: str
    axis: int
    levels: tuple[str, ...]
    sizes: tuple[float, ...] | None
    codes: Codes
    drawn: bool = False
    log: bool = False

    @property
    def positions(self) -> Floats:
        """Where each cell lies on the field's scale (cells,): its size, or the logarithm of it; raises ValueError without sizes."""
        if self.sizes is None:
            raise ValueError(f"{self.name} has no sizes")
        found = np.asarray(self.sizes)[self.codes]
        return np.log(found) if self.log else found

    def binned(self, count: int) -> Field:
        """Return the field with its levels joined to at most `count` of them, in order, each of about as many cells; equal values stay together."""
        order = np.sort(self.codes)
        cuts = np.unique([order[len(order) * place // count] for place in range(1, count)])
        group = np.searchsorted(cuts, np.arange(len(self.levels)), side="right")
        _, group = np.unique(group, return_inverse=True)
        joined = [np.flatnonzero(group == each) for each in range(int(group.max()) + 1)]
        ends = [(rounded(self.levels[each[0]]), rounded(self.levels[each[-1]])) for each in joined]
        names = tuple(low if low == high else f"{low} to {high}" for low, high in ends)
        middles = (
            None if self.sizes is None else tuple(float(np.median(np.asarray(self.sizes)[each])) for each in joined)
        )
        return replace(self, levels=names, sizes=middles, codes=group[self.codes], drawn=False)


@dataclass(frozen=True)
class Failure:
    """Replications that failed with the same message: how many, and in which cells."""

    message: str
    rows: int
    cells: tuple[int, ...]


@dataclass(frozen=True)
class Measured:
    """What a study measured.

    Attributes:
        fields: that the axes set.
        cells: numbers of the finished cells, rising.
        replications: numbers of the replications, rising.
        scenarios: identity of each cell's scenario.
        values: each metric (cells, replications); NaN where a replication failed or had nothing to measure.
        failures: the most frequent first.
        rows: how many there are, failed ones included.
    """

    fields: tuple[Field, ...]
    cells: tuple[int, ...]
    replications: tuple[int, ...]
    scenarios: tuple[str, ...]
    values: Mapping[str, Floats]
    failures: tuple[Failure, ...]
    rows: int

    def name(self, place: int) -> str:
        """Return how the cell at a place is called: by what its axes set, fields that never change left out."""
        told = [field for field in self.fields if len(field.levels) > 1]
        alone = len(told) == 1
        named = [f"{'' if alone else field.short + ' '}{readable(field.levels[field.codes[place]])}" for field in told]
        return ", ".join(named) or f"cell {self.cells[place]}"


def measured(study: Study, table: pa.Table) -> Measured:
    """Return the table of `study` (see simtier.study.store) as arrays; the order of its rows does not matter."""
    cells, cell_of = np.unique(table["cell"].to_numpy(), return_inverse=True)
    numbers, number_of = np.unique(table["replication"].to_numpy(), return_inverse=True)
    first = np.zeros(len(cells), dtype=np.int64)
    first[cell_of] = np.arange(table.num_rows)
    paths = fields(study)
    values = {}
    for name in table.column_names:
        if name not in {*FACTS, *paths}:
            values[name] = np.full((len(cells), len(numbers)), np.nan)
            values[name][cell_of, number_of] = table[name].to_numpy(zero_copy_only=False)
    return Measured(
        tuple(_fields(study, paths, [table[path].take(pa.array(first)).to_pylist() for path in paths])),
        tuple(cells.tolist()),
        tuple(numbers.tolist()),
        tuple(table["scenario"].take(pa.array(first)).to_pylist()),
        values,
        _failures(table),
        table.num_rows,
    )


def _failures(table: pa.Table) -> tuple[Failure, ...]:
    failed = zip(table["message"].to_pylist(), table["cell"].to_pylist(), table["status"].to_pylist(), strict=True)
    found: dict[str, list[int]] = {}
    for message, cell, status in failed:
        if status == "failed":
            found.setdefault(message, []).append(cell)
    grouped = [Failure(message, len(cells), tuple(sorted(set(cells)))) for message, cells in found.items()]
    return tuple(sorted(grouped, key=lambda each: (-each.rows, each.cells, each.message)))


def _fields(study: Study, paths: Sequence[str], texts: Sequence[Sequence[str | None]]) -> Iterator[Field]:
    for path, short, column in zip(paths, short_names(paths), texts, strict=True):
        number, axis = next((number, axis) for number, axis in enumerate(study.axes) if path in _paths(axis))
        found = [NOT_SET if text is None else text for text in column]
        given = {text: place for place, text in enumerate(_given(axis, path))}
        distinct = sorted(set(found), key=lambda text: (given.get(text, len(given)), text))
        known = sizes(distinct)
        if known is not None:
            order = sorted(range(len(distinct)), key=known.__getitem__)
            distinct, known = [distinct[place] for place in order], tuple(known[place] for place in order)
        place_of = {text: place for place, text in enumerate(distinct)}
        codes = np.array([place_of[text] for text in found], dtype=np.int64)
        drawn, log = _drawing(axis, path, len(distinct))
        yield Field(path, short, number, tuple(distinct), known, codes, drawn and known is not None, log)


def _paths(axis: Axis) -> set[str]:
    if axis.points is not None:
        return {path for point in axis.points for path in point}
    draw = axis.random or axis.latin_hypercube
    return set(axis.grid or axis.zipped or (draw.fields if draw else ()))


def _given(axis: Axis, path: str) -> list[str]:
    """Return the values of a field in the order of the study file; none of a range."""
    draw = axis.random or axis.latin_hypercube
    if axis.points is not None:
        values = [point[path] for point in axis.points if path in point]
    elif draw is not None:
        values = list(draw.fields[path].choices or ())
    else:
        values = list((axis.grid or axis.zipped or {})[path])
    return list(dict.fromkeys(map(text_of, values)))


def _drawing(axis: Axis, path: str, distinct: int) -> tuple[bool, bool]:
    """Return whether a field was drawn from a range with values that hardly repeat, and whether on a logarithmic scale."""
    draw = axis.random or axis.latin_hypercube
    if draw is None or draw.fields[path].choices is not None:
        return False, False
    return 2 * distinct > draw.count, draw.fields[path].scale == "log"
