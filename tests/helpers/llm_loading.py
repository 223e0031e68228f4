"""Replicas of language models that start and stop when a test says, and what their starts left in the tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from playing import Played, play

from simtier.catalogue.llm import language_model
from simtier.contract import Autoscaling, ServiceView, SiteView

GB = language_model("llama-3-8b").parameters * 2 / 1e9
"""Weights of the model in these tests, in GB."""
POLICIES = "llm_loading"


class Steps(Autoscaling):
    """The wanted number of replicas, second by second: `numbers` from `since` on, the last one for ever."""

    every: float = 1.0
    numbers: tuple[int, ...] = (1,)

    def start(self, site: SiteView, rng: np.random.Generator) -> None:
        self._site = site

    def target(self, service: ServiceView) -> int:
        return self.numbers[min(round(self._site.now_s), len(self.numbers)) - 1]


def pool(
    *numbers: int, on: str = "gpu", loading: dict[str, Any] | None = None, replicas: int = 0, **more: Any
) -> dict[str, Any]:
    """Return a service whose replicas are as many as `numbers` say at 1 s, 2 s and so on."""
    llm = {"model": "llama-3-8b", "blocks": 100, **more.pop("llm", {})}
    if loading is not None:
        llm["loading"] = loading
    policies = {"autoscaling": {"use": f"{POLICIES}:Steps", "numbers": list(numbers or (replicas,))}}
    return {"on": on, "replicas": replicas, "cores": 0, "llm": llm, "policies": policies, **more}


def site(
    services: dict[str, Any],
    *,
    gpus: int = 2,
    nodes: int = 1,
    memory: str = "64 GB",
    rate: str = "8 Gbit/s",
    **more: Any,
) -> dict[str, Any]:
    """Return a scenario with nodes of A100s around a switch; nobody asks the services anything that counts."""
    first = next(iter(services))
    return {
        "name": "loading",
        "run": {"duration": "60 s", "samples": 0},
        "nodes": {
            "gpu": {"tier": "cloud", "cores": 8, "count": nodes, "memory": memory, "accelerators": ["a100_80g"] * gpus},
            "switch": {"tier": "edge", "cores": 1},
        },
        "links": {"wire": {"from": "gpu", "to": "switch", "bandwidth": rate, "latency": "0 s", "sharing": "fair"}},
        "services": services,
        "apps": {"ask": {"stages": {"answer": {"service": first, "tokens": {"input": 8, "output": 2}}}}},
        "workloads": {
            "asks": {
                "app": "ask",
                "from": "switch",
                "arrivals": {"process": "periodic", "rate": "0.001 /s", "phase": "59 s"},
            }
        },
        **more,
    }


def loads(services: dict[str, Any], **more: Any) -> tuple[pd.DataFrame, Played]:
    """Play, and return the table of loads in the order of their begin."""
    played = play(site(services, **more))
    table = played.table("loads")
    table["seconds"] = table.end_s - table.begin_s
    return table.sort_values(["replica", "begin_s"], kind="stable").reset_index(drop=True), played


def stages(table: pd.DataFrame, replica: int) -> dict[str, float]:
    """Return the seconds of each stage of one replica."""
    mine = table[table.replica == replica]
    return {str(stage): float(seconds) for stage, seconds in zip(mine.stage, mine.seconds, strict=True)}


def ready_at(played: Played, replica: int) -> float:
    """Return when a replica became ready."""
    states = played.replicas
    return float(states[(states.replica == replica) & (states.state == "ready")].start_s.iloc[0])
