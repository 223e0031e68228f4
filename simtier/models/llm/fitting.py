"""Fits how near a device comes to its peaks (`Efficiency`) to measured times of iterations.

Least squares of relative errors, with a weak pull towards where the search begins: what the times cannot tell apart (of one model, the time of
a layer from that of an iteration; of prompts, passes of hidden states from the time of a token) stays near the start. A pull of 0.02 weighs a
change of a number by its own size like an error of 2 % of one iteration. Shares stay in (0, 1], times at 0 or more.

Assumptions: errors are relative, and those of all points weigh the same. Applies to what was measured: outside it the closed form goes on by
its physics.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from simtier.models.llm.closed_form import ClosedForm
from simtier.models.llm.efficiency import Devices, Efficiency
from simtier.models.llm.shape import LlmShape
from simtier.models.llm.work import Chunk, Floats

_BOUNDS: dict[str, tuple[float, float]] = {
    "compute": (0.01, 1.0),
    "weights": (0.01, 1.0),
    "corner": (1.0, 50.0),
    "prefill_attention": (0.01, 1.0),
    "decode_attention": (0.01, 1.0),
    "passes": (0.0, 500.0),
    "call_s": (0.0, 0.01),
    "layer_s": (0.0, 0.01),
    "iteration_s": (0.0, 1.0),
    "sequence_s": (0.0, 0.01),
    "token_s": (0.0, 0.01),
}
_SMALL = {"passes": 1.0, "call_s": 1e-6, "layer_s": 1e-6, "iteration_s": 1e-5, "sequence_s": 1e-6, "token_s": 1e-7}
"""What counts as the size of a number that begins at 0 or near it."""
LEAST_POINTS = 4
PULL = 0.02


class Point(NamedTuple):
    """A measured iteration.

    Attributes:
        chunks, decodes, contexts: what it computed; see `IterationCost`.
        seconds: what it took.
    """

    chunks: tuple[Chunk, ...]
    decodes: int
    contexts: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Fit:
    """What came out.

    Attributes:
        efficiency: the fitted numbers.
        errors: of each point, (predicted - measured) / measured.
    """

    efficiency: Efficiency
    errors: Floats

    @property
    def mean(self) -> float:
        """Mean of the absolute relative errors."""
        return float(np.abs(self.errors).mean())

    @property
    def largest(self) -> float:
        """Largest absolute relative error."""
        return float(np.abs(self.errors).max())


def fit(
    shape: LlmShape, devices: Devices, points: Sequence[Point], start: Efficiency | None = None, pull: float = PULL
) -> Fit:
    """Return the efficiency under which the closed form comes nearest to `points`.

    Args:
        shape: the model.
        devices: what it ran on.
        points: measured iterations, 4 or more.
        start: where the search begins, by default `Efficiency()`.
        pull: how strongly it is held there; see the module.

    Raises ValueError for too few points, or a time that is not positive and finite.
    """
    start = Efficiency() if start is None else start
    from scipy.optimize import least_squares  # noqa: PLC0415 - 20 MB that runs have no use for

    if len(points) < LEAST_POINTS:
        raise ValueError(f"fitting takes {LEAST_POINTS} iterations or more, got {len(points)}")
    if not all(0 < point.seconds < float("inf") for point in points):
        raise ValueError("times of iterations must be positive and finite")
    low, high = (np.array([bound[side] for bound in _BOUNDS.values()]) for side in (0, 1))
    begin = np.clip([getattr(start, name) for name in _BOUNDS], low, high)
    size = np.maximum(begin, [_SMALL.get(name, 0.0) for name in _BOUNDS])

    def residuals(numbers: Floats) -> Floats:
        errors = errors_of(shape, devices, points, _efficiency(numbers))
        return np.concatenate((errors, pull * (numbers - begin) / size))

    found = least_squares(residuals, begin, bounds=(low, high), x_scale=size, xtol=1e-12, ftol=1e-12, gtol=1e-12)
    efficiency = _efficiency(found.x)
    return Fit(efficiency, errors_of(shape, devices, points, efficiency))


def errors_of(shape: LlmShape, devices: Devices, points: Sequence[Point], at: Efficiency) -> Floats:
    """Return the relative errors of the closed form at given efficiencies."""
    cost = ClosedForm(shape, devices, at)
    return np.array(
        [cost.seconds(chunks, decodes, contexts) / seconds - 1 for chunks, decodes, contexts, seconds in points]
    )


def _efficiency(numbers: Floats) -> Efficiency:
    return Efficiency(**dict(zip(_BOUNDS, numbers.tolist(), strict=True)))
