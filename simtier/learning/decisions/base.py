"""What an agent decides about: how a question of the contract becomes numbers, and a number an answer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from simtier.contract import SiteView
from simtier.errors import PolicyError

Observation = NDArray[np.float32]
"""What an agent sees: numbers from 0 to 1, one for each of a decision's `names`."""


class Decision:
    """One sort of decision, about one owner.

    Attributes:
        kind: kind of policy whose question it is.
        names: what each number of an observation is; all of them are from 0 to 1.
        sizes: how many choices each number of an action has; most actions are one number.
    """

    kind: ClassVar[str] = ""
    names: tuple[str, ...]
    sizes: tuple[int, ...]

    def start(self, site: SiteView) -> None:
        """Begin an episode; called before time zero."""

    def observe(self, *seen: Any) -> Observation:
        """Return what the agent sees of the question with the arguments `seen`."""
        raise NotImplementedError

    def answer(self, action: Any, *seen: Any) -> Any:
        """Return what the policy answers; raises PolicyError for an action that is none."""
        raise NotImplementedError

    def at_end(self, before: Observation) -> Observation:
        """Return what is seen when the run has ended; `before` is what was seen last."""
        return before.copy()

    def mask(self, observation: Observation) -> NDArray[np.int8]:  # noqa: ARG002 - most decisions have all their choices always
        """Return 1 for each choice that there is now and 0 for the others: those of an action's numbers, one after the other."""
        return np.ones(sum(self.sizes), np.int8)

    def written(self) -> dict[str, Any]:
        """Return its parameters as plain data, to be kept with an agent."""
        raise NotImplementedError

    def numbers(self, action: Any) -> list[int]:
        """Return an action, which is one whole number or a row of them, as a list; raises PolicyError if it is none."""
        given = np.atleast_1d(np.asarray(action))
        whole = given.dtype.kind in "iu" and given.shape == (len(self.sizes),)
        if not whole or not all(0 <= number < size for number, size in zip(given, self.sizes, strict=True)):
            ranges = ", ".join(f"0 to {size - 1}" for size in self.sizes)
            raise PolicyError(f"the action {action!r} is none of this {self.kind} decision: expected {ranges}")
        return [int(number) for number in given]


def share(part: float, whole: float) -> float:
    """Return part / whole from 0 to 1, whatever they are; 0 of nothing."""
    return min(max(part / whole, 0.0), 1.0) if whole > 0 else 0.0


def squeezed(amount: float, half: float) -> float:
    """Return amount / (amount + half): from 0 for nothing, through 1/2 at `half`, to 1 for infinity; 0 for NaN and below 0."""
    if math.isnan(amount) or amount <= 0:
        return 0.0
    return 1.0 if math.isinf(amount) else amount / (amount + half)


def seen_as(numbers: list[float]) -> Observation:
    """Return an observation, a new array each time."""
    return np.array(numbers, dtype=np.float32)


def whole_parameters(kept: Mapping[str, Any], names: tuple[str, ...], kind: str) -> list[Any]:
    """Return the parameters of those names, in that order; raises PolicyError if what was kept has others."""
    if set(kept) != {*names, "kind"}:
        raise PolicyError(f"what was kept of a {kind} decision has {sorted(kept)}; expected kind, {', '.join(names)}")
    return [kept[name] for name in names]
