"""A policy places experts, window after window."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from simtier.contract import ExpertPlacement
from simtier.errors import PolicyError
from simtier.models.experts.balance import Balance, Floats, Whole, balance, copies, loads, moved
from simtier.models.no_site import NoSite


@dataclass(frozen=True)
class Layout:
    """Where experts can be put.

    Attributes:
        slots: places for an expert on all accelerators together, in each layer.
        accelerators: a divisor of the slots.
        nodes: a divisor of the accelerators.
        groups: of experts.

    Raises ValueError for numbers that do not divide each other.
    """

    slots: int
    accelerators: int
    nodes: int
    groups: int

    def __post_init__(self) -> None:
        if min(self.slots, self.accelerators, self.nodes, self.groups) < 1:
            raise ValueError("slots, accelerators, nodes and groups must be at least 1")
        if self.slots % self.accelerators or self.accelerators % self.nodes:
            raise ValueError(
                f"{self.slots} slots, {self.accelerators} accelerators and {self.nodes} nodes: each must divide the one before"
            )


@dataclass(frozen=True, eq=False)
class ExpertLoad:
    """What experts had to do in a window, and where they can be put; satisfies `ExpertLoadView`."""

    tokens: Floats
    groups: int
    nodes: int
    accelerators: int
    slots: int
    placed: Sequence[Sequence[int]]


def play(layout: Layout, windows: Iterable[Floats], policy: ExpertPlacement, rng: np.random.Generator) -> list[Balance]:
    """Return how evenly `policy` spreads each window but the first; what it places by one window is in force in the next.

    Args:
        layout: where experts can be put.
        windows: tokens by layer and expert, all of one shape.
        policy: the policy.
        rng: its random numbers.

    Assumptions: copies are there at once and moving them costs nothing but is counted; the first answer moves nothing; the time that
    the policy itself takes does not count; tokens of an expert go to its copies evenly. Raises PolicyError for an answer that the
    contract does not allow; what the policy raises is let through.
    """
    policy.start(NoSite(), rng)
    told: Sequence[Sequence[int]] = ()
    placed: Whole | None = None
    found = []
    for seen, coming in pairwise(windows):
        tokens = seen.copy()
        tokens.flags.writeable = False
        answer = policy.place_experts(
            ExpertLoad(tokens, layout.groups, layout.nodes, layout.accelerators, layout.slots, told)
        )
        now = _checked(answer, tokens.shape, layout.slots, type(policy).__name__)
        by_layer = balance(loads(coming, now, layout.accelerators))
        steps = 0 if placed is None else moved(placed, now, layout.accelerators, tokens.shape[1])
        found.append(Balance(float(by_layer.mean()), float(by_layer.min()), steps))
        placed, told = now, tuple(map(tuple, now.tolist()))
    return found


def _checked(answer: object, shape: tuple[int, ...], slots: int, name: str) -> Whole:
    """Return the answer as an array; raises PolicyError."""
    layers, experts = shape
    expected = f"{layers} rows of {slots} numbers of experts, each from 0 to {experts - 1} at least once"
    try:
        placed = np.asarray(answer)
    except ValueError:  # rows of different lengths
        placed = np.empty(0)
    if placed.shape != (layers, slots) or placed.dtype.kind not in "iu":
        raise PolicyError(f"{name}.place_experts() answered an array of shape {placed.shape}; expected {expected}")
    placed = placed.astype(np.int64)
    if placed.min() < 0 or placed.max() >= experts:
        raise PolicyError(f"{name}.place_experts() named experts {placed.min()} to {placed.max()}; expected {expected}")
    missing = np.argwhere(copies(placed, experts) == 0)
    if len(missing):
        layer, expert = missing[0].tolist()
        raise PolicyError(f"{name}.place_experts() left expert {expert} of layer {layer} out; expected {expected}")
    return placed
