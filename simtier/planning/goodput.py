"""Goodput: the highest rate at which enough requests meet their objective, found by bisection.

Source: Zhong et al., DistServe, OSDI 2024, section 4.1 (goodput at an attainment of 90 %, by binary search over simulated rates).
"""

from __future__ import annotations

from collections.abc import Callable

Attainment = Callable[[float], float]
"""Returns which share of requests meets its objective at a rate in requests/s."""

_DOUBLINGS = 40
_HALVINGS = 6


class Probed:
    """An attainment that remembers what it was asked, so that a rate is simulated once.

    Args:
        attainment: what is asked.

    Attributes:
        found: the share found at each rate.
    """

    def __init__(self, attainment: Attainment) -> None:
        self._attainment = attainment
        self.found: dict[float, float] = {}

    def __call__(self, rate: float) -> float:
        """Return the share at a rate."""
        if rate not in self.found:
            self.found[rate] = self._attainment(rate)
        return self.found[rate]

    def monotone(self, target: float) -> bool:
        """Return whether `target` was met at no rate above one at which it was missed.

        Where it was, the goodput found is one of several rates at which the attainment crosses the target.
        """
        missed = [rate for rate, share in self.found.items() if share < target]
        met = [rate for rate, share in self.found.items() if share >= target]
        return not missed or not met or max(met) < min(missed)


def goodput(attainment: Attainment, target: float, low: float, high: float, precision: float) -> float:
    """Return the highest rate in [low, high] found to have an attainment of `target` or more; 0 if `low` has less.

    Halves the interval until it is at most `precision` (requests/s) long, and returns its lower end, which was simulated. The attainment
    is taken to fall with the rate. Raises ValueError for bounds that are not 0 <= low < high, a precision that is not positive, or a
    target outside (0, 1].
    """
    _check(target, low, high, precision)
    if attainment(low) < target:
        return 0.0
    if attainment(high) >= target:
        return high
    while high - low > precision:
        middle = (low + high) / 2
        if attainment(middle) >= target:
            low = middle
        else:
            high = middle
    return low


def climb(attainment: Attainment, target: float, guess: float, share: float = 0.05) -> float:
    """Return the goodput to a `share` of itself, where no bound is known: halves or doubles `guess` until it lies between two rates, then bisects.

    0 if the target is missed at a 64th of the guess too. Stops doubling at 2^40 times the guess, which no system that takes any time reaches.
    """
    low = guess
    if attainment(low) < target:
        for _ in range(_HALVINGS):
            low /= 2
            if attainment(low) >= target:
                return goodput(attainment, target, low, 2 * low, share * low)
        return 0.0
    for _ in range(_DOUBLINGS):
        if attainment(2 * low) < target:
            break
        low *= 2
    return goodput(attainment, target, low, 2 * low, share * low)


def _check(target: float, low: float, high: float, precision: float) -> None:
    if not 0 <= low < high < float("inf"):
        raise ValueError(f"a rate is looked for between two bounds, the lower one first, got {low!r} and {high!r}")
    if not precision > 0:
        raise ValueError(f"precision must be positive, got {precision!r}")
    if not 0 < target <= 1:
        raise ValueError(f"target must be in (0, 1], got {target!r}")
