"""Small scenarios with a row of servers that share a power budget."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

import simtier

HOST_W, DEVICES, IDLE_W, PEAK_W = 1000.0, 4, 50.0, 400.0


def power_scenario(row: dict[str, Any], **changes: Any) -> simtier.Scenario:
    """Return a scenario of two servers of four A100s, `high` and `low`, each with a replica of Llama-2-13B, in one row."""
    gpus = {
        "tier": "cloud",
        "hardware": "cloud_gpu_host",
        "accelerators": ["a100_80g"] * DEVICES,
        "idle_power": f"{HOST_W} W",
    }
    service = {"llm": {"model": "llama-2-13b", "tensor": DEVICES}}
    tokens = {"input": {"distribution": "uniform", "low": 100, "high": 900}, "output": 60}
    document: dict[str, Any] = {
        "name": "row",
        "run": {"duration": "60 s", "samples": 0},
        "nodes": {"high": dict(gpus), "low": dict(gpus)},
        "services": {name: {"on": name, **service} for name in ("high", "low")},
        "apps": {name: {"stages": {"answer": {"service": name, "tokens": tokens}}} for name in ("high", "low")},
        "workloads": {
            name: {"app": name, "from": name, "arrivals": {"process": "poisson", "rate": "4 /s"}}
            for name in ("high", "low")
        },
        "power_rows": {"row": {"nodes": ["high", "low"], "budget": "5 kW", "low_priority": ["low"], **row}},
    }
    return simtier.Scenario.from_dict(document | changes)


def table(result: simtier.Result, name: str) -> pd.DataFrame:
    """Return one of the tables of a result."""
    return pd.read_parquet(Path(result.directory) / f"{name}.parquet")
