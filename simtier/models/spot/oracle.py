"""The least that a job can cost if it is known beforehand when spot instances can be had."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from simtier.models.spot.availability import Windows
from simtier.models.spot.job import Job

_ROUNDING = 1e-12


def least_cost(job: Job, windows: Windows) -> float:
    """Return the least dollars for which `job` can be done in time, over all schedules that know `windows`: exact.

    With n instances begun, T seconds on spot and C = work + n * change-over, the other C - T seconds are on demand, so a schedule costs
    `p_od * C - (p_od - p_spot) * T`. For given n it is best to use a window wholly or not at all: what is added to a spot instance
    within its window is taken from those on demand, or from waiting. So a schedule is a choice of windows and, of the times between
    used ones, of those that have an instance on demand; it is in time if what remains, waiting, is no more than
    `deadline - C`. Where T would exceed C, there is nothing on demand and spot ends early: T counts as C.

    Labels (n, waited, T) are carried from time to time, for each of the two modes between windows. One is dropped when another has no
    more instances, no more waiting and no less spot, or when it could not cost less than the best schedule known even if all windows to come
    were used without a further instance between them. Same world as `play`: whole knowledge, constant prices, instances at once.
    """
    costs = _Costs(job)
    waits, runs = [_Label(0, 0.0, 0.0)], [_Label(1, 0.0, 0.0)]
    best = job.on_demand_usd
    pieces = _pieces(job, windows)
    still_to_gain = costs.most_to_gain(pieces)
    for piece, to_gain in zip(pieces, still_to_gain, strict=True):
        used = [label.used(piece.length_s) for label in waits + runs] if piece.is_window else []
        waits = costs.in_time([label.waited(piece.length_s) for label in waits] + used)
        runs = costs.in_time(runs + [label.begun() for label in used])
        best = min([best, *map(costs.of, runs)])
        waits, runs = (_undominated(costs.up_to(best + to_gain, labels)) for labels in (waits, runs))
    return min([best, *(costs.of(label) for label in waits)])


@dataclass(frozen=True, slots=True)
class _Label:
    """A schedule up to now.

    Attributes:
        instances: how many were begun.
        wait_s: time without one.
        spot_s: time on spot.
    """

    instances: int
    wait_s: float
    spot_s: float

    def waited(self, length_s: float) -> _Label:
        return _Label(self.instances, self.wait_s + length_s, self.spot_s)

    def used(self, length_s: float) -> _Label:
        return _Label(self.instances + 1, self.wait_s, self.spot_s + length_s)

    def begun(self) -> _Label:
        return _Label(self.instances + 1, self.wait_s, self.spot_s)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A time until the deadline.

    Attributes:
        length_s: how long.
        is_window: whether spot is available throughout, for longer than a change-over.
    """

    length_s: float
    is_window: bool


class _Costs:
    """What schedules cost.

    Args:
        job: whose.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._gain = job.on_demand_usd_per_s - job.spot_usd_per_s
        self._most_s = job.slack_s + _ROUNDING * job.deadline_s

    def of(self, label: _Label) -> float:
        """Return the cost of a schedule that does all the rest on demand, without waiting any more."""
        busy_s = self._job.work_s + label.instances * self._job.change_over_s
        return self._job.on_demand_usd_per_s * busy_s - self._gain * min(label.spot_s, busy_s)

    def most_to_gain(self, pieces: list[_Piece]) -> list[float]:
        """Return for each piece what the windows after it can make cheaper at most."""
        begins_usd = self._job.change_over_s * self._job.on_demand_usd_per_s
        gains = [max(0.0, self._gain * p.length_s - begins_usd) if p.is_window else 0.0 for p in pieces]
        return [sum(gains[place + 1 :]) for place in range(len(pieces))]

    def in_time(self, labels: list[_Label]) -> list[_Label]:
        """Return those that have not waited too long."""
        change_s = self._job.change_over_s
        return [label for label in labels if label.wait_s + label.instances * change_s <= self._most_s]

    def up_to(self, most_usd: float, labels: list[_Label]) -> list[_Label]:
        """Return those that cost no more than that as they are."""
        most_usd += _ROUNDING * self._job.on_demand_usd
        return [label for label in labels if self.of(label) <= most_usd]


def _pieces(job: Job, windows: Windows) -> list[_Piece]:
    """Return the times up to the deadline, in order."""
    pieces: list[_Piece] = []
    told_s = 0.0
    for begin, end in windows.until(job.deadline_s):
        if end - begin > job.change_over_s:
            pieces += [_Piece(begin - told_s, is_window=False), _Piece(end - begin, is_window=True)]
            told_s = end
    return [*pieces, _Piece(job.deadline_s - told_s, is_window=False)]


def _undominated(labels: list[_Label]) -> list[_Label]:
    """Return the labels that no other one is as good as in everything."""
    kept: list[_Label] = []
    waits: list[float] = []
    spots: list[float] = []
    """The least waiting, and the most spot for it, of those kept, both rising; all have no more instances than the next."""
    for label in sorted(labels, key=lambda each: (each.instances, each.wait_s, -each.spot_s)):
        place = bisect_right(waits, label.wait_s)
        if place and spots[place - 1] >= label.spot_s:
            continue
        kept.append(label)
        end = bisect_right(spots, label.spot_s, lo=place)
        waits[place:end], spots[place:end] = [label.wait_s], [label.spot_s]
    return kept
