"""A scenario to plan for: OPT-13B as in the example of DistServe's simulator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simtier.scenario import Scenario

A100S = ["a100_80g"] * 4


def readme(changes: Mapping[str, str] | None = None) -> Scenario:
    """Return OPT-13B on four A100, by DistServe's coefficients, with lengths like those of its ShareGPT runs.

    Surrogate: the lengths. Of 100 requests that its artefact publishes (`distserve-100-1.exp`), prompts have mean 850 and standard deviation
    521, answers a mean of 163; here prompts are uniform with mean 850, answers gamma with mean 163, both short enough for the model's context.
    """
    data: dict[str, Any] = {
        "name": "readme",
        "run": {"duration": "2 min", "drain": "30 s", "seed": 1},
        "nodes": {
            "gpus": {"tier": "cloud", "hardware": "cloud_gpu_host", "accelerators": A100S},
            "people": {"tier": "device", "cores": 1},
        },
        "links": {"up": {"from": "people", "to": "gpus", "latency": "1 us"}},
        "services": {
            "chat": {
                "on": "gpus",
                "llm": {"model": "opt-13b", "precision": "fp16", "cost": "linear"},
                "policies": {"batching": {"use": "vllm", "tokens": 66144, "sequences": 1000}},
            }
        },
        "apps": {
            "chat": {
                "stages": {
                    "answer": {
                        "service": "chat",
                        "tokens": {
                            "input": {"distribution": "uniform", "low": 10, "high": 1690},
                            "output": {"distribution": "gamma", "mean": 163, "cv": 1.2},
                            "most": 358,
                        },
                    }
                },
                "slo": {"ttft": "200 ms", "tpot": "100 ms", "percentile": 90},
            }
        },
        "workloads": {"people": {"app": "chat", "from": "people", "arrivals": {"process": "poisson", "rate": "4 /s"}}},
    }
    return Scenario.from_dict(data, changes or {})
