"""A policy that breaks in the middle of a run."""

from __future__ import annotations

from typing import Any

import simtier


class AfterAWhile(simtier.Routing):
    """Takes the first replica for 20 seconds, and raises then."""

    def start(self, site: Any, rng: Any) -> None:
        self._site = site

    def choose(self, request: Any, replicas: Any) -> Any:
        if self._site.now_s > 20:
            raise ValueError("tired")
        return replicas[0]
