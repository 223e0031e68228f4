"""What prompts have in common at their beginning: as a trace tells, or drawn from texts of a scenario."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from simtier.models.visit import Visit

PREFIX_TOKENS = 512
"""Tokens that each number of a prefix stands for: a block of Mooncake's traces."""
Prefix = tuple[tuple[int, ...], int]
"""The numbers of a prompt's beginning, and how many tokens they stand for."""
PrefixSource = Callable[[Visit, int], Prefix]
"""What tells the prefix of a visit, given the tokens of its prompt."""
NOTHING: Prefix = ((), 0)
_TRACED = 3  # where a trace's prefix stands in `Visit.traced`
_TEXTS_BITS = 28


def nothing(_: Visit, __: int) -> Prefix:
    """Return that a prompt begins like no other."""
    return NOTHING


def traced(visit: Visit, prompt: int) -> Prefix:
    """Return the beginning of the prompt as the trace tells; nothing if it tells none."""
    told = visit.traced
    return (told[_TRACED], prompt) if len(told) > _TRACED else NOTHING  # type: ignore[return-value]  # numbers of blocks


def of_texts(draws: Callable[[int], float], tokens: int, first: int) -> PrefixSource:
    """Return what gives each prompt one of some texts of `tokens` tokens for a beginning; a shorter prompt has that much of it.

    Args:
        draws: the number of the text, by the request's number.
        tokens: of each text.
        first: a number that tells these texts from others.
    """
    blocks = -(-tokens // PREFIX_TOKENS)
    begin = first << _TEXTS_BITS

    def told(visit: Visit, prompt: int) -> Prefix:
        number = begin + int(draws(visit.id)) * blocks
        return tuple(range(number, number + blocks)), min(tokens, prompt)

    return told


def popularity(texts: int, zipf: float) -> Callable[[Generator, int], NDArray[np.float64]]:
    """Return what draws the numbers of texts, of which the k-th most popular is k^-zipf times as likely as the first (Zipf's law)."""
    shares = np.arange(1, texts + 1, dtype=np.float64) ** -zipf
    bounds = np.cumsum(shares) / shares.sum()
    bounds[-1] = 1.0

    def sample(rng: Generator, n: int) -> NDArray[np.float64]:
        return np.searchsorted(bounds, rng.random(n), side="right").astype(np.float64)

    return sample
