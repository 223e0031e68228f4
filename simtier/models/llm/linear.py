"""Iteration times from linear coefficients, as DistServe's simulator has them.

    prompts: a + b t + c t2,    t the new tokens, t2 the sum over prompts of their squared lengths
    decodes: a + b S + c n,     n decodes, S the sum of their contexts; with other a, b and c from so many decodes on

A chunk of q tokens behind p others counts (p + q)^2 - p^2 in t2, so that the chunks of a prompt add up to the prompt (DistServe's simulator
counts q^2). An iteration with both takes the sum of both: as though they ran one after the other, each with its fixed time, which is an upper
estimate. DistServe never mixes them in its own system; its simulator of chunked prompts counts such an iteration's prompts alone.

Source: Zhong et al., DistServe, OSDI 2024, appendix A; simdistserve/estimators/time_estimator.py of github LLMServe/DistServe.
Assumptions: nothing else delays an iteration; coefficients hold at all lengths. Applies to the model, devices and range they were fitted to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields

import numpy as np

from simtier.models.llm.work import Chunk, Floats


@dataclass(frozen=True, slots=True)
class Coefficients:
    """Coefficients of one line, in seconds; none is negative.

    Attributes:
        fixed_s: of each iteration.
        first_s: by which it grows with each token of prompts, or each token of the contexts of decodes.
        second_s: by which it grows with each squared token of prompts, or each decode.
    """

    fixed_s: float
    first_s: float
    second_s: float

    def __post_init__(self) -> None:
        for field, value in zip(fields(self), astuple(self), strict=True):
            if not 0 <= value < float("inf"):
                raise ValueError(f"{field.name} must be 0 or more and finite, got {value!r}")


class Linear:
    """Iteration times by coefficients; see the module.

    Args:
        prompts: of iterations with prompts.
        few, many: of those with decodes: fewer than `threshold`, and as many or more.
        threshold: see there.
    """

    def __init__(self, prompts: Coefficients, few: Coefficients, many: Coefficients, threshold: int) -> None:
        self._prompts, self._few, self._many, self._threshold = prompts, few, many, threshold

    def seconds(self, chunks: Sequence[Chunk], decodes: int, contexts: float) -> float:
        """Return what an iteration takes; see `IterationCost`."""
        found = 0.0
        if chunks:
            new = sum(tokens for tokens, _ in chunks)
            squares = sum(tokens * (tokens + 2 * before) for tokens, before in chunks)
            at = self._prompts
            found += at.fixed_s + at.first_s * new + at.second_s * squares
        if decodes:
            a, b = self.line(decodes)
            found += a + b * contexts
        return found

    def line(self, decodes: int) -> tuple[float, float]:
        """Return (a, b): decodes take a + b contexts."""
        at = self._few if decodes < self._threshold else self._many
        return at.fixed_s + at.second_s * decodes, at.first_s

    def times(self, decodes: int, contexts: float, iterations: int) -> Floats:
        """Return what iterations take one after the other."""
        a, b = self.line(decodes)
        return np.asarray(a + b * (contexts + decodes * np.arange(iterations)))
