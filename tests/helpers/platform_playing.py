"""The plainest platforms, and what tests ask of the rows their runs leave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from playing import Played

from simtier.models.serverless.spec import COMPONENTS

ENDS = ("expired", "evicted", "reused")
"""How an instance ends: its last row, which takes no time."""


def faas(
    arrivals: Mapping[str, Any] | str,
    time: Mapping[str, Any] | str,
    *,
    places: float | None = None,
    duration: str = "1000 s",
    function: Mapping[str, Any] | None = None,
    policies: Mapping[str, Any] | None = None,
    seed: int = 1,
    **platform: Any,
) -> dict[str, Any]:
    """Return a platform of one function `f` with requests that arise beside it; a text as `arrivals` is a Poisson rate.

    Instances start in no time and stay for ever unless something else is said; the node has room for `places` of them, or for all.
    """
    memory = {} if places is None else {"memory": f"{100 * places:g} MB"}
    return {
        "name": "faas",
        "run": {"duration": duration, "seed": seed, "samples": 0, "drain": "100 s"},
        "nodes": {"server": {"tier": "edge", "cores": 8, **memory}},
        "platforms": {
            "faas": {
                "on": "server",
                "cold_start": "0 s",
                "most": 100_000,
                "functions": {"f": {"memory": "100 MB", **(function or {})}},
                "policies": {"keep_alive": "forever", **(policies or {})},
                **platform,
            }
        },
        "apps": {"ask": {"stages": {"serve": {"service": "faas", "function": "f", "time": time}}}},
        "workloads": {
            "asks": {
                "app": "ask",
                "from": "server",
                "arrivals": {"process": "poisson", "rate": arrivals} if isinstance(arrivals, str) else dict(arrivals),
            }
        },
    }


def at_once(data: dict[str, Any], number: int) -> dict[str, Any]:
    """Let `number` clients call the platform once each, all at time 0, in place of what calls it."""
    data["nodes"]["client"] = {"tier": "device", "count": number, "cores": 1}
    data["links"] = {"hop": {"from": "client", "to": "server"}}
    once = {"process": "periodic", "rate": "0.0001 /s", "phase": "0 s"}
    data["workloads"] = {"asks": {"app": "ask", "from": "client", "arrivals": once}}
    return data


def keeps(idle_s: float) -> dict[str, Any]:
    """Return the policies of a fixed keep-alive."""
    return {"keep_alive": {"use": "fixed", "idle": f"{idle_s} s"}}


def starts(played: Played) -> pd.DataFrame:
    """Return the table of starts."""
    return played.table("starts")


def started(played: Played) -> pd.DataFrame:
    """Return the starts that were completed, with the `seconds` they took."""
    rows = starts(played)
    done = rows[rows["ready_s"].notna()].copy()
    done["seconds"] = done[[f"{name}_s" for name in COMPONENTS]].sum(axis=1)
    return done


def visits(played: Played, warm_s: float = 0.0) -> pd.DataFrame:
    """Return the visits that began service and were sent from `warm_s` on."""
    stages = played.stages
    return stages[stages["started_s"].notna() & (stages["sent_s"] >= warm_s)]


def cold_share(played: Played, warm_s: float = 0.0) -> float:
    """Return the share of visits that waited for a start."""
    return float((visits(played, warm_s)["start"] == "cold").mean())


def rejected(played: Played) -> float:
    """Return the share of requests that were turned away."""
    return float((played.requests["outcome"] == "rejected").mean())


def waits(played: Played, warm_s: float = 0.0) -> NDArray[Any]:
    """Return how long each visit waited for an instance."""
    rows = visits(played, warm_s)
    waited: NDArray[Any] = (rows["routed_s"] - rows["sent_s"]).to_numpy()
    return waited


def number_at(begins: Any, ends: Any, times: NDArray[Any]) -> NDArray[Any]:
    """Return how many of the intervals [begin, end) hold each of `times`."""
    begun = np.searchsorted(np.sort(begins), times, side="right")
    return begun - np.searchsorted(np.sort(ends), times, side="right")
