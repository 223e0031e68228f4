"""The cheapest way to divide requests into groups by size, one buffer each, so that enough of all requests are in time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simtier.policies.batching.planning import Setting

Floats = NDArray[np.float64]

_STEPS = 40
"""Halvings when the price of a late request is looked for."""


@dataclass(frozen=True)
class Group:
    """The requests of sizes between two bounds, and what their buffer does.

    Attributes:
        low, high: which of the bounds between sizes it lies between.
        share: of all requests.
        setting: what its buffer does.
    """

    low: int
    high: int
    share: float
    setting: Setting


class Choices:
    """What the buffer of one possible group may do."""

    def __init__(self, low: int, high: int, share: float, settings: Sequence[Setting]) -> None:
        self._low, self._high, self._share = low, high, share
        self._settings = settings
        self._cost = np.array([setting.cost for setting in settings])
        self._late = np.array([1 - setting.in_time for setting in settings])

    def best(self, late_price: float) -> tuple[float, Group]:
        """Return the least cost a request of all, a late one counted with its price, and the group that has it."""
        costs = self._share * (self._cost + late_price * self._late)
        place = int(np.argmin(costs))
        return float(costs[place]), Group(self._low, self._high, self._share, self._settings[place])


def cheapest(cells: int, most: int, choices: Callable[[int, int], Choices], in_time: float) -> list[Group]:
    """Return up to `most` groups that make up all `cells` between bounds, of which `in_time` of the requests are in time.

    Late requests have a price, which is raised until few enough are late; for each price the division of least cost is found by dynamic
    programming over the bounds. If nothing does it, few are late whatever that costs.
    """
    table = {(low, high): choices(low, high) for low in range(cells) for high in range(low + 1, cells + 1)}
    groups = _divide(cells, most, table, 0.0)
    if _in_time(groups) >= in_time:
        return groups
    low, high = 0.0, 1e3 * sum(group.share * group.setting.cost for group in groups)
    groups = _divide(cells, most, table, high)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        tried = _divide(cells, most, table, middle)
        if _in_time(tried) >= in_time:
            groups, high = tried, middle
        else:
            low = middle
    return groups


def cost(groups: Sequence[Group]) -> float:
    """Return the mean dollars of a request."""
    return sum(group.share * group.setting.cost for group in groups)


def lateness(groups: Sequence[Group], in_time: float) -> float:
    """Return by how much the share of requests that are in time falls short."""
    return max(0.0, in_time - _in_time(groups))


def _in_time(groups: Sequence[Group]) -> float:
    return sum(group.share * group.setting.in_time for group in groups)


def _divide(cells: int, most: int, table: dict[tuple[int, int], Choices], late_price: float) -> list[Group]:
    best = {key: choices.best(late_price) for key, choices in table.items()}
    # For each number of groups: the least cost of the cells up to a bound, and the groups that have it.
    ways: list[dict[int, tuple[float, list[Group]]]] = [{0: (0.0, [])}]
    for _ in range(most):
        longer: dict[int, tuple[float, list[Group]]] = {}
        for low, (so_far, groups) in ways[-1].items():
            for high in range(low + 1, cells + 1):
                whole = so_far + best[low, high][0]
                if high not in longer or whole < longer[high][0]:
                    longer[high] = (whole, [*groups, best[low, high][1]])
        ways.append(longer)
    return min((way[cells] for way in ways if cells in way), key=lambda found: found[0])[1]
