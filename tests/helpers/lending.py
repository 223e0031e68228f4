"""Platforms whose executions lend cores to each other, and policies that write down what they saw and answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from simtier.contract import ExecutionView, NodeView, Rebalancing, SiteView
from simtier.policies.rebalancing.harvest import Harvest
from simtier.units import Seconds


@dataclass(frozen=True)
class Given:
    """One answer: from when on which execution on which node has how many cores, of how many that are its own."""

    time_s: float
    node: str
    function: str
    started_s: float
    own: float
    cores: float


GIVEN: list[Given] = []
"""All answers of the policies below; whoever reads it empties it before."""


def note(now_s: float, node: NodeView, executions: Sequence[ExecutionView], shares: Sequence[float]) -> None:
    GIVEN.extend(
        Given(now_s, node.name, each.function.name, each.started_s, each.allocated_cores, cores)
        for each, cores in zip(executions, shares, strict=True)
    )


class RandomShares(Rebalancing):
    """Shares that nobody would choose: some get nothing for a while, others all that is left."""

    every: Seconds = 0.3

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        self._site, self._rng = site, rng

    def shares(self, node: NodeView, executions: Sequence[ExecutionView]) -> Sequence[float]:
        left = sum(execution.allocated_cores for execution in executions)
        shares = []
        for _ in executions:
            shares.append(left * float(self._rng.choice([0.0, 0.25, 0.5, 1.0])))
            left -= shares[-1]
        note(self._site.now_s, node, executions, shares)
        return shares

    def look_in(self, node: NodeView) -> float | None:
        return self.every


class NotedHarvest(Harvest):
    """Harvest, noted."""

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        super().start(site, rng)
        self._site = site

    def shares(self, node: NodeView, executions: Sequence[ExecutionView]) -> Sequence[float]:
        shares = super().shares(node, executions)
        note(self._site.now_s, node, executions, shares)
        return shares


class OwnShares(Rebalancing):
    """Fixed shares that have to be asked for."""

    def shares(self, node: NodeView, executions: Sequence[ExecutionView]) -> Sequence[float]:
        return [execution.allocated_cores for execution in executions]


SEEN: list[tuple[float, list[tuple[Any, ...]]]] = []
"""What the policy below was shown; whoever reads it empties it before."""


class Halving(Rebalancing):
    """Gives everyone half of what it had, looks again after a second, and writes down what it sees."""

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        self._site = site

    def shares(self, node: NodeView, executions: Sequence[ExecutionView]) -> Sequence[float]:
        shown = [(e.function.name, e.share, e.used_cores, e.started_s, e.running_s) for e in executions]
        SEEN.append((self._site.now_s, shown))
        return [execution.share / 2 for execution in executions]

    def look_in(self, node: NodeView) -> float | None:
        return 1.0

    def finished(self, execution: ExecutionView) -> None:
        SEEN.append((self._site.now_s, [("finished", execution.share, execution.used_cores)]))


class Always(Rebalancing):
    """The same answers, whatever is asked."""

    answer: Any = None
    again: Any = None

    def shares(self, node: NodeView, executions: Sequence[ExecutionView]) -> Sequence[float]:
        answer: Sequence[float] = self.answer
        return answer

    def look_in(self, node: NodeView) -> float | None:
        again: float | None = self.again
        return again


def sharing(
    functions: Mapping[str, Mapping[str, Any]],
    calls: Mapping[str, tuple[Any, Any]],
    policy: Any = "fixed_shares",
    *,
    nodes: int = 1,
    duration: str = "100 s",
    seed: int = 1,
    **platform: Any,
) -> dict[str, Any]:
    """Return a platform whose instances start in no time and stay; `calls` says for each function its time and arrivals."""
    return {
        "name": "sharing",
        "run": {"duration": duration, "seed": seed, "samples": 0, "drain": "1000 s"},
        "nodes": {"client": {"tier": "device", "cores": 1}, "server": {"tier": "edge", "count": nodes, "cores": 64}},
        "links": {"hop": {"from": "client", "to": "server"}},
        "platforms": {
            "faas": {
                "on": "server",
                "cold_start": "0 s",
                "functions": {name: {"memory": "100 MB", **function} for name, function in functions.items()},
                "policies": {"keep_alive": "forever", "placement": "least_loaded", "rebalancing": policy},
                **platform,
            }
        },
        "apps": {
            name: {"stages": {name: {"service": "faas", "function": name, "time": time}}}
            for name, (time, _) in calls.items()
        },
        "workloads": {
            name: {"app": name, "from": "client", "arrivals": arrivals} for name, (_, arrivals) in calls.items()
        },
    }


def poisson(rate: float) -> dict[str, Any]:
    """Return Poisson arrivals of so many a second."""
    return {"process": "poisson", "rate": f"{rate} /s"}
