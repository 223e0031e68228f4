"""What parts recorded, put together: the tables, and so the fingerprint, are those of the scenario played in one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simtier.errors import SimulationError
from simtier.journal import FLUSH_ROWS, Journal, TableSpec
from simtier.models.tables import TABLES
from simtier.study.shard.division import Division
from simtier.study.shard.order import Done, Ints, ranks
from simtier.study.shard.part import Left
from simtier.study.shard.record import BEFORE

Floats = NDArray[np.float64]

REPLICAS = ("replica", "prompt_replica")
"""Columns with numbers of replicas."""


@dataclass(frozen=True)
class Piece:
    """The rows of one table of one part: (rows, values), and what was being done when each was appended."""

    rows: Floats
    stamps: Ints


class Recorded:
    """All that one part recorded of one replication, in `folder`."""

    def __init__(self, folder: Path, left: Left) -> None:
        self.left = left
        self.done = Done(folder)
        self.created: Ints = np.fromfile(folder / "created", dtype=np.int64)
        self.tables = {name: _piece(folder, spec) for name, spec in TABLES.items()}
        words = np.array([word[0] for word in left.words], dtype=np.int64)
        self.doings: Ints = _each_once([words, self.created, *(each.stamps for each in self.tables.values())])
        """Numbers of all doings that left something, sorted, each once."""


class Joint:
    """The parts of one replication.

    Args:
        parts: what each recorded.
        division: what each was to play.
    """

    def __init__(self, parts: Sequence[Recorded], division: Division) -> None:
        self._parts = parts
        self._division = division
        self._ranks = ranks([each.done for each in parts], [each.doings for each in parts])

    def write(self, journal: Journal) -> str:
        """Write the tables; return their fingerprint.

        Raises SimulationError if several parts have written rows at once, for then they were not apart.
        """
        self._write_words(journal)
        replicas = self._replica_numbers()
        for name, spec in TABLES.items():
            rows = self._samples() if name == "samples" else self._rows(journal, spec, replicas)
            for first in range(0, len(rows), FLUSH_ROWS):
                journal.tables[name].extend(rows[first : first + FLUSH_ROWS])
                journal.flush_full()
        return journal.fingerprint()

    def _rank(self, part: int, doings: Ints) -> Ints:
        found: Ints = self._ranks[part][np.searchsorted(self._parts[part].doings, doings)]
        return found

    def _write_words(self, journal: Journal) -> None:
        """Hand out codes and tags in the order in which one world would have asked for them first."""
        placed = []
        for part, recorded in enumerate(self._parts):
            rank = self._rank(part, np.array([word[0] for word in recorded.left.words], dtype=np.int64))
            placed += [(r, part, i, word) for i, (r, word) in enumerate(zip(rank, recorded.left.words, strict=True))]
        for _, _, _, (_, table, traced, values) in sorted(placed, key=lambda each: each[:3]):
            if table:
                journal.tag(table, *values)
            else:
                journal.code(str(values[0]), traced=traced)

    def _replica_numbers(self) -> list[Ints]:
        """Return for each part the number that each of its replicas has in one world, by its number there."""
        made = self._parts[0].left.made
        part = np.repeat(np.arange(len(self._parts)), [len(each.created) for each in self._parts])
        rank = np.concatenate([self._rank(p, each.created) for p, each in enumerate(self._parts)])
        place = np.concatenate([np.arange(len(each.created)) for each in self._parts])
        number = np.empty(len(part), dtype=np.int64)
        number[np.lexsort((place, rank))] = np.arange(made, made + len(part))
        return [np.concatenate([np.arange(made), number[part == p]]) for p in range(len(self._parts))]

    def _rows(self, journal: Journal, spec: TableSpec, replicas: Sequence[Ints]) -> Floats:
        """Return all rows of a table, in order, with the codes, tags and numbers of one world."""
        pieces, keys = [], []
        for part, recorded in enumerate(self._parts):
            piece = recorded.tables[spec.name]
            if len(piece.rows):
                pieces.append(_translated(journal, spec, recorded.left, piece.rows, replicas[part]))
                keys.append(self._rank(part, piece.stamps))
        if not pieces:
            return np.empty((0, spec.width))
        _require_apart(spec.name, keys)
        found: Floats = np.concatenate(pieces)[np.argsort(np.concatenate(keys), kind="stable")]
        return found

    def _samples(self) -> Floats:
        """Return what was sampled: of what is played by one part from there, of what several play the sum of what it has changed in each."""
        first = self._parts[0]
        rows = np.array(first.tables["samples"].rows)
        hosts = _texts(first.left, traced=False)
        for kind, name, metric in np.unique(rows[:, 1:4].astype(np.int64), axis=0).tolist():
            here = (rows[:, 1:4] == (kind, name, metric)).all(axis=1)
            owner = self._division.owners.get((hosts[kind], hosts[name]))
            seen = [each.tables["samples"].rows[here, 4] for each in self._parts]
            if owner is not None:
                rows[here, 4] = seen[owner]
            else:
                still = first.left.at_first[hosts[name], hosts[metric]]
                rows[here, 4] = still + sum(values - still for values in seen)
        return rows


def _translated(journal: Journal, spec: TableSpec, left: Left, rows: Floats, replicas: Ints) -> Floats:
    """Return rows of one part with the codes, tags and numbers of replicas of one world."""
    found = np.array(rows)
    place = 0
    for column in spec.columns:
        if column.tagged and column is not spec.tagged[0]:
            continue
        if column.tagged:
            tags = [journal.tag(spec.name, *word[3]) for word in left.words if word[1] == spec.name]
            found[:, place] = np.array(tags)[found[:, place].astype(np.int64)]
        elif column.kind == "text":
            codes = [journal.code(text, traced=spec.traced) for text in _texts(left, traced=spec.traced)]
            found[:, place] = np.array(codes)[found[:, place].astype(np.int64)]
        elif column.name in REPLICAS:
            known = found[:, place] >= 0
            found[known, place] = replicas[found[known, place].astype(np.int64)]
        place += 1
    return found


def _texts(left: Left, *, traced: bool) -> list[str]:
    """Return what the codes of a part stand for."""
    return [str(values[0]) for _, table, ours, values in left.words if not table and ours == traced]


def _require_apart(table: str, keys: Sequence[Ints]) -> None:
    seen = np.zeros(max(int(key.max()) for key in keys) + 1, dtype=np.int64)
    for key in keys:
        mine = np.zeros(len(seen), dtype=bool)
        mine[key] = True
        seen += mine
    if (seen > 1).any():
        raise SimulationError(
            f"two parts of the scenario wrote rows of table {table!r} in one event, so they are not apart: run it in one"
        )


def _each_once(numbers: Sequence[Ints]) -> Ints:
    """Return BEFORE and all these numbers, none of which is less, sorted, each once; faster than by sorting, for there are few numbers between."""
    seen = np.zeros(max(int(each.max(initial=BEFORE)) for each in numbers) - BEFORE + 1, dtype=bool)
    seen[0] = True
    for each in numbers:
        seen[each - BEFORE] = True
    return np.flatnonzero(seen) + BEFORE


def _piece(folder: Path, spec: TableSpec) -> Piece:
    stamps: Ints = np.fromfile(folder / f"{spec.name}.stamps", dtype=np.int64)
    if not len(stamps):
        return Piece(np.empty((0, spec.width)), stamps)
    rows = np.memmap(folder / f"{spec.name}.rows", dtype=np.float64, mode="r").reshape(-1, spec.width)
    return Piece(rows, stamps)
