"""How many tokens go to each expert, window after window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from simtier.models.llm.experts import probabilities

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Mixture:
    """A mixture of experts, alike in each layer.

    Attributes:
        layers: with experts.
        experts: routed ones of a layer.
        active: how many of them a token goes to.
    """

    layers: int
    experts: int
    active: int


@dataclass(frozen=True)
class Popularity:
    """How unequal experts are, and how that changes.

    Attributes:
        shape: "log_normal", or "zipf": the r-th most popular in proportion to r ** -skew.
        skew: standard deviation of popularity over its mean, or Zipf's exponent; 0: all alike.
        kept: correlation, from a window to the next, of the normal scores behind popularity; 1: it never changes.
    """

    shape: Literal["log_normal", "zipf"]
    skew: float
    kept: float

    def of(self, scores: Floats) -> Floats:
        """Return popularity by layer and expert, from standard normal scores."""
        if self.shape == "log_normal":
            return np.asarray(np.exp(np.sqrt(np.log1p(self.skew**2)) * scores), dtype=np.float64)
        ranks = scores.shape[1] - scores.argsort(axis=1).argsort(axis=1)
        return np.asarray(ranks.astype(np.float64) ** -self.skew, dtype=np.float64)


def drifting(mixture: Mixture, popularity: Popularity, tokens: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Yield the tokens of each expert by layer and expert, without end: one array a window.

    Scores are independent by layer and expert and follow a first-order autoregression from window to window. Of `tokens` tokens
    an expert gets each with its probability, in proportion to popularity but at most 1, independently of the others: their sum is
    `tokens * active` on average only. Not in it: that layers resemble each other, that tokens choose experts in sets, rhythms of the day.
    """
    scores = rng.standard_normal((mixture.layers, mixture.experts))
    while True:
        chances = probabilities(popularity.of(scores), mixture.active)
        yield rng.binomial(tokens, chances).astype(np.float64)
        fresh = rng.standard_normal(scores.shape)
        scores = popularity.kept * scores + np.sqrt(1 - popularity.kept**2) * fresh
