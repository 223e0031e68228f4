"""What a claim is: a paper's words and figure, what of simtier's is accepted for it, and the function that computes simtier's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Literal

Kind = Literal["replications", "analytic", "one run"]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One row of the table.

    Attributes:
        name: what `--only` calls it.
        says: the claim.
        source: paper, and the part of it.
        setting: what simtier runs.
        paper: the paper's figure, in words.
        figure: what simtier's figure is of, with its unit.
        low, high: between these it agrees, both included.
        tolerance: the same in words, and where it comes from.
        kind: independent `replications` with a confidence interval; `analytic`: arithmetic of models, nothing random; `one run` of given requests.
        surrogate: what had to be assumed in place of what the paper had; empty if nothing.
        remark: what else is to be known; why they differ, where they do.
        measure: returns the figure of each replication, or the only one.
    """

    name: str
    says: str
    source: str
    setting: str
    paper: str
    figure: str
    low: float = -inf
    high: float = inf
    tolerance: str
    kind: Kind
    surrogate: str = ""
    remark: str = ""
    measure: Callable[[], Sequence[float]]


def over(replications: int, figure: Callable[[int], float]) -> Callable[[], list[float]]:
    """Return what measures `figure` in replications 0 to `replications` - 1."""
    return partial(_all, replications, figure)


def _all(replications: int, figure: Callable[[int], float]) -> list[float]:
    return [figure(number) for number in range(replications)]


def once(figure: Callable[[], float]) -> Callable[[], list[float]]:
    """Return what measures `figure`, which has no randomness or is of one run."""
    return lambda: [figure()]
