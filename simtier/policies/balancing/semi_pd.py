"""Shares of prompts and tokens follow what is late."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from simtier.contract import Balancing, Divide, OutcomeView, ServiceView, SiteView, Step, runs_engine
from simtier.units import Seconds


class SemiPd(Balancing):
    """Once a window, compare first tokens and times per token with their targets, and give whichever is further behind a larger share.

    The targets are those of each request's application (`slo: {ttft, tpot}`). Each replica begins with the `shares` of its service; they move by
    `step`, within `least` and 1, and stay if neither is late. Shares that are below `least` from the begin fall no further.

    Source: semi-PD (Hong et al., 2025, arXiv 2504.19867), which compares percentiles with the objectives window by window and predicts by a queueing
    model and service times inverse to the shares; the prediction is left out here, so that the shares go to where they are needed step by step.
    """

    sees_only_own: ClassVar[bool] = True
    divides: ClassVar[bool] = True
    percentile: Annotated[float, Field(gt=0, le=100)] = 90.0
    """Percent of requests that should be within them; assumed."""
    every: Annotated[Seconds, Field(gt=0)] = 10.0
    """Length of a window; assumed."""
    step: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """How much a share moves at a time; assumed."""
    least: Annotated[float, Field(gt=0, le=1)] = 0.2
    """Smallest share; assumed."""

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        """Begin with nothing seen."""
        self._firsts: list[float] = []
        self._others: list[float] = []

    def observe(self, outcome: OutcomeView) -> None:
        """Note how long the first token took, and each of the others, over their targets."""
        if outcome.outcome == "ok" and not isnan(outcome.first_token_s):
            request = outcome.request
            allowed_s = request.first_by_s - request.arrival_s
            self._firsts.append((outcome.first_token_s - request.arrival_s) / allowed_s)
            if not isnan(outcome.token_s):
                self._others.append(outcome.token_s / request.token_target_s)

    def balance(self, service: ServiceView) -> Sequence[Step]:
        """Return the new shares of the replicas whose shares change; nothing while nothing is late."""
        late_first, late_each = self._late(self._firsts), self._late(self._others)
        self._firsts.clear()
        self._others.clear()
        if max(late_first, late_each) <= 1.0:
            return []
        step = self.step if late_first > late_each else -self.step
        moves: list[Step] = []
        for each in service.replicas:
            if runs_engine(each) and each.shares is not None:
                prompts, tokens = each.shares
                new = self._moved(prompts, step), self._moved(tokens, -step)
                if new != each.shares:
                    moves.append(Divide(each, *new))
        return moves

    def _moved(self, share: float, by: float) -> float:
        return min(1.0, max(min(self.least, share), share + by))

    def _late(self, seen: Sequence[float]) -> float:
        """Return the percentile of what was seen, each over its target; 0 if nothing was."""
        return float(np.percentile(seen, self.percentile)) if seen else 0.0
