"""DistServe's formulas for the time to the first token of prompts of one length: M/D/1, and what dividing a model does to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
from playing import play

from llm_claims.claim import Claim, over

PROMPT = 512
SOURCE = "DistServe (Zhong et al., OSDI 2024), section 3.1"
FREE = {"bandwidth": "1e9 GB/s", "latency": "0 s"}
"""Links that cost nothing, as the formulas have none."""


def prompts(rate: float, duration_s: float, llm: dict[str, Any], seed: int = 1) -> dict[str, Any]:
    """Return a scenario whose requests are prompts of one length with answers of one token; an iteration holds one prompt."""
    accelerators = llm.get("tensor", 1) * llm.get("pipeline", 1)
    return {
        "name": "prompts",
        "run": {"duration": f"{duration_s} s", "drain": "600 s", "samples": 0, "seed": seed},
        "nodes": {"gpu": {"tier": "cloud", "cores": 8, "accelerators": ["a100_80g"] * accelerators}},
        "services": {
            "chat": {
                "on": "gpu",
                "llm": {"model": "opt-13b", "precision": "fp16", "cost": "linear", "interconnect": FREE, **llm},
                "policies": {"batching": {"use": "vllm", "tokens": PROMPT}},
            }
        },
        "apps": {"ask": {"stages": {"answer": {"service": "chat", "tokens": {"input": PROMPT, "output": 1}}}}},
        "workloads": {"asks": {"app": "ask", "from": "gpu", "arrivals": {"process": "poisson", "rate": f"{rate} /s"}}},
    }


@cache
def alone_s(llm: str) -> float:
    """Return what one prompt takes on an idle replica."""
    rows = play(prompts(0.2, 30.0, json.loads(llm))).table("sequences")
    return float((rows["first_s"] - rows["arrival_s"]).min())


def mean_ttft(rate: float, requests: int, llm: dict[str, Any], replication: int) -> float:
    """Return the mean time to the first token, of all but the first twentieth of the requests."""
    rows = play(prompts(rate, requests / rate, llm), replication).table("sequences").sort_values("arrival_s")
    waits = (rows["first_s"] - rows["arrival_s"]).to_numpy()
    return float(np.mean(waits[len(waits) // 20 :]))


def md1(load: float, replication: int) -> float:
    """Return the mean time to the first token of one engine, over the formula's."""
    d = alone_s("{}")
    rate = load / d
    return mean_ttft(rate, 10_000, {}, replication) / (d + rate * d**2 / (2 * (1 - rate * d)))


def intra(load: float, replication: int) -> float:
    """Return the same of an engine on two accelerators; the speed-up K is what a prompt alone gains."""
    d, k = alone_s("{}"), alone_s("{}") / alone_s('{"tensor": 2}')
    rate = load * k / d
    formula = d / k + rate * d**2 / (2 * k * (k - rate * d))
    return mean_ttft(rate, 10_000, {"tensor": 2}, replication) / formula


def inter(load: float, replication: int) -> float:
    """Return the same of a pipeline of two; D is what a prompt takes through both stages."""
    d = alone_s('{"pipeline": 2}')
    rate = 2 * load / d
    return mean_ttft(rate, 10_000, {"pipeline": 2}, replication) / (d + rate * d**2 / (4 * (2 - rate * d)))


def _claim(
    name: str, says: str, paper: str, setting: str, figure: Callable[[int], float], surrogate: str = ""
) -> Claim:
    return Claim(
        name=name,
        says=says,
        source=SOURCE,
        setting=f"OPT-13B on A100s with DistServe's coefficients, prompts of 512 tokens, answers of one, {setting}; 10,000 requests",
        paper=paper,
        figure="mean TTFT over the formula's",
        low=0.97,
        high=1.03,
        tolerance="3 %",
        kind="replications",
        surrogate=surrogate,
        measure=over(12, figure),
    )


CLAIMS = (
    _claim(
        "m_d_1",
        "prompts of one length wait as in an M/D/1 queue",
        "D + R D² / 2 (1 - R D)",
        "load 0.6",
        partial(md1, 0.6),
    ),
    _claim(
        "intra_op",
        "dividing layers by a speed-up K divides the service, and the wait by more",
        "D / K + R D² / 2 K (K - R D)",
        "`tensor: 2`, load 0.7",
        partial(intra, 0.7),
        "K = 1.43 is that of the published coefficients",
    ),
    _claim(
        "inter_op",
        "a pipeline of two leaves the service as it is and halves the wait",
        "D + R D² / 4 (2 - R D)",
        "`pipeline: 2`, load 0.6",
        partial(inter, 0.6),
        "links free, stages of equal length",
    ),
)
