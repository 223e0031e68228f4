"""The order in which the things that several parts did would have happened in one world.

In one world things happen by (time, priority, serial number), and serial numbers are handed out when things are scheduled: of two of one time and
priority the one comes first that was scheduled by what happened first. Between parts that is found out by going back, from what scheduled them
to what scheduled that, until times or priorities differ, or the world's making is reached, which is the same in every part. Where many tie, all are
compared at once, with twice as many steps back in each round (prefix doubling: Manber and Myers, SIAM J. Computing 22(5), 1993).

What is scheduled for the very instant, before what has just happened, happens next: nothing of another part comes between. It goes where the last
thing of its instant went that did not come so late, its leader.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simtier.study.shard.record import AFTER_WIDTH, BEFORE, KEYED, NOTHING, WIDTH

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Done:
    """What one part did, as it was recorded; see `simtier.study.shard.record.Doings`."""

    def __init__(self, folder: Path) -> None:
        self._during: Floats = _mapped(folder / "doings", WIDTH)
        self._after: Floats = _mapped(folder / "after", AFTER_WIDTH)
        self._late, self._leaders = _leaders(self._during)

    def keys(self, numbers: Ints) -> Floats:
        """Return (phase, time, priority, key) of the leaders of doings, key a serial number unless the priority is KEYED; one row a doing."""
        found = np.zeros((len(numbers), 4))
        found[numbers == BEFORE] = (0, -np.inf, KEYED, 0)
        during = (numbers > BEFORE) & (numbers < len(self._during))
        found[during, 1:] = self._during[self._leading(numbers[during]), :3]
        late = np.flatnonzero(numbers >= len(self._during))
        rows = self._after[numbers[late] - len(self._during)]
        found[late] = rows[:, :4]
        like = rows[:, 4].astype(np.int64)
        for place, other in zip(late[like != NOTHING], like[like != NOTHING], strict=True):
            found[place, 1:] = self.keys(np.array([other]))[0, 1:]
        return found

    def _leading(self, numbers: Ints) -> Ints:
        if not len(self._late):
            return numbers
        place = np.minimum(np.searchsorted(self._late, numbers), len(self._late) - 1)
        return np.where(self._late[place] == numbers, self._leaders[place], numbers)

    def schedulers(self, serials: Floats) -> Ints:
        """Return the doing that each of these serial numbers was handed out in."""
        return np.searchsorted(self._during[:, 3], serials) - 1


def ranks(parts: Sequence[Done], numbers: Sequence[Ints]) -> list[Ints]:
    """Return the rank of each doing of each part among all of these; `numbers` holds those of each part, sorted, each once.

    Equal ranks are of what several parts did as one: the world's making, and the sampling of what there is.
    """
    part = np.repeat(np.arange(len(parts)), [len(each) for each in numbers])
    number = np.concatenate([*numbers, np.empty(0, dtype=np.int64)])
    keys = np.concatenate([done.keys(each) for done, each in zip(parts, numbers, strict=True)])
    key = np.where(keys[:, 2] == KEYED, keys[:, 3], 0.0)
    columns = [keys[:, 0], keys[:, 1], keys[:, 2], key]
    group = _dense(columns)
    tied = _across_parts(group, part) & (keys[:, 2] != KEYED)
    tie = np.zeros(len(number), dtype=np.int64)
    if tied.any():
        tie[tied] = _by_ancestry(parts, part[tied], keys[tied])
    order = np.lexsort((number, tie, group))
    new = np.ones(len(order), dtype=bool)
    same = (group[order][1:] == group[order][:-1]) & (tie[order][1:] == tie[order][:-1])
    new[1:] = ~(same & (part[order][1:] != part[order][:-1]))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.cumsum(new)
    return np.split(rank, np.cumsum([len(each) for each in numbers])[:-1])


def _leaders(during: Floats) -> tuple[Ints, Ints]:
    """Return the doings of all instants in which something came late, and the leader of each."""
    time, priority, key = during[:, 0], during[:, 1], during[:, 2]
    less = (priority[1:] < priority[:-1]) | ((priority[1:] == priority[:-1]) & (key[1:] < key[:-1]))
    instants = np.unique(time[1:][less & (time[1:] == time[:-1])])
    first, last = np.searchsorted(time, instants), np.searchsorted(time, instants, side="right")
    lengths = last - first
    inside = np.arange(lengths.sum()) + np.repeat(first - np.cumsum(lengths) + lengths, lengths)
    order = np.lexsort((key[inside], priority[inside], time[inside]))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return inside, inside[order[np.maximum.accumulate(rank)]]


def _across_parts(group: Ints, part: Ints) -> NDArray[np.bool_]:
    """Return which belong to a group with members in several parts."""
    size = int(group.max(initial=-1)) + 1
    least = np.full(size, np.iinfo(np.int64).max)
    most = np.full(size, -1)
    np.minimum.at(least, group, part)
    np.maximum.at(most, group, part)
    several: NDArray[np.bool_] = (least != most)[group]
    return several


def _by_ancestry(parts: Sequence[Done], part: Ints, keys: Floats) -> Ints:
    """Return ranks, by what scheduled them and so on, of doings that are not arrivals."""
    tree = _Ancestors(parts)
    first = tree.add(part, keys)
    rank, before = tree.ranked()
    while True:
        following = _dense([rank, rank[before]])
        further = before[before]
        if (further == before).all() and (following == rank).all():
            return following[first]
        rank, before = following, further


class _Ancestors:
    """Doings and all they descend from; the first of a line, an arrival or what the world's making scheduled, has itself before it."""

    def __init__(self, parts: Sequence[Done]) -> None:
        self._parts = parts
        self._places: dict[tuple[int, int], int] = {}
        self._rows: list[tuple[float, float, float]] = []
        self._before: list[int] = []

    def add(self, part: Ints, keys: Floats) -> Ints:
        """Add doings by their keys, and their ancestors; return their places."""
        places = np.arange(len(part)) + len(self._rows)
        self._rows += [(time, priority, 0.0) for time, priority in keys[:, 1:3].tolist()]
        self._before += places.tolist()
        young, parents, serials = places, self._scheduled_by(part, keys[:, 3]), keys[:, 3]
        while len(young):
            fresh: dict[tuple[int, int], int] = {}
            for child, whose, parent, serial in zip(
                young.tolist(), part.tolist(), parents.tolist(), serials.tolist(), strict=True
            ):
                # What the making scheduled has the same serial number in every part, and so is the same in all.
                name = (whose, parent) if parent != BEFORE else (BEFORE, int(serial))
                place = self._places.get(name)
                if place is None:
                    place = self._places[name] = len(self._rows)
                    self._rows.append((-np.inf, KEYED, serial))
                    self._before.append(place)
                    if parent != BEFORE:
                        fresh[name] = place
                self._before[child] = place
            part = np.array([whose for whose, _ in fresh], dtype=np.int64)
            young, parents, serials = self._describe(fresh, part)
            part = part[np.isin(np.array([*fresh.values()], dtype=np.int64), young)]
        return places

    def ranked(self) -> tuple[Ints, Ints]:
        """Return the rank of each by time and priority, arrivals by number too, and the place of what is before each."""
        rows = np.array(self._rows)
        return _dense([rows[:, 0], rows[:, 1], rows[:, 2]]), np.array(self._before, dtype=np.int64)

    def _describe(self, fresh: dict[tuple[int, int], int], part: Ints) -> tuple[Ints, Ints, Floats]:
        """Write down the doings found last; return the places, schedulers and serial numbers of those that are no arrivals."""
        numbers = np.array([number for _, number in fresh], dtype=np.int64)
        places = np.array([*fresh.values()], dtype=np.int64)
        keys = np.zeros((len(numbers), 4))
        for whose in np.unique(part):
            mine = part == whose
            keys[mine] = self._parts[whose].keys(numbers[mine])
        keyed = keys[:, 2] == KEYED
        for place, (_, time, priority, key), arrival in zip(
            places.tolist(), keys.tolist(), keyed.tolist(), strict=True
        ):
            self._rows[place] = (time, priority, key if arrival else 0.0)
        further = ~keyed
        serials = keys[further, 3]
        return places[further], self._scheduled_by(part[further], serials), serials

    def _scheduled_by(self, part: Ints, serials: Floats) -> Ints:
        found = np.empty(len(part), dtype=np.int64)
        for whose in np.unique(part):
            mine = part == whose
            found[mine] = self._parts[whose].schedulers(serials[mine])
        return found


def _dense(columns: Sequence[NDArray[np.float64] | Ints]) -> Ints:
    """Return the rank of each row, the first column counting most, equal rows alike."""
    order = np.lexsort(columns[::-1])
    new = np.zeros(len(order), dtype=bool)
    for column in columns:
        new[1:] |= column[order][1:] != column[order][:-1]
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.cumsum(new)
    return rank


def _mapped(path: Path, width: int) -> Floats:
    """Return a file of numbers, which is read as far as it is looked at."""
    if not path.stat().st_size:
        return np.empty((0, width))
    return np.memmap(path, dtype=np.float64, mode="r").reshape(-1, width)
